"""Trials an hour with one local worker of one and of two threads, two of one thread, and two of a Dask cluster; and what is not training.

    python benchmarks/search_scaling.py --repeat 3

The lab's CNN on a part of MNIST (on the digits without it, see VAIOPT_DATA): the same 10 random points each time, nothing stopped early, the
Dask workers started as a user starts them. The rate counts from the start of the first trial to the end of the last, so
that it does not hang on how long TensorFlow takes to import. Every repetition runs the four one after the other. ``between`` is the share of that
time, with one worker, in which no trial ran; ``around`` the share within trials that was not an epoch (with its validation): building the model,
tracing it, writing it.
"""

import argparse
import contextlib
import datetime
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TRIALS = 10


def settings_for(workers, scheduler, samples, epochs):
    """Return the settings of a search."""
    from vaiopt.data import load_dataset
    from vaiopt.errors import DataError
    from vaiopt.settings import load_settings

    try:
        load_dataset("mnist", limit=1000)
        source = ["data.source=mnist", "data.limit={}".format(samples)]
    except DataError:
        source = ["data.source=digits"]
    # No learning rate is stopped early and batches are alike: trials of about the same length, so that an idle worker at the end counts for little.
    fixed = ["model.family=cnn", "train.epochs={}".format(epochs), "search.sampler=random", "search.pruner=none"]
    return load_settings(
        None,
        [*source, *fixed, "search.trials={}".format(TRIALS), "search.workers={}".format(workers), "search.scheduler={}".format(scheduler)],
    )


def measure(workers, scheduler, samples, epochs):
    """Search once; return the seconds from the first start to the last end, the seconds in trials, and the seconds in epochs."""
    from vaiopt.run import Run
    from vaiopt.search import search_run
    from vaiopt.study import load_trials

    with tempfile.TemporaryDirectory() as folder:
        search_run(settings_for(workers, scheduler, samples, epochs), Path(folder) / "run")
        trials = load_trials(Run(Path(folder) / "run"))
    times = [[datetime.datetime.fromisoformat(t.rstrip("Z")) for t in (trial.started, trial.finished)] for trial in trials]
    whole = (max(end for _, end in times) - min(start for start, _ in times)).total_seconds()
    return whole, sum(t.seconds for t in trials), sum(epoch["seconds"] for t in trials for epoch in t.curve)


@contextlib.contextmanager
def cluster(folder):
    """Start a scheduler and two workers of one thread each."""
    file = Path(folder) / "scheduler.json"
    run = [sys.executable, "-m"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    processes = [subprocess.Popen([*run, "distributed.cli.dask_scheduler", "--scheduler-file", str(file), "--port", "0"], **quiet)]
    try:
        while not file.exists():
            time.sleep(0.1)
        worker = [*run, "distributed.cli.dask_worker", "--scheduler-file", str(file), "--nthreads", "1", "--local-directory", str(folder)]
        processes += [subprocess.Popen(worker, **quiet) for _ in range(2)]
        yield str(file)
    finally:
        for process in reversed(processes):
            process.terminate()
            process.wait()


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--samples", type=int, default=20000)
    parser.add_argument("--epochs", type=int, default=2)
    arguments = parser.parse_args()
    shape = (arguments.samples, arguments.epochs)
    found = {name: [] for name in ("one worker", "one, two threads", "two workers", "Dask, two workers")}
    import vaiopt.search.executors as executors

    for _ in range(arguments.repeat):
        for name, rows in found.items():
            if name.startswith("Dask"):
                with tempfile.TemporaryDirectory() as folder, cluster(folder) as file:
                    rows.append(measure(2, file, *shape))
            else:
                workers = 2 if name == "two workers" else 1
                threads = 1 if name == "one worker" else 2  # in all
                executors.cores = lambda threads=threads: threads
                rows.append(measure(workers, "", *shape))
            whole, inside, epochs = rows[-1]
            print(
                "{:20}{:8.1f} s {:8.0f} trials/h {:8.1f} s a trial".format(name, whole, 3600 * TRIALS / whole, inside / TRIALS), flush=True
            )
    one, threads, two, dask = (statistics.median(row[0] for row in rows) for rows in found.values())
    print("two workers against one of one thread: {:.2f}, of two threads: {:.2f}".format(one / two, threads / two))
    print("Dask against two local workers: {:.2f}".format(two / dask))
    between = statistics.median(1 - inside / whole for whole, inside, _ in found["one worker"])
    around = statistics.median(1 - epochs / inside for _, inside, epochs in found["one worker"])
    print("one worker: {:.1%} between trials, {:.1%} around the epochs".format(between, around))


if __name__ == "__main__":
    main()
