"""Arrays from what a person gives as samples or labels."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from vaiopt.errors import DataError


def as_array(values: Any, label: str) -> np.ndarray:
    """Return ``numpy.asarray(values)``; rows of different lengths become a :class:`DataError` on
    every numpy.
    """
    try:
        with warnings.catch_warnings():
            # numpy before 1.24 warns and makes an object array of ragged rows; the check of the
            # type refuses that.
            warnings.simplefilter("ignore")
            return np.asarray(values)
    except (ValueError, TypeError) as error:
        raise DataError(
            f"{label} cannot be made into one array ({error})",
            "Give all samples the same shape and a numeric type.",
        ) from error
