"""Compare samplers on functions whose best is known: the regret after 15, 30, 60 trials and more.

    python benchmarks/search_functions.py run branin hartmann6 mixed conditional unordered \\
        --methods vaiopt:gp optuna:tpe --first 200 --seeds 20
    python benchmarks/search_functions.py show

``branin`` and ``hartmann6`` are the usual ones; ``mixed`` looks like the accuracy of a network by a
learning rate, a width, ordered and unordered choices; ``conditional`` has three branches with
hyperparameters of their own, of which the one of the default is not the best; ``unordered`` is six
choices of five without order, with main effects and effects of pairs, as in NAS-Bench-201; in
``levy`` ten numbers make many local bests. Each run is a row of ``benchmarks/data/functions.csv``
(function, method, seed, CPU seconds of proposing, the best value so far after every trial), so the
script can be stopped and goes on where it was. ``--label`` names the code where it is not this
one's: run it in another checkout with ``--output``.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import time
import warnings
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Tuple

import numpy as np

from vaiopt.study.space import Dimension, Space

FOLDER = Path(__file__).resolve().parent / "data"
BEST = 4  # columns of a row before the best values
MARKS = (15, 30, 60, 300, 650)


class Function(NamedTuple):
    """A function to be made large: its space, its values, and the largest of them."""

    space: Space
    value: Callable[[Mapping[str, Any]], float]
    best: float


def number(name: str, low: float, high: float, **others: Any) -> Dimension:
    """Return a continuous dimension whose default is its middle."""
    middle = (low * high) ** 0.5 if others.get("log") else (low + high) / 2
    return Dimension(name, "float", middle, low=low, high=high, **others)


def choice(name: str, *values: Any, **others: Any) -> Dimension:
    """Return a choice whose default is the first value."""
    return Dimension(name, "choice", values[0], values=values, **others)


def branin() -> Function:
    """Return minus Branin's function."""

    def value(point: Mapping[str, Any]) -> float:
        x, y = point["x"], point["y"]
        bent = y - 5.1 / (4 * np.pi**2) * x**2 + 5 / np.pi * x - 6
        return -float(bent**2 + 10 * (1 - 1 / (8 * np.pi)) * np.cos(x) + 10)

    return Function(Space((number("x", -5.0, 10.0), number("y", 0.0, 15.0))), value, -0.397887)


def hartmann6() -> Function:
    """Return Hartmann's function of six numbers, with its sign turned."""
    widths = np.array(
        [
            [10, 3, 17, 3.5, 1.7, 8],
            [0.05, 10, 17, 0.1, 8, 14],
            [3, 3.5, 1.7, 10, 17, 8],
            [17, 8, 0.05, 10, 0.1, 14],
        ]
    )
    tops = np.array(
        [
            [1312, 1696, 5569, 124, 8283, 5886],
            [2329, 4135, 8307, 3736, 1004, 9991],
            [2348, 1451, 3522, 2883, 3047, 6650],
            [4047, 8828, 8732, 5743, 1091, 381],
        ]
    )
    heights = np.array([1.0, 1.2, 3.0, 3.2])

    def value(point: Mapping[str, Any]) -> float:
        x = np.array([point[f"x{i}"] for i in range(6)])
        return float(heights @ np.exp(-(widths * (x - 1e-4 * tops) ** 2).sum(axis=1)))

    return Function(Space(tuple(number(f"x{i}", 0.0, 1.0) for i in range(6))), value, 3.32237)


