"""The measurement: check the bundle, run the model, write one result file."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import platform
import sys
import tempfile
import time
from typing import Any, Callable, ContextManager, Dict, Tuple

import numpy as np

import kit_power
from kit_bundle import Golden, Manifest, Samples
from kit_busy import waiting_share
from kit_errors import MAKE_AGAIN, KitError
from kit_lock import dpu_alone
from kit_numbers import Quantizer, compare
from kit_own import own_scores
from kit_timing import (
    measure_latency,
    measure_throughput,
    repeats_for_a_second,
    run_batches,
    thread_counts,
)
from kit_verdict import judge

RESULT_VERSION = 1
LASTED_SECONDS = 0.5
GOLDEN = "golden.npz"
RUNNERS = {".xmodel": "kit_xmodel", ".tflite": "kit_tflite"}
"""The module that executes each kind of file: its ``load`` returns the model, checked."""

SHARED = (".xmodel",)
"""Kinds of files that run on a device of which a machine has one."""


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
        counts = (max(1, len(ends)) for ends in (manifest.outputs, manifest.inputs))
        golden = Golden(golden_path, *counts)
    name = os.path.basename(options.model)
    with alone(options.model, say):
        say(f"loading {name}")
        model = load_model(options, manifest)
        _check_model(model, manifest, options.model)
        if model.describe().get("whole_graph"):
            say("the whole graph is run, in part on the CPU: slower than on the DPU alone")
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
    # What was over in no time says little of speed, and is not worth the wait for this.
    lasted = float(result["fps"]["seconds"]) >= LASTED_SECONDS
    result["machine"]["waiting"] = waiting_share() if lasted else None
    result["doubts"] = judge(result, manifest.content)
    result["warnings"] = [doubt["told"] for doubt in result["doubts"]]
    write_result(options.output, result)
    _tell(result, manifest, options.threads, say)
    return result


def _tell(
    result: Dict[str, Any], manifest: Manifest, threads: int, say: Callable[[str], None]
) -> None:
    energy = f"; {result['power']['mj_per_image']:.3g} mJ per image" if result["power"] else ""
    say(
        f"{manifest.task.told(result)} on {result['samples']} samples;"
        f" {result['latency_ms']['p50']:.3f} ms (p50);"
        f" {result['fps']['value']:.0f} frames/s with {threads} threads{energy}"
    )
    for doubt in result["doubts"]:
        say(f"warning: {doubt['told']}. {doubt['cure']}")


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


def alone(path: str, say: Callable[[str], None]) -> ContextManager[None]:
    """Return what holds the device that runs a file, where there is one for all."""
    if os.path.splitext(path)[1].lower() in SHARED:
        return dpu_alone(os.path.abspath(path), say)
    return contextlib.nullcontext()


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
    clock = time.perf_counter
    began = clock()
    frames = quantize(samples.x)
    preparing = clock() - began
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
    began = clock()
    predicted = manifest.task.predict(outputs, model.output_position, manifest)
    decoding = clock() - began
    result: Dict[str, Any] = manifest.task.score(predicted, samples, manifest.classes)
    fps = _throughput(options, model, (frames, samples.x), quantize, (outputs, latency), say)
    own = own_scores(manifest, samples.y, outputs, say)
    if own:
        result["scores"] = {**result.get("scores", {}), **own}
    result["preparation_ms"] = 1000.0 * preparing / len(samples)
    result["decoding_ms"] = 1000.0 * decoding / len(samples)
    result.update({"latency_ms": latency, "fps": fps, "golden": golden_result})
    result["power"] = fps.pop("power")
    if getattr(model, "dpu_only", False):
        result["dpu_latency_ms"] = latency["p50"]
    return result


def _throughput(
    options: Any,
    model: Any,
    given: Tuple[np.ndarray, np.ndarray],
    quantize: Quantizer,
    alone: Tuple[np.ndarray, Dict[str, float]],
    say: Callable[[str], None],
) -> Dict[str, Any]:
    """Return the frame rate with the threads asked for, with and without preprocessing, and those
    with fewer; and what the board takes meanwhile.

    Args:
        given: the frames, and the raw samples.
        alone: outputs and latency of one thread.
    """
    (frames, raw), (outputs, latency) = given, alone
    meter = kit_power.Meter()
    meter.rest()
    runs = []
    for threads in thread_counts(options.threads):
        say(f"running with {threads} thread{'s' * (threads > 1)}")
        repeat = options.batch_repeat or repeats_for_a_second(
            latency["p50"] / 1000.0, len(frames), model.batch, threads
        )
        with meter.running() if threads == options.threads else contextlib.nullcontext():
            run = measure_throughput(model.make_runner, frames, threads, repeat, outputs, None)
        runs.append(run)
    fps = runs[-1]
    fps["power"] = meter.result(fps["value"])
    prepared = measure_throughput(model.make_runner, raw, fps["threads"], repeat, outputs, quantize)
    fps["value_with_preprocessing"] = prepared["value"]
    for run in (*runs, prepared):
        if run["different_outputs"]:
            raise KitError(
                f"{run['different_outputs']} outputs differ from the first runner's, with"
                f" {run['threads']} thread(s)",
                "The runtime is not safe with these threads, or its cores differ: --threads 1.",
            )
    fps["by_threads"] = [{"threads": run["threads"], "value": run["value"]} for run in runs]
    best = max(runs, key=lambda run: float(run["value"]))
    fps["best"] = {"threads": best["threads"], "value": best["value"]}
    return fps


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
