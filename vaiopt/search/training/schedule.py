"""Learning rates that change during a training."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Optional

from vaiopt.keras import load_tensorflow
from vaiopt.settings.choices import row_of

UPDATES_IN_AN_EPOCH = 20
"""Changes of the learning rate in an epoch, at most; each costs a call from Python."""
LEAST_OF_EXPONENTIAL = 0.01
"""The share of the rate that the exponential schedule ends with."""
PLATEAU_PATIENCE, PLATEAU_FACTOR = 3, 0.3
"""Epochs without a better metric after which the plateau schedule multiplies the rate, and by
what.
"""

Rate = Callable[[float], float]
"""Given the share (0 to 1) of the training that is done: the share of the rate at the start."""


def cosine(share: float) -> float:
    """Return 1 to 0 along half a cosine (Loshchilov & Hutter 2017, without restarts)."""
    return 0.5 * (1.0 + math.cos(math.pi * share))


SCHEDULES: Dict[str, Rate] = {
    "constant": lambda share: 1.0,
    "cosine": cosine,
    "linear": lambda share: 1.0 - share,
    "polynomial": lambda share: (1.0 - share) ** 2,
    "exponential": lambda share: LEAST_OF_EXPONENTIAL**share,
    "plateau": lambda share: 1.0,
}
"""By the names of :data:`vaiopt.settings.choices.SCHEDULES`."""
ON_A_PLATEAU = ("plateau",)
"""Schedules that also lower the rate where the metric no longer gets better."""


@dataclass(frozen=True)
class Schedule:
    """How the learning rate changes.

    Attributes:
        name: of :data:`SCHEDULES`.
        warmup: epochs in which it rises to the rate of the schedule, linearly from 0.
    """

    name: str = "constant"
    warmup: float = 0.0

    @property
    def is_constant(self) -> bool:
        """Whether it never changes."""
        return self.name == "constant" and not self.warmup

    def rate(self, epoch: float, epochs: int, ahead: float = 0.0) -> float:
        """Return the share of the optimizer's rate.

        Args:
            epoch: that have passed, with the part of the current one.
            epochs: of the training.
            ahead: for how much of an epoch it stands: the first steps of a warm-up learn, too.

        Raises:
            SettingsError: there is no such schedule.
        """
        part = row_of("train.schedule", self.name, SCHEDULES)
        share = min(1.0, max(0.0, (epoch - self.warmup) / max(epochs - self.warmup, 1e-9)))
        rising = min(1.0, (epoch + ahead) / self.warmup) if self.warmup else 1.0
        return rising * part(share)


CONSTANT = Schedule()


def own_schedule(model: Any) -> bool:
    """Return whether a model is compiled with a schedule of the learning rate of its own."""
    schedule = load_tensorflow().keras.optimizers.schedules.LearningRateSchedule
    optimizer = model.optimizer
    rates = (getattr(optimizer, "_learning_rate", None), getattr(optimizer, "learning_rate", None))
    return any(isinstance(found, schedule) for found in rates)


def schedule_callbacks(
    model: Any,
    schedule: Schedule,
    metric: str,
    maximise: bool,
    factor: Callable[[], float] = lambda: 1.0,
) -> List[Any]:
    """Return the Keras callbacks that change the learning rate during ``fit``.

    Args:
        model: compiled; its learning rate is where the schedule starts.
        schedule: of the rate.
        metric: that a plateau is one of.
        maximise: whether more of it is better.
        factor: what the rate is multiplied with besides, asked again and again.

    Returns:
        None of them for a constant rate, and for a model that was compiled with a schedule of its
        own.

    Raises:
        SettingsError: there is no such schedule.
    """
    schedule.rate(0.0, 1)
    if schedule.is_constant or own_schedule(model):
        return []
    keras = load_tensorflow().keras
    start = float(keras.backend.get_value(model.optimizer.learning_rate))

    class Scheduled(keras.callbacks.Callback):  # type: ignore[misc, name-defined]
        """Sets the learning rate by how much of the training is done."""

        _lowered, _best, _since = 1.0, -math.inf, 0

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self._epoch, self._next = epoch, 0

        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            if batch < self._next:
                return
            steps = self.params["steps"] or batch + 1  # unknown in the first epoch of a stream
            interval = max(1, steps // UPDATES_IN_AN_EPOCH)
            self._next = batch + interval
            done = self._epoch + batch / steps
            share = schedule.rate(done, self.params["epochs"], interval / steps)
            self.model.optimizer.learning_rate = start * share * self._lowered * factor()

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            value: Optional[float] = (logs or {}).get(metric)
            if schedule.name not in ON_A_PLATEAU or value is None:
                return
            value = value if maximise else -value
            self._since = 0 if value > self._best else self._since + 1
            self._best = max(value, self._best)
            if self._since >= PLATEAU_PATIENCE:
                self._lowered, self._since = self._lowered * PLATEAU_FACTOR, 0

    return [Scheduled()]
