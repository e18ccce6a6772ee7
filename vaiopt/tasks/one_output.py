"""A model as it is at one of its outputs."""

from __future__ import annotations

from collections import abc
from typing import Any, Dict


class OneOutput:
    """A Keras model as it is at one of its outputs, for what a task asks of a model.

    Attributes:
        output_shape: with the batch. outputs: its tensor alone. loss: of it; None without one.
        given: what :meth:`compile` was given.
    """

    def __init__(self, model: Any, place: int, name: str) -> None:
        self.outputs = [model.outputs[place]]
        self.output_shape = tuple(self.outputs[0].shape)
        self.loss = _loss_at(getattr(model, "loss", None), place, name)
        self.given: Dict[str, Any] = {}

    def compile(self, **given: Any) -> None:
        """Take note of what the output would be compiled with."""
        self.given = given


def _loss_at(loss: Any, place: int, name: str) -> Any:
    if isinstance(loss, abc.Mapping):
        return loss.get(name)
    return loss[place] if isinstance(loss, (list, tuple)) else loss
