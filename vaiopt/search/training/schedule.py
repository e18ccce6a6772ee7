"""Learning rates that change during a training."""

from __future__ import annotations

import math
from typing import Any, Callable, Dict, List, Optional

from vaiopt.keras import load_tensorflow
from vaiopt.settings.choices import row_of

UPDATES_IN_AN_EPOCH = 20
"""Changes of the learning rate in an epoch, at most; each costs a call from Python."""

Rate = Callable[[float, float], float]
"""Given the rate at the start and the share (0 to 1) of the training that is done: the rate now."""


def cosine(start: float, share: float) -> float:
    """Return the learning rate when a share (0 to 1) of the training is done: down to 0 along half
    a cosine (Loshchilov & Hutter 2017, without restarts).
    """
    return start * 0.5 * (1.0 + math.cos(math.pi * min(1.0, max(0.0, share))))


SCHEDULES: Dict[str, Optional[Rate]] = {"constant": None, "cosine": cosine}
"""By the names of :data:`vaiopt.settings.choices.SCHEDULES`; None never changes the rate."""


def own_schedule(model: Any) -> bool:
    """Return whether a model is compiled with a schedule of the learning rate of its own."""
    schedule = load_tensorflow().keras.optimizers.schedules.LearningRateSchedule
    optimizer = model.optimizer
    rates = (getattr(optimizer, "_learning_rate", None), getattr(optimizer, "learning_rate", None))
    return any(isinstance(found, schedule) for found in rates)


def schedule_callbacks(model: Any, name: str, epochs: int, steps: int) -> List[Any]:
    """Return the Keras callbacks that change the learning rate during ``fit``.

    Args:
        model: compiled; its learning rate is where the schedule starts.
        name: of the schedule.
        epochs: of the training.
        steps: batches in an epoch.

    Returns:
        None of them for ``constant``, and for a model that was compiled with a schedule of its own.

    Raises:
        SettingsError: there is no such schedule.
    """
    rate = row_of("train.schedule", name, SCHEDULES)
    keras = load_tensorflow().keras
    if rate is None or own_schedule(model):
        return []
    start = float(keras.backend.get_value(model.optimizer.learning_rate))
    interval = max(1, steps // UPDATES_IN_AN_EPOCH)
    change = rate

    class Scheduled(keras.callbacks.Callback):  # type: ignore[misc, name-defined]
        """Sets the learning rate by how much of the training is done."""

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self._epoch, self._next = epoch, 0

        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            if batch < self._next:
                return
            self._next = batch + interval
            done = (self._epoch + batch / steps) / epochs
            self.model.optimizer.learning_rate = change(start, done)

    return [Scheduled()]
