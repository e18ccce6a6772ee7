"""Trials on a Dask cluster, behind ``concurrent.futures.Executor``.

The data set is sent to every worker once, with the code that runs trials there
(:mod:`vaiopt.search.execution.dask_worker`). A trial is sent as plain values and comes back as its
record and the files that it wrote, so the machines need no common disk, and the data need not be on
any of them. A trial whose worker is lost is run again by Dask on another.
"""

from __future__ import annotations

import concurrent.futures
import hashlib
import socket
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Dict, Mapping
from urllib.parse import urlsplit

from vaiopt.data.store import in_memory
from vaiopt.errors import MissingToolError, RunError
from vaiopt.files import atomic_path
from vaiopt.json_text import parse_json
from vaiopt.reading import LARGEST_WRITTEN, read_bytes, read_text
from vaiopt.search.execution.base import TrialExecutor
from vaiopt.search.execution.dask_worker import (
    NO_FILE,
    NamedFile,
    run_in_plugin,
    trial_plugin,
)
from vaiopt.search.execution.inline import InProcessExecutor
from vaiopt.search.training.shared import load
from vaiopt.search.training.trial import run_trial
from vaiopt.settings import Settings

CONNECT_SECONDS = 10.0
"""How long a scheduler may take to answer."""

LARGEST_SENT = 2 * 2**30
"""Bytes of a file of a person's that is sent to the workers."""

LONGEST_ADDRESS = 1000
"""Characters of an address, with what may follow the port."""

SENDING_ATTEMPTS = 3
"""How often the data are sent; a worker that is lost meanwhile spoils it for all."""

SCHEDULER_LOST = (
    "CancelledError",
    "FutureCancelledError",
    "CommClosedError",
    "SchedulerClosedError",
)
"""Names of what Dask's versions raise from a future whose scheduler is gone."""


class DaskExecutor(TrialExecutor):
    """Runs trials on a Dask cluster, and anything else in this process.

    Args:
        settings: of the run; ``search.scheduler`` is the address of the scheduler, or the path of a
            scheduler file.

    Raises:
        MissingToolError: Dask is not installed.
        RunError: no scheduler answers there, or it has no workers, or none with the resources that
            a trial asks for.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client = connect(settings.search.scheduler)
        # Several searches may share a cluster, and one may come back to trials that it was killed
        # over.
        self._key = f"vaiopt-trial-{uuid.uuid4().hex}"
        self._name = ""
        if not self._suited():
            self._client.close()
            resources = sorted(settings.search.resources.items())
            wanted = " ".join(f"{name}={amount:g}" for name, amount in resources)
            raise RunError(
                f"no worker of the cluster has what search.resources asks for: {wanted}",
                f"Start one that does: dask worker {settings.search.scheduler} --nthreads 1"
                f" --resources '{wanted}'",
            )

    def _suited(self) -> int:
        """Return how many workers there are now that have the resources of a trial."""
        try:
            workers = self._client.scheduler_info(**_all_workers()).get("workers", {})
        except OSError:  # the scheduler is gone; the trial that is sent next says so
            return 0
        wanted = self._settings.search.resources
        return sum(_has(worker.get("resources") or {}, wanted) for worker in workers.values())

    @property
    def slots(self) -> int:
        """Trials at once: as set, or one for each suitable worker that is there now."""
        workers = self._suited()
        wanted = self._settings.search.workers
        return max(1, min(wanted, workers) if wanted > 1 else workers)

    def submit(  # type: ignore[override]
        self, fn: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> "concurrent.futures.Future[Any]":
        """Send a trial to the cluster; call any other function here, at once."""
        if fn is not run_trial:
            return InProcessExecutor().submit(fn, *args, **kwargs)
        result: "concurrent.futures.Future[Any]" = concurrent.futures.Future()
        job = args[0]
        if self._client.status == "closed":
            raise _lost(ConnectionError())
        if not self._name:
            self._name = self._send_data(job.folder)
        remote = self._client.submit(
            run_in_plugin,
            self._name,
            replace(job, folder="", memory_mb=None),
            pure=False,
            key=f"{self._key}-{job.number}",
            resources=self._settings.search.resources or None,
        )
        remote.add_done_callback(lambda done: _settle(done, result, Path(job.folder)))
        return result

    def _send_data(self, folder: str) -> str:
        """Send the data to all workers; those that join later get them from the scheduler. Return
        the name of the plugin that holds them.

        The name is the run's: what a search that was killed left there is replaced when it goes on.
        """
        settings = self._settings
        files = _file(settings.model.family.partition(":")[0], ".py"), _file(settings.model.weights)
        plugin = trial_plugin(settings, in_memory(load(settings)), *files)
        digest = hashlib.sha256(f"{socket.gethostname()}:{folder}".encode()).hexdigest()
        name, client = f"vaiopt-{digest[:16]}", self._client
        # Before 2023.9 the one, since 2024 the other.
        register = getattr(client, "register_plugin", None) or client.register_worker_plugin
        for left in reversed(range(SENDING_ATTEMPTS)):
            try:
                register(plugin, name=name)
                break
            except OSError as error:  # a worker was lost meanwhile, or the scheduler
                if not left or client.status != "running":
                    raise _lost(error) from error
            except (ImportError, AttributeError, TypeError) as error:
                raise RunError(
                    f"a worker of the cluster cannot run trials ({type(error).__name__}: {error})",
                    "Install the same vaiopt in the environment of every worker: pip install"
                    " 'vaiopt[dask]'",
                ) from error
        return name

    def shutdown(self, wait: bool = True, **options: Any) -> None:
        """Leave the cluster, which goes on without this search; its trials are ended by that."""
        try:
            if self._name and self._client.status == "running":
                self._client.unregister_worker_plugin(self._name)
        except (OSError, ValueError):
            pass  # the scheduler is gone, or started again; there is nothing to leave
        finally:
            self._client.close()


def _has(offered: Mapping[str, float], wanted: Mapping[str, float]) -> bool:
    return all(offered.get(name, 0.0) >= amount for name, amount in wanted.items())


def connect(address: str) -> Any:
    """Return a Dask client.

    Args:
        address: ``tcp://HOST:PORT``, or the path of a scheduler file.

    Raises:
        MissingToolError: Dask is not installed.
        RunError: no scheduler answers there, or it has no workers.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise MissingToolError(
            f"Dask is not installed ({error})", "Install it with: pip install 'vaiopt[dask]'"
        ) from error
    where = _checked(address) if "://" in address else _address_in(address)
    try:
        client = Client(where, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError, RuntimeError) as error:  # TimeoutError is an OSError
        raise RunError(
            f"no Dask scheduler answers at '{address}' ({type(error).__name__})",
            f"Start one with 'dask scheduler', and workers with 'dask worker {address}"
            " --nthreads 1'.",
        ) from error
    try:
        client.wait_for_workers(1, timeout=CONNECT_SECONDS)
    except (OSError, TimeoutError) as error:
        client.close()
        raise RunError(
            f"the Dask scheduler at '{address}' has no workers",
            f"Start some: dask worker {address} --nthreads 1 --nworkers 2",
        ) from error
    return client


