"""Kill a search with SIGKILL at random moments, resume it each time, and compare it with the
uninterrupted one.

    python benchmarks/search_kills.py --kills 50

Prints one line; the exit code is 1 if a trial is missing, stands twice, or differs.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from vaiopt.runs.layout import Run
from vaiopt.study.record import INTERRUPTED
from vaiopt.study.trials import load_trials


def search(folder, trials):
    """Start a search of small trainings on the digits in a process of its own, with one worker."""
    command = [sys.executable, "-m", "vaiopt", "search", "--run", str(folder)]
    for text in (
        f"search.trials={trials}",
        "search.workers=0",
        "train.epochs=1",
        "data.limit=300",
        "model.family=mlp_tabular",
        "search.pruner=median",
    ):
        command += ["--set", text]
    return subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def finished(folder):
    """Return the trials that ended, by number; none before there are any."""
    run = Run(folder)
    return (
        [t for t in load_trials(run) if t.status not in (INTERRUPTED, "running")]
        if run.journal.exists()
        else []
    )


def main():
    """Kill, resume, compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--trials", type=int, default=40)
    arguments = parser.parse_args()
    moments = random.Random(0)
    with tempfile.TemporaryDirectory() as name:
        whole, killed = Path(name) / "whole", Path(name) / "killed"
        started = time.perf_counter()
        errors = search(whole, arguments.trials).communicate()[1]
        seconds = time.perf_counter() - started
        if len(finished(whole)) != arguments.trials:
            sys.exit(f"the uninterrupted search failed: {errors.decode()}")
        print(f"uninterrupted: {arguments.trials} trials in {seconds:.0f} s", flush=True)
        kills = 0
        while kills < arguments.kills:
            process = search(killed, arguments.trials)
            try:
                # Anywhere from the import of TensorFlow to some trials later.
                process.communicate(
                    timeout=moments.uniform(0.1, max(2.0, 2.5 * seconds / arguments.trials + 5))
                )
                break  # it finished before the next kill
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.communicate()
                kills += 1
        errors = search(killed, arguments.trials).communicate()[1]
        first, second = finished(whole), finished(killed)
        same = [
            (a.hyperparameters, a.status, a.value) == (b.hyperparameters, b.status, b.value)
            for a, b in zip(first, second)
        ]
        interrupted = sum(t.status == INTERRUPTED for t in load_trials(Run(killed)))
        print(
            f"{kills} kills; {len(second)} of {len(first)} trials, {sum(same)} equal; {interrupted}"
            " runs of trials were cut short and made again"
        )
        if not (len(first) == len(second) and all(same)):
            sys.exit(f"not equal: {errors.decode()}")


if __name__ == "__main__":
    main()
