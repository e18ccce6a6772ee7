"""The measurement: check the bundle, run the model, write one result file."""

from __future__ import annotations

import importlib
import json
import os
import platform
import sys
import tempfile
import time
from typing import Any, Callable, Dict, Tuple

import numpy as np

from kit_bundle import Golden, Manifest, Samples
from kit_busy import waiting_share
from kit_errors import MAKE_AGAIN, KitError
from kit_numbers import Quantizer, compare
from kit_timing import measure_latency, measure_throughput, repeats_for_a_second, run_batches
from kit_verdict import judge

RESULT_VERSION = 1
GOLDEN = "golden.npz"
RUNNERS = {".xmodel": "kit_dpu", ".tflite": "kit_tflite"}
"""The module that executes each kind of file: its ``load`` returns the model, checked."""


def measure(options: Any, say: Callable[[str], None]) -> Dict[str, Any]:
    """Check everything, run the model as the options ask, write the result file and return its
    content.

    Raises:
        KitError: something is wrong with the bundle, the model, the board or the output file.
    """
    started, began = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), time.perf_counter()
    _check_output(options.output)
    say("checking the bundle")
    manifest = Manifest(
        options.manifest
        or os.path.join(os.path.dirname(os.path.abspath(options.model)), "manifest.json")
    )
    model_sha256 = manifest.check_file(options.model)
    samples_sha256 = manifest.check_file(options.data)
    samples = Samples(options.data, manifest)
    golden = None
    if GOLDEN in manifest.files:
        golden_path = os.path.join(manifest.folder, GOLDEN)
        manifest.check_file(golden_path)
        golden = Golden(golden_path)
    say(f"loading {os.path.basename(options.model)}")
    model = load_model(options, manifest)
    _check_model(model, manifest, options.model)
    waiting = waiting_share()
    result = _run(options, manifest, model, samples, golden, say)
    result.update(
        {
            "model": {
                "file": os.path.basename(options.model),
                "sha256": model_sha256,
                "kind": model.kind,
            },
            "samples_sha256": samples_sha256,
            "target": str(manifest.content.get("target", "")),
            "release": str(manifest.content.get("release", "")),
            "runtime": model.describe(),
            "started": started,
            "seconds": time.perf_counter() - began,
            **describe_machine(),
        }
    )
    result["machine"]["waiting"] = waiting
    result["doubts"] = judge(result, manifest.content)
    result["warnings"] = [doubt["told"] for doubt in result["doubts"]]
    write_result(options.output, result)
    say(
        f"{manifest.task.told(result)} on {result['samples']} samples;"
        f" {result['latency_ms']['p50']:.3f} ms (p50);"
        f" {result['fps']['value']:.0f} frames/s with {options.threads} threads"
    )
    for doubt in result["doubts"]:
        say(f"warning: {doubt['told']}. {doubt['cure']}")
    return result


def describe_machine() -> Dict[str, Any]:
    """Return what a result says of the Python, the modules and the machine that measured it."""
    modules = sorted(name for name in sys.modules if "." not in name and not name.startswith("_"))
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "machine": {
            "name": platform.node(),
            "processor": platform.machine(),
            "system": platform.system(),
            "cores": os.cpu_count(),
        },
        "modules": modules,
    }


def load_model(options: Any, manifest: Manifest) -> Any:
    """Return the model for the kind of file that ``options.model`` is, checked."""
    ending = os.path.splitext(options.model)[1].lower()
    if ending not in RUNNERS:
        raise KitError(
            f"'{options.model}' is neither {' nor '.join(RUNNERS)}",
            "Give the model file of the bundle.",
        )
    return importlib.import_module(RUNNERS[ending]).load(options, manifest)


def _squeeze(shape: Tuple[int, ...]) -> Tuple[int, ...]:
    return tuple(n for n in shape if n != 1)


