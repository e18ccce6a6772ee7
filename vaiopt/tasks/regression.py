"""Regression: one or several quantities a sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Dict, List, Optional, Sequence, Tuple, Type

import numpy as np

from vaiopt.errors import DataError
from vaiopt.present import words
from vaiopt.present.table import Table
from vaiopt.record import Record, Unfit, part
from vaiopt.tasks.arrays import as_numbers, columns, output_names
from vaiopt.tasks.targets import PLAIN, Targets
from vaiopt.tasks.task import Evaluation, Labels, Task

SHOWN_POINTS = 500
"""Samples whose true and predicted values an evaluation keeps for a figure."""

BINS = 10
"""Quantiles of one quantity whose shares a split keeps."""

SAMPLES_A_BIN = 20
"""Samples that each must have."""


def errors_of(y: np.ndarray, predicted: np.ndarray) -> Dict[str, float]:
    """Return ``rmse``, ``mae`` and ``r2`` of values (n, k): the first two over all values, the last
    the mean over the quantities of 1 - squared error / variance (scikit-learn's ``r2_score``; 0
    for a quantity that is constant there).
    """
    true = y.astype(np.float64)
    off = predicted.reshape(true.shape) - true
    spread = np.square(true - true.mean(axis=0)).sum(axis=0)
    left = np.square(off).sum(axis=0)
    share = np.divide(left, spread, out=np.ones_like(left), where=spread > 0)
    return {
        "rmse": float(np.sqrt(np.square(off).mean())),
        "mae": float(np.abs(off).mean()),
        "r2": float((1.0 - share).mean()),
    }


@dataclass(frozen=True)
class QuantityErrors(Record):
    """The errors of one quantity, in its unit; R² has none."""

    name: str = part()
    rmse: float = part(low=0)
    mae: float = part(low=0)
    r2: float = part(high=1)


@dataclass(frozen=True)
class Deviation(Record):
    """The value that a model gave for a sample.

    Attributes:
        index: within the test split.
        quantity: its number. true, predicted: values.
    """

    index: int = part(low=0)
    quantity: int = part(low=0)
    true: float = part()
    predicted: float = part()

    @property
    def error(self) -> float:
        """Predicted less true."""
        return self.predicted - self.true


@dataclass(frozen=True)
class RegressionEvaluation(Evaluation):
    """``evaluation.json`` of a regression.

    Attributes:
        rmse, mae: in the unit of ``y``, over all quantities. r2: the mean over them.
        per_quantity: of each.
        points: of the first samples, for a figure.
        worst: those farthest off, measured in the spread of their quantity, farthest first.
        own: metrics of a person's own.
    """

    score_names: ClassVar[Tuple[str, ...]] = ("rmse", "mae", "r2")

    rmse: float = part(low=0)
    mae: float = part(low=0)
    r2: float = part(high=1)
    per_quantity: Tuple[QuantityErrors, ...] = part()
    points: Tuple[Deviation, ...] = part()
    worst: Tuple[Deviation, ...] = part()
    own: Dict[str, float] = part({})

    def tables(self, int8: Any, most: int) -> List[Tuple[str, Table]]:
        """Return the table by quantity and the samples farthest off."""
        return [
            ("By quantity", quantity_table(self, int8)),
            ("Farthest off", deviation_table(self, most)),
        ]

    def misfit(self, classes: Sequence[str]) -> str:
        """Return that the figures are of other quantities, if they are."""
        same = tuple(errors.name for errors in self.per_quantity) == tuple(classes)
        return "" if same else "per_quantity is of other quantities"

    def check(self) -> None:
        """Raise unless all values are of quantities and samples that there are."""
        for key in ("points", "worst"):
            for position, value in enumerate(getattr(self, key)):
                if value.index >= self.samples or value.quantity >= len(self.per_quantity):
                    raise Unfit(f"{key}[{position}]", "is of no sample or quantity that there is")


def quantity_table(float_test: RegressionEvaluation, int8_test: Any = None) -> Table:
    """Return the errors of each quantity, and the int8 model's RMSE."""
    columns = ["quantity", "RMSE", "MAE", "R²"] + ["RMSE, int8"] * (int8_test is not None)
    rows = []
    for position, errors in enumerate(float_test.per_quantity):
        row: List[Any] = [errors.name, *map(words.value, (errors.rmse, errors.mae, errors.r2))]
        if int8_test is not None:
            row.append(words.value(int8_test.per_quantity[position].rmse))
        rows.append(row)
    return Table(columns, rows, numeric=tuple(range(1, len(columns))), name="by_quantity")


def deviation_table(evaluation: RegressionEvaluation, most: int) -> Table:
    """Return the samples farthest off, at most so many."""
    rows = [
        [
            deviation.index,
            evaluation.per_quantity[deviation.quantity].name,
            words.value(deviation.true),
            words.value(deviation.predicted),
            words.signed_difference(deviation.error),
        ]
        for deviation in evaluation.worst[:most]
    ]
    columns = ("test sample", "quantity", "true", "predicted", "error")
    return Table(columns, rows, numeric=(0, 2, 3, 4), name="farthest_off")


