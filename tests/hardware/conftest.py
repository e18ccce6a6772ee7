"""Keras, loaded once for this folder."""

from typing import Any

import pytest

from vaiopt.keras import load_keras


@pytest.fixture(scope="session")
def keras() -> Any:
    """Keras 2."""
    return load_keras()
