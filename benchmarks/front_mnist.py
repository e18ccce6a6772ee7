"""A front of accuracy against the zcu102's latency, with real trainings: the lab's space on MNIST.

    VAIOPT_DATA=... python benchmarks/front_mnist.py run --seeds 5
    python benchmarks/front_mnist.py show

Three searches of 15 trials take turns, seed by seed: for one score, accuracy x (latency / the
default's)^-0.05 with the median pruner; for the front without a pruner; for the front with its own.
Each trial is a row of ``benchmarks/data/front_mnist_cnn.csv``. ``show`` prints, as means with
standard errors, the hypervolume of validation accuracy above 95 % and the logarithm of the latency
below the slowest trial of all, in percent of that of all trials together, after 15 trials and after
the time that the quickest of the three took; and the epochs and the seconds that were spent.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
PATH = Path(__file__).resolve().parent / "data" / "front_mnist_cnn.csv"
COLUMNS = ("method", "seed", "number", "status", "epochs", "seconds", "accuracy", "latency_ms")
LEAST = 0.95
METHODS: Dict[str, Sequence[str]] = {
    "one score": ("objective.weights.latency_ms=0.05", "search.pruner=median"),
    "front, no pruner": ('objective.front=["latency_ms"]', "search.pruner=none"),
    "front": ('objective.front=["latency_ms"]', "search.pruner=front"),
}


def searched(method: str, seed: int, settings: Path) -> List[Dict[str, Any]]:
    """Search in a process of its own, and return a row a trial."""
    with tempfile.TemporaryDirectory() as folder:

        def run(*words: str) -> str:
            # Not from a checkout: Python would take the package there.
            done = subprocess.run(
                [sys.executable, "-W", "ignore", "-m", "vaiopt", *words],
                env={"PYTHONPATH": str(ROOT), **os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
                stdout=subprocess.PIPE,
                check=True,
                cwd=folder,
            )
            return done.stdout.decode("utf-8")

        changes = (*METHODS[method], f"seed={seed}", "search.workers=0", "hardware.target=zcu102")
        run("search", str(settings), "--run", "run", *(w for c in changes for w in ("--set", c)))
        trials = json.loads(run("trials", "run", "--json"))["trials"]
    return [
        {
            "method": method,
            "seed": seed,
            "number": trial["number"],
            "status": trial["status"],
            "epochs": len(trial["curve"]),
            "seconds": round(trial["seconds"], 2),
            "accuracy": trial["metrics"].get("val_accuracy", ""),
            "latency_ms": trial["costs"].get("latency_ms", ""),
        }
        for trial in sorted(trials, key=lambda trial: int(trial["number"]))
    ]


def read() -> Dict[Tuple[str, int], List[Dict[str, str]]]:
    """Return the rows of each search, in order."""
    found: Dict[Tuple[str, int], List[Dict[str, str]]] = {}
    if PATH.exists():
        with PATH.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                found.setdefault((row["method"], int(row["seed"])), []).append(row)
    return found


def run(arguments: argparse.Namespace) -> None:
    """Run the searches that are missing."""
    for seed in range(arguments.seeds):
        for method in METHODS:
            if (method, seed) in read():
                continue
            rows = searched(method, seed, arguments.settings.resolve())
            is_new = not PATH.exists()
            with PATH.open("a", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, COLUMNS)
                if is_new:
                    writer.writeheader()
                writer.writerows(rows)
            print(method, seed, f"{sum(row['seconds'] for row in rows):.0f} s", flush=True)


def volume(rows: Sequence[Dict[str, str]], slowest: float) -> float:
    """Return the hypervolume of the complete trials among some."""
    points = sorted(
        (float(row["latency_ms"]), float(row["accuracy"]))
        for row in rows
        if row["status"] == "complete" and float(row["accuracy"]) > LEAST
    )
    total, best = 0.0, LEAST
    for latency, accuracy in points:
        if accuracy > best:
            total += (accuracy - best) * math.log(slowest / latency)
            best = accuracy
    return total


def show(_: argparse.Namespace) -> None:
    """Print a line a method."""
    found = read()
    every = [row for rows in found.values() for row in rows]
    slowest = max(float(row["latency_ms"]) for row in every if row["latency_ms"])
    whole = volume(every, slowest)
    shares: Dict[str, List[Tuple[float, float, float, float]]] = {name: [] for name in METHODS}
    for seed in sorted({seed for _, seed in found}):
        searches = {name: found[name, seed] for name in METHODS if (name, seed) in found}
        if len(searches) < len(METHODS):
            continue
        spent = {n: np.cumsum([float(r["seconds"]) for r in s]) for n, s in searches.items()}
        least = min(times[-1] for times in spent.values())
        for name, rows in searches.items():
            early = [row for row, time in zip(rows, spent[name]) if time <= least]
            epochs = float(sum(int(row["epochs"]) for row in rows))
            at_once, later = (100 * volume(some, slowest) / whole for some in (early, rows))
            shares[name].append((later, at_once, epochs, float(spent[name][-1])))
    print(f"{'':18}{'seeds':>6}{'15 trials':>18}{'equal time':>18}{'epochs':>16}{'seconds':>18}")
    for name, values in shares.items():
        table = np.array(values)
        errors = table.std(axis=0, ddof=1) / math.sqrt(len(table))
        cells = "".join(f"{m:>11.1f} ({e:.1f})" for m, e in zip(table.mean(axis=0), errors))
        print(f"{name:18}{len(table):>6}{cells}")


def main() -> None:
    """Parse the command."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("command", choices=("run", "show"))
    parser.add_argument("settings", nargs="?", type=Path, default=ROOT / "examples/mnist_cnn.toml")
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    {"run": run, "show": show}[arguments.command](arguments)


if __name__ == "__main__":
    main()
