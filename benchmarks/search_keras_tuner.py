"""The example of KerasTuner's README, 2 to 20 dense layers, searched by KerasTuner, Optuna and
vaiopt: CPU time to the same validation accuracy.

    pip install keras-tuner
    python benchmarks/search_keras_tuner.py --seeds 3

scikit-learn's digits, 7 : 2 : 1, 10 epochs, batches of 32. The tools take turns seed by seed, each
in a process of its own. KerasTuner's Bayesian optimisation and Optuna's TPE train by ``fit`` on
arrays, as their users do; a trial counts with its best epoch, as in all three tools. Told: seconds
of CPU time until a trial had the accuracy that every run reached, those of the whole search, and
the best accuracy. ``--trace`` only tells what vaiopt takes to find the search space. ``--output``
adds a line a trial to a CSV file.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

ROOT = Path(__file__).resolve().parent.parent
EPOCHS, BATCH, TRIALS = 10, 32, 20
RATES = [1e-2, 1e-3, 1e-4]

Curve = List[Tuple[float, float]]
"""A trial each: CPU seconds of the process until it ended, and its validation accuracy."""

MODEL = """
from tensorflow import keras
from tensorflow.keras import layers


def build_model(hp):
    model = keras.Sequential()
    model.add(layers.Flatten())
    for i in range(hp.Int("num_layers", 2, 20)):
        units = hp.Int("units_" + str(i), min_value=32, max_value=512, step=32)
        model.add(layers.Dense(units=units, activation="relu"))
    model.add(layers.Dense(10, activation="softmax"))
    rate = hp.Choice("learning_rate", values=[1e-2, 1e-3, 1e-4])
    loss = "sparse_categorical_crossentropy"
    model.compile(keras.optimizers.Adam(rate), loss, metrics=["accuracy"])
    return model
"""


def trainer(seed: int, curve: Curve) -> Callable[[Any], float]:
    """Return what trains ``build_model`` of hyperparameters, and notes how that went."""
    from vaiopt.data import load_dataset, split_dataset
    from vaiopt.keras import load_keras

    keras = load_keras()
    splits = split_dataset(load_dataset("digits", seed=seed), (7, 2, 1), seed=seed)
    train, validation = ((part.x, part.y) for part in (splits.train, splits.validation))
    space: Dict[str, Any] = {}
    exec(compile(MODEL, "model", "exec"), space)  # the text above

    def run(hp: Any) -> float:
        keras.backend.clear_session()
        model = space["build_model"](hp)
        history = model.fit(
            *train, validation_data=validation, epochs=EPOCHS, batch_size=BATCH, verbose=0
        )
        best = max(history.history["val_accuracy"])
        curve.append((time.process_time(), best))
        return float(best)

    return run


def keras_tuner_search(seed: int) -> Curve:
    """Search with KerasTuner's Bayesian optimisation."""
    import keras_tuner

    curve: Curve = []
    run = trainer(seed, curve)

    class Tuner(keras_tuner.BayesianOptimization):  # type: ignore[misc]
        def run_trial(self, trial: Any, *arguments: Any, **options: Any) -> float:
            return -run(trial.hyperparameters)  # a number is minimised

    with tempfile.TemporaryDirectory() as folder:
        Tuner(max_trials=TRIALS, seed=seed, directory=folder).search()
    return curve