def mixed() -> Function:
    """Return something like the accuracy of a network, in percent."""
    rates = {"sgd": -1.6, "momentum": -2.4, "adam": -3.0}
    lost = {"relu": 0.0, "relu6": 1.0, "tanh": 3.0, "elu": 2.0}
    kernels = {3: 0.6, 5: 0.0, 7: 0.4}
    space = Space(
        (
            number("rate", 1e-5, 1e-1, log=True),
            Dimension("width", "int", 32, low=8, high=128, step=8),
            choice("kernel", *kernels, ordered=True),
            choice("activation", *lost),
            choice("optimizer", *rates),
            number("dropout", 0.0, 0.6),
        )
    )

    def value(point: Mapping[str, Any]) -> float:
        off = (np.log10(point["rate"]) - rates[point["optimizer"]]) ** 2
        found = 97.0 - 3.0 * off / (1.0 + 0.15 * off) - lost[point["activation"]]
        found -= 2.0 * abs(point["dropout"] - 0.25 - 0.1 * (point["width"] > 64))
        found -= 3.0 * np.exp(-point["width"] / 30.0) + kernels[point["kernel"]]
        pair = (point["optimizer"], point["activation"])
        return float(found - 0.8 * (pair == ("momentum", "relu")))

    return Function(space, value, 97.0 - 3.0 * float(np.exp(-128 / 30.0)))


def conditional() -> Function:
    """Return a function of three branches."""

    def within(branch: str, *args: Any, **others: Any) -> Dimension:
        return number(*args, conditions=((("branch", (branch,)),),), **others)

    space = Space(
        (
            choice("branch", "a", "b", "c"),
            within("a", "a1", 0.0, 1.0),
            within("a", "a2", 0.0, 1.0),
            within("b", "b1", 1e-4, 1.0, log=True),
            within("b", "b2", 0.0, 1.0),
            within("c", "c1", 0.0, 1.0),
            number("shared", 0.0, 1.0),
        )
    )

    def value(point: Mapping[str, Any]) -> float:
        top = {
            "a": lambda: 90.0 - 100 * (point["a1"] - 0.2) ** 2 - 50 * (point["a2"] - 0.7) ** 2,
            "b": lambda: (
                95.0 - 8 * (np.log10(point["b1"]) + 3) ** 2 - 60 * (point["b2"] - 0.8) ** 2
            ),
            "c": lambda: 92.0 - 100 * abs(point["c1"] - 0.55),
        }[point["branch"]]()
        return float(top - 50 * (point["shared"] - 0.3) ** 2)

    return Function(space, value, 95.0)


def unordered() -> Function:
    """Return a function of six choices of five, with effects of each and of pairs."""
    random = np.random.RandomState(77)
    main, pairs = random.normal(size=(6, 5)), 0.5 * random.normal(size=(6, 6, 5, 5))

    def total(chosen: Tuple[int, ...]) -> float:
        effects = sum(main[i, chosen[i]] for i in range(6))
        return float(
            effects + sum(pairs[i, j, chosen[i], chosen[j]] for i in range(6) for j in range(i))
        )

    def value(point: Mapping[str, Any]) -> float:
        return total(tuple("abcde".index(point[f"op{i}"]) for i in range(6)))

    space = Space(tuple(choice(f"op{i}", *"abcde") for i in range(6)))
    return Function(space, value, max(map(total, itertools.product(range(5), repeat=6))))


def levy() -> Function:
    """Return minus Levy's function of ten numbers."""

    def value(point: Mapping[str, Any]) -> float:
        w = 1 + (np.array([point[f"x{i}"] for i in range(10)]) - 1) / 4
        inner = (w[:-1] - 1) ** 2 * (1 + 10 * np.sin(np.pi * w[:-1] + 1) ** 2)
        last = (w[-1] - 1) ** 2 * (1 + np.sin(2 * np.pi * w[-1]) ** 2)
        return -float(np.sin(np.pi * w[0]) ** 2 + inner.sum() + last)

    return Function(Space(tuple(number(f"x{i}", -10.0, 10.0) for i in range(10))), value, 0.0)


FUNCTIONS: Dict[str, Callable[[], Function]] = {
    "branin": branin,
    "hartmann6": hartmann6,
    "mixed": mixed,
    "conditional": conditional,
    "unordered": unordered,
    "levy": levy,
}


