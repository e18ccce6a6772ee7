"""Messages about models that cannot be quantized."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.docs.provoked.bench import Bench, Provocations, classifier, samples
from vaiopt.int8.model import fixed_layers
from vaiopt.keras import load_keras, load_tensorflow
from vaiopt.quantize import quantize_model
from vaiopt.quantize.vitis import translated_messages


def quantized(make: Any, **options: Any) -> Any:
    """Quantize the model that a function of Keras's layers makes."""

    def provoke(bench: Bench) -> None:
        model = make(load_keras().layers)
        x = samples(10) if model.input_shape[1:] == (8, 8, 1) else samples(10)[:, 0, :, 0]
        quantize_model(model, x, out=bench.folder / "q", **{"backend": "tfmot", **options})

    return provoke


def diverged(layers: Any) -> Any:
    model = classifier(layers.Conv2D(4, 3))
    weights = model.get_weights()
    weights[0][0, 0, 0, 0] = np.nan
    model.set_weights(weights)
    return model


def summed(layers: Any) -> Any:
    inputs = layers.Input((8, 8, 1))
    outputs = layers.Dense(2)(layers.Flatten()(load_tensorflow().math.cumsum(inputs)))
    return load_keras().Model(inputs, outputs)


def called_twice(layers: Any) -> Any:
    inner = load_keras().Sequential([layers.Conv2D(1, 1, input_shape=(8, 8, 1))])
    return classifier(inner, inner)


def unknown_inside(layers: Any) -> Any:
    class Mine(layers.Layer):  # type: ignore[misc,name-defined]
        pass

    return classifier(load_keras().Sequential([Mine(input_shape=(8, 8, 1))]))


def norm_behind_relu(layers: Any) -> Any:
    inputs = layers.Input((8,))
    x = layers.BatchNormalization()(layers.Dense(4, activation="relu")(inputs))
    return load_keras().Model(inputs, layers.Dense(2)(layers.ReLU()(x)))


def vendor_fails(bench: Bench) -> None:
    with translated_messages():
        raise RuntimeError("what it says")


MESSAGES: Provocations = {
    "the model is already quantized: layer '…' is a …": quantized(
        lambda layers: classifier(fixed_layers()["FixPosition"](7, "image", "input", name="fixed"))
    ),
    "weight '…' of layer '…' has a value that is not a number": quantized(diverged),
    "layer '…' is a model of its own that is used several times": quantized(called_twice),
    "layer '…' is a model of its own, which the quantizer cannot enter": quantized(unknown_inside),
    "'…' is an operation on tensors, …, and no layer computes it": quantized(summed),
    "convolution '…' has groups=…, which the DPU does not run": quantized(
        lambda layers: classifier(layers.Conv2D(4, 3), layers.Conv2D(4, 3, groups=2))
    ),
    "layer '…' computes in …": quantized(
        lambda layers: classifier(layers.Conv2D(4, 3, dtype="mixed_float16"))
    ),
    "batch normalisation '…' does not directly follow a linear convolution or dense layer": (
        quantized(norm_behind_relu)
    ),
    "the vendor's quantizer failed: …": vendor_fails,
}