class Regression(Task):
    """Quantities: ``y`` holds values (n, quantities), float32."""

    name = "regression"
    doc = "one or several quantities"
    headline = "rmse"
    share = "r2"
    minimise = True
    validation = {"val_rmse": "rmse", "val_mae": "mae", "val_r2": "r2"}
    evaluation: Type[Evaluation] = RegressionEvaluation
    outputs = "quantities"

    def check_labels(
        self, arrays: Sequence[Any], labels: Sequence[str], classes: Optional[Sequence[Any]]
    ) -> Labels:
        """Return values (n, quantities), float32, and the names of the quantities."""
        found = [self.labels_of(array, label) for array, label in zip(arrays, labels)]
        count = columns(found, labels, self.outputs)
        together = np.concatenate(found)
        span = together.max(axis=0).astype(np.float64) - together.min(axis=0)
        constant = np.flatnonzero(span < np.finfo(np.float32).tiny)
        default = ("y",) if count == 1 else [f"y{i}" for i in range(count)]
        names = output_names(classes, count, labels[0], self.outputs, default)
        if len(constant):
            raise DataError(
                f"the quantity '{names[constant[0]]}' of {labels[0]} is"
                f" {float(together[0, constant[0]]):g} in every sample",
                "There is nothing to learn of it: leave it out.",
            )
        return found, names

    def labels_of(self, values: Any, label: str) -> np.ndarray:
        """Return values (n, quantities), float32."""
        array = as_numbers(values, label)
        array = array[:, None] if array.ndim == 1 else array
        if array.ndim != 2 or array.shape[1] == 0:
            raise DataError(
                f"{label} has {array.ndim} axes (shape {array.shape})",
                "Give one value per sample, (samples,), or several, (samples, quantities).",
            )
        return array.astype(np.float32)

    def values(self, y: np.ndarray) -> Optional[np.ndarray]:
        """See :meth:`vaiopt.tasks.task.Task.values`."""
        return y.reshape(len(y), -1)

    def strata(self, y: np.ndarray) -> np.ndarray:
        """Return which quantile of a single quantity each sample is in, where that has enough."""
        bins = min(BINS, len(y) // SAMPLES_A_BIN)
        if y.shape[1] != 1 or bins < 2:
            return np.zeros(len(y), np.int64)
        # By rank, so that equal values do not matter and no bin is empty.
        order = np.argsort(y[:, 0], kind="stable")
        found = np.empty(len(y), np.int64)
        found[order] = np.arange(len(y), dtype=np.int64) * bins // len(y)
        return found

    def fit_targets(
        self, y: np.ndarray, raw: np.ndarray, standardise: bool, value_range: Any = None
    ) -> Targets:
        """Return mean and standard deviation of each quantity, or nothing to do."""
        if not standardise or not len(y):
            return PLAIN
        values = y.astype(np.float64)
        spread = values.std(axis=0)
        scale = np.where(spread > np.finfo(np.float32).tiny, spread, 1.0).astype(np.float32)
        offset = values.mean(axis=0).astype(np.float32)
        return Targets(tuple(map(float, offset)), tuple(map(float, scale)))

    def head(self, keras: Any, x: Any, classes: int) -> Any:
        """Return one linear output a quantity."""
        self.check_hidden(x)
        return keras.layers.Dense(classes, name="predictions")(x)

    def compile(self, model: Any, optimizer: Any, *, losses: Any = None) -> None:
        """Compile for the squared error."""
        model.compile(optimizer=optimizer, loss="mse")

    def loss_problem(self, names: Sequence[str], outputs: int) -> str:
        """Return the squared error in the place of a cross-entropy of classes."""
        return "mse" if any("categorical" in name for name in names) else ""

    def loss_form(self, model: Any, classes: int) -> str:
        """Return ``values``."""
        return "values"

    def loss_labels(self, y: np.ndarray, form: str, classes: int) -> np.ndarray:
        """Return the values."""
        return y

    def predict(self, outputs: np.ndarray) -> np.ndarray:
        """Return the values."""
        return outputs

    def scores(self, outputs: np.ndarray, y: np.ndarray, classes: int) -> Dict[str, float]:
        """Return RMSE, MAE and R²."""
        return errors_of(y, outputs)

    def evaluate(
        self, outputs: np.ndarray, y: np.ndarray, classes: Sequence[str], *, kind: str, trial: int
    ) -> RegressionEvaluation:
        """Return the errors over all, by quantity, and of single samples."""
        true = y.astype(np.float64)
        predicted = outputs.astype(np.float64).reshape(true.shape)
        spread = np.where(true.std(axis=0) > 0, true.std(axis=0), 1.0)
        by_sample = np.abs((predicted - true) / spread)

        def value(index: int, quantity: int) -> Deviation:
            at = (index, quantity)
            return Deviation(int(index), int(quantity), float(true[at]), float(predicted[at]))

        farthest = np.argsort(-by_sample.max(axis=1), kind="stable")[:SHOWN_POINTS]
        return RegressionEvaluation(
            kind=kind,
            trial=trial,
            samples=len(y),
            own={},
            **errors_of(true, predicted),
            per_quantity=tuple(
                QuantityErrors(name, **errors_of(true[:, [i]], predicted[:, [i]]))
                for i, name in enumerate(classes)
            ),
            points=tuple(
                value(i, k) for i in range(min(len(y), SHOWN_POINTS)) for k in range(len(classes))
            ),
            worst=tuple(value(i, by_sample[i].argmax()) for i in farthest),
        )
