"""What a search costs beside its trials, on the space of the regret benchmark.

    python benchmarks/search_overhead.py proposals
    python benchmarks/search_overhead.py loop --trials 1000 --repeat 3
    python benchmarks/search_overhead.py loop --samplers gp --trials 300

``proposals``: CPU and wall seconds of one proposal after 50 to 3,000 trials.

``loop``: CPU seconds of whole searches whose trials end at once, with a record like that of a real
one, beside Optuna alone: a study in the same kind of journal that asks its random sampler and is
told the same records. Within a repetition the rows run in turn, so that a busy machine slows them
alike. ``proposing`` is what the sampler takes of the total (a Gaussian process grows by its
nature), ``rest`` is the loop's own, and ``ratio`` is the total by that of Optuna alone.
``last/first`` compares the last tenth of the trials with the first, the sampler left out: about 1
where the cost of a trial does not depend on how many there were. With a pruner, trials report while
they train, and ``rest`` has what a worker does with the reports of earlier ones, too.
"""

import argparse
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
from search_regret import build

from vaiopt.runs.layout import Run
from vaiopt.search import loop, samplers
from vaiopt.search.samplers import Problem, candidates
from vaiopt.search.samplers.bayesian import BayesianSampler
from vaiopt.search.samplers.encoding import key
from vaiopt.search.training.judges import make_judge
from vaiopt.settings import SearchSettings, load_settings
from vaiopt.study import storage
from vaiopt.study.hyperparameters import HyperParameters
from vaiopt.study.objective import Objective
from vaiopt.study.observer import Observer
from vaiopt.study.record import COMPLETE, TrialRecord
from vaiopt.study.space_file import SpaceFile
from vaiopt.study.trace import trace_space
from vaiopt.study.trials import RECORD, distributions, record_attribute
from vaiopt.text import silent

SPACE = trace_space(build, HyperParameters)
EPOCHS = 3
REPORTS = 9
COUNTS = (50, 100, 200, 300, 500, 1000, 3000)
"""Trials after which a proposal is measured."""


def record_of(number, values, reports):
    """Return what a training of three epochs would have told, at once."""
    value = 0.9 - abs(values["learning_rate"] - 0.003) - 0.01 * values["layers"]
    metrics = {"val_accuracy": value, "val_f1": value, "val_loss": 1 - value}
    entry = {**metrics, "loss": 0.3, "accuracy": value, "seconds": 0.1}
    return TrialRecord(
        number,
        COMPLETE,
        hyperparameters=dict(values),
        metrics=metrics,
        costs={"params": 1e4, "macs": 1e5, "latency_ms": 0.5, "cpu_layers": 0.0},
        curve=[{"epoch": float(epoch + 1), **entry} for epoch in range(EPOCHS)],
        seconds=1.0,
        peak_memory_mb=500.0,
        started="2026-01-01T00:00:00.000Z",
        finished="2026-01-01T00:00:01.000Z",
        worker="1@host",
        pruning={"reports": [[step + 1, value] for step in range(reports)], "rungs": {}},
    )


class Marks(Observer):
    """Notes the CPU time after each trial, without what the sampler took."""

    def __init__(self):
        super().__init__()
        self.proposing = 0.0
        self.rest = [time.process_time()]

    def trial_ended(self, record):
        self.rest.append(time.process_time() - self.proposing)

    def timed(self, propose):
        """Return ``propose``, whose time is counted apart."""

        def wrapped(*arguments):
            before = time.process_time()
            try:
                return propose(*arguments)
            finally:
                self.proposing += time.process_time() - before

        return wrapped


def search(folder, trials, sampler, pruner):
    """Run a search of trials that end at once."""
    overrides = [
        "search.workers=0",
        f"search.trials={trials}",
        f"search.sampler={sampler}",
        f"search.pruner={pruner}",
    ]
    settings = load_settings(None, overrides)
    costs = {"params": 1e4, "macs": 1e5, "latency_ms": 0.5}
    description = SpaceFile(SPACE, {"train": 1, "validation": 1, "test": 1}, costs)

    def run_trial(job):
        if job.pruning is None:
            return record_of(job.number, job.values, 0)
        make_judge(job.pruning, ())
        return record_of(job.number, job.values, REPORTS)

    kept = loop.run_trial, loop.describe_search, samplers.make_sampler
    marks = Marks()

    def make_sampler(problem):
        made = kept[2](problem)
        made.propose = marks.timed(made.propose)
        return made

    loop.run_trial, loop.describe_search = run_trial, lambda *asked: description
    samplers.make_sampler = make_sampler
    try:
        with loop.Search(Run(folder), settings, silent, marks) as one:
            marks.rest = [time.process_time()]
            one.run()
    finally:
        loop.run_trial, loop.describe_search, samplers.make_sampler = kept
    return marks