def run_vaiopt(function: Function, name: str, seed: int, trials: int) -> Tuple[List[float], float]:
    """Run a Bayesian sampler of vaiopt's as a search does, without the study."""
    from vaiopt.search.samplers import Problem
    from vaiopt.search.samplers.bayesian import BayesianSampler
    from vaiopt.settings import SearchSettings
    from vaiopt.study.objective import Objective
    from vaiopt.study.record import COMPLETE, TrialRecord

    sampler = BayesianSampler(Problem(function.space, SearchSettings(), seed, Objective()), name)
    history: List[TrialRecord] = []
    started = time.process_time()
    for place in range(trials):
        point = sampler.next_point(history)
        value = function.value(point)
        history.append(TrialRecord(place, COMPLETE, value=value, hyperparameters=point))
    return [t.value or 0.0 for t in history], time.process_time() - started


def run_optuna(function: Function, name: str, seed: int, trials: int) -> Tuple[List[float], float]:
    """Run a sampler of Optuna's on the function, which asks for what is active."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    sampler = {"tpe": optuna.samplers.TPESampler, "random": optuna.samplers.RandomSampler}[name]

    def asked(trial: Any, dimension: Dimension) -> Any:
        if dimension.kind == "choice":
            return trial.suggest_categorical(dimension.name, dimension.values)
        if dimension.kind == "int":
            low, high, step = int(dimension.low), int(dimension.high), int(dimension.step or 1)
            return trial.suggest_int(dimension.name, low, high, step=step)
        low, high = dimension.low, dimension.high
        return trial.suggest_float(dimension.name, low, high, log=dimension.log)

    def objective(trial: Any) -> float:
        point: Dict[str, Any] = {}
        for dimension in function.space:
            if dimension.name in function.space.active(point):
                point[dimension.name] = asked(trial, dimension)
        return function.value(point)

    study = optuna.create_study(sampler=sampler(seed=seed), direction="maximize")
    started = time.process_time()
    study.optimize(objective, n_trials=trials)
    return [t.value for t in study.trials], time.process_time() - started


METHODS = {"vaiopt": run_vaiopt, "optuna": run_optuna}


def run(arguments: argparse.Namespace) -> None:
    """Run what is missing."""
    rows = read(arguments.output)
    done = {tuple(row[:3]) for row in rows if len(row) >= BEST + arguments.trials}
    seeds = range(arguments.first, arguments.first + arguments.seeds)
    for seed, name, method in itertools.product(seeds, arguments.functions, arguments.methods):
        label = method + arguments.label
        if (name, label, str(seed)) in done:
            continue
        kind, _, sampler = method.partition(":")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            values, seconds = METHODS[kind](FUNCTIONS[name](), sampler, seed, arguments.trials)
        best = (f"{value:.6g}" for value in np.maximum.accumulate(values))
        with arguments.output.open("a", newline="") as file:
            csv.writer(file).writerow([name, label, seed, f"{seconds:.2f}", *best])


def read(path: Path) -> List[List[str]]:
    """Return the rows of a file, none if there is no file."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.reader(file))


def show(arguments: argparse.Namespace) -> None:
    """Print the mean regret and its standard error."""
    rows = read(arguments.output)
    print("mean regret (standard error)")
    for name in FUNCTIONS:
        best = FUNCTIONS[name]().best
        for method in sorted({row[1] for row in rows if row[0] == name}):
            own = [row for row in rows if row[:2] == [name, method]]
            text = f"{name:12}{method:20}{len(own):4} seeds"
            for mark in MARKS:
                found = [
                    best - float(row[BEST - 1 + mark]) for row in own if len(row) >= BEST + mark
                ]
                if len(found) > 1:
                    error = np.std(found, ddof=1) / len(found) ** 0.5
                    text += f"  {mark}: {np.mean(found):.3g} ({error:.2g})"
            print(text + f"  {np.mean([float(row[3]) for row in own]):.1f} s of CPU")


def main() -> None:
    """Parse the command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=("run", "show"))
    parser.add_argument("functions", nargs="*", default=list(FUNCTIONS))
    parser.add_argument("--methods", nargs="*", default=["vaiopt:gp"])
    parser.add_argument("--first", type=int, default=200, help="the first seed")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--label", default="", help="added to the methods' names")
    parser.add_argument("--output", type=Path, default=FOLDER / "functions.csv")
    arguments = parser.parse_args()
    {"run": run, "show": show}[arguments.command](arguments)


if __name__ == "__main__":
    main()
