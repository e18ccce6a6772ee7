"""Which worker has which GPU: ``search.gpus``.

A worker is told by the variable that CUDA reads, in its environment from the start, since
TensorFlow looks once. Workers beyond the GPUs share them in turn.
"""

from __future__ import annotations

from typing import Any, List, Optional, Sequence, Tuple

from vaiopt.errors import SettingsError
from vaiopt.gpus import HIDDEN, VISIBLE, visible_gpus
from vaiopt.keras import load_tensorflow
from vaiopt.search.execution.spawn import Worker, WorkerContext
from vaiopt.settings import SearchSettings
from vaiopt.settings.choices import ALL_GPUS, NO_GPUS

HINT = "Leave search.gpus out to use what there is, or train on the CPU: --set search.gpus=none"


def wanted_gpus(search: SearchSettings) -> Optional[Tuple[str, ...]]:
    """Return the GPUs that the local workers of a search share, as CUDA names them: () for none,
    None where nothing is to be said, since there is no GPU.

    Raises:
        SettingsError: fewer are visible than ``search.gpus`` asks for.
    """
    if search.gpus == NO_GPUS:
        return ()
    found = tuple(gpu.number for gpu in visible_gpus())
    if search.gpus == ALL_GPUS:
        return found or None
    most = int(search.gpus)
    if most > len(found):
        there = f"{len(found)} GPU(s)" if found else "no GPU"
        raise SettingsError(f"search.gpus is {most}, and this machine shows {there}", HINT)
    return found[:most]


def check_gpu(search: SearchSettings) -> None:
    """Check in a process that trains that TensorFlow sees the GPU that it was promised.

    Raises:
        SettingsError: a number of GPUs is asked for, and it sees none.
    """
    if search.gpus in (ALL_GPUS, NO_GPUS) or load_tensorflow().config.list_physical_devices("GPU"):
        return
    raise SettingsError(
        f"search.gpus is {search.gpus}, and TensorFlow sees no GPU in a worker",
        "Install its CUDA libraries: pip install 'tensorflow[and-cuda]'. " + HINT,
    )


def hide_gpus() -> None:
    """Let this process train on the CPU, unless TensorFlow has begun to use a GPU already."""
    tf = load_tensorflow()
    try:
        tf.config.set_visible_devices([], "GPU")
    except RuntimeError:  # it has: a script of a person's used it before
        return


class GpuContext(WorkerContext):
    """Makes worker processes that have one GPU each, the one that the fewest living ones have.

    Args:
        gpus: as CUDA names them; () hides all.
    """

    def __init__(self, gpus: Sequence[str]) -> None:
        super().__init__()
        self._gpus = tuple(gpus) or (HIDDEN,)
        self._workers: List[Tuple[Any, str]] = []

    def Process(self, *args: Any, **kwargs: Any) -> Worker:  # type: ignore[override]  # noqa: N802
        """Return a process, not started yet."""
        process = Worker(*args, **kwargs)
        # One that ended, for whatever reason, gives its GPU back; so one that replaces it gets it.
        self._workers = [pair for pair in self._workers if pair[0].exitcode is None]
        held = [gpu for _, gpu in self._workers]
        gpu = min(self._gpus, key=held.count)
        self._workers.append((process, gpu))
        process.variables = {VISIBLE: gpu}
        return process


def sharing_note(search: SearchSettings) -> str:
    """Return what is to be known of the GPUs of local workers, "" for nothing.

    Raises:
        SettingsError: as :func:`wanted_gpus`.
    """
    gpus = None if search.scheduler else wanted_gpus(search)
    if not gpus or search.workers <= len(gpus):
        return ""
    return (
        f"search.workers is {search.workers}, and there are {len(gpus)} GPU(s): workers share them,"
        " and their memory"
    )
