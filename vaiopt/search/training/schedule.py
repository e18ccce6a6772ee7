"""Learning rates that fall during a training."""

from __future__ import annotations

import math
from typing import Any, List

from vaiopt.keras import load_tensorflow

UPDATES = 20
"""Changes of the learning rate in an epoch, at most; each costs a call from Python."""


def schedule_callbacks(model: Any, kind: str, epochs: int, steps: int) -> List[Any]:
    """Return the Keras callbacks that change the learning rate during ``fit``.

    Args:
        model: compiled; its learning rate is where the schedule starts.
        kind: ``constant``, or ``cosine``: down to 0 along half a cosine (Loshchilov & Hutter 2017,
            without restarts).
        epochs: of the training.
        steps: batches in an epoch.

    Returns:
        None of them for ``constant``, and for a model that was compiled with a schedule of its own.
    """
    keras = load_tensorflow().keras
    optimizer = model.optimizer
    own = keras.optimizers.schedules.LearningRateSchedule
    if (
        kind == "constant"
        or isinstance(getattr(optimizer, "_learning_rate", None), own)
        or isinstance(optimizer.learning_rate, own)
    ):
        return []
    start = float(keras.backend.get_value(optimizer.learning_rate))
    interval = max(1, steps // UPDATES)

    class Cosine(keras.callbacks.Callback):  # type: ignore[misc, name-defined]
        """Sets the learning rate by how much of the training is done."""

        def __init__(self) -> None:
            super().__init__()
            self._epoch = 0
            self._next = 0

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self._epoch, self._next = epoch, 0

        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            if batch < self._next:
                return
            self._next = batch + interval
            self.model.optimizer.learning_rate = cosine(
                start, (self._epoch + batch / steps) / epochs
            )

    return [Cosine()]


def cosine(start: float, share: float) -> float:
    """Return the learning rate when a share (0 to 1) of the training is done."""
    return start * 0.5 * (1.0 + math.cos(math.pi * min(1.0, max(0.0, share))))
