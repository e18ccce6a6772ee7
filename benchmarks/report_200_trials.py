"""How long the report of a 200-trial run takes, and how large it is.

Run in the repository: ``python benchmarks/report_200_trials.py [--trials 200] [--run FOLDER]``.
Without ``--run`` a run folder with made-up trials and the outputs of every stage is written to a
temporary place (that time is not counted). Ends with exit code 1 when a limit is broken: 20
seconds, 6 MB.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.report.synthetic import make_run
from vaiopt.runs.layout import Run, open_run

LIMIT_SECONDS = 20.0
LIMIT_BYTES = 6_000_000


def measure(run: Run) -> bool:
    """Write the report, print time and size, and return whether both keep their limits."""
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
    return seconds <= LIMIT_SECONDS and result.size < LIMIT_BYTES


def main() -> int:
    """Parse the command line, measure, and return the exit code."""
    parser = argparse.ArgumentParser(description="Time the report of a large run.")
    parser.add_argument("--trials", type=int, default=200, help="made-up trials")
    parser.add_argument("--run", default=None, help="a real run folder instead")
    options = parser.parse_args()
    if options.run is not None:
        return 0 if measure(open_run(options.run)) else 1
    with tempfile.TemporaryDirectory() as folder:
        return 0 if measure(make_run(Path(folder) / "run", trials=options.trials)) else 1


if __name__ == "__main__":
    sys.exit(main())
