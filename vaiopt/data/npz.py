"""Arrays in an ``.npz`` file, named ``x, y[, x_test, y_test]`` or as Keras names them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Optional

import numpy as np

from vaiopt.data.dataset import Dataset, make_dataset
from vaiopt.errors import DataError
from vaiopt.files import NPZ_ERRORS

TRAINING_KEYS = (("x", "y"), ("x_train", "y_train"))
TEST_KEYS = ("x_test", "y_test")


def load_npz(path: Path, name: Optional[str] = None) -> Dataset:
    """Load a dataset from an ``.npz`` file.

    It holds ``x`` and ``y`` (or ``x_train`` and ``y_train``), and optionally ``x_test`` and
    ``y_test``, and ``classes``, the class names. Other arrays are left alone. Pickled objects are
    never read.

    Args:
        path: the file.
        name: what the dataset is called; by default the file's name.

    Raises:
        DataError: it cannot be read, an array is missing, or an array cannot be used.
    """
    arrays = read_arrays(path)
    keys = next(
        (pair for pair in TRAINING_KEYS if pair[0] in arrays or pair[1] in arrays), TRAINING_KEYS[0]
    )
    for key in keys:
        if key not in arrays:
            raise DataError(
                "'{}' holds no array '{}' (it holds: {})".format(
                    path, key, ", ".join(sorted(arrays)) or "nothing"
                ),
                "Save it with numpy.savez('data.npz', x=x, y=y), optionally x_test, y_test and"
                " classes.",
            )
    return make_dataset(
        name or path.name,
        arrays[keys[0]],
        arrays[keys[1]],
        test_x=arrays.get(TEST_KEYS[0]),
        test_y=arrays.get(TEST_KEYS[1]),
        classes=arrays.get("classes"),
        keys=keys + TEST_KEYS,
    )


def read_arrays(path: Path) -> Dict[str, Any]:
    """Read the arrays of an ``.npz`` file that make a dataset, without unpickling anything.

    Raises:
        DataError: it is missing, cut off, not a zip of arrays, or an array holds pickled objects
            (the array is named).
    """
    wanted = {key for pair in TRAINING_KEYS for key in pair} | set(TEST_KEYS) | {"classes"}
    key = ""
    arrays: Dict[str, Any] = {}
    try:
        opened = np.load(str(path), allow_pickle=False)
        if isinstance(opened, np.ndarray):
            raise DataError(
                f"'{path}' holds a single array",
                "Save two arrays: numpy.savez('data.npz', x=x, y=y).",
            )
        with opened as file:
            for key in file.files:
                arrays[key] = file[key] if key in wanted else None
    except NPZ_ERRORS as error:
        where = f"array '{key}' of '{path}'" if key else f"'{path}'"
        if "pickle" in str(error):
            raise DataError(
                f"{where} holds pickled Python objects",
                "Save plain arrays of numbers or text: x.astype('float32'), y.astype(str).",
            ) from error
        raise DataError(
            f"{where} cannot be read ({type(error).__name__}: {error})",
            "The file is damaged or incomplete: copy or save it again.",
        ) from error
    return arrays
