"""What each pruner saves and costs: searches of 15 trials by `gp` on the learning curves of the
table that search_table.py makes.

    python benchmarks/search_pruning.py digits --seeds 30

Prints the share of epochs that were trained, and the mean regret, in points, of the best trial that
was completed. A report is an epoch.
"""

import argparse
from dataclasses import replace

import numpy as np
from search_regret import FOLDER, Table, build

from vaiopt.search.samplers import Problem
from vaiopt.search.samplers.bayesian import BayesianSampler
from vaiopt.search.training.judges import make_judge
from vaiopt.search.training.reports import Pruned, Reports
from vaiopt.settings import SearchSettings
from vaiopt.study.hyperparameters import HyperParameters
from vaiopt.study.objective import Objective
from vaiopt.study.record import COMPLETE, PRUNED, TrialRecord
from vaiopt.study.trace import trace_space


def train(curve, pruning):
    """Return the record of a trial that has this learning curve, without its number and point, and
    the epochs trained.
    """
    if pruning is None:
        return {"status": COMPLETE, "value": curve[-1]}, len(curve)
    judge = make_judge(replace(pruning, per_epoch=1, most=len(curve)), ())
    status = COMPLETE
    for step, value in enumerate(curve, start=1):
        try:
            judge.report(step, value, step == len(curve))
        except Pruned:
            status = PRUNED
            break
    return {
        "status": status,
        "value": curve[-1] if status == COMPLETE else None,
        "pruning": judge.notes(),
    }, step


def search(curves, pruner, seed, trials):
    """Return the share of epochs trained and the best accuracy of a completed trial."""
    space = trace_space(build, HyperParameters)
    sampler = BayesianSampler(Problem(space, SearchSettings(), seed, Objective()), "gp")
    reports = Reports(SearchSettings(pruner=pruner), Objective(), space)
    records, spent = [], 0
    for number in range(trials):
        point = sampler.next_point(records)
        fields, epochs = train([table(point) for table in curves], reports.pruning(number))
        spent += epochs
        records.append(TrialRecord(number, hyperparameters=point, **fields))
        reports.add(records[-1])
    return spent / (trials * len(curves)), max(r.value for r in records if r.value is not None)


def main():
    """Run all pruners and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("table")
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--trials", type=int, default=15)
    arguments = parser.parse_args()
    epochs = np.load(FOLDER / f"search_{arguments.table}.npz")["accuracy"].shape[-1]
    curves = [Table(arguments.table, epoch) for epoch in range(epochs)]
    for pruner in ("none", "median", "halving", "hyperband"):
        results = [
            search(curves, pruner, seed, arguments.trials) for seed in range(arguments.seeds)
        ]
        share, best = (np.mean([r[i] for r in results]) for i in (0, 1))
        error = 100 * np.std([r[1] for r in results], ddof=1) / np.sqrt(arguments.seeds)
        print(
            f"{pruner:10} {100 * share:4.0f} % of the epochs, regret"
            f" {100 * (curves[-1].best - best):.2f} ({error:.2f})",
            flush=True,
        )


if __name__ == "__main__":
    main()
