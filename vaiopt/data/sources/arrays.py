"""Arrays by name, as an ``.npz`` file or a dictionary holds them: which is which."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from vaiopt.data.dataset import Dataset, make_dataset
from vaiopt.errors import DataError
from vaiopt.npz import few_names
from vaiopt.tasks import AUTO, is_several

Pair = Tuple[str, str]

TRAINING: Sequence[Pair] = (
    ("x", "y"),
    ("x_train", "y_train"),
    ("train_images", "train_labels"),
)
TEST: Sequence[Pair] = (("x_test", "y_test"), ("test_images", "test_labels"))
VALIDATION: Sequence[Pair] = (
    ("x_val", "y_val"),
    ("x_valid", "y_valid"),
    ("x_validation", "y_validation"),
    ("val_images", "val_labels"),
)
"""Names of samples and labels of each set; Keras's, scikit-learn's (in any case) and MedMNIST's."""

OTHERS: Mapping[str, Sequence[Pair]] = {
    "training": (
        *(("data", "target"), ("data", "labels"), ("images", "labels"), ("features", "labels")),
        *(("inputs", "targets"), ("train_x", "train_y"), ("train_set_x", "train_set_y")),
    ),
    "test": (("test_x", "test_y"), ("test_set_x", "test_set_y")),
    "validation": (("val_x", "val_y"), ("valid_x", "valid_y")),
}
"""Names that arrays of one file, or one dictionary, may have as well; ``data`` and ``target`` is
what scikit-learn's functions return. Files of one array each are not called so.
"""

WEIGHTS: Mapping[str, Sequence[str]] = {
    "weights": ("sample_weight", "sample_weights", "sample_weight_train"),
    "test_weights": ("sample_weight_test",),
    "validation_weights": (
        *("sample_weight_val", "sample_weight_valid", "sample_weight_validation"),
    ),
}
"""Names of the weights of each set, by the argument of :func:`make_dataset`."""

TARGET_NAMES = "target_names"
"""scikit-learn's name of the classes; of several targets it holds their names instead."""

CLASSES, RANGE, FEATURES, TASK = "classes", "value_range", "feature_names", "task"
NAMES_OF_SAMPLES = tuple(x for x, _ in (*TRAINING, *TEST, *VALIDATION))
OTHER_NAMES = {name for pairs in OTHERS.values() for pair in pairs for name in pair}
OTHER_NAMES_OF_SAMPLES = tuple(x for pairs in OTHERS.values() for x, _ in pairs)
KNOWN = {
    *(CLASSES, RANGE, FEATURES, TASK),
    *(name for pair in (*TRAINING, *TEST, *VALIDATION) for name in pair),
    *(name for names in WEIGHTS.values() for name in names),
}

SAVE = (
    "Save it with numpy.savez('data.npz', x=x, y=y), optionally x_val, y_val, x_test, y_test,"
    " sample_weight and classes; of a model of several inputs x_<input>=..., for each."
)


LABELS = sorted((y for _, y in (*TRAINING, *TEST, *VALIDATION)), key=len, reverse=True)
"""Names of labels, longer ones first: ``y_test_size`` is ``size`` of the test set."""

SAMPLES = sorted(NAMES_OF_SAMPLES, key=len, reverse=True)
"""Names of samples, in the same way: ``x_test_image`` is the input ``image`` of the test set."""


def holds_samples(name: object) -> bool:
    """Tell whether an array holds samples, by its name."""
    known = (*NAMES_OF_SAMPLES, *OTHER_NAMES_OF_SAMPLES)
    return isinstance(name, str) and name.lower() in known


class Known:
    """Whether the name of an array says what it holds, in any case of its letters.

    Args:
        there: names of all arrays; :data:`OTHERS` count where none of the first names is there.
    """

    def __init__(self, there: Iterable[str]) -> None:
        first = {x for x, _ in TRAINING}
        has_first = any(name.lower() in first or _end(name, SAMPLES)[1] for name in there)
        self._names = KNOWN if has_first else KNOWN | OTHER_NAMES | {TARGET_NAMES}

    def __contains__(self, name: object) -> bool:
        if not isinstance(name, str):
            return False
        return name.lower() in self._names or any(_end(name, kind)[1] for kind in (LABELS, SAMPLES))


def _end(name: str, kind: Sequence[str]) -> Pair:
    """Return the name of labels (or samples) that a name of those of one output (or input) begins
    with, and the output: of ``y_digit`` these are ``y`` and ``digit``. Two empty texts for another
    name.
    """
    for whole in kind:
        start = f"{whole}_"
        if name.lower() not in KNOWN and name.lower().startswith(start) and name != start:
            return name[: len(whole)], name[len(start) :]
    return "", ""


def _by_end(arrays: Mapping[str, Any], task: str) -> Mapping[str, Any]:
    """Return arrays of which the labels of several outputs are one mapping, under the name of
    labels, where there are such and no plain ones; and the samples of several inputs as well.
    """
    for kind, place, wanted in ((LABELS, 1, is_several(task)), (SAMPLES, 0, False)):
        plain = {pair[place] for pair in TRAINING}
        if wanted or not any(name.lower() in plain for name in arrays):
            arrays = _gathered(arrays, kind)
    return arrays


