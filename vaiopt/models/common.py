"""What the families share: the last layer and the compilation, as the task asks for."""

from __future__ import annotations

from typing import Any, Sequence, Tuple

from vaiopt.keras import load_keras
from vaiopt.study.hyperparameters import HyperParameters
from vaiopt.tasks import task_of

DEFAULT_LEARNING_RATE = 1e-3
"""Adam's and RMSprop's default in Keras."""


def finish(
    inputs: Any,
    x: Any,
    hp: HyperParameters,
    name: str,
    *,
    optimizers: Sequence[str] = ("adam",),
    learning_rates: Tuple[float, float] = (1e-5, 1e-2),
) -> Any:
    """Add the last layer, and compile the model.

    Args:
        inputs: the model's input.
        x: the last hidden tensor, ``(batch, features)``.
        hp: asked for ``learning_rate`` (logarithmic) and, if there is more than one, for the
            optimizer.
        name: the model's name.
        optimizers: Keras names; the first is the default.
        learning_rates: the range.

    Returns:
        The compiled model.
    """
    keras = load_keras()
    task = task_of(hp.task)
    model = keras.Model(inputs, task.head(keras, x, hp.classes), name=name)
    optimizer = keras.optimizers.get(hp.Choice("optimizer", list(optimizers)))
    optimizer.learning_rate = hp.Float(
        "learning_rate", *learning_rates, sampling="log", default=DEFAULT_LEARNING_RATE
    )
    task.compile(model, optimizer)
    return model
