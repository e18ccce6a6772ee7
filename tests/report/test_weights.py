"""Weights and their int8 grid, read from .h5 files without TensorFlow."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Dict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.report.synthetic import write_h5
from vaiopt.errors import ModelError
from vaiopt.int8.positions import FixPosition
from vaiopt.report.figures_weights import weight_distribution
from vaiopt.report.weights import Initial, WeightTensor, read_weights, with_grid
from vaiopt.study.initial_weights import histogram

POSITIONS = [
    FixPosition("conv", "kernel", 8, 7),
    FixPosition("conv", "output", 8, 4),
    FixPosition("quant_dense", "kernel", 8, 8),
]


def test_tensors_come_in_the_order_of_the_layers_with_their_initial_spread(tmp_path: Path) -> None:
    write_h5(tmp_path / "model.h5")
    weights = read_weights(tmp_path / "model.h5")
    assert [(w.layer, w.name) for w in weights] == [
        (n, t) for n in ("conv", "dense", "logits") for t in ("kernel", "bias")
    ]
    conv, dense = weights[0], weights[2]
    assert conv.values.shape == (3, 3, 1, 8)
    assert conv.initial == Initial("truncated", pytest.approx(math.sqrt(2 / 9) / 0.87962566))
    assert dense.initial == Initial("uniform", pytest.approx(math.sqrt(6 / 320)))
    assert weights[1].initial is None


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.h5").write_text("no", encoding="utf-8")
    with pytest.raises(ModelError):
        read_weights(tmp_path / "model.h5")


def test_grid_and_codes_are_those_of_the_quantized_model(tmp_path: Path) -> None:
    write_h5(tmp_path / "model.h5")
    write_h5(tmp_path / "quantized.h5", positions={("conv", "kernel"): 7, ("dense", "kernel"): 8})
    weights = with_grid(
        read_weights(tmp_path / "model.h5"), POSITIONS, read_weights(tmp_path / "quantized.h5")
    )
    by_name = {(w.layer, w.name): w for w in weights}
    conv = by_name[("conv", "kernel")]
    assert conv.step == 2.0**-7
    assert conv.codes is not None
    assert np.array_equal(conv.quantized(), np.clip(np.rint(conv.values * 128.0), -128, 127))
    assert not conv.changed
    assert by_name[("dense", "kernel")].position == 8
    assert by_name[("logits", "kernel")].position is None


def test_weights_that_are_not_on_their_grid_are_rounded_here(tmp_path: Path) -> None:
    write_h5(tmp_path / "model.h5")
    weights = read_weights(tmp_path / "model.h5")
    conv = with_grid(weights, POSITIONS, weights)[0]
    assert conv.codes is None
    assert conv.quantized().min() >= -128


def test_folded_weights_are_told_apart_from_rounded_ones() -> None:
    values = np.linspace(-0.5, 0.5, 50, dtype=np.float32)
    rounded = WeightTensor(
        "conv", "kernel", values, position=7, codes=np.rint(values * 128).astype(np.int16)
    )
    folded = WeightTensor(
        "conv", "kernel", values, position=7, codes=np.rint(values * 64).astype(np.int16)
    )
    assert not rounded.changed
    assert folded.changed
    assert rounded.snr_db() is not None
    assert folded.snr_db() is None
    assert [t["name"] for t in weight_distribution(folded).traces] == [
        "trained",
        "int8, as deployed",
        "int8 levels",
    ]


@given(st.integers(-2, 12), st.integers(0, 10**6), st.integers(2, 400))
def test_bars_cover_every_weight_once_and_are_whole_steps_wide(
    position: int, seed: int, count: int
) -> None:
    values = np.random.RandomState(seed).normal(0, 2.0 ** -(position - 5), count).astype(np.float32)
    figure = weight_distribution(WeightTensor("a", "kernel", values, position=position))
    assert {row[0] for row in figure.rows} == {"trained"}
    edges = np.array([row[1] for row in figure.rows] + [figure.rows[-1][2]])
    assert len(edges) <= 65
    assert edges[0] <= values.min() and edges[-1] >= values.max()
    widths = np.diff(edges) * 2.0**position
    assert np.allclose(widths, np.rint(widths)) and widths.min() >= 1
    assert sum(row[3] * (row[2] - row[1]) for row in figure.rows) == pytest.approx(1.0, rel=1e-3)


@pytest.mark.parametrize(
    "initial", [Initial("uniform", 0.3), Initial("normal", 0.2, 0.1), Initial("truncated", 0.2)]
)
def test_densities_are_densities(initial: Initial) -> None:
    places = np.linspace(-3, 3, 60001)
    assert np.sum(initial.density(places)) * (places[1] - places[0]) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize(
    "config, shape, expected",
    [
        (
            {"class_name": "GlorotUniform", "config": {}},
            (3, 3, 4, 8),
            Initial("uniform", math.sqrt(6 / 108)),
        ),
        (
            {
                "class_name": "VarianceScaling",
                "config": {"scale": 2.0, "mode": "fan_out", "distribution": "untruncated_normal"},
            },
            (10, 5),
            Initial("normal", math.sqrt(0.4)),
        ),
        (
            {"class_name": "RandomNormal", "config": {"mean": 0.5, "stddev": 10.0}},
            (4, 4),
            Initial("normal", 10.0, 0.5),
        ),
        (
            {"class_name": "RandomUniform", "config": {"minval": -1.0, "maxval": 3.0}},
            (4, 4),
            Initial("uniform", 2.0, 1.0),
        ),
        ({"class_name": "Zeros", "config": {}}, (4,), None),
        ("custom", (4,), None),
    ],
)
def test_initializers_are_keras_s(config: Dict[str, Any], shape: Any, expected: Any) -> None:
    from vaiopt.report.weights import _initial

    found = _initial(config, shape)
    if expected is None:
        assert found is None
    else:
        assert found is not None
        assert (found.kind, found.spread, found.mean) == (
            expected.kind,
            pytest.approx(expected.spread),
            pytest.approx(expected.mean),
        )


def test_a_constant_tensor_can_be_drawn() -> None:
    for values in (np.zeros(4, np.float32), np.full(3, 0.25, np.float32)):
        assert weight_distribution(WeightTensor("a", "kernel", values)).rows
        assert weight_distribution(WeightTensor("a", "kernel", values, position=7)).rows


def test_the_weights_kept_from_before_training_are_drawn_rather_than_the_initializer() -> None:
    values = np.linspace(-0.5, 0.5, 400, dtype=np.float32)
    drawn = weight_distribution(
        WeightTensor(
            "a", "kernel", values, before=histogram(values / 10), initial=Initial("normal", 3.0)
        )
    )
    curve = next(trace for trace in drawn.traces if trace["name"] == "before training")
    assert min(curve["x"]) == pytest.approx(-0.05) and max(curve["x"]) == pytest.approx(0.05)
    assert curve["y"][0] == curve["y"][-1] == 0 and len(curve["x"]) == len(curve["y"])
    before = [row for row in drawn.rows if row[0] == "before training"]
    assert sum(row[3] * (row[2] - row[1]) for row in before) == pytest.approx(1.0)


def test_weights_that_were_constant_before_training_have_no_curve_for_it() -> None:
    drawn = weight_distribution(
        WeightTensor(
            "a",
            "kernel",
            np.linspace(0, 1, 9),
            before=histogram(np.zeros(9)),
            initial=Initial("normal", 1.0),
        )
    )
    assert [trace["name"] for trace in drawn.traces] == ["trained"]
