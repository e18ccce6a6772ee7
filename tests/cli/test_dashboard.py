"""Optuna's dashboard on a run: the real one where it is installed, and everywhere a stand-in that
is as strict about what it is given.
"""

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from vaiopt.cli import main
from vaiopt.dashboard import make_dashboard
from vaiopt.errors import MissingToolError, RunError, SettingsError
from vaiopt.runs.layout import Run
from vaiopt.settings import Settings, save_run_settings
from vaiopt.study.storage import STUDY_NAME, journal_storage, quiet_optuna

HOST = "127.0.0.1"
# What is used of the real one: wsgi() over a storage, the page of a study, the lists of studies and
# trials, and what must not get through.
STAND_IN = """
import json, re
from optuna.storages import BaseStorage

def wsgi(storage, artifact_store=None, *, artifact_backend=None):
    assert isinstance(storage, BaseStorage), storage

    def application(environ, start_response):
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        one = re.match(r"/api/studies/(\\d+)$", path)
        status, kind, body = "404 Not Found", "text/plain", b""
        if method == "GET" and path.startswith("/dashboard"):
            status, kind, body = "200 OK", "text/html", b"<title>Optuna Dashboard</title>"
        elif method == "GET" and path == "/api/studies":
            found = [
                {"study_id": s._study_id, "study_name": s.study_name}
                for s in storage.get_all_studies()
            ]
            body = json.dumps({"study_summaries": found}).encode()
            status, kind = "200 OK", "application/json"
        elif method == "GET" and one:
            found = [
                {"number": t.number, "state": t.state.name.capitalize()}
                for t in storage.get_all_trials(int(one.group(1)))
            ]
            body = json.dumps({"trials": found}).encode()
            status, kind = "200 OK", "application/json"
        elif method == "DELETE" and one:
            storage.delete_study(int(one.group(1)))
            status = "204 No Content"
        start_response(status, [("Content-Type", kind)])
        return [body]

    return application
"""


@pytest.fixture
def run(tmp_path):
    """A run with two complete trials and one that runs."""
    made = Run(tmp_path / "run")
    save_run_settings(made, Settings(), {})
    study = quiet_optuna().create_study(
        study_name=STUDY_NAME, storage=journal_storage(made), direction="maximize"
    )
    for value in (0.5, 0.75):
        trial = study.ask()
        trial.suggest_int("layers", 1, 3)
        study.tell(trial, value)
    study.ask()
    return made


@pytest.fixture
def stand_in(tmp_path):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "optuna_dashboard.py").write_text(STAND_IN)
    return str(tmp_path / "site")


@pytest.fixture(params=["stand-in", "installed"])
def served(request, run, stand_in, monkeypatch):
    """Address of the run's page, with the server of either dashboard behind it."""
    if request.param == "installed" and importlib.util.find_spec("optuna_dashboard") is None:
        pytest.skip("optuna-dashboard is not installed")
    if request.param == "stand-in":
        monkeypatch.syspath_prepend(stand_in)
        monkeypatch.delitem(sys.modules, "optuna_dashboard", raising=False)
    address, server = make_dashboard(run, HOST, 0)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield address
    server.shutdown()
    thread.join()
    server.server_close()
    if request.param == "stand-in":
        del sys.modules["optuna_dashboard"]


def ask(address, method="GET"):
    """Return status and body."""
    try:
        with urlopen(Request(address, method=method), timeout=60) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


def test_it_shows_the_study_and_its_trials(served, run):
    base = served.split("/dashboard")[0]
    assert served.startswith("http://127.0.0.1:")
    status, page = ask(served)
    assert status == 200
    assert "Optuna Dashboard" in page
    (summary,) = json.loads(ask(base + "/api/studies")[1])["study_summaries"]
    assert summary["study_name"] == STUDY_NAME
    assert served.endswith("/dashboard/studies/{}".format(summary["study_id"]))

    def states():
        return [
            (t["number"], t["state"])
            for t in json.loads(ask("{}/api/studies/{}".format(base, summary["study_id"]))[1])[
                "trials"
            ]
        ]

    assert states() == [(0, "Complete"), (1, "Complete"), (2, "Running")]


def test_nothing_can_be_changed_from_it(served, run):
    base = served.split("/dashboard")[0]
    before = run.journal.read_bytes()
    number = served.rsplit("/", 1)[1]
    for method, path in (
        ("DELETE", "/api/studies/" + number),
        ("POST", "/api/trials/2/tell"),
        ("PUT", "/api/studies/" + number + "/note"),
    ):
        status, reason = ask(base + path, method)
        assert status == 403
        assert "for looking only" in json.loads(reason)["reason"]
    assert run.journal.read_bytes() == before


def test_a_search_goes_on_beside_it_and_is_seen(served, run):
    address = "{}/api/studies/{}".format(served.split("/dashboard")[0], served.rsplit("/", 1)[1])
    ask(address)
    study = quiet_optuna().load_study(study_name=STUDY_NAME, storage=journal_storage(run))
    study.tell(study.ask(), 0.25)
    assert [t.state.name for t in study.get_trials()] == [
        "COMPLETE",
        "COMPLETE",
        "RUNNING",
        "COMPLETE",
    ]
    # The real one keeps what it read for a few seconds.
    deadline = time.monotonic() + 300
    while len(json.loads(ask(address)[1])["trials"]) < 4 and time.monotonic() < deadline:
        time.sleep(0.2)
    assert json.loads(ask(address)[1])["trials"][3]["state"] == "Complete"


def test_the_command_prints_the_address_and_ends_at_ctrl_c(run, stand_in, root):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([stand_in, str(root)])}
    command = [sys.executable, "-m", "vaiopt", "dashboard", str(run.folder), "--port", "0"]
    process = subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # Tests that run in the background of a shell are started with it ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        address = process.stdout.readline().decode().strip()
        assert ask(address)[0] == 200
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=300)
    finally:
        if process.poll() is None:
            process.kill()
    assert process.returncode == 0, err
    assert err.decode() == "Ctrl-C ends it\n"


def test_without_the_dashboard_it_says_how_to_install_it(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna_dashboard", None)
    with pytest.raises(MissingToolError) as caught:
        make_dashboard(run, HOST, 0)
    assert "pip install 'vaiopt[dashboard]'" in caught.value.hint


def test_a_port_in_use_is_refused(run, stand_in, monkeypatch):
    monkeypatch.syspath_prepend(stand_in)
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen(1)
        with pytest.raises(SettingsError, match="the port is in use") as caught:
            make_dashboard(run, HOST, taken.getsockname()[1])
    del sys.modules["optuna_dashboard"]
    assert "--port" in caught.value.hint


@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_a_port_that_is_none_is_refused(capfd, run, port):
    with pytest.raises(SystemExit) as caught:
        main(["dashboard", str(run.folder), "--port", port])
    assert caught.value.code == 2
    assert "--port" in capfd.readouterr().err


def test_a_run_without_trials_names_the_command_that_makes_them(tmp_path):
    save_run_settings(Run(tmp_path), Settings(), {})
    with pytest.raises(RunError) as caught:
        make_dashboard(Run(tmp_path), HOST, 0)
    assert "vaiopt search" in caught.value.hint
    assert [path.name for path in tmp_path.iterdir()] == ["run.toml"]
