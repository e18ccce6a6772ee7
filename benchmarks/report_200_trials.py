"""How long the report of a 200-trial run takes, how large it is, and when a browser shows it.

Run in the repository: ``python benchmarks/report_200_trials.py [--trials 200] [--run FOLDER]``.
Without ``--run`` a run folder with made-up trials and the outputs of every stage is written to a
temporary place (that time is not counted). Where Chromium is installed, it opens the report, from
a file and with no window. Ends with exit code 1 when a limit is broken: to 1,000 trials 5 seconds
and 3 MB, of more 10 seconds and 6 MB, the first paint after a second.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Optional

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts.browser import Browser, browser
from tests.report.synthetic import make_run
from vaiopt.runs.layout import Run, open_run
from vaiopt.study.trials import load_trials

LIMITS = ((1000, 5.0, 3_000_000), (10**9, 10.0, 6_000_000))
"""Trials at most, seconds, bytes."""
LIMIT_PAINT = 1.0
"""Seconds from the call of the page to the first text or figure."""
OPENED = 5
"""Times that the page is opened; the median counts."""


def first_paint(report: Path) -> Optional[float]:
    """Return after how many seconds a browser shows the first of a page; None without a browser."""
    if browser() is None:
        return None
    asked = "performance.getEntriesByName('first-contentful-paint')[0]"
    found = []
    with Browser() as page:
        page.size(1400, 900)
        for _ in range(OPENED):
            page.open(report)
            page.until(asked)
            found.append(page.ask(f"{asked}.startTime") / 1000)
    return statistics.median(found)


def measure(run: Run, trials: int) -> bool:
    """Write the report, print its figures, and return whether they keep their limits."""
    started, processor = time.perf_counter(), time.process_time()
    from vaiopt.report import write_report

    result = write_report(run)
    seconds, processor = time.perf_counter() - started, time.process_time() - processor
    print(
        f"report of {run.folder}: {seconds:.1f} s ({processor:.1f} s of processor, imports"
        " included)"
    )
    print(
        f"{result.size / 1e6:.2f} MB, {len(result.sections)} sections, {len(result.figures)}"
        " figures"
    )
    most, largest = next((limit, size) for count, limit, size in LIMITS if trials <= count)
    paint = first_paint(result.path)
    if paint is not None:
        print(f"first paint after {paint:.2f} s (median of {OPENED})")
    return seconds <= most and result.size <= largest and (paint or 0.0) <= LIMIT_PAINT


def main() -> int:
    """Parse the command line, measure, and return the exit code."""
    parser = argparse.ArgumentParser(description="Time the report of a large run.")
    parser.add_argument("--trials", type=int, default=200, help="made-up trials")
    parser.add_argument("--run", default=None, help="a real run folder instead")
    options = parser.parse_args()
    if options.run is not None:
        run = open_run(options.run)
        return 0 if measure(run, len(load_trials(run))) else 1
    with tempfile.TemporaryDirectory() as folder:
        run = make_run(Path(folder) / "run", trials=options.trials)
        return 0 if measure(run, options.trials) else 1


if __name__ == "__main__":
    sys.exit(main())
