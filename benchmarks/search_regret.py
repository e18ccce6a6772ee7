"""Compare samplers on the tables that search_table.py makes: the regret after 15, 30 and 60 trials.

    python benchmarks/search_regret.py run digits vaiopt:gp vaiopt:tpe optuna:tpe optuna:gp \\
        random gp_minimize kerastuner --seeds 30 --trials 60
    python benchmarks/search_regret.py show digits

Each run is a row of ``benchmarks/data/regret_<table>.csv`` (method, seed, seconds of proposing, the
best accuracy so far after every trial), so the script can be stopped and goes on where it was; a
row of fewer trials than asked for is run anew. Every method sees the same conditional space; the
learning rate is continuous, its accuracy interpolated between the table's nine. ``vaiopt:NAME`` is
a sampler of vaiopt, ``NAME+ACQUISITION`` with that acquisition. Peers in their own published form:
``optuna:tpe`` and ``optuna:gp`` define by run, ``gp_minimize`` of scikit-optimize with the inactive
sizes passed on (as in the published notebook: 10 random points, gp_hedge), ``kerastuner`` its
BayesianOptimizationOracle (of the package keras-tuner, which is not in vaiopt's environments).
Regret is the table's best accuracy minus the best found. Every method but the random ones starts as
it does by itself.
"""

import argparse
import csv
import time
import warnings
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).resolve().parent / "data"
NODES = (16, 32, 64, 128)
ACTIVATIONS = ("relu", "logistic")
BATCHES = (16, 64)
RATES = (10**-4.5, 10**-0.5)
BEST = 3  # columns of a row before the best accuracies


class Table:
    """The accuracy of any configuration after an epoch, the last one by default."""

    def __init__(self, name, epoch=-1):
        self._accuracy = np.load(FOLDER / f"search_{name}.npz")["accuracy"][..., epoch]
        self.best = float(np.nanmax(self._accuracy))

    def __call__(self, point):
        layers = int(point["layers"])
        sizes = [NODES.index(int(point[f"nodes{i}"])) if i <= layers else 0 for i in (1, 2, 3)]
        steps = self._accuracy.shape[4] - 1
        place = steps * np.log(point["learning_rate"] / RATES[0]) / np.log(RATES[1] / RATES[0])
        low = int(np.clip(np.floor(place), 0, steps - 1))
        row = self._accuracy[(layers - 1, *sizes)][
            :, ACTIVATIONS.index(point["activation"]), BATCHES.index(int(point["batch_size"]))
        ]
        return float(row[low] + (place - low) * (row[low + 1] - row[low]))


def build(hp):
    """Ask for the space as a model function would."""
    layers = hp.Int("layers", 1, 3, default=2)
    for index in (1, 2, 3):
        with hp.conditional_scope("layers", list(range(index, 4))):
            hp.Choice(f"nodes{index}", list(NODES), default=32)
    hp.Float("learning_rate", *RATES, sampling="log", default=1e-3)
    hp.Choice("activation", list(ACTIVATIONS))
    hp.Choice("batch_size", list(BATCHES))
    return layers


def run_vaiopt(table, name, seed, trials):
    """Run one of vaiopt's samplers, through Optuna, as a search does."""
    from vaiopt.search.samplers import Problem, as_optuna, make_sampler
    from vaiopt.settings import SearchSettings
    from vaiopt.study.hyperparameters import HyperParameters
    from vaiopt.study.objective import Objective
    from vaiopt.study.record import COMPLETE, TrialRecord
    from vaiopt.study.storage import quiet_optuna
    from vaiopt.study.trace import trace_space
    from vaiopt.study.trials import RECORD, distributions, record_attribute

    optuna = quiet_optuna()
    space = trace_space(build, HyperParameters)
    sampler, _, acquisition = name.partition("+")
    settings = SearchSettings(
        sampler=sampler, acquisition=acquisition or SearchSettings().acquisition
    )
    chosen = make_sampler(Problem(space, settings, seed, Objective()))
    study = optuna.create_study(sampler=as_optuna(chosen), direction="maximize")
    values, seconds = [], 0.0
    for number in range(trials):
        started = time.process_time()
        trial = study.ask(fixed_distributions=distributions(space))
        seconds += time.process_time() - started
        values.append(table(trial.params))
        record = TrialRecord(number, COMPLETE, value=values[-1], hyperparameters=trial.params)
        trial.set_user_attr(RECORD, dict(record_attribute(record)))
        study.tell(trial, values[-1])
    return values, seconds


