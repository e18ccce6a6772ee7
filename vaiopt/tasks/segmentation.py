"""Segmentation: a class for every pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Dict, List, Optional, Sequence, Tuple, Type

import numpy as np

from vaiopt.errors import DataError, did_you_mean
from vaiopt.present import words
from vaiopt.present.table import Table
from vaiopt.record import Record, Unfit, part
from vaiopt.tasks.arrays import as_numbers, output_names
from vaiopt.tasks.classification import (
    class_activation_left,
    confusion_matrix,
    cross_entropy,
    entropy_problem,
)
from vaiopt.tasks.loss_forms import class_form
from vaiopt.tasks.task import UNSCORED, Evaluation, Labels, Task

WORST = 50
"""Samples of which an evaluation keeps the own score."""


def pixel_confusion(y: np.ndarray, masks: np.ndarray, classes: int) -> np.ndarray:
    """Return counts of pixels ``(classes, classes)``, true classes down, predicted ones across, of
    the pixels that are scored.

    Args:
        y: true masks (n, H, W), :data:`UNSCORED` where a pixel does not count. masks: predicted.
    """
    counted = y != UNSCORED
    true, said = y[counted].astype(np.int64), masks[counted].astype(np.int64)
    return confusion_matrix(true, said, classes)


def class_ious(confusion: np.ndarray) -> np.ndarray:
    """Return the intersection over union of each class, float64; NaN where there is none."""
    hits = np.diag(confusion).astype(float)
    union = confusion.sum(axis=0) + confusion.sum(axis=1) - hits
    return np.divide(hits, union, out=np.full_like(hits, np.nan), where=union > 0)


def mask_scores(confusion: np.ndarray) -> Dict[str, float]:
    """Return ``mean_iou``, over the classes that occur truly or predicted, and
    ``pixel_accuracy``; 0 without a pixel.
    """
    ious, pixels = class_ious(confusion), confusion.sum()
    known = ious[np.isfinite(ious)]
    return {
        "mean_iou": float(known.mean()) if len(known) else 0.0,
        "pixel_accuracy": float(np.trace(confusion) / pixels) if pixels else 0.0,
    }


@dataclass(frozen=True)
class ClassIou(Record):
    """Intersection over union of a class, and its share of the true pixels."""

    name: str = part(key="class")
    iou: Optional[float] = part(low=0, high=1)
    share: float = part(low=0, high=1)


@dataclass(frozen=True)
class MaskScore(Record):
    """The share of a sample's pixels that is right; ``index`` is within the test split."""

    index: int = part(low=0)
    pixel_accuracy: float = part(low=0, high=1)


@dataclass(frozen=True)
class SegmentationEvaluation(Evaluation):
    """``evaluation.json`` of a segmentation.

    Attributes:
        mean_iou: mean over the classes that occur. pixel_accuracy: share of right pixels.
        per_class: of each class.
        confusion: counts of pixels; rows are true, columns predicted classes.
        worst: samples with the fewest right pixels, worst first.
        own: metrics of a person's own.
    """

    score_names: ClassVar[Tuple[str, ...]] = ("mean_iou", "pixel_accuracy")

    mean_iou: float = part(low=0, high=1)
    pixel_accuracy: float = part(low=0, high=1)
    per_class: Tuple[ClassIou, ...] = part()
    confusion: Tuple[Tuple[int, ...], ...] = part(low=0)
    worst: Tuple[MaskScore, ...] = part()
    own: Dict[str, float] = part({})

    def tables(self, int8: Any, most: int) -> List[Tuple[str, Table]]:
        """Return the table by class and the worst samples."""
        return [("By class", iou_table(self, int8)), ("Worst samples", worst_table(self, most))]

    def misfit(self, classes: Sequence[str]) -> str:
        """Return that the figures are of other classes, if they are."""
        same = tuple(found.name for found in self.per_class) == tuple(classes)
        return "" if same else "per_class is of other classes"

    def check(self) -> None:
        """Raise unless all parts are of the same classes and samples."""
        classes = len(self.per_class)
        if [len(row) for row in self.confusion] != [classes] * classes:
            raise Unfit("confusion", f"is not a table of {classes} by {classes} classes")
        for position, score in enumerate(self.worst):
            if score.index >= self.samples:
                raise Unfit(f"worst[{position}]", "is of no sample that there is")


def iou_table(float_test: SegmentationEvaluation, int8_test: Any = None) -> Table:
    """Return intersection over union and share of the pixels by class, and the int8 model's."""
    columns = ["class", "share of pixels", "IoU"] + ["IoU, int8"] * (int8_test is not None)
    rows = []
    for position, found in enumerate(float_test.per_class):
        row: List[Any] = [found.name, words.percent(found.share), words.percent(found.iou)]
        if int8_test is not None:
            row.append(words.percent(int8_test.per_class[position].iou))
        rows.append(row)
    return Table(columns, rows, numeric=tuple(range(1, len(columns))), name="by_class")


