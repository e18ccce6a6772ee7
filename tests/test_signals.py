"""Signals that end a process raise, and are not lost."""

import contextlib
import os
import signal
import threading
import time

import pytest

from vaiopt import signals
from vaiopt.signals import raised

RAISES = [
    (signal.SIGINT, KeyboardInterrupt),
    (signal.SIGTERM, SystemExit),
    (signal.SIGHUP, SystemExit),
]


@pytest.fixture(autouse=True)
def default_handlers(hears_signals):
    """As from a terminal, also when the tests run under nohup."""
    handlers = {signal.SIGINT: signal.default_int_handler}
    numbers = [number for number, _ in RAISES]
    before = {n: signal.signal(n, handlers.get(n, signal.SIG_DFL)) for n in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def send(number):
    os.kill(os.getpid(), number)
    time.sleep(5)  # the handler runs before this has passed


@pytest.mark.parametrize("number, error", RAISES)
def test_a_signal_raises_and_is_handled_afterwards_as_before(number, error):
    before = signal.getsignal(number)
    with pytest.raises(error) as caught, raised():
        send(number)
    assert signal.getsignal(number) is before
    if error is SystemExit:
        assert caught.value.code == 128 + number, "as shells count it"


@pytest.mark.parametrize("number, error", RAISES)
def test_a_signal_that_a_library_swallows_is_raised_at_the_next_check(number, error):
    with raised() as check:
        check()
        with contextlib.suppress(error):  # as a bare except around an import does
            send(number)
        with pytest.raises(error):
            check()
        with raised() as inner, pytest.raises(error):
            inner()


def test_the_same_signal_once_more_does_not_end_what_cleans_up(monkeypatch):
    cleaned = []
    with pytest.raises(SystemExit), raised():
        try:
            send(signal.SIGTERM)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)  # as timeout(1) does
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.1)
            cleaned.append(True)
    assert cleaned == [True]
    monkeypatch.setattr(signals, "REPEAT_SECONDS", 0.0)
    with raised():
        for _ in range(2):
            with pytest.raises(SystemExit):
                send(signal.SIGTERM)


def test_a_handler_of_the_callers_and_other_threads_are_left_alone():
    def own(number, frame):
        pass

    signal.signal(signal.SIGINT, own)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with raised() as check:
        assert signal.getsignal(signal.SIGINT) is own
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN, "under nohup"
        check()
    found = []

    def elsewhere():
        with raised() as check:
            found.append(check())

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert found == [None]
