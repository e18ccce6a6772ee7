import os
import signal
import threading
import time

import pytest

from vaiopt.search.execution.interrupt import remembered_interrupt


@pytest.fixture(autouse=True)
def default_handler():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_interrupt_that_a_library_swallows_is_raised_at_the_next_check():
    with remembered_interrupt() as check:
        check()
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5)
        except KeyboardInterrupt:
            pass  # as a bare except around an import does
        with pytest.raises(KeyboardInterrupt):
            check()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_of_the_callers_and_other_threads_are_left_alone():
    def own(number, frame):
        pass

    signal.signal(signal.SIGINT, own)
    with remembered_interrupt() as check:
        assert signal.getsignal(signal.SIGINT) is own
        check()
    found = []

    def elsewhere():
        with remembered_interrupt() as check:
            found.append(check())

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert found == [None]
