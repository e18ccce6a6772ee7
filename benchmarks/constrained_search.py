"""A hard limit on latency: does the search keep to it, and what does it cost in accuracy?

The limit is the median predicted latency of random points of the space. Two searches of the same
seed are run, without and with it.

Run: python benchmarks/constrained_search.py [SETTINGS.toml] [--target zcu102] [--unconstrained RUN]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path
from typing import Any, List

import numpy as np

from vaiopt.hardware import costs, load_target
from vaiopt.models import build, load_family
from vaiopt.runs.layout import Run
from vaiopt.search import search_run
from vaiopt.search.samplers.encoding import draw
from vaiopt.settings import load_settings, override
from vaiopt.study.hyperparameters import HyperParameters
from vaiopt.study.record import INFEASIBLE, TrialRecord
from vaiopt.study.space import Space
from vaiopt.study.space_file import read_space
from vaiopt.study.trials import load_trials

ROOT = Path(__file__).resolve().parent.parent


def latencies(settings: Any, space: Space, count: int) -> List[float]:
    """Return the predicted latency in ms of random points of an MNIST family's space."""
    random = np.random.RandomState(0)
    target = load_target(settings.hardware.target, settings.hardware.release)
    columns = {d.name: draw(d, random, count) for d in space}
    function = load_family(settings.model.family)
    found = []
    for i in range(count):
        hp = HyperParameters(
            {name: column[i] for name, column in columns.items()},
            input_shape=(28, 28, 1),
            classes=10,
            samples=49000,
        )
        found.append(costs(build(function, hp), target)["latency_ms"])
    return found


def show(name: str, trials: List[TrialRecord], chosen: TrialRecord) -> None:
    infeasible = [t for t in trials if t.status == INFEASIBLE]
    print(
        f"{name}: validation accuracy {chosen.metrics['val_accuracy']:.4f},"
        f" {chosen.costs['latency_ms']:.4f} ms (trial {chosen.number}); {len(trials)} trials,"
        f" {len(infeasible)} infeasible, of which trained: {sum(1 for t in infeasible if t.curve)}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("settings", nargs="?", default=str(ROOT / "examples" / "mnist_cnn.toml"))
    parser.add_argument("--target", default="zcu102")
    parser.add_argument(
        "--unconstrained", help="a finished run of the same settings, in place of the first search"
    )
    arguments = parser.parse_args()
    settings = load_settings(arguments.settings, [f"hardware.target={arguments.target}"])
    with tempfile.TemporaryDirectory() as folder:
        free = Run(arguments.unconstrained or Path(folder) / "free")
        if not arguments.unconstrained:
            search_run(settings, free.folder, progress=print)
        limit = statistics.median(latencies(settings, read_space(free).space, 200))
        print(f"median latency of 200 random points on {arguments.target}: {limit:.4f} ms")
        held = Run(Path(folder) / "held")
        result = search_run(override(settings, [f"objective.max_latency_ms={limit}"]), held.folder)
        trials = load_trials(free)
        show("without a limit", trials, trials[free.chosen.number])
        show("with the limit", load_trials(held), result.chosen)


if __name__ == "__main__":
    main()
