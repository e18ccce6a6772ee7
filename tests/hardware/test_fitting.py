"""Fits find the constants that made the data, and the comparison is the usual one."""

import numpy as np
import pytest

from tests.hardware.models import plain_cnn
from vaiopt.hardware import inspect_model, load_target, read_graph
from vaiopt.hardware.architectures import architectures
from vaiopt.hardware.fits import PARTS, Constants
from vaiopt.hardware.fitting import (
    Measurement,
    error_summary,
    fit_constants,
    leave_family_out,
    line_through_operations,
    measurement,
    predict_ms,
    spread,
)

TRUE = Constants(efficiency=1.1, bandwidth=20.0, overhead=3500.0, constant_ms=0.2)
CLOCK = 300.0


def made_up(count, seed=0):
    """Networks whose times follow the model exactly."""
    generator = np.random.default_rng(seed)
    items = []
    for number in range(count):
        layers = int(generator.integers(5, 60))
        conv, alu = generator.integers(0, 200_000, layers), generator.integers(0, 30_000, layers)
        traffic, waits = (
            generator.integers(10**4, 4 * 10**6, layers),
            generator.random(layers) < 0.1,
        )
        item = Measurement(f"n{number}", f"f{number % 5}", conv, alu, traffic, waits, traffic, 1.0)
        items.append(item._replace(milliseconds=predict_ms(item, TRUE, CLOCK)))
    return items


def test_a_fit_finds_the_constants_that_made_the_data():
    found = fit_constants(made_up(25), CLOCK)
    for name in PARTS["single"]:
        assert getattr(found, name) == pytest.approx(getattr(TRUE, name), rel=0.02), name


def test_the_wait_for_other_cores_is_found_too():
    busy, items = TRUE._replace(contention=0.4), made_up(25)
    items = [item._replace(milliseconds=predict_ms(item, busy, CLOCK)) for item in items]
    free = ("overhead", "contention")
    found = fit_constants(items, CLOCK, start=TRUE._replace(contention=0.1), free=free)
    assert found.contention == pytest.approx(0.4, rel=0.02)
    assert found.overhead == pytest.approx(TRUE.overhead, rel=0.02)


def test_the_spread_covers_nine_networks_of_ten():
    measured = {str(number): float(number) for number in range(1, 12)}
    predicted = {name: ms * (1 + ms / 100) for name, ms in measured.items()}
    assert spread(predicted, measured) == {
        "nine_of_ten_percent": 10.0,
        "fastest_ms": 1.0,
        "slowest_ms": 11.0,
    }


def test_one_wrong_measurement_does_not_bend_a_fit():
    items = made_up(25)
    items[3] = items[3]._replace(milliseconds=items[3].milliseconds * 3)
    assert fit_constants(items, CLOCK).bandwidth == pytest.approx(TRUE.bandwidth, rel=0.05)


def test_only_the_free_constants_change():
    start = TRUE._replace(bandwidth=35.0)
    found = fit_constants(made_up(12), CLOCK, start=start, free=("bandwidth",))
    assert found.bandwidth == pytest.approx(20.0, rel=0.01)
    assert found._replace(bandwidth=35.0) == start


def test_every_network_is_predicted_without_its_family():
    items = made_up(20)
    seen = []

    def fit(rest):
        seen.append({item.family for item in rest})
        return TRUE

    predicted = leave_family_out(items, CLOCK, fit)
    assert (
        set(predicted) == {item.name for item in items}
        and all(len(families) == 4 for families in seen)
        and len(seen) == 5
    )
    summary = error_summary(predicted, {item.name: item.milliseconds for item in items})
    assert summary == {"networks": 20, "mean_percent": 0.0, "max_percent": 0.0, "spearman": 1.0}


def test_a_prediction_from_a_measurement_is_that_of_the_inspection(keras):
    model, target = plain_cnn(keras, size=64), load_target("zcu102")
    item = measurement(
        "plain", "plain", read_graph(model), architectures()["DPUCZDX8G_ISA1_B4096"], 1.0
    )
    assert predict_ms(item, target.fit.single, target.clock_mhz) == pytest.approx(
        inspect_model(model, target).latency_ms
    )


def test_the_line_to_compare_with_is_fitted_without_the_family():
    items = [(f"a{i}", f"family {i % 3}", float(i), 2.0 * i + 1.0) for i in range(1, 10)]
    items.append(("odd", "odd", 5.0, 100.0))
    predicted = line_through_operations(items)
    assert predicted["odd"] == pytest.approx(11.0)


def test_ties_share_their_rank_and_equal_times_have_none():
    measured = {"a": 1.0, "b": 2.0, "c": 3.0}
    summary = error_summary({"a": 1.0, "b": 1.0, "c": 3.0}, measured)
    assert summary["spearman"] == pytest.approx(0.866, abs=1e-4)
    assert "spearman" not in error_summary(dict.fromkeys(measured, 2.0), measured)
