"""A command that is ended by a signal leaves nothing running and nothing hidden."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from tests.killing import hidden
from tests.search.quick import QUICK
from vaiopt.runs.layout import Run
from vaiopt.study.trials import load_trials

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}

AS_FROM_A_TERMINAL = (
    "import signal, sys\n"
    "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    "signal.signal(signal.SIGTERM, signal.SIG_DFL)\n"
    "signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"
    "from vaiopt.__main__ import run\n"
    "if __name__ == '__main__':\n"
    "    sys.argv[:] = ['vaiopt', *sys.argv[1:]]\n"
    "    run()\n"
)


def started(tmp_path, *words):
    """Start a command line, also under nohup as from a terminal."""
    script = tmp_path / "as_from_a_terminal.py"
    script.write_text(AS_FROM_A_TERMINAL)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", str(script), *words],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def wait_for(seen, process, seconds=300):
    until = time.monotonic() + seconds
    while not seen():
        assert process.poll() is None and time.monotonic() < until, "it did not come so far"
        time.sleep(0.02)


def test_where_nobody_reads_on_it_is_no_bug() -> None:
    shell = (
        "read, end = os.pipe(); os.close(read); sys.exit(subprocess.call(sys.argv[1:], stdout=end))"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"import os, subprocess, sys; {shell}"]
        + [sys.executable, "-m", "vaiopt", "targets"],
        stderr=subprocess.PIPE,
    )
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.parametrize("number", CODES)
def test_a_signal_while_the_command_is_loaded_ends_it_without_a_traceback(tmp_path, number):
    process = started(tmp_path, "targets")
    time.sleep(0.2)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    # Before any code of ours Python itself ends by the signal; within its module site, and Python
    # 3.7 always, with 1.
    with_1 = sys.version_info < (3, 8) or b"import the site module" in errors
    by_python = (-number, 1) if with_1 else (-number,)
    assert process.returncode in (0, CODES[number], *by_python)
    assert b"Traceback" not in errors or process.returncode in by_python


def test_ctrl_c_within_exec_while_the_command_is_loaded_says_what_goes_on(tmp_path):
    (tmp_path / "interrupted.py").write_text(
        "import vaiopt.cli\nfrom vaiopt.__main__ import run\n"
        "vaiopt.cli.main = lambda: exec('raise KeyboardInterrupt')\nrun()\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "interrupted", "report", "my runs/1"],
        cwd=str(tmp_path),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stderr=subprocess.PIPE,
    )
    said = done.stderr.decode().splitlines()
    assert (done.returncode, said) == (
        130,
        ["interrupted; go on with: vaiopt report 'my runs/1'"],
    )


@pytest.mark.slow
@pytest.mark.parametrize("number", CODES)
@pytest.mark.parametrize("workers", [0, 2])
def test_a_search_that_is_ended_leaves_no_worker_and_nothing_hidden(tmp_path, number, workers):
    run = Run(tmp_path / "run")
    words = [w for text in [*QUICK, f"search.workers={workers}"] for w in ("--set", text)]
    words += ["--set", "search.trials=50"]
    process = started(tmp_path, "search", "--run", str(run.folder), *words)
    wait_for(lambda: run.journal.exists() and run.journal.stat().st_size > 1500, process)
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(number)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == CODES[number], errors.decode()
    assert b"Traceback" not in errors
    assert psutil.wait_procs(children, timeout=10)[1] == []
    assert hidden(run.folder) == [] and not run.running.exists()
    assert load_trials(run)
