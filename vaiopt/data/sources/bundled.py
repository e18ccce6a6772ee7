"""The real datasets that come with scikit-learn: nothing to download."""

from __future__ import annotations

from typing import Any

import numpy as np

from vaiopt.data.dataset import Dataset, make_dataset
from vaiopt.data.sources.source import named
from vaiopt.errors import MissingToolError


def load_digits() -> Dataset:
    """Return the 1,797 handwritten digits, uint8 (N, 8, 8, 1) from 0 to 16, ten classes.

    Source: scikit-learn's ``load_digits``, the test set of UCI's "Optical Recognition of
    Handwritten Digits" (E. Alpaydin, C. Kaynak, 1998): each pixel counts the ink in a 4 by 4 block,
    so the range is 0 to 16.
    """
    data = _sklearn_datasets().load_digits()
    return make_dataset(
        "digits",
        np.asarray(data.images).astype(np.uint8),
        data.target,
        classes=[str(name) for name in data.target_names],
        value_range=(0.0, 16.0),
    )


def load_breast_cancer() -> Dataset:
    """Return the 569 breast tumours, float32 (N, 30), classes malignant and benign.

    Source: scikit-learn's ``load_breast_cancer``, UCI's "Breast Cancer Wisconsin (Diagnostic)" (W.
    Wolberg, O. Mangasarian, N. Street, 1995).
    """
    data = _sklearn_datasets().load_breast_cancer()
    return make_dataset(
        "breast_cancer",
        data.data,
        data.target,
        classes=[str(name) for name in data.target_names],
        feature_names=data.feature_names,
    )


def load_diabetes() -> Dataset:
    """Return 442 patients, float32 (N, 10), and how far their diabetes went on in a year, 25 to
    346.

    Source: scikit-learn's ``load_diabetes`` (B. Efron, T. Hastie, I. Johnstone, R. Tibshirani,
    "Least Angle Regression", 2004), its features as they come there: centred and of one length.
    """
    data = _sklearn_datasets().load_diabetes()
    return make_dataset(
        "diabetes",
        data.data,
        data.target,
        classes=["progression"],
        feature_names=data.feature_names,
        task="regression",
    )


def _sklearn_datasets() -> Any:
    try:
        from sklearn import datasets
    except ImportError as error:
        raise MissingToolError(
            f"scikit-learn cannot be imported ({error}); it brings this dataset",
            "Install it with: pip install scikit-learn",
        ) from error
    return datasets


DIGITS = named("digits", load_digits)
DIABETES = named("diabetes", load_diabetes)
BREAST_CANCER = named("breast_cancer", load_breast_cancer)
