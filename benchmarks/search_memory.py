"""Does memory grow from trial to trial? A search of 60 like trials on the digits in one worker
process, and the peak memory of each.

Run: python benchmarks/search_memory.py [--trials 60]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path
from typing import List

from vaiopt.runs.layout import Run
from vaiopt.search import search_run
from vaiopt.settings import load_settings
from vaiopt.study.trials import load_trials


def peaks(trials: int) -> List[float]:
    """Return the peak resident memory in MB of each trial of a search in which only the learning
    rate differs.
    """
    settings = load_settings(
        None,
        [
            f"search.trials={trials}",
            "search.sampler=random",
            f"search.recycle_after={trials}",  # never: what a trial leaves behind must show
            "train.epochs=2",
            "model.family=cnn",
            "model.hyperparameters={activation='relu', dense_nodes=128, dense_layers=1}",
        ],
    )
    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(folder) / "run")
        search_run(settings, run.folder)
        return [t.peak_memory_mb for t in load_trials(run)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=60)
    count = parser.parse_args().trials
    found = peaks(count)
    third = count // 3
    first, last = statistics.median(found[:third]), statistics.median(found[-third:])
    print(f"first third {first:.0f} MB, last third {last:.0f} MB, ratio {last / first:.3f}")
    print(
        "highest / lowest {:.3f}; MB: {}".format(
            max(found) / min(found), " ".join(f"{p:.0f}" for p in found)
        )
    )


if __name__ == "__main__":
    main()
