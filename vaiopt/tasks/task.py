"""What a task is: what ``y`` holds, and what good means.

Each task is a subclass in a file of its own, and a row of :data:`vaiopt.tasks.TASKS`. Data, model
families, training, quantization, bundle and kit ask the task; none of them knows what classes are.
"""

from __future__ import annotations

import abc
from dataclasses import dataclass, replace
from typing import (
    Any,
    ClassVar,
    Dict,
    Iterable,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
    Type,
)

import numpy as np

from vaiopt.errors import DataError, ModelError, SettingsError
from vaiopt.present.table import Table
from vaiopt.record import Record, part
from vaiopt.runs.records import KitResult
from vaiopt.tasks.targets import PLAIN, Targets

Labels = Tuple[List[np.ndarray], Tuple[str, ...]]
"""Labels of the training data and of given sets, and the names of the outputs: of classes, labels,
quantities or channels.
"""

UNSCORED = 255
"""In a mask: a pixel that is neither learned nor scored."""


@dataclass(frozen=True)
class Evaluation(Record):
    """``evaluation.json``: a model on the test split. The record of a task adds its own figures.

    Attributes:
        score_names: fields that are scores, the headline first.
        kind: ``float`` or ``int8``.
        trial: number of the trial.
        samples: in the test split.
    """

    score_names: ClassVar[Tuple[str, ...]] = ()

    kind: str = part(choices=("float", "int8"))
    trial: int = part(low=0)
    samples: int = part(low=0)

    @property
    def scores(self) -> Dict[str, float]:
        """Scores by name, the headline first, a person's own last."""
        scores = {name: float(getattr(self, name)) for name in self.score_names}
        return {**scores, **self.own_scores}

    @property
    def own_scores(self) -> Dict[str, float]:
        """Metrics of a person's own; a record keeps them in a field ``own``."""
        return dict(getattr(self, "own", {}))

    def with_own(self, scores: Dict[str, float]) -> "Evaluation":
        """Return the same with metrics of a person's own."""
        fields: Dict[str, Any] = {"own": dict(scores)}
        return replace(self, **fields)

    @property
    def headline(self) -> float:
        """The score that is compared before and after quantization."""
        return next(iter(self.scores.values()))

    @property
    def remark(self) -> str:
        """A remark on the samples, such as how many are wrong."""
        return ""

    def tables(self, int8: Any, most: int) -> List[Tuple[str, Table]]:
        """Return what a person sees below the scores, with titles.

        Args:
            int8: the record of the int8 model, None without one.
            most: rows of a table of samples.
        """
        return []

    def misfit(self, classes: Sequence[str]) -> str:
        """Return what does not fit the names of the classes; empty if all does."""
        return ""


class Form(NamedTuple):
    """What one of several outputs must give: a name of a task, how many classes, labels,
    quantities or channels, and the shape of one label.
    """

    task: str
    classes: int
    y_shape: Tuple[int, ...]


class Piece(NamedTuple):
    """What one output of a model learns.

    Attributes:
        output: its name; empty where there is one.
        task: of it. y: its labels (n, ...).
        classes: whole names of its values.
    """

    output: str
    task: "Task"
    y: np.ndarray
    classes: Tuple[str, ...]


