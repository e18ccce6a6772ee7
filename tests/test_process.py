"""A child process is followed to its end, or ended with all that it started."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from vaiopt.process import follow

PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
child.wait()
"""
"""Starts a process of its own, tells its number, and waits for it."""


def python(code):
    return [sys.executable, "-c", code]


def ended(number, seconds=10.0):
    """Tell whether a process ends, or is a zombie, before ``seconds`` have passed."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            with open(f"/proc/{number}/stat") as file:
                if file.read().rpartition(")")[2].split()[0] == "Z":
                    return True
        except OSError:
            return True
        time.sleep(0.05)
    return False


linux = pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="looks into /proc")


def test_lines_of_both_outputs_and_the_exit_code_come_back(tmp_path):
    told = []
    code, lines = follow(
        python("import sys; print('a', flush=True); print('b', file=sys.stderr); sys.exit(3)"),
        on_line=told.append,
        log=tmp_path / "log",
    )
    assert (code, lines, told) == (3, ["a", "b"], ["a", "b"])
    log = (tmp_path / "log").read_text().splitlines()
    assert log[0].startswith("$ " + sys.executable) and log[-2:] == ["a", "b"]


def test_of_a_progress_bar_the_last_state_counts():
    assert follow(python(r"print(' 0%\r50%\r100%\r')"))[1] == ["100%"]


def test_folder_and_environment_are_those_asked_for(tmp_path):
    code = "import os; print(os.getcwd()); print(os.environ['A'])"
    lines = follow(python(code), cwd=tmp_path, env={**os.environ, "A": "x"})[1]
    assert lines == [str(tmp_path.resolve()), "x"]


def test_what_is_no_text_is_replaced():
    assert follow(python(r"import sys; sys.stdout.buffer.write(b'\xff\n')"))[1] == ["\ufffd"]


def test_a_program_that_is_missing_is_an_os_error():
    with pytest.raises(OSError):
        follow(["no-such-program-here"])


@linux
def test_an_exception_ends_the_child_and_what_it_started():
    numbers = []

    def stop(line):
        numbers.append(int(line))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        follow(python(PARENT), on_line=stop)
    assert ended(numbers[0])


@linux
def test_a_child_that_ignores_being_asked_is_killed(monkeypatch):
    monkeypatch.setattr("vaiopt.process.GRACE_SECONDS", 0.2)
    code = "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    numbers = []

    def stop(line):
        numbers.append(int(line))
        raise ValueError

    with pytest.raises(ValueError):
        follow(python(code + "print(os.getpid(), flush=True); time.sleep(60)"), on_line=stop)
    assert ended(numbers[0])


@linux
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_ends_this_process_ends_the_group_too(number, root):
    code = (
        "import signal, sys\nfrom vaiopt.process import follow\n"
        # as from a terminal, also when the tests run under nohup
        f"signal.signal({int(number)}, signal.SIG_DFL)\n"
        f"follow([sys.executable, '-c', {PARENT!r}], on_line=lambda l: print(l, flush=True))\n"
    )
    process = subprocess.Popen(python(code), cwd=str(root), stdout=subprocess.PIPE)
    grandchild = int(process.stdout.readline())
    process.send_signal(number)
    assert process.wait(20) == 128 + number
    assert ended(grandchild)
    process.stdout.close()


@linux
def test_under_nohup_a_hangup_ends_nothing(root):
    code = (
        "import signal, sys\nfrom vaiopt.process import follow\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "child = 'print(1, flush=True); import time; time.sleep(1); print(2, flush=True)'\n"
        "print(follow([sys.executable, '-c', child], on_line=lambda l: print(l, flush=True)))\n"
    )
    process = subprocess.Popen(python(code), cwd=str(root), stdout=subprocess.PIPE)
    assert process.stdout.readline().strip() == b"1"
    process.send_signal(signal.SIGHUP)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 0 and output.split()[0] == b"2"


@linux
def test_a_process_that_is_killed_takes_its_group_along(root):
    code = (
        "import sys\nfrom vaiopt.process import follow\n"
        f"follow([sys.executable, '-c', {PARENT!r}], on_line=lambda l: print(l, flush=True))\n"
    )
    process = subprocess.Popen(python(code), cwd=str(root), stdout=subprocess.PIPE)
    grandchild = int(process.stdout.readline())
    process.kill()
    process.wait(20)
    assert ended(grandchild)
    process.stdout.close()


@linux
def test_a_command_that_has_ended_leaves_no_guard():
    _, lines = follow(python("import os; print(os.getpid())"))
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            os.killpg(int(lines[0]), 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    pytest.fail("its group has processes still")


def test_signals_are_handled_afterwards_as_before():
    before = signal.getsignal(signal.SIGTERM)
    follow(python("pass"))
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_thread_can_follow_too():
    found = []
    thread = threading.Thread(target=lambda: found.append(follow(python("print(1)"))))
    thread.start()
    thread.join(30)
    assert found == [(0, ["1"])]
