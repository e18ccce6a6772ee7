"""What a task is: what ``y`` holds, and what good means.

Each task is a subclass in a file of its own, and a row of :data:`vaiopt.tasks.TASKS`. Data, model
families, training, quantization, bundle and kit ask the task; none of them knows what classes are.
"""

from __future__ import annotations

import abc
from typing import Any, Dict, List, Optional, Sequence, Tuple, Type

import numpy as np

from vaiopt.record import Record

Labels = Tuple[List[np.ndarray], Tuple[str, ...]]
"""Labels of the training data and of given test data, and the names of the classes."""


class Task(abc.ABC):
    """One kind of thing to learn.

    Attributes:
        name: in ``data.json`` and in the manifest of a bundle.
        doc: what it is, in one line.
        headline: the score that is compared before and after quantization.
        validation: names of the metrics that validation adds, and the score each one is.
        evaluation: the record of ``evaluation.json``.
    """

    name: str
    doc: str
    headline: str
    validation: Dict[str, str]
    evaluation: Type[Record]

    @abc.abstractmethod
    def check_labels(
        self, arrays: Sequence[Any], labels: Sequence[str], classes: Optional[Sequence[Any]]
    ) -> Labels:
        """Return the labels of one or two sets (train and given test) as the task keeps them.

        Args:
            arrays: as a person gave them.
            labels: what each is called in messages.
            classes: names, or None.

        Raises:
            DataError: they are no labels of this task.
        """

    @abc.abstractmethod
    def calibration_labels(self, y: Any, samples: int, name: str) -> np.ndarray:
        """Return the labels in a calibration file (samples, ...). Raises DataError."""

    @abc.abstractmethod
    def output_problem(self, shape: Tuple[Any, ...], classes: int) -> Tuple[str, str]:
        """Return what is wrong with a model's output shape (without batch) and what cures it; two
        empty texts if nothing is.
        """

    @abc.abstractmethod
    def head(self, keras: Any, x: Any, classes: int) -> Any:
        """Return the output tensor of a built-in family, from its last hidden tensor."""

    @abc.abstractmethod
    def compile(self, model: Any, optimizer: Any) -> None:
        """Compile a model with the loss and the metrics that the task wants of its output."""

    @abc.abstractmethod
    def loss_form(self, model: Any, classes: int) -> str:
        """Return the form of labels that a compiled model's loss wants, for :meth:`loss_labels`."""

    @abc.abstractmethod
    def loss_labels(self, y: np.ndarray, form: str, classes: int) -> np.ndarray:
        """Return labels (n, ...) in the form that a loss wants."""

    @abc.abstractmethod
    def predict(self, outputs: np.ndarray) -> np.ndarray:
        """Return what a model's real outputs (n, ...) say, in the form of the labels; the kit says
        the same of its int8 outputs.
        """

    @abc.abstractmethod
    def scores(self, outputs: np.ndarray, y: np.ndarray, classes: int) -> Dict[str, float]:
        """Return the scores of outputs (n, ...) on labels (n, ...) by name, the headline first."""

    @abc.abstractmethod
    def evaluate(
        self, outputs: np.ndarray, y: np.ndarray, classes: Sequence[str], *, kind: str, trial: int
    ) -> Any:
        """Return the record of a model on the test split.

        Args:
            outputs: real, (n, ...). y: labels (n, ...). classes: names.
            kind: ``float`` or ``int8``. trial: the model's.
        """
