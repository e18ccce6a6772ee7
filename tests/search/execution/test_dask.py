"""Trials on a Dask cluster that was started as a user starts one: a scheduler and two workers, each
a process of its own.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from vaiopt.errors import MissingToolError, RunError
from vaiopt.runs.layout import Run
from vaiopt.search import search_run
from vaiopt.search.execution.dask import DaskExecutor, connect
from vaiopt.settings import load_settings, override
from vaiopt.study.record import COMPLETE, FAILED
from vaiopt.study.trials import load_trials

SETTINGS = load_settings(
    None,
    [
        "search.trials=4",
        "train.epochs=1",
        "data.limit=300",
        "model.family=mlp_tabular",
        "search.initial_points=4",
        "search.pruner=none",
    ],
)

MODEL = """
import os, signal, time
from pathlib import Path
from vaiopt.keras import load_tensorflow

def build_model(hp):
    keras = load_tensorflow().keras
    what = hp.Choice("what", ["fine", "slow", "fat", "deadly"])
    if os.getpid() != {search}:
        {body}
    layers = keras.layers
    start = [layers.Input(hp.input_shape), layers.Flatten()]
    return keras.Sequential([*start, layers.Dense(hp.classes, "softmax")])
"""
"""A model function that does harm in a worker, and none in the search's own process, where it is
traced before.
"""


LOG_SHOWN = 5000
"""Characters of the end of a process's log."""

pytestmark = pytest.mark.timeout(300)


def write_model(path, body):
    path.write_text(MODEL.format(search=os.getpid(), body=body.replace("\n", "\n        ")))
    return f"model.family='{path}:build_model'"


def start(log, module, *arguments, **environment):
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
        **environment,
    }
    command = [sys.executable, "-m", "distributed.cli." + module, *arguments]
    with open(str(log), "ab") as output:
        return subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)


@contextlib.contextmanager
def started(folder, *worker_options, workers=1, **environment):
    """A scheduler and workers: the scheduler's file, and the processes, the scheduler's first."""
    distributed = pytest.importorskip("distributed")
    file = folder / "scheduler.json"
    processes = [
        start(
            folder / "scheduler.log",
            "dask_scheduler",
            "--scheduler-file",
            str(file),
            "--port",
            "0",
            "--no-dashboard",
            **environment,
        )
    ]
    try:
        deadline = time.monotonic() + 300
        while not file.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        options = [
            "--scheduler-file",
            str(file),
            "--nthreads",
            "1",
            "--no-dashboard",
            "--local-directory",
            str(folder),
            *worker_options,
        ]
        processes += [
            start(folder / f"worker-{n}.log", "dask_worker", *options, "--death-timeout", "300")
            for n in range(workers)
        ]
        with distributed.Client(
            scheduler_file=str(file), timeout=300, set_as_default=False
        ) as client:
            client.wait_for_workers(workers, timeout=300)
        yield file, processes
    finally:
        for process in reversed(processes):  # a nanny ends its worker when it is asked to end
            process.terminate()
            process.wait()
        for log in sorted(folder.glob("*.log")):  # shown where a test fails
            print(log.name, log.read_text(errors="replace")[-LOG_SHOWN:], sep="\n")


@pytest.fixture
def cluster(tmp_path):
    with started(tmp_path, "--no-nanny", workers=2) as found:
        yield found


def address(file):
    return json.loads(file.read_text())["address"]


@pytest.mark.slow
def test_a_cluster_gives_the_run_folder_that_this_process_gives(cluster, tmp_path):
    file, _ = cluster
    here = override(SETTINGS, ["search.workers=0"])
    there = override(SETTINGS, [f"search.scheduler='{address(file)}'"])
    search_run(here, tmp_path / "here")
    search_run(there, tmp_path / "there")
    first, second = (load_trials(Run(tmp_path / name)) for name in ("here", "there"))
    # With two at once later proposals may differ; the start does not.
    assert second[0].hyperparameters == first[0].hyperparameters
    assert [t.status for t in second] == [COMPLETE] * 4
    assert second[0].value == pytest.approx(first[0].value, abs=0.05)
    assert len({t.worker for t in second}) == 2
    names = [
        sorted(p.name for p in (tmp_path / name).iterdir() if p.name != "study.journal.flock")
        for name in ("here", "there")
    ]
    assert names[0] == names[1]
    assert Run(tmp_path / "there").chosen.number in [t.number for t in second]