class Task(abc.ABC):
    """One kind of thing to learn.

    Attributes:
        name: in ``data.json`` and in the manifest of a bundle.
        doc: what it is, in one line.
        headline: the score that is compared before and after quantization.
        minimise: whether less of the headline is better.
        validation: names of the metrics that validation adds, and the score each one is.
        evaluation: the record of ``evaluation.json``.
        kit_names: what a score of a kit is in words, where it is not quite the one of that name.
        outputs: what ``classes`` names, in words.
        last_layer: what a model's ends with that gives one value for each of them.
        has_classes: whether each sample is of one class, of which a split keeps the shares.
        like_samples: whether ``y`` lies over ``x`` pixel by pixel.
        counted: what :meth:`counts` counts: ``samples`` or ``pixels``.
        smooth_labels: whether what lies between two labels is one, as of images.
        mixes: whether a share of one label and the rest of another are a label to learn from.
        share: the score of which more is better and 1 is best, for a mean over several outputs;
            empty if that is the headline.
        beside_samples: names of outputs, of several, whose labels lie over ``x`` pixel by pixel.
        section: the task that sections of the report know it by; empty for its own name.
    """

    name: str
    doc: str
    headline: str
    minimise: bool = False
    validation: Dict[str, str]
    evaluation: Type[Evaluation]
    kit_names: Dict[str, str] = {}
    outputs: str = "classes"
    last_layer: str = "Dense(hp.classes)"
    has_classes: bool = False
    like_samples: bool = False
    counted: str = "samples"
    smooth_labels: bool = False
    mixes: bool = False
    share: str = ""
    section: str = ""
    beside_samples: Tuple[str, ...] = ()

    def of(self, classes: Sequence[str]) -> "Task":
        """Return the task for data whose outputs have these names."""
        return self

    def pieces(self, y: np.ndarray, classes: Sequence[str]) -> List[Piece]:
        """Return what each output learns: labels (n, ...), and names of its values."""
        return [Piece("", self, y, tuple(classes))]

    @property
    def plain_metrics(self) -> Dict[str, str]:
        """What metrics of one of several outputs are called where it is the only one."""
        return {}

    def told_of(self, metric: str) -> str:
        """Return what a metric on validation data is made of, where that does not go without
        saying; else empty.
        """
        return ""

    def forms(self, y: np.ndarray, classes: Sequence[str]) -> Dict[str, Form]:
        """Return what each of several outputs must give, by its name; nothing of one alone."""
        return {}

    def ends(self, model: Any) -> Iterable[Tuple[str, "Task", Any]]:
        """Return name, task and model of each output of a model; of one the model itself."""
        return [("", self, model)]

    def left_to_host(self, outputs: np.ndarray, threshold: Optional[float]) -> str:
        """Return the last activation of the model that a compiled one leaves to its host; empty if
        none. By the same signs as ``real_outputs`` in ``kit_own.py``.

        Args:
            outputs: of a compiled model, real (n, ...).
            threshold: of one output or of labels, as the manifest has it.
        """
        return ""

    @property
    def validated(self) -> str:
        """The name of the metric that is the headline on validation data; empty if none is."""
        return next((n for n, score in self.validation.items() if score == self.headline), "")

    @abc.abstractmethod
    def check_labels(
        self, arrays: Sequence[Any], labels: Sequence[str], classes: Optional[Sequence[Any]]
    ) -> Labels:
        """Return the labels of one to three sets (train and given ones) as the task keeps them, and
        the names of the outputs.

        Args:
            arrays: as a person gave them.
            labels: what each is called in messages.
            classes: names, or None.

        Raises:
            DataError: they are no labels of this task.
        """

    def labels_of(self, values: Any, label: str) -> np.ndarray:
        """Return the labels of one set (n, ...) in the form that the task keeps them, whatever the
        others hold. Raises DataError: they cannot be labels of this task.
        """
        raise NotImplementedError

    def calibration_labels(self, y: Any, samples: int, name: str) -> np.ndarray:
        """Return the labels in a calibration file (samples, ...). Raises DataError."""
        found = self.labels_of(y, f"array '{name}'")
        if len(found) != samples:
            raise DataError(
                f"array '{name}' holds {len(found)} labels for {samples} samples",
                "Give one label per sample.",
            )
        return found

    def check_samples(self, x: np.ndarray, y: np.ndarray, labels: Sequence[str]) -> None:
        """Check that samples (n, ...) and their labels, as :meth:`check_labels` returned them, go
        together. ``labels`` are what both are called.

        Raises:
            DataError: a mask or target image is of another size than its sample.
        """
        if self.like_samples and x.shape[1:3] != y.shape[1:3]:
            raise DataError(
                f"a sample of {labels[0]} has {x.shape[1:3]} pixels, of {labels[1]} {y.shape[1:3]}",
                "Give both of one height and width.",
            )

    def strata(self, y: np.ndarray) -> np.ndarray:
        """Return the stratum of each sample, int64 (n,), from 0 without gaps: a split keeps their
        shares.
        """
        return np.zeros(len(y), np.int64)

    def counts(self, y: np.ndarray, classes: int) -> Optional[np.ndarray]:
        """Return how many samples, or pixels, of labels (n, ...) are of each class, int64
        (classes,); None where nothing can be counted.
        """
        return None

    def values(self, y: np.ndarray) -> Optional[np.ndarray]:
        """Return the quantities in labels (n, ...), (n, outputs); None where they are none."""
        return None

    def fit_targets(
        self, y: np.ndarray, raw: np.ndarray, standardise: bool, value_range: Any = None
    ) -> Targets:
        """Return what a model's outputs are of ``y``.

        Args:
            y: labels that may be looked at: all but those of the test split.
            raw: raw samples, of which only the type counts.
            standardise: whether outputs shall be of the size that is learned best, and not the
                values themselves.
            value_range: lowest and highest value that images can take; None if it is not known.
        """
        return PLAIN

    def output_problem(
        self, shape: Tuple[Any, ...], classes: int, y_shape: Tuple[int, ...] = ()
    ) -> Tuple[str, str]:
        """Return what is wrong with a model's output shape (without batch) and what cures it; two
        empty texts if nothing is. ``y_shape`` is that of one label, () if it is not known.
        """
        if shape == (classes,):
            return "", ""
        return (
            f"the model gives outputs of shape {shape}, the data have {classes} {self.outputs}",
            f"End with {self.last_layer}.",
        )

    def loss_problem(self, names: Sequence[str], outputs: int) -> str:
        """Return the loss to take instead, where that of a compiled model contradicts the task;
        empty if it does not.

        Args:
            names: what the loss is called, in small letters. outputs: values along the last axis.
        """
        return ""

    @abc.abstractmethod
    def head(self, keras: Any, x: Any, classes: int) -> Any:
        """Return the output tensor of a built-in family, from its last hidden tensor.

        Raises:
            ModelError: a family of this kind cannot do the task; see :meth:`check_hidden`.
        """

    def check_hidden(self, x: Any) -> None:
        """Raise :class:`ModelError` unless a family's last hidden tensor suits: an image for what
        lies over the samples, values in a row for anything else.
        """
        if (len(x.shape) == 4) != self.like_samples:
            wanted = "unet or autoencoder" if self.like_samples else "auto"
            raise ModelError(
                f"this family gives {'an image' if len(x.shape) == 4 else 'values in a row'}, and"
                f" the task is {self.name}",
                f"Use another family: --set model.family={wanted}",
            )

    @abc.abstractmethod
    def compile(self, model: Any, optimizer: Any, *, losses: Any = None) -> None:
        """Compile a model with the loss and the metrics that the task wants of its output.

        Args:
            model: of the task. optimizer: Keras's.
            losses: Keras's losses, where outputs that are to be probabilities are their logits.
        """

    @abc.abstractmethod
    def loss_form(self, model: Any, classes: int) -> str:
        """Return the form of labels that a compiled model's loss wants, for :meth:`loss_labels`."""

    @abc.abstractmethod
    def loss_labels(self, y: np.ndarray, form: str, classes: int) -> np.ndarray:
        """Return labels (n, ...), after :meth:`Targets.encode`, in the form that a loss wants."""

    def part_weights(self, y: np.ndarray) -> Optional[np.ndarray]:
        """Return how much each part of a label counts, (n, ...), such as each pixel of a mask; None
        if all count alike.
        """
        return None

    def class_weights(self, y: np.ndarray, classes: Sequence[str], wanted: Any) -> np.ndarray:
        """Return the weight of each class in a training, float64 (classes,).

        Args:
            y: labels of the training samples. classes: names.
            wanted: ``train.class_weights``, which is not ``none``.

        Raises:
            SettingsError: the task has no classes to weigh, or one is not known.
        """
        raise SettingsError(
            f"train.class_weights is set, but the task is {self.name}",
            "Leave it out; weights of single samples (sample_weight) count for every task.",
        )

    def label_weights(self, y: np.ndarray, classes: Sequence[str], wanted: Any) -> np.ndarray:
        """Return how much each label counts for its class, float32 (n,), of several outputs joined;
        arguments and errors as :meth:`class_weights`.
        """
        return np.asarray(self.class_weights(y, classes, wanted), np.float32)[y]

    @abc.abstractmethod
    def predict(self, outputs: np.ndarray) -> np.ndarray:
        """Return what a model's real outputs (n, ...), after :meth:`Targets.decode`, say, in the
        form of the labels; the kit says the same of its int8 outputs.
        """

    def judged(self, outputs: np.ndarray) -> np.ndarray:
        """Return what scores need of outputs (n, ...), which may be less: they are made in parts,
        and this of all of them is kept.
        """
        return outputs

    @abc.abstractmethod
    def scores(self, outputs: np.ndarray, y: np.ndarray, classes: int) -> Dict[str, float]:
        """Return the scores of outputs (n, ...), after :meth:`Targets.decode`, on labels (n, ...)
        by name, the headline first.
        """

    def scores_without_names(self, outputs: np.ndarray, y: np.ndarray) -> Dict[str, float]:
        """Return the scores where nobody knows how many classes there are."""
        return self.scores(outputs, y, int(outputs.shape[-1]))

    def times_chance(self, outputs: np.ndarray, y: np.ndarray) -> Optional[float]:
        """Return how often outputs are right, as a multiple of guessing; None where that means
        nothing.
        """
        return None

    def kit_scores(self, found: KitResult) -> Dict[str, float]:
        """Return the scores that a kit reported."""
        return found.all_scores

    @abc.abstractmethod
    def evaluate(
        self, outputs: np.ndarray, y: np.ndarray, classes: Sequence[str], *, kind: str, trial: int
    ) -> Evaluation:
        """Return the record of a model on the test split.

        Args:
            outputs: real, after :meth:`Targets.decode`, (n, ...). y: labels (n, ...). classes:
                names of the outputs.
            kind: ``float`` or ``int8``. trial: the model's.
        """
