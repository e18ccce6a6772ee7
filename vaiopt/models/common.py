"""What the families share: the last layer and the compilation, as the task asks for; steps of those
that give images.
"""

from __future__ import annotations

from typing import Any, Sequence, Tuple

from vaiopt.errors import ModelError
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
        x: the last hidden tensor, ``(batch, features)``, or ``(batch, height, width, features)``
            of a family that gives images.
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


MOST_STEPS = 4
"""Times that a family that gives images halves their sides."""


def steps_down(hp: HyperParameters) -> int:
    """Return how often the sides of the samples can be halved, at most :data:`MOST_STEPS`.

    Raises:
        ModelError: the samples are no images, or their sides are odd.
    """
    sides = hp.smallest_shape[:2] if len(hp.input_shape) == 3 else ()
    found = 0
    while sides and found < MOST_STEPS and all(n % (2 << found) == 0 for n in sides):
        found += 1
    if not found:
        raise ModelError(
            f"this family halves images of even height and width; samples are {hp.input_shape}",
            "Resize them: --set data.image_size=[HEIGHT,WIDTH] (multiples of 8), or use another"
            " model.family.",
        )
    return found


def conv_relu(x: Any, filters: int, name: str, normalise: bool = False) -> Any:
    """Return a 3x3 convolution at the size of ``x`` with ReLU behind it, between them batch
    normalisation if that is asked for.
    """
    layers = load_keras().layers
    options = {"padding": "same", "use_bias": not normalise, "kernel_initializer": "he_normal"}
    x = layers.Conv2D(filters, 3, name=name, **options)(x)
    if normalise:
        x = layers.BatchNormalization(name=f"{name}_norm")(x)
    return layers.Activation("relu", name=f"{name}_relu")(x)