def _check_model(model: Any, manifest: Manifest, path: str) -> None:
    if _squeeze(model.input_shape) != _squeeze(manifest.shape):
        raise KitError(
            f"'{path}' takes samples of shape {model.input_shape}, the manifest says"
            f" {manifest.shape}",
            MAKE_AGAIN,
        )
    for what in ("input", "output"):
        actual, told = getattr(model, what + "_position"), getattr(manifest, what + "_position")
        if actual != told:
            raise KitError(
                f"'{path}' has its {what} at fix position {actual}, the manifest says {told}",
                MAKE_AGAIN,
            )
    manifest.task.check_outputs(model.output_shape, manifest, path)


def _run(
    options: Any,
    manifest: Manifest,
    model: Any,
    samples: Samples,
    golden: Any,
    say: Callable[[str], None],
) -> Dict[str, Any]:
    quantize = Quantizer(manifest, model.input_position)
    frames = quantize(samples.x)
    runner = model.make_runner()
    golden_result: Dict[str, Any] = {
        "compared": False,
        "reason": "the bundle has no golden outputs",
    }
    if golden is not None:
        say(f"comparing {len(golden.inputs)} golden outputs")
        golden_result = _compare_golden(golden, model, runner)
    say(f"running {len(samples)} samples, one at a time")
    outputs, latency = measure_latency(runner, frames, say)
    predicted = manifest.task.predict(outputs, model.output_position, manifest)
    result: Dict[str, Any] = manifest.task.score(predicted, samples, manifest.classes)
    say(f"running with {options.threads} threads")
    repeat = options.batch_repeat or repeats_for_a_second(
        latency["p50"] / 1000.0, len(frames), model.batch, options.threads
    )
    fps = measure_throughput(model.make_runner, frames, options.threads, repeat, outputs, None)
    with_preprocessing = measure_throughput(
        model.make_runner, samples.x, options.threads, repeat, outputs, quantize
    )
    fps["value_with_preprocessing"] = with_preprocessing["value"]
    fps["different_outputs"] += with_preprocessing["different_outputs"]
    if fps["different_outputs"]:
        raise KitError(
            f"{fps['different_outputs']} outputs differ between one thread and {options.threads}",
            "The runtime is not safe with these threads: use --threads 1.",
        )
    result.update({"latency_ms": latency, "fps": fps, "golden": golden_result})
    return result


def _compare_golden(golden: Golden, model: Any, runner: Any) -> Dict[str, Any]:
    sizes = (int(np.prod(model.input_shape)), int(np.prod(model.output_shape)))
    if (golden.inputs[0].size, golden.outputs[0].size) != sizes:
        raise KitError(
            f"the golden outputs are of another model: sizes {golden.inputs[0].size} and"
            f" {golden.outputs[0].size}",
            MAKE_AGAIN,
        )
    if (golden.input_position, golden.output_position) != (
        model.input_position,
        model.output_position,
    ):
        raise KitError(
            f"the golden outputs are for fix positions {golden.input_position} and"
            f" {golden.output_position}, the model has {model.input_position} and"
            f" {model.output_position}",
            MAKE_AGAIN,
        )
    return compare(golden, run_batches(runner, golden.inputs))


def _check_output(path: str) -> None:
    folder = os.path.dirname(os.path.abspath(path))
    if os.path.isdir(path) or not os.path.isdir(folder) or not os.access(folder, os.W_OK):
        raise KitError(
            f"the result cannot be written to '{path}'",
            "Give --output a file name in a folder that exists and is writable.",
        )


def write_result(path: str, result: Dict[str, Any]) -> None:
    """Write the result whole: under another name first, then renamed into place."""
    text = json.dumps(dict(result, version=RESULT_VERSION), indent=1, allow_nan=False)
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(
            prefix=".result.", dir=os.path.dirname(os.path.abspath(path))
        )
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text + "\n")
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise KitError(
            f"the result cannot be written to '{path}' ({error})",
            "Free space, or give another --output.",
        ) from error
