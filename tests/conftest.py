"""What holds for all tests: small and repeatable."""

import csv
import os
import threading
from pathlib import Path
from typing import Any, Dict, Iterator, Optional

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


def _seconds() -> Dict[str, float]:
    """About how long each file of ``longest.csv`` takes."""
    with Path(__file__).with_name("longest.csv").open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(line for line in file if not line.startswith("#"))
        return {row["file"]: float(row["seconds"]) for row in rows}


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Let ``--dist loadfile`` hand out the longest files first, where xdist goes by the number of
    their tests: a search from end to end is one, and begun last it is what everything waits for.
    """
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    seconds = _seconds()

    class LongestFirst(LoadFileScheduling):  # type: ignore[misc]
        def _assign_work_unit(self, node: Any) -> None:
            waiting = self.workqueue
            longest = max(waiting, key=lambda file: (seconds.get(file, 0.0), len(waiting[file])))
            waiting.move_to_end(longest, last=False)
            super()._assign_work_unit(node)

    return LongestFirst(config, log)


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
