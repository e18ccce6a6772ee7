"""The arithmetic behind the operators, against exact fractions."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vaiopt.compile.tflite.exact import as_image, as_weight, shifted_bias

INT8 = st.integers(-128, 127)


def half_up(value: Fraction) -> int:
    return math.floor(value + Fraction(1, 2))


@given(
    bias=INT8,
    shift=st.integers(-8, 16),
    cut=st.integers(0, 16),
    others=st.integers(-(2**24), 2**24),
)
def test_a_whole_bias_gives_the_output_of_the_exact_one(
    bias: int, shift: int, cut: int, others: int
) -> None:
    exact = half_up((others + Fraction(bias) * Fraction(2) ** shift) / 2**cut)
    whole = int(shifted_bias(np.array([bias], dtype=np.int8), shift, cut)[0])
    assert half_up(Fraction(others + whole) / 2**cut) == exact


@given(numerator=st.integers(1, 127), shift=st.integers(0, 14))
def test_a_pooling_factor_becomes_an_int8_weight_with_a_power_of_two(
    numerator: int, shift: int
) -> None:
    weight, scale = as_weight(numerator / 2**shift)
    assert weight * scale == numerator / 2**shift
    assert 1 <= weight <= 127 and math.log2(scale) == int(math.log2(scale))


@given(area=st.integers(1, 400))
def test_a_plain_mean_is_kept_exactly(area: int) -> None:
    weight, scale = as_weight(1.0 / area)
    assert weight * scale == 1.0 / area


def test_shapes_become_images_of_the_same_size() -> None:
    assert as_image((7, 5, 3)) == (7, 5, 3)
    assert as_image((12,)) == (1, 1, 12)
    assert as_image((4, 6)) == (1, 4, 6)
