"""Bundles made by hand, without vaiopt and TensorFlow, and a way to run their scripts."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List, Optional

import numpy as np

ROOT = Path(__file__).resolve().parent.parent.parent
BOARD = ROOT / "board"
sys.path.insert(0, str(ROOT / "tests" / "contract"))

from standin_models import STANDIN, classifier, write_model  # noqa: E402

SHAPE, CLASSES = (4, 4, 1), 3
POSITIONS = (7, 2)
SHIFT = 8


def make_data(count: int = 40, seed: int = 0) -> Dict[str, np.ndarray]:
    """Return raw uint8 samples of three classes that a linear classifier tells apart, most of the
    time.
    """
    random = np.random.RandomState(seed)
    y = np.arange(count) % CLASSES
    centers = np.random.RandomState(99).randint(40, 216, (CLASSES,) + SHAPE)
    x = np.clip(centers[y] + random.normal(0, 40, (count,) + SHAPE), 0, 255).astype(np.uint8)
    return {"x": x, "y": y.astype(np.int64)}


def make_classifier() -> Dict[str, Any]:
    """Return the stand-in model, ``{"content", "weights", "bias"}``; it computes what
    :func:`integer_outputs` says.
    """
    centers = np.random.RandomState(99).randint(40, 216, (CLASSES, 16)).astype(np.float64) - 128
    weights = np.clip(np.rint((centers - centers.mean(axis=0)).T / 2), -128, 127).astype(np.int8)
    bias = -np.rint((centers * (centers - centers.mean(axis=0)) / 4).sum(axis=1)).astype(int)
    content = classifier(weights, bias, SHIFT, SHAPE, *POSITIONS)
    return {"content": content, "weights": weights, "bias": bias}


def integer_outputs(model: Dict[str, Any], x: np.ndarray) -> np.ndarray:
    """Return the int8 outputs for raw uint8 samples, computed here: the input is ``x - 128``."""
    total = (x.reshape(len(x), -1).astype(np.int64) - 128).dot(
        model["weights"].astype(np.int64)
    ) + model["bias"]
    return np.clip((total + (1 << SHIFT >> 1)) >> SHIFT, -128, 127).astype(np.int8)


def manifest(model_file: str) -> Dict[str, Any]:
    """Return a manifest without hashes."""
    return {
        "version": 1,
        "target": "zcu102",
        "release": "3.0",
        "model": {"file": model_file},
        "preprocessing": {
            "offset": 128.0,
            "scale": 128.0,
            "shape": list(SHAPE),
            "raw_dtype": "uint8",
        },
        "classes": ["a", "b", "c"],
        "input": {"name": "quant_image", "position": POSITIONS[0]},
        "output": {"name": "quant_logits_fix", "position": POSITIONS[1], "threshold": None},
        "entry": "run_model.py",
    }


def make_bundle(folder: Path, content: Optional[Dict[str, Any]] = None, count: int = 40) -> Path:
    """Write a bundle with a stand-in ``.xmodel``."""
    folder.mkdir(parents=True, exist_ok=True)
    model, data = make_classifier(), make_data(count)
    write_model(folder / "model.xmodel", content or model["content"])
    outputs = integer_outputs(model, data["x"])
    np.savez_compressed(str(folder / "samples.npz"), expected=outputs.argmax(axis=1), **data)
    golden = (data["x"][:8].astype(np.int16) - 128).astype(np.int8)
    np.savez_compressed(
        str(folder / "golden.npz"),
        inputs=golden,
        outputs=outputs[:8],
        input_position=POSITIONS[0],
        output_position=POSITIONS[1],
    )
    for path in BOARD.glob("*.py"):
        shutil.copyfile(str(path), str(folder / path.name))
    seal(folder, manifest("model.xmodel"))
    return folder


def seal(folder: Path, content: Optional[Dict[str, Any]] = None) -> None:
    """Write ``manifest.json`` with the hashes that the files have now."""
    path = folder / "manifest.json"
    content = content if content is not None else json.loads(path.read_text(encoding="utf-8"))
    names = [
        name
        for name in ("model.xmodel", "model.tflite", "samples.npz", "golden.npz")
        if (folder / name).exists()
    ]
    content["files"] = {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names
    }
    path.write_text(json.dumps(content), encoding="utf-8")


class Outcome:
    """How a run of ``run_model.py`` ended."""

    def __init__(self, folder: Path, done: Any) -> None:
        self.code, self.stderr = done.returncode, done.stderr.decode("utf-8", "replace")
        path = folder / "result.json"
        self.result = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
        lines = self.stderr.splitlines()
        self.error = next((line[7:] for line in lines if line.startswith("error: ")), "")
        self.hint = next((line[6:] for line in lines if line.startswith("hint: ")), "")

    @property
    def doubts(self) -> List[str]:
        """What speaks against the result, but for a machine that is busy with other tests."""
        return [d["name"] for d in self.result["doubts"] if d["name"] != "busy"]

    def __repr__(self) -> str:
        return f"exit code {self.code}\n{self.stderr}"


def run_bundle(
    folder: Path,
    *arguments: str,
    model: str = "model.xmodel",
    output: str = "result.json",
    bare: bool = False,
    data: bool = True,
    **environment: str,
) -> Outcome:
    """Run ``run_model.py`` in a bundle, with the stand-ins for ``xir`` and ``vart``, and no file of
    an earlier run.
    """
    if (folder / "result.json").exists():
        (folder / "result.json").unlink()
    path = {} if bare else {"PYTHONPATH": str(STANDIN)}
    settings = {
        key: value
        for key, value in os.environ.items()
        if key not in ("PYTHONPATH", "XLNX_ENABLE_FINGERPRINT_CHECK")
    }
    settings.update(
        {
            "PYTHONDONTWRITEBYTECODE": "1",
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            **path,
            **environment,
        }
    )
    options = ["--data", "samples.npz"] if data and "--data" not in arguments else []
    command = [
        sys.executable,
        "run_model.py",
        model,
        *options,
        "--batch-repeat",
        "1",
        *arguments,
        "--output",
        output,
    ]
    done = subprocess.run(
        command,
        cwd=str(folder),
        env=settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        timeout=500,
    )
    return Outcome(folder, done)
