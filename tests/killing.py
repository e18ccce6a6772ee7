"""A process that is killed at each of its steps in the file system, one after the other."""

import builtins
import io
import os
import shutil
import signal

import vaiopt.files

STEPS = (
    *((os, name) for name in ("rename", "replace", "mkdir", "rmdir", "unlink", "remove")),
    *((os, name) for name in ("symlink", "open", "chmod", "truncate")),
    *((module, "open") for module in (builtins, io)),
    *((vaiopt.files, name) for name in ("_exchange",)),
)
"""Where each function stands that changes what a folder holds."""


def steps_killed(action, before, check):
    """Kill a process that calls ``action`` before its first step in the file system, before the
    second, and so on until it comes to its end; return how often it was killed.

    Args:
        action: changes files.
        before: called first each time, here: makes the files as they were.
        check: called after each kill, with the number of steps that were done.
    """
    number = 0
    while True:
        before()
        child = os.fork()
        if child == 0:
            _act(action, number)
        status = os.waitpid(child, 0)[1]
        if os.WIFEXITED(status):
            assert os.WEXITSTATUS(status) == 0, "the action failed"
            return number
        check(number)
        number += 1


def _act(action, number):
    left = [number]

    def counted(function):
        def call(*arguments, **options):
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left[0] -= 1
            return function(*arguments, **options)

        return call

    for module, name in STEPS:
        setattr(module, name, counted(getattr(module, name)))
    try:
        action()
        os._exit(0)
    finally:
        os._exit(1)


def hidden(folder):
    """Return what has a name that begins with a dot, anywhere in a folder."""
    return [str(path.relative_to(folder)) for path in folder.rglob(".*")]


def copied(folder, place):
    """Make ``place`` a copy of a folder, links as links."""
    shutil.rmtree(str(place), ignore_errors=True)
    shutil.copytree(str(folder), str(place), symlinks=True)
