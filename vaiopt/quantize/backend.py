"""What a quantizer gives back, and the numbers of its training that all share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, List, Tuple

from vaiopt.int8.positions import FixPosition

LEARNING_RATE = 1e-4
"""Of Adam in quantization-aware training: small, because the model is trained already."""


TRAINING_BATCH = 64
"""Samples of one step of quantization-aware training."""


@dataclass(frozen=True)
class Quantized:
    """What a backend returns.

    Attributes:
        model: the quantized Keras model.
        positions: of every weight and activation.
        float_layers: layers that stay in float, with the reason.
        save: writes the model to a path, in the backend's format.
        release: of the quantizer that ran, empty if not known.
    """

    model: Any
    positions: List[FixPosition]
    float_layers: List[Tuple[str, str]]
    save: Callable[[Any], None]
    release: str = ""