def _address_in(path: str) -> str:
    """Return the address that a scheduler file holds."""
    if not Path(path).exists():
        raise RunError(
            f"there is no scheduler file '{path}'",
            f"Start one: dask scheduler --scheduler-file {path}",
        )
    try:
        address = parse_json(read_text(path, LARGEST_WRITTEN))["address"]
        if not isinstance(address, str) or len(address) > LONGEST_ADDRESS:
            raise TypeError("no address")
        return _checked(address)
    except OSError as error:
        raise RunError(
            f"the scheduler file '{path}' cannot be read: {error}",
            f"Start the scheduler anew: dask scheduler --scheduler-file {path}",
        ) from error
    except (ValueError, KeyError, TypeError) as error:  # no JSON, no text, or of another shape
        raise RunError(
            f"'{path}' is not a scheduler file: it holds no address",
            f"Start the scheduler anew: dask scheduler --scheduler-file {path}",
        ) from error


def _checked(address: str) -> str:
    """Return an address; Dask takes a broken one, too, and then waits for it."""
    try:
        parts = urlsplit(address)
        complete = parts.hostname is not None and parts.port is not None
    except ValueError:
        complete = False
    if not complete:
        raise RunError(
            f"'{address}' is not the address of a scheduler",
            "Give tcp://HOST:PORT, or the path of a scheduler file.",
        )
    return address


def _all_workers() -> Dict[str, int]:
    """Return the argument that newer versions of Dask need to list more than five workers."""
    import inspect

    from distributed import Client

    known = inspect.signature(Client.scheduler_info).parameters
    return {"n_workers": -1} if "n_workers" in known else {}


def _file(name: str, suffix: str = "") -> NamedFile:
    """Return a file to send to the workers, none if it is no file of that suffix."""
    path = Path(name)
    if not name or not path.name.endswith(suffix) or not path.is_file():
        return NO_FILE
    return path.name, read_bytes(path, LARGEST_SENT)


def _settle(remote: Any, result: "concurrent.futures.Future[Any]", folder: Path) -> None:
    """Write the files of a finished trial into the run folder and hand on its record."""
    try:
        record, files = remote.result()
        for name, content in files.items():
            with atomic_path(folder / name) as temporary:
                temporary.write_bytes(content)
        result.set_result(record)
    except BaseException as error:  # noqa: BLE001  cancellation is one
        result.set_exception(_lost(error) if type(error).__name__ in SCHEDULER_LOST else error)


def _lost(error: BaseException) -> RunError:
    return RunError(
        f"the Dask scheduler was lost, or it cancelled the trials ({type(error).__name__})",
        "See that it runs and repeat the command: only the trials that were running are run again.",
    )
