"""Whether a run crosses between two environments: searched in one, quantized in the other, with the
same int8 model as if it had stayed.

Usage: python scripts/check_handover.py PYTHON PYTHON     (both ways; vaiopt must be importable in
both, for instance through PYTHONPATH). Where TensorFlow cannot write .tflite files (2.3), the run
ends with quantization.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SEARCH = [
    "--set",
    "search.trials=1",
    "--set",
    "search.workers=0",
    "--set",
    "train.epochs=2",
    "--set",
    "data.limit=600",
]


def vaiopt(python: str, *arguments: str) -> None:
    """Run a vaiopt command in an environment; its output is shown only if it fails."""
    done = subprocess.run(
        [python, "-m", "vaiopt", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if done.returncode != 0:
        print(done.stdout.decode())
        sys.exit("FAILED: {} -m vaiopt {}".format(python, " ".join(arguments)))


def positions(run: Path) -> dict:
    """Return the fix position of every tensor of a quantized run."""
    rows = json.loads((run / "quantized" / "fix_positions.json").read_text())
    return {"{layer}/{tensor}".format(**row): row["position"] for row in rows}


def last_step(python: str) -> str:
    """Return the last step that an environment can do of a run for the target cpu."""
    code = "from tensorflow.lite.python import schema_py_generated"
    done = subprocess.run([python, "-c", code], stderr=subprocess.DEVNULL)
    return "measure" if done.returncode == 0 else "quantize"


def check(made: str, used: str, folder: Path) -> None:
    """Search with one Python, quantize with both, compare, and go on to a measurement with the
    other.
    """
    there = folder / "there"
    vaiopt(made, "search", "--run", str(there), *SEARCH)
    here = folder / "here"
    shutil.copytree(str(there), str(here))
    vaiopt(made, "quantize", str(there))
    last = last_step(used)
    vaiopt(used, "run", "--from", "quantize", "--to", last, "--run", str(here))
    if positions(there) != positions(here):
        sys.exit(f"FAILED: fix positions differ: {positions(there)} and {positions(here)}")
    told = f"searched with {made}, quantized with {used}: {len(positions(here))} equal positions"
    if last == "measure":
        measured = json.loads((here / "measured" / "cpu.json").read_text())
        told += f", measured accuracy {measured['accuracy']:.4f}"
    print(told)


def main() -> None:
    """Check both ways."""
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    first, second = sys.argv[1:]
    for made, used in ((first, second), (second, first)):
        with tempfile.TemporaryDirectory() as folder:
            check(made, used, Path(folder))


if __name__ == "__main__":
    main()
