"""What the pruner of a search for a front saves and costs, on the learning curves of the tables
that search_table.py makes.

    python benchmarks/front_pruning.py digits mnist --seeds 200-219

Prints the epochs that were trained, in percent of those without a pruner, and the share of the
table's hypervolume, narrow and wide as in ``front_search.py``, after 60 trials and after as many
epochs as the search with the pruner spent; means with standard errors, and the difference seed by
seed. A report is an epoch. Only trials that ran to their end are on the front.
"""

import argparse
from dataclasses import replace

import numpy as np
from front_problems import FOLDER, mean_and_error, mlp, seeds_of

from vaiopt.search.samplers import Prices, Problem, make_sampler, survey
from vaiopt.search.training.judges import make_judge
from vaiopt.search.training.reports import Pruned, Reports
from vaiopt.settings import ObjectiveSettings, SearchSettings
from vaiopt.study.objective import Objective
from vaiopt.study.price import Price
from vaiopt.study.record import COMPLETE, PRUNED, TrialRecord

MEASURES = ("narrow", "wide")


def curves_of(name):
    """Return a function from a point to its accuracy in percent after each epoch."""
    epochs = np.load(FOLDER / f"search_{name}.npz")["accuracy"].shape[-1]
    tables = [mlp(name, epoch) for epoch in range(epochs)]
    return tables[-1], lambda point: [table(point)[0] for table in tables]


def trained(curve, judge):
    """Return status, value and what is noted of a trial with this curve, and its epochs."""
    status = COMPLETE
    for step, value in enumerate(curve, start=1):
        try:
            judge.report(step, value, step == len(curve))
        except Pruned:
            status = PRUNED
            break
    value = curve[-1] if status == COMPLETE else None
    return {"status": status, "value": value, "pruning": judge.notes()}, step


def search(table, curve_of, pruner, seed, trials):
    """Return the complete trials as pairs of accuracy and cost, and the epochs after each trial."""
    space, objective = table.space(), Objective(ObjectiveSettings(front=["params"]))

    def ask(points):
        return [Price({"params": table(point)[1]}) for point in points]

    seen = survey(space, objective, ask, seed, lambda line: None)
    prices = Prices(space, objective, ask, seen)
    sampler = make_sampler(Problem(space, SearchSettings(), seed, objective, prices))
    reports = Reports(SearchSettings(pruner=pruner), objective, space)
    records, found, spent = [], [], []
    for number in range(trials):
        point = sampler.next_point(records)
        curve = [accuracy / 100 for accuracy in curve_of(point)]
        costs = {"params": table(point)[1]}
        pruning = reports.pruning(number)
        if pruning is None:
            fields, epochs = {"status": COMPLETE, "value": curve[-1]}, len(curve)
        else:
            pruning = replace(pruning, per_epoch=1, most=len(curve))
            fields, epochs = trained(curve, make_judge(pruning, objective.prices(costs)))
        records.append(TrialRecord(number, hyperparameters=point, costs=costs, **fields))
        reports.add(records[-1])
        spent.append(epochs + (spent[-1] if spent else 0))
        if records[-1].value is not None:
            found.append((spent[-1], 100 * records[-1].value, costs["params"]))
    return np.array(found), spent[-1]


def main():
    """Run both searches of each seed and print what they came to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tables", nargs="+")
    parser.add_argument("--seeds", default="200-219")
    parser.add_argument("--trials", type=int, default=60)
    arguments = parser.parse_args()
    for name in arguments.tables:
        table, curve_of = curves_of(name)
        rows = []
        for seed in seeds_of(arguments.seeds):
            whole, most = search(table, curve_of, "none", seed, arguments.trials)
            short, least = search(table, curve_of, "front", seed, arguments.trials)
            early = whole[whole[:, 0] <= least]
            rows.append(
                [100 * least / most]
                + [
                    table.share(found[:, 1], found[:, 2], measure)
                    for found in (whole, early, short)
                    for measure in MEASURES
                ]
            )
        rows = np.array(rows)
        print(f"{name}: {len(rows)} seeds, {arguments.trials} trials; narrow, wide")
        print("  epochs with the pruner: {:.0f} % ({:.0f})".format(*mean_and_error(rows[:, 0])))
        for place, what in ((1, "without"), (3, "without, as many epochs"), (5, "with")):
            pairs = [mean_and_error(rows[:, place + i]) for i in (0, 1)]
            print(f"  {what:26}" + "".join("{:>8.1f} ({:.1f})".format(*pair) for pair in pairs))
        for place, what in ((1, "with less without"), (3, "the same, as many epochs")):
            pairs = [mean_and_error(rows[:, 5 + i] - rows[:, place + i]) for i in (0, 1)]
            print(f"  {what:26}" + "".join("{:>8.1f} ({:.1f})".format(*pair) for pair in pairs))


if __name__ == "__main__":
    main()