def run_optuna(table, name, seed, trials):
    """Run a sampler of Optuna's on a function that defines the space by running."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    sampler = {
        "tpe": lambda: optuna.samplers.TPESampler(seed=seed),
        "gp": lambda: optuna.samplers.GPSampler(seed=seed),
        "cmaes": lambda: optuna.samplers.CmaEsSampler(seed=seed, warn_independent_sampling=False),
    }[name]()
    study = optuna.create_study(sampler=sampler, direction="maximize")

    def objective(trial):
        point = {"layers": trial.suggest_int("layers", 1, 3)}
        for index in range(1, point["layers"] + 1):
            point[f"nodes{index}"] = 2 ** trial.suggest_int(f"log_nodes{index}", 4, 7)
        point["learning_rate"] = trial.suggest_float("learning_rate", *RATES, log=True)
        point["activation"] = trial.suggest_categorical("activation", ACTIVATIONS)
        point["batch_size"] = trial.suggest_categorical("batch_size", BATCHES)
        return table(point)

    started = time.process_time()
    study.optimize(objective, n_trials=trials)
    return [t.value for t in study.trials], time.process_time() - started


def run_gp_minimize(table, name, seed, trials):
    """Run scikit-optimize as the published notebook does."""
    from skopt import gp_minimize
    from skopt.space import Categorical, Integer, Real

    names = ("layers", "nodes1", "nodes2", "nodes3", "learning_rate", "activation", "batch_size")
    nodes = [Categorical(NODES) for _ in range(3)]
    space = [
        Integer(1, 3),
        *nodes,
        Real(*RATES, prior="log-uniform"),
        Categorical(ACTIVATIONS),
        Categorical(BATCHES),
    ]
    values = []

    def objective(x):
        values.append(table(dict(zip(names, x))))
        return -values[-1]

    started = time.process_time()
    gp_minimize(
        objective,
        space,
        n_calls=trials,
        x0=[2, 32, 32, 32, 1e-3, "relu", 16],
        acq_func="EI",
        random_state=seed,
    )
    return values, time.process_time() - started


def run_random(table, name, seed, trials):
    """Draw points, evenly."""
    random = np.random.RandomState(seed)
    values = []
    for _ in range(trials):
        point = {
            "layers": random.randint(1, 4),
            **{f"nodes{i}": NODES[random.randint(4)] for i in (1, 2, 3)},
        }
        point["learning_rate"] = float(np.exp(random.uniform(*np.log(RATES))))
        point["activation"] = ACTIVATIONS[random.randint(2)]
        point["batch_size"] = BATCHES[random.randint(2)]
        values.append(table(point))
    return values, 0.0


def run_kerastuner(table, name, seed, trials):
    """Run KerasTuner's Bayesian oracle, without models."""
    import tempfile

    import keras_tuner

    hp = keras_tuner.HyperParameters()
    build(hp)
    oracle = keras_tuner.oracles.BayesianOptimizationOracle(
        objective=keras_tuner.Objective("val_accuracy", "max"),
        max_trials=trials,
        seed=seed,
        hyperparameters=hp,
    )
    values = []
    started = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        oracle._set_project_dir(folder, "x")
        for _ in range(trials):
            trial = oracle.create_trial("tuner0")
            if trial.status == "STOPPED":
                break
            values.append(table({"nodes2": 16, "nodes3": 16, **trial.hyperparameters.values}))
            oracle.update_trial(trial.trial_id, {"val_accuracy": values[-1]})
            trial.status = "COMPLETED"
            oracle.end_trial(trial)
    return values, time.process_time() - started


METHODS = {
    "vaiopt": run_vaiopt,
    "optuna": run_optuna,
    "gp_minimize": run_gp_minimize,
    "random": run_random,
    "kerastuner": run_kerastuner,
}


def run(arguments):
    """Run what is missing."""
    table = Table(arguments.table)
    path = FOLDER / f"regret_{arguments.table}.csv"
    done = {(row[0], int(row[1])) for row in read(path) if len(row) >= BEST + arguments.trials}
    for seed in range(arguments.first, arguments.first + arguments.seeds):
        for method in arguments.methods:
            if (method, seed) in done:
                continue
            kind, _, name = method.partition(":")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                values, seconds = METHODS[kind](table, name, seed, arguments.trials)
            # A method that ends by itself has no more to show: what it found is its best for the
            # rest.
            best = np.maximum.accumulate([*values, *[-np.inf] * (arguments.trials - len(values))])
            others = [row for row in read(path) if (row[0], int(row[1])) != (method, seed)]
            with path.open("w", newline="") as file:
                row = [method, seed, f"{seconds:.2f}", *(f"{v:.5f}" for v in best)]
                csv.writer(file).writerows([*others, row])


def read(path):
    """Return the rows of a file, none if there is no file."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.reader(file))


def show(arguments):
    """Print the mean regret and its standard error, in points of accuracy."""
    table = Table(arguments.table)
    seeds = range(arguments.first, arguments.first + arguments.seeds)
    path = FOLDER / f"regret_{arguments.table}.csv"
    rows = [row for row in read(path) if int(row[1]) in seeds]
    print(
        f"{arguments.table}: best of the table {table.best:.4f}; mean regret in points (standard"
        " error)"
    )
    marks = (15, 30, 60)
    print(
        "{:22}{:>6}{}{:>14}".format(
            "", "seeds", "".join("{:>16}".format(f"{m} trials") for m in marks), "CPU s a run"
        )
    )
    for method in sorted({row[0] for row in rows}):
        own = [row for row in rows if row[0] == method]
        texts = []
        for mark in marks:
            regrets = [
                100 * (table.best - float(row[BEST - 1 + mark]))
                for row in own
                if len(row) >= BEST + mark
            ]
            error = (
                np.std(regrets, ddof=1) / np.sqrt(len(regrets))
                if len(regrets) > 1
                else float("nan")
            )
            texts.append(
                f"{np.mean(regrets):>9.3f} ({error:.3f})" if regrets else "{:>17}".format("-")
            )
        print(
            "{:22}{:>6}{}{:>14.1f}".format(
                method, len(own), "".join(texts), np.mean([float(row[2]) for row in own])
            )
        )


def main():
    """Parse the command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=("run", "show"))
    parser.add_argument("table")
    parser.add_argument("methods", nargs="*", default=[])
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--trials", type=int, default=60)
    arguments = parser.parse_args()
    {"run": run, "show": show}[arguments.command](arguments)


if __name__ == "__main__":
    main()
