"""What int8 costs each activation is the same however many samples are looked at together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vaiopt.quantize import noise
from vaiopt.quantize.tfmot.assemble import make_quantized
from vaiopt.quantize.tfmot.backend import prepared_graph
from vaiopt.quantize.tfmot.emulation import Emulation
from vaiopt.quantize.tfmot.refine import refine
from vaiopt.quantize.tfmot.rules import rules_of


def sums(*parts: Any) -> noise.Sums:
    found = noise.Sums()
    for reference, rounded in parts:
        found.add(np.array(reference), np.array(rounded))
    return found


def test_signal_to_noise_is_in_decibels_and_finite() -> None:
    signal = [3.0, -4.0]
    assert sums((signal, signal)).decibels == 120
    assert sums((signal, np.multiply(signal, 0.9))).decibels == pytest.approx(20)
    assert sums((np.zeros(2), np.ones(2))).decibels == -120


def test_parts_add_up() -> None:
    values = np.random.default_rng(0).normal(size=(10, 7)).astype("float32")
    rounded = np.round(values * 8) / 8
    whole, parts = sums((values, rounded)), sums(*zip(values, rounded))
    assert parts.decibels == pytest.approx(whole.decibels)
    assert parts.usual == pytest.approx(float(np.sqrt(np.mean(values.astype(float) ** 2))))
    assert parts.largest == pytest.approx(float(np.abs(values).max()))
    assert (parts.low, parts.high, parts.count) == (values.min(), values.max(), 70)


def test_a_layer_costs_the_same_sample_by_sample(
    keras: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("tensorflow_model_optimization")
    layers = keras.layers
    inputs = x = keras.Input((8, 8, 3), name="image")
    x = layers.ReLU()(layers.Conv2D(4, 3, name="first")(x))
    model = keras.Model(inputs, layers.Dense(3, name="last")(layers.Flatten()(x)))
    rules = rules_of("3.0")
    graph = prepared_graph(model, rules)
    data = [np.random.default_rng(1).normal(size=(20, 8, 8, 3)).astype("float32")]
    positions = refine(graph, rules, Emulation(graph).calibrate(data, 20))
    quantized = make_quantized(graph, positions)
    together = noise.layer_noise(graph, quantized, data)
    monkeypatch.setattr(noise, "VALUES_AT_ONCE", 1)
    assert noise.layer_noise(graph, quantized, data) == together
    assert [(row.layer, row.tensor) for row in together][0] == ("image", "input")
