"""Training in 16 bits where that is exact enough: ``train.mixed_precision``.

A twin of the model is trained, whose layers compute in 16 bits and keep their weights in float32
(Keras's policies ``mixed_float16`` and ``mixed_bfloat16``); its last layers compute in float32. The
model that is kept is the one that the function built, with the twin's weights: in its file nothing
is of 16 bits.
"""

from __future__ import annotations

import contextlib
from typing import Any, Iterator, List

from vaiopt.errors import MissingToolError, SettingsError
from vaiopt.keras import load_keras, load_tensorflow
from vaiopt.models.rewired import Config, functional_config, rewired

ON_A_GPU, ON_A_CPU = "mixed_float16", "mixed_bfloat16"
"""Tensor cores of every generation know float16. A CPU has instructions for bfloat16, if for any,
and is many times slower with float16; the range of bfloat16 is that of float32, so that the loss
needs no scale.
"""

BFLOAT16_SINCE = (2, 12)
"""The first TensorFlow that was seen to train in bfloat16 on a CPU; 2.8 ends with an error."""

HINT = "Leave train.mixed_precision out."


def half_precision_twin(model: Any) -> Any:
    """Return a model with the same layers, weights and compilation that trains in 16 bits.

    Args:
        model: compiled.

    Raises:
        SettingsError: Keras cannot build the model anew from its configuration.
        MissingToolError: this Keras has no such policy.
    """
    config = functional_config(model)
    found = None
    if config is not None:
        ends = {entry[0] for entry in config["output_layers"]}
        name = policy_here()
        with _policy(name):
            found = rewired(model, _in_half(config, name, ends))
    if found is None:
        raise SettingsError(
            "train.mixed_precision is set, and the model cannot be built anew from its"
            " configuration",
            "Build it of Keras's own layers, or leave train.mixed_precision out.",
        )
    return found


def policy_here() -> str:
    """Return the name of Keras's policy for what this process computes on."""
    tf = load_tensorflow()
    version = tuple(int(number) for number in tf.__version__.split(".")[:2])
    if tf.config.list_physical_devices("GPU") or version < BFLOAT16_SINCE:
        return ON_A_GPU
    return ON_A_CPU


def take_back(model: Any, twin: Any) -> None:
    """Give a model the weights of its twin."""
    for variable, value in zip(model.variables, twin.variables):
        variable.assign(value)


def _in_half(config: Config, policy: str, ends: Any = ()) -> Config:
    """Return a configuration whose layers, but for those of these names, have a policy."""
    layers: List[Config] = []
    for entry in config["layers"]:
        own = entry["config"]
        if isinstance(own, dict) and "layers" in own:
            own = _in_half(own, policy)
        elif entry["class_name"] != "InputLayer" and own.get("name") not in ends:
            own = dict(own, dtype=policy) if own.get("dtype") == "float32" else own
        layers.append(dict(entry, config=own))
    return dict(config, layers=layers)


@contextlib.contextmanager
def _policy(name: str) -> Iterator[None]:
    """Let models that are built within this block have a policy of types."""
    precision: Any = getattr(load_keras(), "mixed_precision", None)
    if not hasattr(precision, "set_global_policy"):
        raise MissingToolError(
            "this TensorFlow has no mixed precision", f"Use 2.4 or newer. {HINT}"
        )
    before = precision.global_policy()
    precision.set_global_policy(name)
    try:
        yield
    finally:
        precision.set_global_policy(before)
