"""How long ``vaiopt measure`` takes beside the measurement itself, on a kit that is an ssh server
on the loopback.

    PYTHONPATH=. python benchmarks/board_time.py [--runs 3]

The kit's runtime is the strict stand-in of ``tests/contract``. The job is timed by hand first, as
the bundle's README tells it. Prints one JSON object with seconds: of the job, of the command from
its start to its end, with and without the bundle being copied, and their difference; the load of
the machine, which lengthens all of them; and the processor time of vaiopt and its clients of ssh,
which it does not.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Dict, List

ROOT = Path(__file__).resolve().parent.parent
for folder in ("board", "deploy", "contract"):
    sys.path.insert(0, str(ROOT / "tests" / folder))

from bundled import bundle_of_a_standin  # noqa: E402
from loopback import Board, serve  # noqa: E402
from standin_models import STANDIN  # noqa: E402

from tests.made_runs import made_candidate  # noqa: E402
from vaiopt.runs.layout import Candidate  # noqa: E402
from vaiopt.settings.sections import DeploySettings  # noqa: E402


def processor_seconds() -> float:
    """Return the processor time of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def seconds(command: List[str], **options: Any) -> float:
    """Return how long a command takes."""
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
    return time.perf_counter() - began


def of_the_job(candidate: Candidate) -> float:
    """Return how long the bundle's script takes."""
    words = ["run_model.py", "model.xmodel", "--data", "samples.npz", "--output", "../result.json"]
    words += ["--threads", str(DeploySettings().threads)]  # as vaiopt measure asks for
    environment = {**os.environ, "PYTHONPATH": str(STANDIN), "OMP_NUM_THREADS": "1"}
    folder = candidate.bundle("zcu102")
    return seconds([sys.executable, *words], cwd=str(folder), env=environment)


def of_the_command(candidate: Candidate, board: Board) -> float:
    """Return how long ``vaiopt measure`` takes."""
    command = [sys.executable, "-m", "vaiopt", "measure", str(candidate.run.folder)]
    command += ["--target", "zcu102", "--host", "board", "-F", str(board.config)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return seconds(command, env=environment)


def main() -> int:
    """Measure, and print the least of each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    found: Dict[str, List[float]] = {"job": [], "copied": [], "there": [], "processor": []}
    with tempfile.TemporaryDirectory(prefix="time-") as temporary:
        candidate = made_candidate(Path(temporary) / "run")
        bundle_of_a_standin(candidate)
        with serve(Path(temporary)) as board:
            for _ in range(given.runs):
                board.forget()
                found["job"].append(of_the_job(candidate))
                before = processor_seconds()
                found["copied"].append(of_the_command(candidate, board))
                found["processor"].append(processor_seconds() - before)
                found["there"].append(of_the_command(candidate, board))
    least = {name: round(min(values), 2) for name, values in found.items()}
    over = {
        f"{name}_over_job": round(least[name] - least["job"], 2) for name in ("copied", "there")
    }
    print(json.dumps({"runs": given.runs, "load": os.getloadavg()[0], **least, **over}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
