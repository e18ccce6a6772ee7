"""How much the scripts for the kit cost beside the DPU itself: throughput against N / L, and memory
over many frames.

    python benchmarks/board_overhead.py [--frames 100000]

The runtime is the stand-in of ``tests/contract`` with a fixed latency L, waited for, so that N
threads could reach N / L if nothing else took time. Each figure is the median of a few short runs,
with the lowest and the highest; ``control`` is what threads that do nothing but wait L reach.
Memory is the resident size of the process, early on and after all frames. Prints one JSON object;
exit code 1 when a bound is missed: throughput at least 0.97 N / L, memory flat within 1 %. On a
busy machine the control misses it too.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

ROOT = Path(__file__).resolve().parent.parent
STANDIN = str(ROOT / "tests" / "contract" / "standin")
SHARE = 0.97
GROWTH = 0.01
RUNS = 12

CHILD = """
import json, sys
sys.path.insert(0, {board!r})
import numpy as np
from kit_dpu import DpuModel
from kit_timing import measure_throughput

def resident():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))

model = DpuModel({model!r})
shape = (100,) + tuple(model.input_shape)
frames = np.random.RandomState(0).randint(-128, 128, shape).astype(np.int8)
runner = model.make_runner()
from kit_timing import run_batches
outputs = run_batches(runner, frames)
rows = []
for repeat in {repeats!r}:
    fps = measure_throughput(model.make_runner, frames, {threads}, repeat, outputs, None)
    rows.append({{"frames": fps["frames"], "fps": fps["value"], "resident_kb": resident()}})
print(json.dumps(rows))
"""

CONTROL = """
import json, threading, time
from standin_device import wait_until
def loop():
    for _ in range({count}):
        wait_until(time.perf_counter() + {latency} / 1000.0)
threads = [threading.Thread(target=loop) for _ in range({threads})]
began = time.perf_counter()
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(json.dumps({count} * {threads} / (time.perf_counter() - began)))
"""


def run(model: Path, threads: int, repeats: List[int], latency_ms: float) -> List[Dict[str, Any]]:
    """Return what a process of its own measures: one row for each entry of ``repeats``."""
    code = CHILD.format(
        board=str(ROOT / "board"), model=str(model), threads=threads, repeats=repeats
    )
    environment = {
        **os.environ,
        "PYTHONPATH": STANDIN,
        "STANDIN_LATENCY_MS": str(latency_ms),
        "STANDIN_CORES": str(threads),
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, check=True
    )
    return list(json.loads(done.stdout.decode()))


def control(threads: int, latency_ms: float) -> float:
    """Return how many sleeps of L per second ``threads`` threads reach here, doing nothing else."""
    code = CONTROL.format(count=int(500 / latency_ms), threads=threads, latency=latency_ms)
    return float(
        json.loads(
            subprocess.run(
                [sys.executable, "-c", code],
                env={**os.environ, "PYTHONPATH": STANDIN},
                stdout=subprocess.PIPE,
                check=True,
            ).stdout.decode()
        )
    )


def main() -> int:
    """Measure, print, and return 1 when a bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--frames",
        type=int,
        default=100000,
        help="frames for the memory measurement (default 100000)",
    )
    parser.add_argument(
        "--latencies", type=float, nargs="+", default=[1.0, 2.0, 5.0], help="milliseconds"
    )
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2, 4, 8])
    options = parser.parse_args()
    sys.path.insert(0, str(ROOT / "tests" / "board"))
    from made_bundles import make_bundle

    model = (
        make_bundle(Path(os.environ.get("TMPDIR", "/tmp")) / "vaiopt-board-overhead")
        / "model.xmodel"
    )
    result: Dict[str, Any] = {"throughput": [], "memory": {}}
    missed = []
    for latency in options.latencies:
        for threads in options.threads:
            repeat = max(1, int(500 / latency * threads / 100))
            ideal = threads * 1000.0 / latency
            shares = [row["fps"] / ideal for row in run(model, threads, [repeat] * RUNS, latency)]
            share = statistics.median(shares)
            row = {
                "latency_ms": latency,
                "threads": threads,
                "fps": round(share * ideal, 1),
                "share_of_ideal": round(share, 4),
            }
            row["lowest_and_highest"] = [round(min(shares), 4), round(max(shares), 4)]
            reachable = control(threads, latency) / ideal
            result["throughput"].append(dict(row, control=round(reachable, 4)))
            if share < SHARE:
                missed.append(f"{threads} threads at {latency} ms reach {share:.3f} of N / L")
    rows = run(model, 2, [options.frames // 1000, options.frames // 100], 0.0)
    growth = rows[1]["resident_kb"] / rows[0]["resident_kb"] - 1
    result["memory"] = {
        "frames": rows[1]["frames"],
        "early_kb": rows[0]["resident_kb"],
        "late_kb": rows[1]["resident_kb"],
        "growth": round(growth, 5),
    }
    if growth > GROWTH:
        missed.append("memory grew by {:.1%} over {} frames".format(growth, rows[1]["frames"]))
    result["missed"] = missed
    print(json.dumps(result, indent=1))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
