"""Runs that a kit measured, made without TensorFlow or a kit: a model's architecture in an ``.h5``
and the record of a measurement.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Sequence

import numpy as np

from tests.made_runs import made_candidate, measured_record
from vaiopt.hardware.devices import estimate
from vaiopt.hardware.fits import Constants
from vaiopt.hardware.targets import load_target
from vaiopt.network.read import read_graph
from vaiopt.record import write_record
from vaiopt.runs.layout import Candidate
from vaiopt.runs.records import FrameRate

RUN_TOML = 'version = 1\n\n[hardware]\ntarget = "{target}"\nrelease = "{release}"\n'


class Shape(NamedTuple):
    """A small convolutional classifier: side of the input, filters of each block, kernel, units of
    the dense layer.
    """

    side: int
    filters: Sequence[int]
    kernel: int
    units: int


def shapes(count: int, seed: int) -> List[Shape]:
    """Classifiers as a search proposes them, from some 0.1 to some 100 million multiplications."""
    random = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        first = int(random.integers(4, 48))
        filters = [first * 2**block for block in range(int(random.integers(1, 5)))]
        found.append(
            Shape(
                int(random.choice([28, 32, 48, 64])),
                filters,
                int(random.choice([3, 5])),
                int(random.integers(8, 256)),
            )
        )
    return found


def architecture(shape: Shape, activation: str = "relu") -> Dict[str, Any]:
    """The Keras 2 configuration of a classifier."""

    def layer(kind: str, name: str, **config: Any) -> Dict[str, Any]:
        return {
            "class_name": kind,
            "config": dict(config, name=name, dtype="float32", trainable=True),
        }

    layers = [layer("InputLayer", "input", batch_input_shape=[None, shape.side, shape.side, 3])]
    convolution = {
        "strides": [1, 1],
        "padding": "same",
        "data_format": "channels_last",
        "dilation_rate": [1, 1],
        "groups": 1,
        "use_bias": True,
    }
    pool = {
        "pool_size": [2, 2],
        "strides": [2, 2],
        "padding": "valid",
        "data_format": "channels_last",
    }
    for number, filters in enumerate(shape.filters):
        kernel = {"filters": filters, "kernel_size": [shape.kernel] * 2, "activation": activation}
        layers.append(layer("Conv2D", f"conv{number}", **convolution, **kernel))
        layers.append(layer("MaxPooling2D", f"pool{number}", **pool))
    layers.append(layer("Flatten", "flatten", data_format="channels_last"))
    layers.append(layer("Dense", "dense", units=shape.units, activation="relu", use_bias=True))
    layers.append(layer("Dense", "logits", units=10, activation="softmax", use_bias=True))
    return {
        "class_name": "Sequential",
        "config": {"name": "model", "layers": layers},
        "keras_version": "2.10.0",
        "backend": "tensorflow",
    }


def make_candidate(
    folder: Path,
    shape: Shape,
    target: str = "zcu102",
    release: str = "3.0",
    activation: str = "relu",
) -> Candidate:
    """The chosen model of a run, which has this shape."""
    import h5py

    settings = RUN_TOML.format(target=target, release=release)
    candidate = made_candidate(folder, settings=settings)
    with h5py.File(str(candidate.model), "w") as file:
        file.attrs["model_config"] = json.dumps(architecture(shape, activation)).encode()
        file.attrs["keras_version"] = b"2.10.0"
    return candidate


def true_latency(
    candidate: Candidate, constants: Constants, target: str = "zcu102", release: str = "3.0"
) -> float:
    """What a kit with these constants takes, in milliseconds."""
    known = load_target(target, release)
    assert known.fit is not None
    return estimate(
        read_graph(candidate.model), known._replace(fit=known.fit._replace(single=constants))
    ).latency_ms


def true_frames_per_second(
    candidate: Candidate, constants: Constants, target: str = "zcu102", release: str = "3.0"
) -> float:
    """What a kit with these constants does with all cores busy."""
    known = load_target(target, release)
    assert known.fit is not None
    return estimate(
        read_graph(candidate.model), known._replace(fit=known.fit._replace(busy=constants))
    ).fps_all_cores


def write_measurement(
    candidate: Candidate,
    latency: float,
    target: str = "zcu102",
    fps: float = 100.0,
    threads: int = 2,
) -> Path:
    """Write the record of a measurement."""
    speed = {"latency_ms": latency, "fps": FrameRate(fps, threads)}
    write_record(candidate.measured(target), measured_record(target, **speed))
    return candidate.measured(target)