@pytest.mark.slow
def test_the_trials_of_a_lost_worker_are_run_again(cluster, tmp_path):
    file, processes = cluster
    # The first trial on the cluster waits for its worker to be killed. The data were sent, but that
    # worker alone need have had them.
    waiting = tmp_path / "waiting"
    body = "\n".join(
        [
            f"shared = {str(waiting)!r}",
            "own = shared + str(os.getpid())",
            "Path(own).write_text(str(os.getppid()))",
            "try:",
            "    os.link(own, shared)",
            "except FileExistsError:",
            "    pass",
            "else:",
            "    time.sleep(600)",
        ]
    )
    family = write_model(tmp_path / "model.py", body)
    lost = []

    def kill():
        while not waiting.exists():
            time.sleep(0.05)
        lost.append(int(waiting.read_text()))
        os.kill(lost[0], signal.SIGKILL)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    settings = override(SETTINGS, [f"search.scheduler='{file}'", family])
    result = search_run(settings, tmp_path / "run")
    assert lost[0] in [process.pid for process in processes[1:]]
    assert result.trials == {COMPLETE: 4}


@pytest.mark.slow
def test_a_scheduler_that_is_lost_ends_the_search_and_the_run_goes_on_without_it(cluster, tmp_path):
    file, processes = cluster
    settings = override(SETTINGS, [f"search.scheduler='{file}'"])
    with pytest.raises(RunError, match="scheduler was lost") as caught:
        search_run(settings, tmp_path / "run", on_trial=lambda record: processes[0].kill())
    assert "repeat the command" in caught.value.hint
    assert (
        search_run(
            override(settings, ["search.scheduler=", "search.workers=0"]), tmp_path / "run"
        ).trials[COMPLETE]
        == 4
    )


@pytest.mark.slow
def test_limits_of_time_and_memory_and_the_resources_of_workers_hold_on_a_cluster(tmp_path):
    body = (
        "if what == 'slow':\n    time.sleep(600)\nkept = []\n"
        "while what == 'fat':\n    kept.append(bytearray(2 * 10 ** 7))\n    time.sleep(0.02)\n"
        "if what == 'deadly':\n    os.kill(os.getppid(), signal.SIGKILL)\n    time.sleep(600)"
    )
    family = write_model(tmp_path / "model.py", body)
    limits = [
        "search.trial_timeout=60",
        "search.trial_memory_mb=1500",
        "search.sampler=grid",
        "search.resources.PLACE=1",
    ]
    options = ["--nanny", "--resources", "PLACE=1"]
    with started(tmp_path, *options, DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="0") as (
        file,
        _,
    ):
        settings = override(SETTINGS, [*limits, f"search.scheduler='{file}'", family])
        with pytest.raises(RunError, match="search.resources asks for: GPU=2 PLACE=1") as caught:
            DaskExecutor(override(settings, ["search.resources.GPU=2"]))
        assert "--resources 'GPU=2 PLACE=1'" in caught.value.hint
        search_run(settings, tmp_path / "run")
    ended = {
        t.hyperparameters["what"]: (t.status, t.reason) for t in load_trials(Run(tmp_path / "run"))
    }
    assert ended == {
        "fine": (COMPLETE, ""),
        "slow": (FAILED, "timed out after 60 s (search.trial_timeout)"),
        "fat": (FAILED, "out of memory: its process passed 1500 MB (search.trial_memory_mb)"),
        "deadly": (FAILED, "the cluster's workers died while it ran, again and again"),
    }


def test_a_scheduler_that_does_not_answer_is_refused_with_the_command_that_starts_one(tmp_path):
    pytest.importorskip("distributed")
    with pytest.raises(RunError) as caught:
        search_run(override(SETTINGS, ["search.scheduler='tcp://127.0.0.1:1'"]), tmp_path / "run")
    assert "dask scheduler" in caught.value.hint
    assert not (tmp_path / "run").exists()
    with pytest.raises(RunError, match="no scheduler file"):
        connect(str(tmp_path / "none.json"))


@pytest.mark.parametrize(
    "content", ["", "garbage", "[1]", '{"workers": {}}', '{"address": [1]}', "\x00\udcff"]
)
def test_a_scheduler_file_without_an_address_is_refused(tmp_path, content):
    pytest.importorskip("distributed")
    (tmp_path / "cluster.json").write_text(content, errors="surrogateescape")
    with pytest.raises(RunError, match="cluster.json' is not a scheduler file"):
        connect(str(tmp_path / "cluster.json"))


@pytest.mark.parametrize(
    "address", ["tcp://", "tcp://host", "tcp://:", "tcp://host:port", "tcp://[", "://1.2.3.4:8786"]
)
def test_what_is_no_address_is_refused_at_once(address):
    pytest.importorskip("distributed")
    with pytest.raises(RunError, match="is not the address of a scheduler"):
        connect(address)


def test_without_dask_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingToolError) as caught:
        connect("tcp://127.0.0.1:1")
    assert "vaiopt[dask]" in caught.value.hint
