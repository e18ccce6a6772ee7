"""Worker processes that do not run the person's script again."""

from __future__ import annotations

import os
import threading
from multiprocessing import spawn
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any, Dict

_without = threading.local()
_starting = threading.RLock()
"""Held while the environment of this process is that of one that it starts."""
_prepared = spawn.get_preparation_data

MAIN = ("init_main_from_name", "init_main_from_path")
"""What tells a spawned process to run the module ``__main__`` of its parent."""


def _preparation_data(name: str) -> Dict[str, Any]:
    """Return what a process is told at its start, without the script where a worker starts."""
    data: Dict[str, Any] = _prepared(name)
    if getattr(_without, "main", False):
        data = {key: value for key, value in data.items() if key not in MAIN}
    return data


# The standard library has no other place to say so; processes of others are told what they were.
spawn.get_preparation_data = _preparation_data


class Worker(SpawnProcess):
    """A spawned process in which the script of its parent is not run.

    Python runs it there, so that what it defines can be sent; workers are sent nothing of it. A
    script without ``if __name__ == "__main__":`` would begin its search again in each worker.

    Attributes:
        variables: of its environment, besides those of this process.
    """

    variables: Dict[str, str] = {}

    @staticmethod
    def _Popen(process_obj: Any) -> Any:  # noqa: N802  the hook of the standard library
        with _starting:
            before = {name: os.environ.get(name) for name in process_obj.variables}
            os.environ.update(process_obj.variables)
            _without.main = True
            try:
                return SpawnProcess._Popen(process_obj)
            finally:
                _without.main = False
                for name, value in before.items():
                    if value is None:
                        del os.environ[name]
                    else:
                        os.environ[name] = value


class WorkerContext(SpawnContext):
    """Makes such processes. A forked TensorFlow deadlocks; a spawned one starts clean."""

    Process = Worker
