"""What a worker of a Dask cluster holds for a search: the data, and the process that runs its
trials.

A plugin of the cluster's workers rather than data that Dask moves about: a worker that joins later
has it too, and none depends on another that may be lost. Trials run in a child of the worker, as
local ones run in a child of the search, since nothing can stop a thread.
"""

from __future__ import annotations

import multiprocessing
import tempfile
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Dict, Tuple

from vaiopt.errors import MissingToolError
from vaiopt.keras import load_tensorflow
from vaiopt.search.execution.limits import death_reason, memory_limit_mb
from vaiopt.search.execution.processes import ProcessExecutor, start_worker
from vaiopt.search.training.shared import shared_of
from vaiopt.search.training.trial import Job, run_trial
from vaiopt.settings import Settings
from vaiopt.settings.choices import NO_GPUS
from vaiopt.study.record import TrialRecord

Answer = Tuple[TrialRecord, Dict[str, bytes]]
"""A trial's record and, by their paths in the run folder, the files that it wrote."""

NamedFile = Tuple[str, bytes]
"""The name of a file, and what it holds."""

NO_FILE: NamedFile = ("", b"")


class TrialRunner:
    """Runs the trials of one search in a worker, one at a time, with as many threads as the worker
    has.

    Args:
        settings: of the run.
        dataset: the data.
        source: name and content of the user's model file, empty for a family of ours.
        weights: the same of the file of weights, empty without one.
    """

    def __init__(
        self, settings: Settings, dataset: Any, source: NamedFile, weights: NamedFile = NO_FILE
    ) -> None:
        self._settings = settings
        self._dataset = dataset
        self._source = source
        self._weights = weights

    def setup(self, worker: Any) -> None:
        """Write the user's model file and make the pool; the first trial starts its process."""
        search = self._settings.search
        self._folder = tempfile.TemporaryDirectory(prefix="vaiopt-")
        self._local = self._local_settings(Path(self._folder.name))
        # Newer versions of Dask keep both attributes elsewhere.
        threads = int(getattr(worker, "state", worker).nthreads)
        limit = getattr(worker, "memory_manager", worker).memory_limit
        self._memory_mb = memory_limit_mb(replace(search, workers=1))
        if limit and not search.trial_memory_mb:
            self._memory_mb = 0.9 * limit / 1e6
        prepare = partial(start_remote, threads, self._local, self._dataset)
        gpus = () if search.gpus == NO_GPUS else None  # else whatever the worker may use
        self._pool = ProcessExecutor(1, search.recycle_after, search.trial_timeout, prepare, gpus)
        # A nanny makes its worker a daemon, which may have no children; this one ends with it all
        # the same, see ProcessExecutor.
        multiprocessing.current_process().daemon = False

    def teardown(self, worker: Any) -> None:
        """End the process, and the trial in it if there is one."""
        self._pool.shutdown(wait=False)
        self._folder.cleanup()

    def run(self, job: Job) -> Answer:
        """Run a trial. Whatever stops its process becomes its reason."""
        with tempfile.TemporaryDirectory(prefix="vaiopt-") as folder:
            local = replace(job, folder=folder, settings=self._local, memory_mb=self._memory_mb)
            try:
                record = self._pool.submit(run_trial, local).result()
            except Exception as error:
                reason = death_reason(error, self._settings.search, self._memory_mb)
                if reason is None:
                    raise
                record = job.failed(reason)
            files = [path for path in sorted(Path(folder).rglob("*")) if path.is_file()]
            return record, {str(path.relative_to(folder)): path.read_bytes() for path in files}

    def _local_settings(self, folder: Path) -> Settings:
        """Return the settings with the user's files where they stand on this machine."""
        model = self._settings.model
        for name, content in filter(lambda file: file[0], (self._source, self._weights)):
            (folder / name).write_bytes(content)
        if self._source[0]:
            family = str(folder / self._source[0]) + model.family.partition(".py")[2]
            model = replace(model, family=family)
        if self._weights[0]:
            model = replace(model, weights=str(folder / self._weights[0]))
        return replace(self._settings, model=model)


def start_remote(threads: int, settings: Settings, dataset: Any) -> None:
    """Prepare a process for the trials of a cluster's worker, with the data that were sent."""
    start_worker(threads)
    with suppress(MissingToolError):  # the trial says so
        load_tensorflow()
    shared_of(settings, dataset)


def trial_plugin(
    settings: Settings, dataset: Any, source: NamedFile, weights: NamedFile = NO_FILE
) -> Any:
    """Return a :class:`TrialRunner` that is a plugin of Dask's, which is imported only now."""
    from distributed import WorkerPlugin

    class TrialPlugin(TrialRunner, WorkerPlugin):
        """Sent whole, being a local class; the workers have its base, which does all."""

    return TrialPlugin(settings, dataset, source, weights)


def run_in_plugin(name: str, job: Job) -> Answer:
    """Run a trial by the plugin of that name, in a worker of the cluster."""
    from distributed import get_worker

    plugin: TrialRunner = get_worker().plugins[name]
    return plugin.run(job)