def optuna_alone(folder, trials, reports):
    """Ask Optuna's random sampler and tell it the same records, in the same kind of journal."""
    folder.mkdir()
    optuna = storage.quiet_optuna()
    journal = storage.journal_storage(Run(folder))
    sampler = optuna.samplers.RandomSampler(seed=0)
    study = optuna.create_study(
        study_name=storage.STUDY_NAME, storage=journal, sampler=sampler, direction="maximize"
    )
    marks = Marks()
    for number in range(trials):
        trial = study.ask(fixed_distributions=distributions(SPACE))
        record = record_of(number, trial.params, reports)
        value = record.metrics["val_accuracy"]
        for step, report in record.pruning["reports"]:
            trial.report(report, step)
        trial.set_user_attr(RECORD, dict(record_attribute(record)))
        study.tell(trial, value)
        marks.trial_ended(record)
    return marks


def tenths(marks):
    """Return the ratio of what the last tenth of the trials took to what the first did."""
    few = max(1, (len(marks.rest) - 1) // 10)
    return (marks.rest[-1] - marks.rest[-1 - few]) / (marks.rest[few] - marks.rest[0])


def compare(arguments):
    """Run the searches and Optuna in turn, and print the medians."""
    trials = arguments.trials
    rows = {}
    for pruner in arguments.pruners:
        reports = 0 if pruner == "none" else REPORTS
        alone = f"Optuna alone, {reports} reports"
        rows[alone] = alone, partial(optuna_alone, trials=trials, reports=reports)
        for sampler in arguments.samplers:
            run = partial(search, trials=trials, sampler=sampler, pruner=pruner)
            rows[f"{sampler}, pruner {pruner}"] = alone, run
    found = {name: [] for name in rows}
    for _ in range(arguments.repeat):
        for name, (_, run) in rows.items():
            with tempfile.TemporaryDirectory() as folder:
                before = time.process_time()
                marks = run(Path(folder) / "run")
                total = time.process_time() - before
                own = marks.rest[-1] - marks.rest[0]
                found[name].append((total, marks.proposing, own, tenths(marks)))
    print(f"{trials} trials, CPU s, medians of {arguments.repeat}")
    print(f"{'':24}{'total':>8}{'proposing':>11}{'rest':>8}{'ratio':>8}{'last/first':>12}")
    for name, (alone, _) in rows.items():
        total, proposing, own, ratio = map(statistics.median, zip(*found[name]))
        times = statistics.median(a[0] / b[0] for a, b in zip(found[name], found[alone]))
        print(f"{name:24}{total:8.2f}{proposing:11.2f}{own:8.2f}{times:8.2f}{ratio:12.2f}")


def proposals(arguments):
    """Measure single proposals and print."""
    random = np.random.RandomState(0)
    points = []
    while len(points) < max(COUNTS):
        tried = {key(point) for point in points}
        points += candidates.new_points(SPACE, tried, random)
    history = []
    for number, point in enumerate(points):
        value = -abs(point["learning_rate"] - 0.003) - 0.01 * point["layers"]
        history.append(TrialRecord(number, COMPLETE, value=value, hyperparameters=point))
    for model in ("gp", "forest"):
        sampler = BayesianSampler(Problem(SPACE, SearchSettings(), 0, Objective()), model)
        for count in COUNTS:
            cpu, wall = [], []
            for _ in range(3):
                before = time.process_time(), time.perf_counter()
                sampler.next_point(history[:count])
                cpu.append(time.process_time() - before[0])
                wall.append(time.perf_counter() - before[1])
            print(
                f"{model:8}{count:5} trials: {statistics.median(cpu):.2f} s of CPU,"
                f" {statistics.median(wall):.2f} s",
                flush=True,
            )


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    what = parser.add_subparsers(dest="what", required=True)
    what.add_parser("proposals").set_defaults(measure=proposals)
    whole = what.add_parser("loop")
    whole.add_argument("--trials", type=int, default=1000)
    whole.add_argument("--repeat", type=int, default=3)
    whole.add_argument("--samplers", nargs="*", default=["random"])
    whole.add_argument("--pruners", nargs="*", default=["none", "median"])
    whole.set_defaults(measure=compare)
    arguments = parser.parse_args()
    arguments.measure(arguments)


if __name__ == "__main__":
    main()
