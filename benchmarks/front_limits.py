"""Compare searches for the best accuracy under a limit that 50, 10, 2 or 0.2 % of a space keep: the
regret after 15 and 30 trials, and how many trials break the limit.

    python benchmarks/front_limits.py run all vaiopt:gp optuna:tpe random --seeds 200-219
    python benchmarks/front_limits.py show all vaiopt:gp

``all`` are the tables whose costs differ enough for such limits. The methods are those of
``front_methods.py``: for Optuna the limit is a constraint, ``botorch:logei`` is the constrained
expected improvement, which needs botorch. ``before:gp`` is vaiopt of a checkout from before points
were priced, PYTHONPATH=CHECKOUT_OF_4088059. Every trial counts, one that breaks the limit too.
Regret is the best accuracy that keeps the limit, minus the best found that does, in points; where
none was found, minus the lowest accuracy but for a tenth of the table.

Each run is a row of ``benchmarks/data/front_limits.csv``: table, method, seed, share of the limit,
CPU seconds, both regrets, both numbers of trials that break the limit.
"""

import argparse

import front_methods
import numpy as np
from front_problems import FOLDER, TABLES, mean_and_error, read_rows, seeds_of, write_row

PATH = FOLDER / "front_limits.csv"
FINE = ("cifar10-latency", "cifar100-latency", "fashion-latency", "mnist-params", "protein-params")
SHARES = (0.5, 0.1, 0.02, 0.002)
MARKS = (15, 30)
KEYS = 4  # columns that tell a run: table, method, seed, share


def run(arguments):
    """Run what is missing, seed by seed."""
    tables = {name: TABLES[name]() for name in arguments.tables}
    done = {tuple(row[:KEYS]) for row in read_rows(PATH)}
    for seed in seeds_of(arguments.seeds):
        for name, table in tables.items():
            for share in arguments.shares:
                for method in arguments.methods:
                    if (name, method, str(seed), str(share)) in done and not arguments.again:
                        continue
                    limit = table.limit(share)
                    found, seconds = front_methods.run(method, table, seed, MARKS[-1], limit)
                    row = [name, method, seed, share, f"{seconds:.1f}"]
                    row += judged(table, found, limit)
                    write_row(PATH, row, KEYS)
                    print(*row, flush=True)


def judged(table, found, limit):
    """Return the regrets after each number of trials, then the trials that break the limit."""
    best, lowest = table.best_below(limit), table.floors["wide"]
    kept = np.array(found.costs) <= limit
    accuracies = np.where(kept, np.maximum(found.accuracies, lowest), lowest)
    regrets = [f"{best - accuracies[:mark].max():.3f}" for mark in MARKS]
    return regrets + [str(int((~kept[:mark]).sum())) for mark in MARKS]


def read(wanted, tables):
    """Return the figures (seeds by number) of each share and method, by table."""
    found = {}
    for table, method, seed, share, _, *values in read_rows(PATH):
        if int(seed) in wanted and table in tables:
            by_table = found.setdefault((float(share), method), {})
            by_table.setdefault(table, {})[int(seed)] = [float(value) for value in values]
    return found


def over_tables(tables, columns):
    """Return the mean over tables of each column, and its error over the seeds within them."""
    means, errors = [], []
    for by_seed in tables.values():
        pairs = [mean_and_error(column) for column in np.array(list(by_seed.values())).T]
        means.append([pair[0] for pair in pairs])
        errors.append([pair[1] for pair in pairs])
    error = np.sqrt((np.array(errors) ** 2).sum(axis=0)) / len(tables)
    return np.mean(means, axis=0)[columns], error[columns]


def show(arguments):
    """Print regrets, infeasible trials, and how far the first method is ahead of each other."""
    found = read(set(seeds_of(arguments.seeds)), set(arguments.tables))
    ours, *_ = arguments.methods or ["vaiopt:gp"]
    for share in arguments.shares:
        print(f"\nlimit kept by {100 * share:g} % of the space")
        heads = [f"regret {mark}" for mark in MARKS] + [f"infeasible {mark}" for mark in MARKS]
        print(f"{'':44}" + "".join(f"{head:>18}" for head in heads))
        for (other, method), tables in sorted(found.items()):
            if other == share:
                line(f"{method}, {len(tables)} tables", *over_tables(tables, slice(0, 4)))
        for (other, method), tables in sorted(found.items()):
            mine = found.get((share, ours), {})
            ahead = {
                name: paired(by_seed, mine[name])
                for name, by_seed in tables.items()
                if name in mine and set(by_seed) & set(mine[name])
            }
            if other == share and method != ours and ahead:
                line(f"{method} less {ours}", *over_tables(ahead, slice(0, 2)))


def paired(theirs, ours):
    """Return the differences of the seeds that both have."""
    shared = sorted(set(theirs) & set(ours))
    return {seed: np.array(theirs[seed]) - np.array(ours[seed]) for seed in shared}


def line(title, means, errors):
    """Print means with their standard errors."""
    cells = "".join(f"{mean:>10.2f} ({error:5.2f})" for mean, error in zip(means, errors))
    print(f"  {title:42}{cells}")


def main():
    """Parse the command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=("run", "show"))
    parser.add_argument("tables", help="names with commas between, or all")
    parser.add_argument("methods", nargs="*", default=[])
    parser.add_argument("--seeds", default="200-219")
    parser.add_argument("--shares", nargs="+", type=float, default=SHARES, help="of the space")
    parser.add_argument("--again", action="store_true", help="also what is there")
    arguments = parser.parse_args()
    arguments.tables = FINE if arguments.tables == "all" else arguments.tables.split(",")
    {"run": run, "show": show}[arguments.command](arguments)


if __name__ == "__main__":
    main()
