"""How much memory a search takes on large data, beside what it takes on small: all of its processes
together, with one worker and with two.

    python benchmarks/data_memory.py                     # 1 GB of uint8 images, in a file
    python benchmarks/data_memory.py --form function     # the same from a function
    python benchmarks/data_memory.py --gb 24 --sparse --split 1:1:98 --trials 1
    python benchmarks/data_memory.py --source cifar10/train   # photos, a folder for each class

Memory is what the processes have for themselves and their share of what they have in common (PSS
of Linux), looked at ten times a second; the highest sum counts, and the sum of the resident sets
beside it. "over" is the difference to the same search on a hundredth of the data.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import List, Tuple

import numpy as np
import psutil

SHAPE = (64, 64, 3)
CLASSES = 10

FUNCTION = """
import numpy as np

def load():
    random = np.random.default_rng(0)
    x = random.integers(0, 256, ({count}, *{shape}), np.uint8)
    return x, np.arange({count}) % {classes}
"""

SETTINGS = """
[data]
source = "{source}"
split = "{split}"
in_memory_mb = {in_memory}

[model]
family = "cnn_blocks"

[model.hyperparameters]
blocks = 1
filters1 = 4

[train]
epochs = 1
batch_size = 128

[search]
trials = {trials}
workers = {workers}
sampler = "random"
pruner = "none"
"""


def make_data(folder: Path, form: str, count: int, sparse: bool) -> str:
    """Make the data and return their source."""
    if form == "function":
        text = FUNCTION.format(count=count, shape=SHAPE, classes=CLASSES)
        (folder / "made.py").write_text(text, encoding="utf-8")
        return f"{folder}/made.py:load"
    x = np.lib.format.open_memmap(  # type: ignore[no-untyped-call]
        str(folder / "x.npy"), "w+", np.uint8, (count, *SHAPE)
    )
    random = np.random.default_rng(0)
    for start in range(0, 0 if sparse else count, 4096):
        part = x[start : start + 4096]
        part[:] = random.integers(0, 256, part.shape, np.uint8)
    del x
    np.save(str(folder / "y.npy"), np.arange(count) % CLASSES)
    return str(folder / "x.npy")


def followed(command: List[str]) -> Tuple[float, float, float]:
    """Run a command; return the highest PSS and RSS of it and its children, in MB, and seconds."""
    started = time.time()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    own = psutil.Process(process.pid)
    pss = rss = 0.0
    while process.poll() is None:
        found = []
        try:
            for each in (own, *own.children(recursive=True)):
                found.append(each.memory_full_info())
        except psutil.Error:
            continue
        pss = max(pss, sum(each.pss for each in found) / 1e6)
        rss = max(rss, sum(each.rss for each in found) / 1e6)
        time.sleep(0.1)
    if process.returncode:
        raise SystemExit(f"the search ended with exit code {process.returncode}")
    return pss, rss, time.time() - started


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--gb", type=float, default=1.0)
    parser.add_argument("--form", choices=("file", "function"), default="file")
    parser.add_argument("--source", help="data of your own, which are not compared with fewer")
    parser.add_argument("--sparse", action="store_true", help="a file without values: all are 0")
    parser.add_argument("--split", default="7:2:1")
    parser.add_argument("--trials", type=int, default=2)
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--in-memory-mb", type=float, default=64.0)
    options = parser.parse_args()
    counts = [int(options.gb * scale / np.prod(SHAPE)) for scale in (1e7, 1e9)]
    if options.source:
        counts = [0]
    print(f"{'samples':>10} {'workers':>7} {'PSS MB':>8} {'RSS MB':>8} {'seconds':>7}  over / raw")
    for workers in options.workers:
        base = None
        for count in counts:
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                text = SETTINGS.format(
                    source=os.path.abspath(options.source)
                    if options.source
                    else make_data(folder, options.form, count, options.sparse),
                    split=options.split,
                    trials=options.trials,
                    workers=workers,
                    in_memory=options.in_memory_mb,
                )
                (folder / "settings.toml").write_text(text, encoding="utf-8")
                command = [sys.executable, "-m", "vaiopt", "search", str(folder / "settings.toml")]
                pss, rss, seconds = followed([*command, "--run", str(folder / "run")])
            base = base or (pss, rss)
            raw = count * np.prod(SHAPE) / 1e6
            over = (
                f"{(pss - base[0]) / raw:.2f} PSS, {(rss - base[1]) / raw:.2f} RSS" if raw else "-"
            )
            print(f"{count:>10} {workers:>7} {pss:>8.0f} {rss:>8.0f} {seconds:>7.1f}  {over}")
            sys.stdout.flush()


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main()