def optuna_search(seed: int) -> Curve:
    """Search with Optuna's TPE, the space written as its users write it."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    curve: Curve = []
    run = trainer(seed, curve)

    class Asked:
        """A trial of Optuna's under the names of KerasTuner's."""

        def __init__(self, trial: Any) -> None:
            self._trial = trial

        def Int(  # noqa: N802
            self, name: str, min_value: int, max_value: int, step: int = 1
        ) -> int:
            return int(self._trial.suggest_int(name, min_value, max_value, step=step))

        def Choice(self, name: str, values: List[float]) -> float:  # noqa: N802
            return float(self._trial.suggest_categorical(name, values))

    sampler = optuna.samplers.TPESampler(seed=seed)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.optimize(lambda trial: run(Asked(trial)), n_trials=TRIALS)
    return curve


def vaiopt_search(seed: int) -> Curve:
    """Search with vaiopt, in this process."""
    from vaiopt.search import search_run
    from vaiopt.settings import load_settings

    curve: Curve = []

    def ended(trial: Any) -> None:
        accuracy = trial.metrics.get("val_accuracy", 0.0) if trial.value is not None else 0.0
        curve.append((time.process_time(), accuracy))

    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.py"
        model.write_text(MODEL, encoding="utf-8")
        changed = {
            "model.family": str(model),
            "seed": seed,
            "search.trials": TRIALS,
            "search.workers": 0,
            "train.epochs": EPOCHS,
            "train.batch_size": BATCH,
        }
        search_run(load_settings(None, changed), Path(folder) / "run", on_trial=ended)
    return curve


TOOLS: Dict[str, Callable[[int], Curve]] = {
    "keras_tuner": keras_tuner_search,
    "optuna": optuna_search,
    "vaiopt": vaiopt_search,
}


def alone(tool: str, seed: int) -> Curve:
    """Run a tool in a process of its own."""
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_USE_LEGACY_KERAS": "1", "PYTHONPATH": path}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", __file__, "--alone", tool, "--seeds", str(seed)],
        env={**os.environ, **quiet},
        stdout=subprocess.PIPE,
        check=True,
    )
    return [(s, a) for s, a in json.loads(done.stdout.decode("utf-8").splitlines()[-1])]


def trace() -> None:
    """Print the CPU seconds and the calls of the model function that finding the space takes."""
    from vaiopt.keras import load_keras
    from vaiopt.models import build
    from vaiopt.study.hyperparameters import HyperParameters
    from vaiopt.study.trace import trace_space

    load_keras()
    space: Dict[str, Any] = {}
    exec(compile(MODEL, "model", "exec"), space)  # the text above
    known = ((8, 8, 1), 10, 1797)
    build(space["build_model"], HyperParameters({}, {}, *known))  # what TensorFlow makes once
    calls: List[Any] = []

    def ask(hp: Any) -> None:
        calls.append(build(space["build_model"], hp))

    before = time.process_time()
    found = trace_space(ask, lambda values: HyperParameters(values, {}, *known))
    seconds = time.process_time() - before
    print(f"{len(found)} dimensions, {len(calls)} calls, {seconds:.2f} s of CPU")


def until(curve: Curve, accuracy: float) -> float:
    """Return the CPU seconds until a trial had an accuracy; infinity if none had."""
    return next((seconds for seconds, found in curve if found >= accuracy), float("inf"))


def tell(curves: Dict[str, List[Curve]]) -> None:
    """Print a line a tool."""
    least = min(max(a for _, a in curve) for runs in curves.values() for curve in runs)
    print(f"CPU seconds to {100 * least:.2f} % (which every run reached), in all, best accuracy:")
    for tool, runs in curves.items():
        seconds = [until(curve, least) for curve in runs]
        whole = [curve[-1][0] for curve in runs]
        best = [100 * max(a for _, a in curve) for curve in runs]
        cells = [
            f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to"
            f" {max(values):.{digits}f})"
            for values, digits in ((seconds, 0), (whole, 0), (best, 2))
        ]
        print(f"{tool:12} {'; '.join(cells)}")


def main() -> None:
    """Run the tools in turn, and print what they came to."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--tools", nargs="+", default=list(TOOLS), choices=list(TOOLS))
    parser.add_argument("--alone", choices=list(TOOLS), help=argparse.SUPPRESS)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--trace", action="store_true", help="only find vaiopt's search space")
    arguments = parser.parse_args()
    if arguments.trace:
        trace()
        return
    if arguments.alone:
        print(json.dumps(TOOLS[arguments.alone](arguments.seeds)))
        return
    curves: Dict[str, List[Curve]] = {tool: [] for tool in arguments.tools}
    for seed in range(arguments.seeds):
        for tool in arguments.tools:
            curves[tool].append(alone(tool, seed))
            if arguments.output:
                with arguments.output.open("a", newline="", encoding="utf-8") as file:
                    rows = enumerate(curves[tool][-1])
                    csv.writer(file).writerows([tool, seed, n, s, a] for n, (s, a) in rows)
    tell(curves)


if __name__ == "__main__":
    main()
