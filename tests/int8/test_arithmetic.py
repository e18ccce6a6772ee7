"""The DPU's numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from vaiopt.int8.arithmetic import (
    ZERO_POSITION,
    average_multiplier,
    candidate_positions,
    dequantize,
    levels_used,
    min_error_position,
    non_overflow_position,
    quantize_activations,
    quantize_weights,
)

FLOATS = st.floats(-(2.0**20), 2.0**20, width=32)
VALUES = arrays(np.float32, st.integers(1, 40), elements=FLOATS)
POSITIONS = st.integers(-12, 20)


@given(arrays(np.int8, st.integers(1, 40)), POSITIONS)
def test_an_integer_is_the_quantization_of_what_it_stands_for(integers, position):
    values = dequantize(integers, position)
    assert np.array_equal(quantize_weights(values, position), integers)
    assert np.array_equal(quantize_activations(values, position), integers)


@given(VALUES, POSITIONS)
def test_what_does_not_saturate_is_off_by_half_a_step_at_most(values, position):
    step = 2.0**-position
    for quantize in (quantize_weights, quantize_activations):
        integers = quantize(values, position)
        inside = (integers > -128) & (integers < 127)
        assert np.all(
            np.abs(dequantize(integers, position).astype(float) - values)[inside]
            <= step / 2 * (1 + 1e-6)
        )


@given(VALUES)
def test_rounding_keeps_order(values):
    values = np.sort(values)
    position = non_overflow_position(values)
    assert np.all(np.diff(quantize_activations(values, position).astype(int)) >= 0)
    assert np.all(np.diff(quantize_weights(values, position).astype(int)) >= 0)


def test_halves_go_to_the_even_neighbour_in_weights_and_up_in_activations():
    halves = np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5])
    assert quantize_weights(halves, 0).tolist() == [-2, -2, 0, 0, 2, 2]
    assert quantize_activations(halves, 0).tolist() == [-2, -1, 0, 1, 2, 3]


def test_values_outside_saturate():
    far = np.array([-1000.0, 1000.0])
    assert quantize_weights(far, 0).tolist() == [-128, 127]
    assert quantize_activations(far, 3).tolist() == [-128, 127]


@pytest.mark.parametrize(
    "low, high, position, levels",
    [(0, 1, 6, 65), (-1, 127 / 128, 7, 256), (-1, 1, 6, 129), (0, 255, -2, 65)],
)
def test_the_position_and_levels_of_common_input_ranges(low, high, position, levels):
    assert non_overflow_position(np.array([low, high])) == position
    assert levels_used(low, high, position) == levels


@pytest.mark.parametrize("exponent", range(-20, 20))
def test_a_power_of_two_has_the_position_at_which_it_just_fits_or_one_less_by_rounding(exponent):
    assert non_overflow_position(np.array([-(2.0**exponent)])) in (6 - exponent, 7 - exponent)
    assert non_overflow_position(np.array([-(2.0**exponent) * 1.001])) == 6 - exponent
    assert non_overflow_position(np.array([-(2.0**exponent) * 0.999])) == 7 - exponent


@given(VALUES)
def test_nothing_saturates_at_the_non_overflow_position_and_something_would_one_further(values):
    position = non_overflow_position(values)
    steps = values.astype(float) * 2.0**position
    assert steps.max() < 127.51 and steps.min() > -128.51
    if position < ZERO_POSITION:
        assert (
            steps.max() > 31.7 or steps.min() < -31.9
        )  # at most one position short of the largest, by rounding


def test_zeros_have_the_position_of_the_guard():
    assert min_error_position(np.zeros(5), half_up=False) == ZERO_POSITION


@given(VALUES)
def test_the_chosen_position_has_the_smallest_error_of_the_candidates(values):
    chosen = min_error_position(values, half_up=True)
    errors = {
        p: np.sum((dequantize(quantize_activations(values, p), p).astype(float) - values) ** 2)
        for p in candidate_positions(values)
    }
    assert errors[chosen] == min(errors.values())


def test_positions_are_not_chosen_for_nothing_or_for_nan():
    with pytest.raises(ValueError, match="empty"):
        non_overflow_position(np.array([]))
    with pytest.raises(ValueError, match="finite"):
        non_overflow_position(np.array([1.0, np.nan]))


@pytest.mark.parametrize(
    "size, multiplier",
    [
        (1, 1),
        (2, 1 / 4),
        (3, 7 / 64),
        (4, 1 / 16),
        (5, 5 / 128),
        (6, 7 / 256),
        (7, 21 / 1024),
        (8, 1 / 64),
        (9, 101 / 8192),
        (10, 41 / 4096),
    ],
)
def test_the_multipliers_of_square_averages(size, multiplier):
    numerator, shift = average_multiplier(size, size, is_global=False)
    assert numerator / 2**shift == multiplier


def test_a_14_by_14_average_has_the_dpu_s_own_multiplier():
    assert average_multiplier(14, 14, is_global=True) == (21, 12)


def test_a_rectangle_is_averaged_as_the_square_around_it_if_it_covers_the_input():
    assert average_multiplier(2, 3, is_global=False) is None
    numerator, shift = average_multiplier(2, 3, is_global=True)
    assert (
        numerator / 2**shift == 6 * 7 / 256
    )  # 36 cells of a 6x6 window, each of the 6 counted 6 times


@given(st.integers(1, 40), st.integers(1, 40))
def test_an_average_is_within_three_percent_of_the_mean(height, width):
    numerator, shift = average_multiplier(height, width, is_global=True)
    assert abs(numerator / 2**shift * height * width - 1) < 0.03


def test_huge_averages_are_not_approximated():
    assert average_multiplier(256, 256, is_global=True) is None