def _gathered(arrays: Mapping[str, Any], kind: Sequence[str]) -> Mapping[str, Any]:
    found: Dict[str, Any] = {}
    for name, array in arrays.items():
        whole, end = _end(name, kind)
        if not end:
            found[name] = array
        elif isinstance(found.setdefault(whole, {}), dict):
            found[whole][end] = array
    return found


def dataset_of(name: str, arrays: Mapping[str, Any], where: str, task: str = AUTO) -> Dataset:
    """Return a checked dataset of arrays by name. Those of unknown names are told in a note.

    Args:
        name: what the dataset is called.
        arrays: by name; of unknown names the values do not matter.
        where: what holds them, in messages.
        task: what is learned; ``auto`` is what an array of the name ``task`` says, or ``y``.

    Raises:
        DataError: samples or labels are missing, one set has two names, or an array cannot be used.
    """
    said = np.asarray(arrays.get(_Names(arrays, where).spelt(TASK), AUTO))
    task = str(said) if task == AUTO and said.ndim == 0 else task
    arrays = _by_end(arrays, task)
    found = _Names(arrays, where)
    found.one((TASK,))
    x, y = found.pair(TRAINING) or found.whole_pair(OTHERS["training"]) or TRAINING[0]
    for key in (x, y):
        if key not in arrays:
            raise DataError(f"{where} holds no array '{key}' (it holds: {few_names(arrays)})", SAVE)
    test = found.pair(TEST, alone=True) or found.whole_pair(OTHERS["test"]) or TEST[0]
    validation = (
        found.pair(VALIDATION, alone=True)
        or found.whole_pair(OTHERS["validation"])
        or VALIDATION[0]
    )
    weights: Dict[str, Any] = {
        argument: arrays.get(found.one(names)) for argument, names in WEIGHTS.items()
    }
    named = found.spelt(CLASSES) not in arrays and np.asarray(arrays[y]).dtype.kind in "iu"
    classes = arrays.get(found.one((TARGET_NAMES if named and x == "data" else CLASSES,)))
    about = _about(found, arrays, arrays[x])
    return make_dataset(
        name,
        arrays[x],
        arrays[y],
        test_x=arrays.get(test[0]),
        test_y=arrays.get(test[1]),
        validation_x=arrays.get(validation[0]),
        validation_y=arrays.get(validation[1]),
        classes=classes,
        keys=(x, y, *test, *validation),
        notes=found.notes(),
        task=task,
        **weights,
        **about,
    )


def _about(found: "_Names", arrays: Mapping[str, Any], x: Any) -> Dict[str, Any]:
    """Return the range of values and the names of the columns, where arrays of these names hold
    such; others are told as arrays that are not used.
    """
    about: Dict[str, Any] = {}
    values, names = (np.asarray(arrays.get(found.spelt(n))) for n in (RANGE, FEATURES))
    if values.shape == (2,) and values.dtype.kind in "iuf":
        about[RANGE] = tuple(values.tolist())
        found.one((RANGE,))
    if len(np.shape(x)) == 2 and names.shape == np.shape(x)[1:]:
        about[FEATURES] = [str(name) for name in names.tolist()]
        found.one((FEATURES,))
    return about


class _Names:
    """The names of arrays: which are taken, and as what."""

    def __init__(self, arrays: Mapping[str, Any], where: str) -> None:
        self._where = where
        self._arrays = arrays
        self._taken: List[str] = []
        self._by_lower: Dict[str, str] = {}
        for name in sorted(arrays, reverse=True):  # capitals sort first: x counts before X
            self._by_lower.setdefault(name.lower(), name)

    def spelt(self, name: str) -> str:
        """Return a name as it is spelt here."""
        return self._by_lower.get(name, name)

    def pair(self, pairs: Sequence[Pair], alone: bool = False) -> Optional[Pair]:
        """Return the first pair of which one is there, as it is spelt here; None without.

        Args:
            pairs: of the names of samples and labels.
            alone: whether another pair that is there as well is an error.
        """
        spelt = [(self.spelt(x), self.spelt(y)) for x, y in pairs]
        there = [pair for pair in spelt if set(pair) & set(self._arrays)]
        if alone and len(there) > 1:
            self._refuse_two(there[0][0], there[1][0])
        self._taken += there[0] if there else ()
        return there[0] if there else None

    def whole_pair(self, pairs: Sequence[Pair]) -> Optional[Pair]:
        """Return the first pair of which both are there, as it is spelt here; None without."""
        spelt = [(self.spelt(x), self.spelt(y)) for x, y in pairs]
        found = next((pair for pair in spelt if set(pair) <= set(self._arrays)), None)
        self._taken += found or ()
        return found

    def one(self, names: Sequence[str]) -> str:
        """Return the one of these names that is there, as it is spelt here; "" without."""
        there = [self.spelt(name) for name in names if self.spelt(name) in self._arrays]
        if len(there) > 1:
            self._refuse_two(there[0], there[1])
        self._taken += there
        return there[0] if there else ""

    def _refuse_two(self, first: str, second: str) -> None:
        raise DataError(f"{self._where} holds both '{first}' and '{second}'", "Keep one of them.")

    def notes(self) -> List[str]:
        """Return a line about the arrays that nothing is done with, if there are any."""
        left = [name for name in self._arrays if name not in self._taken]
        return [f"{self._where} also holds {few_names(left)}: not used"] if left else []
