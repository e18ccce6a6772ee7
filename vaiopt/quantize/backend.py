"""What every quantizer is: a name, methods, what it is asked, and what it gives back.

The quantizers themselves are the rows of :mod:`vaiopt.quantize.quantizers`.
"""

from __future__ import annotations

import abc
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np

from vaiopt import releases
from vaiopt.environment import Availability
from vaiopt.int8.positions import FixPosition
from vaiopt.keras import load_keras
from vaiopt.models.loss_weights import counted_weights
from vaiopt.models.probabilities import LINEAR, last_function
from vaiopt.tasks import task_of
from vaiopt.tasks.joined import parts_of
from vaiopt.text import Progress, silent

Arrays = Union[np.ndarray, Sequence[np.ndarray]]

LEARNING_RATE = 1e-4
"""Of Adam in quantization-aware training: small, because the model is trained already."""

TRAINING_BATCH = 64
"""Samples of one step of quantization-aware training."""

FINETUNE_EPOCHS = 10
"""Of fast finetuning, per layer: the vendor's default."""

FEW_SAMPLES, FEW_VALUES = 250, 4_000_000
"""So many samples, of so many values together, are computed at once."""


class Labelled(NamedTuple):
    """Samples with labels: preprocessed ``x`` (one array, or one per input), ``y`` (N, ...), and
    ``raw`` before preprocessing if known.
    """

    x: Arrays
    y: Optional[np.ndarray]
    raw: Optional[np.ndarray] = None


@dataclass(frozen=True)
class Method:
    """A way to come to int8 numbers: its name, what it is, whether it learns from labelled
    samples.
    """

    name: str
    doc: str
    trains: bool = False


METHODS = (
    Method("ptq", "post-training quantization"),
    Method("finetune", "fast finetuning"),
    Method("qat", "quantization-aware training", trains=True),
)


@dataclass(frozen=True, eq=False)
class QuantizeRequest:
    """What a quantizer is asked.

    Attributes:
        model: a float Keras model, functional and checked.
        x: calibration data, one float32 array per input, samples first, in the order they are fed.
        release: of Vitis AI, whose rules count where a quantizer has several.
        method: one of its :attr:`Quantizer.methods`.
        batch_size: samples that one choice of positions is made from.
        training: one array per input, and labels (N, ...) in the units of the outputs, for a method
            that trains; else None.
        epochs: of that training.
        seed: of its order, and of that of fast finetuning.
        progress: is told what happens.
        task: what the model does, a name of :data:`vaiopt.tasks.TASKS`.
    """

    model: Any
    x: Sequence[np.ndarray]
    release: str = releases.DEFAULT
    method: str = "ptq"
    batch_size: int = 50
    training: Optional[Tuple[Sequence[np.ndarray], np.ndarray]] = None
    epochs: int = 0
    seed: int = 0
    progress: Progress = silent
    task: str = "classification"


class FloatLayer(NamedTuple):
    """A layer that stays in float on the CPU, and why."""

    layer: str
    reason: str


@dataclass(frozen=True, eq=False)
class Quantized:
    """What a quantizer returns.

    Attributes:
        model: the quantized Keras model.
        positions: of every weight and activation.
        float_layers: layers that stay in float, with the reason.
        save: writes the model to a path, in the quantizer's format.
        release: of the quantizer that ran, empty if not known.
    """

    model: Any
    positions: List[FixPosition]
    float_layers: List[FloatLayer]
    save: Callable[[Path], None]
    release: str = ""


class Quantizer(abc.ABC):
    """One way from a float model to its int8 model.

    Attributes:
        name: in the settings and in ``metrics.json``.
        doc: what it is, for people.
        package: that it needs.
        methods: names of the :data:`METHODS` that it has.
    """

    name: str
    doc: str
    package: str
    methods: Tuple[str, ...]

    @abc.abstractmethod
    def available(self) -> Availability:
        """Say whether it can run here, importing nothing heavy."""

    @abc.abstractmethod
    def quantize(self, request: QuantizeRequest) -> Quantized:
        """Quantize a model.

        Raises:
            QuantizeError: the model cannot be quantized.
            MissingToolError: the package is not installed here.
        """


def single_or_list(arrays: Sequence[Any]) -> Any:
    """Return the only tensor or array of several, or the list: how Keras takes inputs."""
    return arrays[0] if len(arrays) == 1 else list(arrays)


def outputs_of(model: Any, x: Sequence[np.ndarray]) -> List[np.ndarray]:
    """Return all outputs of a model as arrays, samples first; of few samples step by step, since
    compiling the model takes longer.
    """
    inputs, size = single_or_list(x), x[0][0].size if len(x[0]) else 1
    if len(x[0]) * size <= FEW_VALUES and len(x[0]) <= FEW_SAMPLES:
        outputs = model(inputs, training=False)
    else:
        batch = max(1, min(FEW_SAMPLES, FEW_VALUES // max(1, size)))
        outputs = model.predict(inputs, batch_size=batch, verbose=0)
    several = isinstance(outputs, (list, tuple))
    return [np.asarray(output) for output in (outputs if several else [outputs])]


def _by_place(array: np.ndarray) -> Any:
    """Return labels or weights as a model takes them whose outputs have other names: of several
    outputs a list, in their order.
    """
    return single_or_list(list((parts_of(array) or {"": array}).values()))


def train_at_int8(model: Any, request: QuantizeRequest) -> None:
    """Train a model that emulates int8 numbers on the labelled samples of a request."""
    assert request.training is not None
    keras, (x, y), epochs = load_keras(), request.training, request.epochs
    task = task_of(request.task)
    ends = list(task.ends(request.model))
    of_each = {n: keras.losses if last_function(e) == LINEAR else None for n, _, e in ends}
    losses = of_each if len(ends) > 1 else next(iter(of_each.values()))
    task.compile(model, keras.optimizers.Adam(LEARNING_RATE), losses=losses)
    classes = int(ends[0][2].output_shape[-1])
    labels = task.loss_labels(y, task.loss_form(model, max(2, classes)), classes)
    weights = counted_weights(task, model, y, labels, None)

    def told(epoch: int, logs: Dict[str, float]) -> None:
        figures = ", ".join(f"{name} {value:.4f}" for name, value in logs.items())
        request.progress(f"training epoch {epoch + 1} of {epochs}: {figures}")

    model.fit(
        single_or_list(x),
        _by_place(labels),
        sample_weight=None if weights is None else _by_place(weights),
        batch_size=TRAINING_BATCH,
        epochs=epochs,
        shuffle=True,
        verbose=0,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=told)],
    )
