import os
import signal
import subprocess
import sys
import time
from concurrent.futures import TimeoutError as FutureTimeout

import psutil
import pytest

from vaiopt.errors import DataError
from vaiopt.search.execution.inline import InProcessExecutor
from vaiopt.search.execution.limits import (
    OUT_OF_MEMORY,
    MemoryWatch,
    death_reason,
    memory_limit_mb,
)
from vaiopt.search.execution.processes import ProcessExecutor
from vaiopt.settings import SearchSettings

SETTINGS = SearchSettings(trial_timeout=2.0, trial_memory_mb=500.0)


def pid(_):
    return os.getpid()


def take_memory(limit_mb):
    with MemoryWatch(limit_mb):
        kept = []
        for _ in range(200):
            kept.append(bytearray(10**7))
            time.sleep(0.01)
        time.sleep(60)  # the watch may be late on a busy machine


def fail_for_the_user(_):
    raise DataError("bad", "cure")


@pytest.fixture(scope="module")
def pool():
    executor = ProcessExecutor(workers=1, recycle_after=3, timeout=300.0)
    yield executor
    executor.shutdown(wait=False)


def test_renewed_processes_are_others_and_work(pool):
    before = pool.submit(pid, 0).result(300)
    pool.renew()
    assert pool.submit(pid, 0).result(300) != before


def test_in_process_runs_here_and_keeps_errors_in_the_future():
    executor = InProcessExecutor()
    assert executor.submit(pid, 0).result() == os.getpid()
    with pytest.raises(DataError):
        executor.submit(fail_for_the_user, 0).result()


def test_a_users_error_arrives_with_its_hint(pool):
    with pytest.raises(DataError) as caught:
        pool.submit(fail_for_the_user, 0).result(300)
    assert caught.value.hint == "cure"


def test_a_process_is_replaced_after_some_calls(pool):
    pids = [pool.submit(pid, i).result(300) for i in range(7)]
    assert len(set(pids)) >= 2
    assert os.getpid() not in pids


def test_a_call_that_takes_too_long_is_stopped_and_the_next_one_works():
    executor = ProcessExecutor(workers=1, recycle_after=3, timeout=2.0)
    with pytest.raises(FutureTimeout) as caught:
        executor.submit(time.sleep, 60).result(300)
    assert "timed out after 2 s" in death_reason(caught.value, SETTINGS)
    assert executor.submit(os.getpid).result(300) != os.getpid()
    executor.shutdown(wait=False)


def test_a_process_that_takes_too_much_memory_ends_itself_and_the_next_call_works(pool):
    with pytest.raises(Exception) as caught:
        pool.submit(take_memory, 300.0).result(300)
    assert caught.value.exitcode == OUT_OF_MEMORY
    assert "passed 300 MB" in death_reason(caught.value, SETTINGS, 300.0)
    assert pool.submit(pid, 0).result(300) != os.getpid()


def test_a_process_that_is_killed_is_told_apart(pool):
    with pytest.raises(Exception) as caught:
        pool.submit(os._exit, 3).result(300)
    assert "exit code 3" in death_reason(caught.value, SETTINGS)
    assert death_reason(ValueError("x"), SETTINGS) is None


@pytest.mark.skipif(
    sys.version_info < (3, 8),
    reason=(
        "the last pebble for Python 3.7 waits for ever if an idle process is killed from outside"
    ),
)
def test_a_pool_whose_idle_process_was_killed_goes_on(pool):
    os.kill(pool.submit(pid, 0).result(300), signal.SIGKILL)
    for _ in range(2):
        future = pool.submit(pid, 0)
        if not future.exception(300):
            break
        assert "before the trial began" in death_reason(future.exception(), SETTINGS)
    assert future.result(300) != os.getpid()


def test_a_script_without_a_guard_is_not_run_again_in_its_workers(tmp_path):
    script = tmp_path / "plain.py"
    script.write_text(
        "import os\n"
        "from vaiopt.search.execution.processes import ProcessExecutor\n"
        "print('begun', flush=True)\n"
        "pool = ProcessExecutor(workers=1, recycle_after=1, timeout=300.0)\n"
        "print(len({pool.submit(os.getpid).result() for _ in range(2)}))\n"
        "pool.shutdown()\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    words = [sys.executable, str(script)]
    out = subprocess.check_output(words, env=environment, timeout=300).decode().split()
    assert out == ["begun", "2"]


def test_processes_of_others_still_run_their_script(tmp_path):
    script = tmp_path / "theirs.py"
    script.write_text(
        "import multiprocessing.spawn, vaiopt.search.execution.processes\n"
        "print(*multiprocessing.spawn.get_preparation_data('theirs'))\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    told = subprocess.check_output([sys.executable, str(script)], env=environment).decode().split()
    assert {"init_main_from_name", "init_main_from_path"} & set(told)


def test_worker_processes_end_with_the_process_that_started_them():
    code = """
import os, signal, time
from vaiopt.search.execution.processes import ProcessExecutor

if __name__ == '__main__':
    pool = ProcessExecutor(workers=1, recycle_after=9, timeout=300.0)
    print(pool.submit(os.getpid).result(), flush=True)
    pool.submit(time.sleep, 60)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    child = int(
        subprocess.run([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE).stdout
    )
    # stdout reached its end, so the child, which had it too, is gone or about to be
    for _ in range(600):
        if not alive(child):
            break
        time.sleep(0.05)
    assert not alive(child)


def test_a_process_that_begins_when_its_parent_is_gone_already_ends():
    code = """
import sys, time
from vaiopt.search.execution.limits import end_with_parent

end_with_parent(int(sys.argv[1]))
time.sleep(60)
"""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    words = [sys.executable, "-c", code, str(gone.pid)]
    assert subprocess.run(words, env=environment, timeout=50).returncode == 1


def alive(process):
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_workers_share_the_machines_memory_unless_told_otherwise():
    assert memory_limit_mb(SETTINGS) == 500.0
    one, two = (memory_limit_mb(SearchSettings(workers=n)) for n in (1, 2))
    assert one == pytest.approx(2 * two)
    assert memory_limit_mb(SearchSettings(workers=0)) is None
