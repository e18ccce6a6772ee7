"""Give damaged files to everything that reads one: each must be read, or refused with an error and
a hint.

    python -m benchmarks.fuzz [--inputs 100000] [--seed 0] [--engine mutate] [--reader NAME]...

Prints a line per reader: inputs, how many were read and how many refused, bugs, the slowest, and by
how much memory rose; then each kind of bug with its file. Exit code 1 if there is any.

Engines: ``mutate`` (a seed), ``hypothesis``, and ``atheris`` (``pip install atheris``, in an
environment of its own), which watches what an input reaches in vaiopt and board.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
from pathlib import Path
from typing import Any, List

NAMES = ("mutate", "hypothesis", "atheris")


def parsed() -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.fuzz", description=__doc__.split("\n\n")[0]
    )
    parser.add_argument("--inputs", type=int, default=100_000, help="in all (default 100000)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--engine", choices=NAMES, default="mutate")
    parser.add_argument(
        "--reader", action="append", default=[], help="only these; the start of a name is enough"
    )
    parser.add_argument("--seconds", type=float, default=20.0, help="that an input may take")
    parser.add_argument("--megabytes", type=int, default=1024, help="that memory may rise")
    parser.add_argument("--keep", default="", help="folder for the first input of each bug")
    return parser.parse_args()


def main() -> int:
    """Run the readers and return the exit code."""
    given = parsed()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    warnings.simplefilter("ignore")
    if given.engine == "atheris":
        from benchmarks.fuzz.instrument import import_watched

        import_watched()
    from benchmarks.fuzz import engines
    from benchmarks.fuzz.table import READERS
    from benchmarks.fuzz.watch import Limits

    limits = Limits(given.seconds, given.megabytes)
    chosen = [r for r in READERS if not given.reader or r.name.startswith(tuple(given.reader))]
    started, bugs, total = time.perf_counter(), 0, 0
    print(f"{'reader':32}{'inputs':>9}{'read':>9}{'refused':>9}{'bugs':>7}{'slowest':>10}{'MB':>7}")
    for reader, inputs in zip(chosen, engines.shares(chosen, given.inputs)):
        tally = engines.ENGINES[given.engine](reader, inputs, given.seed, limits)
        found = sum(count for count, _, _ in tally.bugs.values())
        bugs, total = bugs + found, total + tally.inputs
        print(
            f"{reader.name:32}{tally.inputs:>9}{tally.accepted:>9}{tally.refused:>9}{found:>7}"
            f"{1000 * tally.slowest:>7.0f} ms{tally.megabytes:>7.0f}",
            flush=True,
        )
        show(tally, reader.name, given.keep)
    print(f"{total} inputs, {bugs} bugs, {time.perf_counter() - started:.0f} s")
    return 1 if bugs else 0


def show(tally: Any, reader: str, keep: str) -> None:
    """Print the bugs of a reader, the most frequent first, and keep an input of each."""
    ranked: List[Any] = sorted(tally.bugs.items(), key=lambda item: -item[1][0])
    for number, (how, (count, name, content)) in enumerate(ranked):
        print(f"    {count:>7} x {how} ({name})", flush=True)
        if keep:
            plain = "".join(c if c.isalnum() else "-" for c in reader)
            path = Path(keep) / f"{plain}-{number}-{name}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


if __name__ == "__main__":
    sys.exit(main())