def worst_table(evaluation: SegmentationEvaluation, most: int) -> Table:
    """Return the samples with the fewest right pixels, at most so many."""
    rows = [[s.index, words.percent(s.pixel_accuracy)] for s in evaluation.worst[:most]]
    return Table(("test sample", "pixel accuracy"), rows, numeric=(0, 1), name="worst")


def without_classes(
    sets: Sequence[np.ndarray], classes: Sequence[str], unscored: Sequence[str]
) -> Labels:
    """Return masks in which the pixels of some classes are :data:`UNSCORED`, the others numbered
    anew, and the names that are left.

    Raises:
        DataError: there is no such class, or fewer than two are left.
    """
    for name in unscored:
        if name not in classes:
            raise DataError(f"data.unscored names '{name}'", did_you_mean(name, classes))
    left = [name for name in classes if name not in unscored]
    if len(left) < 2:
        raise DataError("data.unscored leaves fewer than two classes", "Leave more of them in.")
    number = np.full(UNSCORED + 1, UNSCORED, np.uint8)
    for new, name in enumerate(left):
        number[list(classes).index(name)] = new
    return [number[masks] for masks in sets], tuple(left)


class Segmentation(Task):
    """A class for every pixel: ``y`` holds class numbers (n, H, W), uint8, :data:`UNSCORED` where
    a pixel does not count.
    """

    name = "segmentation"
    doc = "a class for every pixel"
    headline = "mean_iou"
    validation = {"val_mean_iou": "mean_iou", "val_pixel_accuracy": "pixel_accuracy"}
    evaluation: Type[Evaluation] = SegmentationEvaluation
    like_samples = True
    counted = "pixels"

    def check_labels(
        self, arrays: Sequence[Any], labels: Sequence[str], classes: Optional[Sequence[Any]]
    ) -> Labels:
        """Return masks (n, H, W), uint8, and the names of the classes. Where all is 0 or 255,
        255 is the second class.
        """
        found = [self.labels_of(array, label) for array, label in zip(arrays, labels)]
        if all(np.isin(masks, (0, UNSCORED)).all() for masks in found):  # black and white
            found = [masks // UNSCORED for masks in found]
        highest = max(int(masks.max(initial=0, where=masks != UNSCORED)) for masks in found)
        lowest = min(int(masks.min(initial=UNSCORED)) for masks in found)
        if lowest >= highest:
            raise DataError(
                f"every pixel of {labels[0]} that counts is of class {highest}",
                "There is nothing to learn of it: check how the masks were made.",
            )
        count = highest + 1 if classes is None else len(classes)
        if count < 2 or highest >= count:
            raise DataError(
                f"{labels[0]} holds class {highest}, and there are {count} classes",
                "Number the classes 0, 1, 2, …; 255 is a pixel that does not count.",
            )
        return found, output_names(classes, count, labels[0], self.outputs, range(count))

    def labels_of(self, values: Any, label: str) -> np.ndarray:
        """Return masks (n, H, W), uint8."""
        array = as_numbers(values, label)
        if array.ndim == 4 and array.shape[3] == 1:
            array = array[..., 0]
        if array.ndim == 4 and ((array == 0) | (array == 1)).all():
            if not (array.sum(axis=3) == 1).all():
                raise DataError(
                    f"{label} has shape {array.shape}, and a pixel that is of no class, or of two",
                    "Give one class number a pixel: shape (samples, height, width).",
                )
            return array.argmax(axis=3).astype(np.uint8)
        if array.ndim != 3:
            raise DataError(
                f"{label} has {array.ndim} axes (shape {array.shape})",
                "Give a mask per sample: class numbers of shape (samples, height, width).",
            )
        whole = np.floor(array) == array
        if not whole.all() or array.min() < 0 or array.max() > UNSCORED:
            raise DataError(
                f"{label} holds other values than whole numbers from 0 to {UNSCORED}",
                "Give class numbers from 0; 255 is a pixel that does not count.",
            )
        return array.astype(np.uint8)

    def output_problem(
        self, shape: Tuple[Any, ...], classes: int, y_shape: Tuple[int, ...] = ()
    ) -> Tuple[str, str]:
        """Return nothing for one output a class and pixel, or one a pixel for two classes."""
        channels = (classes, 1) if classes == 2 else (classes,)
        sized = len(shape) == 3 and (not y_shape or shape[:2] == tuple(y_shape))
        if sized and shape[2] in channels:
            return "", ""
        size = ", ".join(map(str, y_shape)) or "height, width"
        return (
            f"the model gives outputs of shape {shape}, the masks are ({size}) of {classes}"
            " classes",
            "End with Conv2D(hp.classes, 1, activation='softmax') at the size of the mask.",
        )

    def head(self, keras: Any, x: Any, classes: int) -> Any:
        """Return a softmax over the classes of each pixel."""
        self.check_hidden(x)
        return keras.layers.Conv2D(classes, 1, activation="softmax", name="predictions")(x)

    def compile(self, model: Any, optimizer: Any, *, losses: Any = None) -> None:
        """Compile for the cross-entropy of each pixel."""
        model.compile(optimizer=optimizer, loss=cross_entropy(model.output_shape[-1] == 1, losses))

    def loss_form(self, model: Any, classes: int) -> str:
        """Return ``binary`` for one output a pixel, ``sparse`` or ``one_hot`` for the loss."""
        if model.output_shape[-1] == 1 and classes == 2:
            return "binary"
        return class_form(model, lambda y, form: self.loss_labels(y, form, classes))

    def left_to_host(self, outputs: np.ndarray, threshold: Optional[float]) -> str:
        """Return as :func:`class_activation_left` does."""
        return class_activation_left(outputs, threshold)

    def loss_problem(self, names: Sequence[str], outputs: int) -> str:
        """Return as for a classification."""
        return entropy_problem(names, outputs)

    def loss_labels(self, y: np.ndarray, form: str, classes: int) -> np.ndarray:
        """Return ``sparse`` (n, H, W), ``one_hot`` (n, H, W, classes) or ``binary`` (n, H, W, 1)
        labels; 0 where a pixel does not count.
        """
        known = np.where(y == UNSCORED, 0, y).astype(np.uint8)
        if form == "one_hot":
            return np.eye(classes, dtype=np.float32)[known]
        return known.astype(np.float32)[..., None] if form == "binary" else known

    def counts(self, y: np.ndarray, classes: int) -> Optional[np.ndarray]:
        """See :meth:`vaiopt.tasks.task.Task.counts`: pixels, without those that do not count."""
        found = np.zeros(UNSCORED + 1, np.int64)
        for mask in y:  # one by one: bincount makes 8 bytes of each pixel
            found += np.bincount(mask.ravel(), minlength=UNSCORED + 1)
        return found[:classes]

    def part_weights(self, y: np.ndarray) -> Optional[np.ndarray]:
        """Return 1 for pixels that count and 0 for others, uint8 (n, H, W); None if all do."""
        counted = y != UNSCORED
        return None if counted.all() else counted.astype(np.uint8)

    def predict(self, outputs: np.ndarray) -> np.ndarray:
        """Return masks (n, H, W), uint8, of probabilities (n, H, W, classes), or of the second
        class (n, H, W, 1); masks as they are.
        """
        if outputs.ndim == 3:
            return outputs
        if outputs.shape[3] == 1:
            return np.asarray(outputs[..., 0] > 0.5, np.uint8)
        return np.asarray(outputs.argmax(axis=3), np.uint8)

    def judged(self, outputs: np.ndarray) -> np.ndarray:
        """Return the masks, which take a fraction of the memory."""
        return self.predict(outputs)

    def scores(self, outputs: np.ndarray, y: np.ndarray, classes: int) -> Dict[str, float]:
        """Return mean intersection over union and pixel accuracy."""
        return mask_scores(pixel_confusion(y, self.predict(outputs), classes))

    def scores_without_names(self, outputs: np.ndarray, y: np.ndarray) -> Dict[str, float]:
        """Return the scores of as many classes as the outputs have."""
        return self.scores(outputs, y, max(2, int(outputs.shape[-1])))

    def evaluate(
        self, outputs: np.ndarray, y: np.ndarray, classes: Sequence[str], *, kind: str, trial: int
    ) -> SegmentationEvaluation:
        """Return the scores over all, by class, and of single samples."""
        masks = self.predict(outputs)
        confusion = pixel_confusion(y, masks, len(classes))
        counted = (y != UNSCORED).reshape(len(y), -1)
        right = (masks == y).reshape(len(y), -1) & counted
        share = right.sum(axis=1) / np.maximum(1, counted.sum(axis=1))
        pixels = confusion.sum(axis=1) / max(1, confusion.sum())
        return SegmentationEvaluation(
            kind=kind,
            trial=trial,
            samples=len(y),
            own={},
            **mask_scores(confusion),
            per_class=tuple(
                ClassIou(str(name), float(iou) if np.isfinite(iou) else None, float(of_all))
                for name, iou, of_all in zip(classes, class_ious(confusion), pixels)
            ),
            confusion=tuple(tuple(int(n) for n in row) for row in confusion),
            worst=tuple(
                MaskScore(int(i), float(share[i])) for i in np.argsort(share, kind="stable")[:WORST]
            ),
        )
