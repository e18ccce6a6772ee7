"""Post-training quantization, side by side: our off-board backend and, given a folder with
vai_q_tensorflow2's Python package, the vendor's.

Each repetition quantizes the recorded lab CNN with its 200 calibration images, the two in turn,
each in a process of its own; the time is that of quantization alone, without imports, as both
record it in metrics.json.

The vendor's package has the name of tensorflow-model-optimization, which ours needs; so it is put
on the path of its own processes only.

Run: python benchmarks/quantize_speed.py [--repeat 3] [--release 3.5] [--vendor FOLDER]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Dict, List

CASE = Path(__file__).resolve().parent.parent / "tests" / "data_quantizer" / "v1_lab_cnn_relu"


def seconds(backend: str, release: str, vendor: str) -> float:
    """Return the seconds of one quantization in a fresh process."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "q"
        arguments = [
            "quantize",
            str(CASE / "float.h5"),
            "--calib",
            str(CASE / "calib.npz"),
            "--out",
            str(out),
        ]
        options = ["--backend", backend, "--release", release]
        paths = ([vendor] if backend == "vitis" else []) + [path for path in sys.path if path]
        subprocess.run(
            [sys.executable, "-m", "vaiopt", *arguments, *options],
            check=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return float(json.loads((out / "metrics.json").read_text())["seconds"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--release", default="3.5")
    parser.add_argument(
        "--vendor",
        default="",
        help="folder with vai_q_tensorflow2's package tensorflow_model_optimization",
    )
    arguments = parser.parse_args()
    backends = ["tfmot", "vitis"] if arguments.vendor else ["tfmot"]
    found: Dict[str, List[float]] = {name: [] for name in backends}
    for _ in range(arguments.repeat):
        for name in backends:
            found[name].append(seconds(name, arguments.release, arguments.vendor))
    for name, values in found.items():
        print(
            f"{name}: median {statistics.median(values):.2f} s, {min(values):.2f} to"
            f" {max(values):.2f}"
        )
    if len(backends) == 2:
        ratios = [ours / theirs for ours, theirs in zip(found["tfmot"], found["vitis"])]
        print(
            f"ours / the vendor's: {statistics.median(ratios):.2f} ({min(ratios):.2f} to"
            f" {max(ratios):.2f})"
        )


if __name__ == "__main__":
    main()
