"""The study in a PostgreSQL server that is started here, where the server and its driver are
installed.
"""

import contextlib
import glob
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile

import pytest

from tests.search.quick import SETTINGS
from vaiopt.errors import MissingToolError, RunError
from vaiopt.runs.layout import Run
from vaiopt.search import search_run
from vaiopt.settings import override
from vaiopt.study.record import COMPLETE, INTERRUPTED
from vaiopt.study.storage import database_storage
from vaiopt.study.trials import load_trials


class Server:
    """A server of its own, in a folder that its user may write: PostgreSQL does not run as root."""

    def __init__(self, programs, folder):
        self._programs, self._folder = programs, folder
        self._user = []
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
            self._user = ["runuser", "-u", "postgres", "--"]
        with contextlib.closing(socket.socket()) as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._call("initdb", "--auth=trust", "--username=tester", "--no-sync")

    def _call(self, program, *arguments):
        command = [
            *self._user,
            os.path.join(self._programs, program),
            "-D",
            os.path.join(self._folder, "data"),
            *arguments,
        ]
        subprocess.run(
            command,
            check=True,
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def start(self):
        options = (
            f"-p {self.port} -c listen_addresses=127.0.0.1 -c"
            f" unix_socket_directories={self._folder} -c fsync=off"
        )
        self._call("pg_ctl", "-w", "-l", os.path.join(self._folder, "log"), "-o", options, "start")

    def stop(self):
        self._call("pg_ctl", "-m", "immediate", "stop")


@pytest.fixture
def server():
    pytest.importorskip("psycopg2")
    found = (
        shutil.which("initdb")
        or (sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb")) or [None])[-1]
    )
    if found is None or (os.geteuid() == 0 and shutil.which("runuser") is None):
        pytest.skip("needs PostgreSQL")
    folder = tempfile.mkdtemp(prefix="vaiopt-pg-")
    try:
        running = Server(os.path.dirname(found), folder)
        running.start()
        yield running
        running.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.slow
@pytest.mark.host
def test_a_study_in_postgresql_is_gone_on_with_after_the_server_was_lost(server, tmp_path):
    url = f"postgresql://tester:secret@127.0.0.1:{server.port}/postgres"
    settings = override(SETTINGS, [f"search.storage={json.dumps(url)}"])

    def stop(record):
        if record.number == 1:
            server.stop()

    with pytest.raises(RunError, match="was lost") as caught:
        search_run(settings, tmp_path / "run", on_trial=stop)
    assert "secret" not in caught.value.message
    with pytest.raises(RunError, match="cannot be used") as caught:
        search_run(settings, tmp_path / "other")
    assert "secret" not in caught.value.message
    assert "tester:***@127.0.0.1" in caught.value.message
    assert not (tmp_path / "other").exists()
    server.start()
    result = search_run(settings, tmp_path / "run")
    assert result.trials[COMPLETE] == 3
    finished = [t for t in load_trials(Run(tmp_path / "run")) if t.status != INTERRUPTED]
    assert [t.status for t in finished] == [COMPLETE] * 3
    with pytest.raises(RunError, match="belongs to the run"):
        search_run(settings, tmp_path / "other")


def test_a_server_that_says_nothing_is_given_up(monkeypatch):
    pytest.importorskip("psycopg2")
    monkeypatch.setattr(
        "vaiopt.study.storage.CONNECT_SECONDS", 2
    )  # the least that the driver takes
    with contextlib.closing(socket.socket()) as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(1)
        with pytest.raises(RunError, match="timeout expired"):
            database_storage(f"postgresql://127.0.0.1:{silent.getsockname()[1]}/x")


def test_a_missing_driver_is_named_with_the_extra_that_brings_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg2", None)
    with pytest.raises(
        MissingToolError, match=r"driver of 'postgresql://me:\*\*\*@host/name'"
    ) as caught:
        database_storage("postgresql://me:secret@host/name")
    assert caught.value.hint == "Install it with: pip install 'vaiopt[postgres]'"
