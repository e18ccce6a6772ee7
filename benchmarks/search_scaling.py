"""Trials an hour with one local worker of one and of two threads, two of one thread, and two of a
Dask cluster; and what is not training.

    python benchmarks/search_scaling.py --repeat 5

The lab's CNN on a part of MNIST (on the digits without it, see VAIOPT_DATA): the same 10 random
points each time, nothing stopped early, the Dask workers started as a user starts them. The rate
counts from the start of the first trial to the end of the last, so that it does not hang on how
long TensorFlow takes to import. Every repetition runs the four one after the other, and is a row of
``benchmarks/data/scaling.csv`` (or of ``--output``): method, seconds in all, in trials, in epochs.
Ratios are of the runs of one repetition: median, lowest and highest. ``between`` is the share of
the whole, with one worker, in which no trial ran; ``around`` the share of the whole that was within
trials, but in no epoch (with its validation): building the model, its costs, writing it.
"""

import argparse
import contextlib
import csv
import datetime
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TRIALS = 10
METHODS = {"one": (1, 1), "one-two-threads": (1, 2), "two": (2, 2), "dask": (2, 2)}
"""Workers, and threads in all."""
FILE = Path(__file__).resolve().parent / "data" / "scaling.csv"


def settings_for(workers, scheduler, samples, epochs):
    """Return the settings of a search."""
    from vaiopt.data import load_dataset
    from vaiopt.errors import DataError
    from vaiopt.settings import load_settings

    try:
        load_dataset("mnist", limit=1000)
        source = ["data.source=mnist", f"data.limit={samples}"]
    except DataError:
        source = ["data.source=digits"]
    # No learning rate is stopped early and batches are alike: trials of about the same length, so
    # that an idle worker at the end counts for little.
    fixed = [
        "model.family=cnn",
        f"train.epochs={epochs}",
        "search.sampler=random",
        "search.pruner=none",
    ]
    return load_settings(
        None,
        [
            *source,
            *fixed,
            f"search.trials={TRIALS}",
            f"search.workers={workers}",
            f"search.scheduler={scheduler}",
        ],
    )


def measure(workers, scheduler, samples, epochs):
    """Search once; return the seconds from the first start to the last end, the seconds in trials,
    and the seconds in epochs.
    """
    from vaiopt.runs.layout import Run
    from vaiopt.search import search_run
    from vaiopt.study.trials import load_trials

    with tempfile.TemporaryDirectory() as folder:
        search_run(settings_for(workers, scheduler, samples, epochs), Path(folder) / "run")
        trials = load_trials(Run(Path(folder) / "run"))
    times = [
        [datetime.datetime.fromisoformat(t.rstrip("Z")) for t in (trial.started, trial.finished)]
        for trial in trials
    ]
    whole = (max(end for _, end in times) - min(start for start, _ in times)).total_seconds()
    return (
        whole,
        sum(t.seconds for t in trials),
        sum(epoch["seconds"] for t in trials for epoch in t.curve),
    )


@contextlib.contextmanager
def cluster(folder):
    """Start a scheduler and two workers of one thread each."""
    file = Path(folder) / "scheduler.json"
    run = [sys.executable, "-m"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    processes = [
        subprocess.Popen(
            [*run, "distributed.cli.dask_scheduler", "--scheduler-file", str(file), "--port", "0"],
            **quiet,
        )
    ]
    try:
        while not file.exists():
            time.sleep(0.1)
        worker = [
            *run,
            "distributed.cli.dask_worker",
            "--scheduler-file",
            str(file),
            "--nthreads",
            "1",
            "--local-directory",
            str(folder),
        ]
        processes += [subprocess.Popen(worker, **quiet) for _ in range(2)]
        yield str(file)
    finally:
        for process in reversed(processes):
            process.terminate()
            process.wait()


def spread(values, form):
    """Return the median of values, with the lowest and the highest."""
    return "{} ({} to {})".format(
        *(form.format(v) for v in (statistics.median(values), min(values), max(values)))
    )


def print_summary(found):
    """Print rates, ratios and shares of what was measured: rows by method."""
    for name, rows in found.items():
        rates = [3600 * TRIALS / row[0] for row in rows]
        print(f"{name:12} {spread(rates, '{:.0f}')} trials an hour")
    for faster, slower in (("two", "one"), ("two", "one-two-threads"), ("dask", "two")):
        if faster in found and slower in found:
            ratios = [b[0] / a[0] for a, b in zip(found[faster], found[slower])]
            print(f"{faster} against {slower}: {spread(ratios, '{:.2f}')}")
    if "one" in found:
        between = [1 - inside / whole for whole, inside, _ in found["one"]]
        print(f"one: {spread(between, '{:.1%}')} between trials")
        around = [(inside - epochs) / whole for whole, inside, epochs in found["one"]]
        print(f"one: {spread(around, '{:.1%}')} around the epochs")


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--samples", type=int, default=20000)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument(
        "methods",
        nargs="*",
        default=list(METHODS),
        metavar="METHOD",
        help="of: {}".format(", ".join(METHODS)),
    )
    parser.add_argument("--output", type=Path, default=FILE)
    arguments = parser.parse_args()
    shape = (arguments.samples, arguments.epochs)
    found = {name: [] for name in arguments.methods}
    import vaiopt.search.execution.processes as executors

    for _ in range(arguments.repeat):
        for name, rows in found.items():
            workers, threads = METHODS[name]
            executors.cores = lambda threads=threads: threads
            if name == "dask":
                with tempfile.TemporaryDirectory() as folder, cluster(folder) as file:
                    rows.append(measure(workers, file, *shape))
            else:
                rows.append(measure(workers, "", *shape))
            whole, inside, epochs = rows[-1]
            print(
                f"{name:12}{whole:8.1f} s {3600 * TRIALS / whole:8.0f} trials/h"
                f" {inside / TRIALS:8.1f} s a trial",
                flush=True,
            )
    with arguments.output.open("w", newline="") as file:
        csv.writer(file).writerows(
            [name, *(f"{v:.2f}" for v in row)] for name, rows in found.items() for row in rows
        )
    print_summary(found)


if __name__ == "__main__":
    main()
