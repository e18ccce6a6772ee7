#!/usr/bin/env python3
"""Run a compiled model on this machine and report accuracy, latency and throughput.

    python3 run_model.py model.xmodel --data samples.npz --threads 2 --output result.json
    python3 run_model.py model.xmodel --images photos

Executes ``.xmodel`` on the DPU (xir, vart) and ``.tflite`` on the CPU (ai_edge_litert or
tflite_runtime). Needs Python 3.7, numpy and that runtime; nothing else, no installation, no
network. The work is done in a second process: where the runtime aborts, this one still says why.
Exit code 0: done; 2: an ``error:`` and a ``hint:`` line say what is wrong and what to do.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import threading
import time
from typing import Any, Callable, List, NoReturn, Optional

from kit_causes import explain
from kit_errors import KitError, leave, one_line, printable, tell

WORKER = "--in-this-process"
PARENT = "VAIOPT_KIT_PARENT"
"""Variable with the process that supervises this one."""

GRACE_SECONDS = 2.0
LOOK_SECONDS = 0.5


class Parser(argparse.ArgumentParser):
    """Tells wrong options as everything else that is wrong is told."""

    def error(self, message: str) -> NoReturn:
        """Print an error and a hint line and exit with code 2."""
        print(
            f"error: {' '.join(message.split())}\n"
            f"hint: The options are told by: python3 {self.prog} --help",
            file=sys.stderr,
        )
        sys.exit(2)


def parse_arguments(arguments: Optional[List[str]] = None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = Parser(
        description="Run a compiled model here; report accuracy, latency and throughput."
    )
    parser.add_argument(
        "model", metavar="MODEL", help="model.xmodel (DPU) or model.tflite (CPU), in its bundle"
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--data", default="", help="samples.npz of the bundle: measure")
    what.add_argument(
        "--images",
        default="",
        metavar="FOLDER",
        help="try it by hand: say what the model sees in each image",
    )
    what.add_argument(
        "--camera",
        type=int,
        default=None,
        metavar="N",
        help="the same of camera N (0 is the first) until it is interrupted",
    )
    parser.add_argument(
        "--frames", type=_whole_number(10**9), default=0, help="end after so many of a camera"
    )
    parser.add_argument(
        "--threads",
        type=_whole_number(256),
        default=1,
        help="threads for the throughput measurement (default 1)",
    )
    parser.add_argument(
        "--batch-repeat",
        type=_whole_number(100000),
        default=0,
        help="go over the samples R times for throughput (default: about a second)",
    )
    parser.add_argument(
        "--output", default="result.json", help="where to write the result (default result.json)"
    )
    parser.add_argument(
        "--manifest", default="", help="manifest.json (default: the one beside MODEL)"
    )
    parser.add_argument(
        "--tensorflow",
        action="store_true",
        help="for .tflite: use TensorFlow's interpreter if there is no other",
    )
    parser.add_argument(
        WORKER,
        dest="worker",
        action="store_true",
        help="no second process: an abort of the runtime is then not explained",
    )
    return parser.parse_args(arguments)


def _whole_number(largest: int) -> Callable[[str], int]:
    """Return a check for an option: a whole number from 1 to ``largest``."""

    def check(text: str) -> int:
        if not text.isdigit() or not 1 <= int(text) <= largest:
            raise argparse.ArgumentTypeError(
                f"{text!r} is not a whole number between 1 and {largest}"
            )
        return int(text)

    return check


def supervise(arguments: List[str]) -> int:
    """Run the work in a second process, pass its messages on, and explain it if the runtime ends
    the process. Return the exit code.
    """
    command = [sys.executable, os.path.abspath(__file__)] + arguments + [WORKER]
    lines: List[str] = []
    environment = dict(os.environ, **{PARENT: str(os.getpid())})
    child = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment
    )
    _end_with(child)
    reader = threading.Thread(target=_pass_on, args=(child.stdout, lines), daemon=True)
    reader.start()
    try:
        code = child.wait()
    except KeyboardInterrupt:
        child.terminate()
        child.wait()
        print("error: interrupted\nhint: nothing was written; start again.", file=sys.stderr)
        return 2
    reader.join(5.0)
    if code in (0, 2):
        return code
    why, cure = explain(code, lines)
    print(f"error: {one_line(why)}\nhint: {cure}", file=sys.stderr)
    return 2


def _end_with(child: Any) -> None:
    """Let what ends this process end its child first: it must not hold the DPU any longer."""

    def end(number: int, frame: Any) -> NoReturn:
        child.terminate()
        try:
            child.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
        os._exit(128 + number)

    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        # What nohup lets pass is passed on.
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, end)


def _watch_parent() -> None:
    """End this process once the one that started it is gone, however that ended."""
    parent = os.environ.pop(PARENT, "")

    def watch() -> None:
        while str(os.getppid()) == parent:
            time.sleep(LOOK_SECONDS)
        os._exit(143)

    if parent:
        threading.Thread(target=watch, daemon=True).start()


def _pass_on(stream: Any, lines: List[str]) -> None:
    """Copy the child's messages to our own stderr, with nothing in them that a terminal would obey;
    keep the last ones for an explanation.
    """
    for raw in iter(stream.readline, b""):
        line = printable(raw.decode("utf-8", "replace").rstrip().expandtabs())
        lines.append(line)
        del lines[:-50]
        print(line, file=sys.stderr, flush=True)


def say(line: str) -> None:
    """Print a line of progress."""
    print(line, file=sys.stderr, flush=True)


def main(arguments: Optional[List[str]] = None) -> int:
    """Run, or explain what is wrong. Return the exit code."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    options = parse_arguments(arguments)
    if not options.worker:
        return supervise(arguments)
    _watch_parent()
    try:
        if options.data:
            from kit_measure import measure

            measure(options, say)
        else:
            from kit_show import show

            show(options, say)
    except KitError as error:
        return tell(error)
    except ImportError as error:
        print(
            f"error: {error}\nhint: Copy the whole bundle folder; numpy must be installed.",
            file=sys.stderr,
            flush=True,
        )
        return 2
    return 0


if __name__ == "__main__":
    leave(main())
