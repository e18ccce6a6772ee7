"""Locks that end with the process that holds them."""

import errno
import os
import threading

import pytest

from vaiopt import locks
from vaiopt.locks import locked


def in_a_child(act):
    """Call a function in another process and return its exit code."""
    child = os.fork()
    if child == 0:
        try:
            os._exit(int(act() or 0))
        finally:
            os._exit(99)
    return os.waitpid(child, 0)[1] >> 8


class Busy(Exception):
    """It would have to wait."""


def busy():
    raise Busy


def is_free(folder, shared=False):
    try:
        with locked(folder, shared=shared, waiting=busy):
            return 1
    except Busy:
        return 0


def test_another_process_and_another_thread_wait(tmp_path):
    seen = []
    with locked(tmp_path):
        assert in_a_child(lambda: locks._OWN.__dict__.clear() or is_free(tmp_path)) == 0
        thread = threading.Thread(target=lambda: seen.append(is_free(tmp_path)))
        thread.start()
        thread.join()
    assert seen == [0]
    assert in_a_child(lambda: is_free(tmp_path)) == 1


def test_who_holds_a_folder_may_call_what_holds_it_too(tmp_path):
    with locked(tmp_path):
        with locked(os.path.join(str(tmp_path), ".")):
            pass
        assert in_a_child(lambda: locks._OWN.__dict__.clear() or is_free(tmp_path)) == 0


def test_those_that_share_a_folder_wait_only_for_one_that_does_not(tmp_path):
    def elsewhere(shared):
        seen = []
        thread = threading.Thread(target=lambda: seen.append(is_free(tmp_path, shared)))
        thread.start()
        thread.join()
        return seen == [1]

    with locked(tmp_path, shared=True):
        assert elsewhere(shared=True) and not elsewhere(shared=False)
    with locked(tmp_path):
        assert not elsewhere(shared=True)


def test_it_is_waited_for_until_the_other_has_let_go(tmp_path):
    order, ready, waiting = [], threading.Event(), threading.Event()

    def first():
        with locked(tmp_path):
            ready.set()
            waiting.wait(60)
            order.append("first")

    thread = threading.Thread(target=first)
    thread.start()
    ready.wait(60)
    with locked(tmp_path, waiting=waiting.set):
        order.append("second")
    thread.join()
    assert order == ["first", "second"]


def test_a_process_that_dies_lets_go(tmp_path):
    def die():
        with locked(tmp_path):
            os._exit(5)

    assert in_a_child(die) == 5
    assert is_free(tmp_path) == 1


def test_a_file_system_without_locks_has_none(tmp_path, monkeypatch):
    def refused(handle, **options):
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr(locks, "lock", refused)
    with locked(tmp_path, waiting=busy):
        pass
    with pytest.raises(OSError):
        locked(tmp_path / "missing").__enter__()
