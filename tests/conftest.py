"""What holds for all tests: small and repeatable."""

import os
import threading
from pathlib import Path
from typing import Any, Iterator, Optional

import pytest
from hypothesis import HealthCheck, settings

# Before any test imports NumPy or TensorFlow: one thread, since the tests themselves run side by
# side; no GPU; Keras 2; warnings only.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ["COLUMNS"] = "120"  # width of tables and help texts, whatever the terminal is
os.environ["NO_COLOR"] = "1"

# The same examples every time, and no limit on the time of one: the machines of CI are slow and
# shared.
settings.register_profile(
    "repeatable",
    deadline=None,
    derandomize=True,
    max_examples=50,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("repeatable")


def pytest_make_parametrize_id(val: Any, argname: str) -> Optional[str]:
    """Name bytes by their argument: gzip puts the time into them, and all workers of xdist must
    collect the same names.
    """
    return argname if isinstance(val, bytes) else None


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of the repository."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def no_user_data(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test depends on the settings of the person who runs it; one that needs VAIOPT_DATA reads
    it when it is imported, or skips.
    """
    for name in list(os.environ):
        if name.startswith("VAIOPT_"):
            monkeypatch.delenv(name)
    yield


@pytest.fixture
def hears_signals() -> None:
    """The test runs in the main thread, the only one that hears signals."""
    if threading.current_thread() is not threading.main_thread():
        pytest.skip("this worker of pytest-xdist runs its tests in another thread")


@pytest.fixture(scope="session")
def keras() -> Any:
    """Keras 2."""
    from vaiopt.keras import load_keras

    return load_keras()
