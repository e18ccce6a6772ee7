"""One search by several versions of vaiopt, over the same seeds: what each finds, and at what cost.

    python benchmarks/search_versions.py --seeds 5 examples/digits.toml before=../old now=.

Each version is the folder of a checkout. The versions take turns seed by seed, each in a process of
its own, so that what else runs on the computer meets all alike. Told, as medians with the lowest
and highest over the seeds: accuracy of the chosen model on the test split, CPU seconds of the
search, their ratio to the first version's of the same seed, and how many trials with batch
normalisation were pruned. ``--output`` adds a line a search to a CSV file; ``--set`` changes
settings.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Dict, List, Sequence

NORMALISED = "batch_norm"
"""The hyperparameter of the built-in families that says whether a model is."""


@dataclass(frozen=True)
class Found:
    """What one search came to.

    Attributes:
        version, settings, seed: what ran.
        test_accuracy, val_accuracy: of the chosen model.
        cpu_seconds: of the search and its workers.
        trials, pruned: of the search.
        normalised, normalised_pruned: those with batch normalisation, and how many were pruned.
    """

    version: str
    settings: str
    seed: int
    test_accuracy: float
    val_accuracy: float
    cpu_seconds: float
    trials: int
    pruned: int
    normalised: int
    normalised_pruned: int


def searched(version: str, checkout: Path, settings: Path, seed: int, more: Sequence[str]) -> Found:
    """Search in a process of its own with one version, and evaluate what it chose."""
    environment = {**os.environ, "PYTHONPATH": str(checkout), "TF_CPP_MIN_LOG_LEVEL": "3"}

    with tempfile.TemporaryDirectory() as folder:

        def run(*words: str) -> str:
            # Not from a checkout: Python would take the package there.
            done = subprocess.run(
                [sys.executable, "-W", "ignore", "-m", "vaiopt", *words],
                env=environment,
                stdout=subprocess.PIPE,
                check=True,
                cwd=folder,
            )
            return done.stdout.decode("utf-8")

        words = [f"seed={seed}", "search.workers=0", *more]
        changed = [part for word in words for part in ("--set", word)]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        run("search", str(settings), "--run", f"{folder}/run", *changed, "--json")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        evaluation = json.loads(run("evaluate", f"{folder}/run", "--json"))
        told = json.loads(run("trials", f"{folder}/run", "--json"))
    trials = told["trials"]
    chosen = max((t for t in trials if t["value"] is not None), key=lambda t: t["value"])
    pruned = [t for t in trials if t["status"] == "pruned"]
    normalised = [t for t in trials if t["hyperparameters"].get(NORMALISED)]
    return Found(
        version,
        settings.stem,
        seed,
        evaluation["float"]["accuracy"],
        chosen["metrics"]["val_accuracy"],
        after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        len(trials),
        len(pruned),
        len(normalised),
        sum(t in normalised for t in pruned),
    )


def spread(values: Sequence[float], digits: int) -> str:
    """Return the median, and the lowest and highest."""
    low, high = min(values), max(values)
    return f"{statistics.median(values):.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def tell(found: Dict[str, List[Found]]) -> None:
    """Print a line a version."""
    first = next(iter(found.values()))
    for version, runs in found.items():
        ratios = [run.cpu_seconds / one.cpu_seconds for run, one in zip(runs, first)]
        share = f"{sum(r.normalised_pruned for r in runs)} of {sum(r.normalised for r in runs)}"
        print(
            f"{version}: test accuracy {spread([100 * r.test_accuracy for r in runs], 2)} %,"
            f" CPU {spread([r.cpu_seconds for r in runs], 0)} s, ratio {spread(ratios, 2)},"
            f" batch-normalised trials pruned: {share}"
        )


def main() -> None:
    """Run the searches that the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("settings", type=Path)
    parser.add_argument("versions", nargs="+", help="NAME=FOLDER of a checkout")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    folders = {name: Path(f).resolve() for name, f in (v.split("=") for v in arguments.versions)}
    found: Dict[str, List[Found]] = {name: [] for name in folders}
    settings = arguments.settings.resolve()
    for seed in range(arguments.seeds):
        for name, folder in folders.items():
            run = searched(name, folder, settings, seed, arguments.set)
            found[name].append(run)
            print(run, file=sys.stderr)
            if arguments.output:
                is_new = not arguments.output.exists()
                with arguments.output.open("a", newline="", encoding="utf-8") as file:
                    writer = csv.DictWriter(file, [field.name for field in fields(Found)])
                    writer.writerows(([{n: n for n in asdict(run)}] * is_new) + [asdict(run)])
    tell(found)


if __name__ == "__main__":
    main()
