"""Compare searches for a front: the share of a table's hypervolume after 15, 30, 60 and 100
trainings.

    python benchmarks/front_search.py run all vaiopt:gp optuna:tpe optuna:nsga2 random \\
        --seeds 200-219 --trials 100
    python benchmarks/front_search.py show all vaiopt:gp

The tables are those of ``front_problems.py``, the methods those of ``front_methods.py``:
``optuna:gp`` needs torch, ``botorch:qlognehvi`` needs botorch. Each run is a row of
``benchmarks/data/front_<table>.csv``: method, seed, CPU seconds of proposing, and the shares in
percent, narrow after each number of trainings, then wide. So the script can be stopped and goes on
where it was; ``--again`` runs also what is there. ``show`` compares the method that it is given
with each other one, seed by seed.

``scalar:0.05`` is the search for one score, accuracy x (cost / the default's)^-0.05.
"""

import argparse

import front_methods
import numpy as np
from front_problems import (
    FOLDER,
    TABLES,
    mean_and_error,
    read_rows,
    seeds_of,
    tables_of,
    write_row,
)

MARKS = (15, 30, 60, 100)
MEASURES = ("narrow", "wide")
FIRST = 3  # columns before the shares


def path_of(table):
    """Return the file of a table's rows."""
    return FOLDER / f"front_{table}.csv"


def run(arguments):
    """Run what is missing, seed by seed."""
    tables = {name: TABLES[name]() for name in tables_of(arguments.tables)}
    for seed in seeds_of(arguments.seeds):
        for name, table in tables.items():
            path = path_of(name)
            done = {tuple(row[:2]) for row in read_rows(path)}
            for method in arguments.methods:
                if (method, str(seed)) in done and not arguments.again:
                    continue
                found, seconds = front_methods.run(method, table, seed, arguments.trials)
                row = [method, seed, f"{seconds:.1f}", *shares(table, found, arguments.trials)]
                write_row(path, row, keys=2)
                print(*[name, *row], flush=True)


def shares(table, found, trials):
    """Yield the shares after each number of trainings, nothing beyond those that there were."""
    for measure in MEASURES:
        for mark in MARKS:
            if mark > trials:
                yield ""
                continue
            yield f"{table.share(found.accuracies[:mark], found.costs[:mark], measure):.2f}"


def read(table):
    """Return the shares by method and seed, (measures, marks), and CPU seconds by method."""
    found, seconds = {}, {}
    for method, seed, took, *row in read_rows(path_of(table)):
        values = np.array([float(v) if v else np.nan for v in row])
        found.setdefault(method, {})[int(seed)] = values.reshape(len(MEASURES), len(MARKS))
        seconds.setdefault(method, []).append(float(took))
    return found, seconds


def line(values):
    """Return mean and standard error at each mark as text."""
    return "".join("{:>9.1f} ({:4.1f})".format(*mean_and_error(column)) for column in values.T)


def show(arguments):
    """Print the shares of each table, and how far the first method is ahead of each other."""
    wanted = set(seeds_of(arguments.seeds))
    ours, *_ = arguments.methods or ["vaiopt:gp"]
    ahead = {}
    for table in tables_of(arguments.tables):
        found, seconds = read(table)
        found = {m: {s: v for s, v in by.items() if s in wanted} for m, by in found.items()}
        found = {method: by_seed for method, by_seed in sorted(found.items()) if by_seed}
        for number, measure in enumerate(MEASURES):
            heads = "".join(f"{mark:>16}" for mark in MARKS)
            print(f"\n{table + ', ' + measure + ': share in % after':46}seeds {heads}  CPU s")
            for method, by_seed in found.items():
                values = np.array([v[number] for v in by_seed.values()])
                took = np.mean(seconds[method])
                print(f"  {method:44}{len(values):>5} {line(values)}{took:7.1f}")
            for method, by_seed in found.items():
                shared = sorted(set(found.get(ours, {})) & set(by_seed))
                if method != ours and shared:
                    pairs = np.array([found[ours][s][number] - by_seed[s][number] for s in shared])
                    ahead.setdefault((measure, method), {})[table] = pairs
                    print(f"  {ours + ' less ' + method:44}{len(shared):>5} {line(pairs)}")
    show_over_tables(ours, ahead)


def show_over_tables(ours, ahead):
    """Print the mean difference over tables; its error is that over the seeds within each."""
    print(f"\n{'over tables, paired':46}tables" + "".join(f"{mark:>16}" for mark in MARKS))
    for (measure, method), tables in sorted(ahead.items()):
        means = np.array([pairs.mean(axis=0) for pairs in tables.values()])
        errors = np.array([[mean_and_error(c)[1] for c in p.T] for p in tables.values()])
        error = np.sqrt((errors**2).sum(axis=0)) / len(tables)
        cells = "".join(f"{m:>9.1f} ({e:4.1f})" for m, e in zip(means.mean(axis=0), error))
        print(f"  {measure + ', ' + ours + ' less ' + method:44}{len(tables):>5} {cells}")


def main():
    """Parse the command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=("run", "show"))
    parser.add_argument("tables", help="names with commas between, or all")
    parser.add_argument("methods", nargs="*", default=[])
    parser.add_argument("--seeds", default="200-219")
    parser.add_argument("--trials", type=int, default=MARKS[-1])
    parser.add_argument("--again", action="store_true", help="also what is there")
    arguments = parser.parse_args()
    {"run": run, "show": show}[arguments.command](arguments)


if __name__ == "__main__":
    main()
