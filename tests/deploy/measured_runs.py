"""Runs that a kit measured, made without TensorFlow or a kit: a model's architecture in an ``.h5``
and the record of a measurement.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Sequence

import numpy as np

from vaiopt.files import write_json
from vaiopt.hardware.estimate import estimate
from vaiopt.hardware.fits import Constants
from vaiopt.hardware.targets import load_target
from vaiopt.network.read import read_graph
from vaiopt.runs.layout import Run

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


def make_run(
    folder: Path,
    shape: Shape,
    target: str = "zcu102",
    release: str = "3.0",
    activation: str = "relu",
) -> Run:
    """A run whose chosen model has this shape."""
    import h5py

    run = Run(folder)
    run.float_folder.mkdir(parents=True)
    run.settings.write_text(RUN_TOML.format(target=target, release=release), encoding="utf-8")
    with h5py.File(str(run.float_model), "w") as file:
        file.attrs["model_config"] = json.dumps(architecture(shape, activation)).encode()
        file.attrs["keras_version"] = b"2.10.0"
    return run


def true_latency(
    run: Run, constants: Constants, target: str = "zcu102", release: str = "3.0"
) -> float:
    """What a kit with these constants takes, in milliseconds."""
    known = load_target(target, release)
    assert known.fit is not None
    return estimate(
        read_graph(run.float_model), known._replace(fit=known.fit._replace(single=constants))
    ).latency_ms


def true_frames_per_second(
    run: Run, constants: Constants, target: str = "zcu102", release: str = "3.0"
) -> float:
    """What a kit with these constants does with all cores busy."""
    known = load_target(target, release)
    assert known.fit is not None
    return estimate(
        read_graph(run.float_model), known._replace(fit=known.fit._replace(busy=constants))
    ).fps_all_cores


def write_measurement(
    run: Run,
    latency: Any,
    target: str = "zcu102",
    release: str = "3.0",
    fps: Optional[float] = None,
    threads: int = 2,
    **more: Any,
) -> Path:
    """Write the record of a measurement."""
    record = {
        "target": target,
        "release": release,
        "host": "root@kit",
        "model": {"file": "model.xmodel", "sha256": "0" * 64},
        "latency_ms": {"p50": latency, "p95": latency, "p99": latency, "mean": latency},
        "fps": {"threads": threads, "value": fps if fps is not None else 100.0},
    }
    record.update(more)
    write_json(run.measured(target), record)
    return run.measured(target)
