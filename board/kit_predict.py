#!/usr/bin/env python3
"""Predict samples with the compiled model of a bundle, on this machine.

    python3 kit_predict.py model.xmodel --data inputs.npz --outputs outputs.npz

``inputs.npz`` holds ``x``: raw samples (N, ...) as in the bundle's ``samples.npz``. ``outputs.npz``
gets ``predicted``, what the model says in the form of the labels, and ``outputs``, its real outputs
(N, ...) float32; of several outputs ``predicted_<output>``, and ``outputs`` (N, values), one after
the other. What is executed, and with what, is as in ``run_model.py``.
"""

from __future__ import annotations

import argparse
import json
import os
from typing import Any, List, Optional

import numpy as np

from kit_bundle import Manifest, read_arrays
from kit_errors import MAKE_AGAIN, KitError, leave, tell
from kit_measure import load_model, write_result
from kit_numbers import Quantizer
from kit_timing import measure_latency


def parse_arguments(arguments: Optional[List[str]] = None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description="Predict samples with a compiled model.")
    parser.add_argument("model", help="model.xmodel or model.tflite, in its bundle")
    parser.add_argument("--data", required=True, help=".npz with x: raw samples")
    parser.add_argument("--outputs", default="outputs.npz", help="where the predictions go")
    parser.add_argument("--output", default="", help="where to write the times (JSON)")
    parser.add_argument("--tensorflow", action="store_true", help="as in run_model.py")
    return parser.parse_args(arguments)


def predict(options: Any) -> None:
    """Run the model on all samples and write both files. Raises KitError."""
    folder = os.path.dirname(os.path.abspath(options.model))
    manifest = Manifest(os.path.join(folder, "manifest.json"))
    manifest.check_file(options.model)
    x = read_arrays(options.data, ["x"])["x"]
    if x.ndim < 2 or len(x) == 0 or tuple(x.shape[1:]) != manifest.shape:
        raise KitError(
            f"'{options.data}': array 'x' has shape {x.shape}, the model takes samples of"
            f" {manifest.shape}",
            MAKE_AGAIN,
        )
    model = load_model(options, manifest)
    frames = Quantizer(manifest, model.input_position)(x)
    outputs, latency = measure_latency(model.make_runner(), frames, lambda line: None)
    predicted = manifest.task.predict(outputs, model.output_position, manifest)
    real = manifest.real(outputs).astype(np.float32)
    arrays = {"predicted": predicted}
    if manifest.outputs:
        arrays = {f"predicted_{out.name}": predicted[out.name] for out in manifest.outputs}
    with open(options.outputs, "wb") as file:
        np.savez(file, outputs=real, **arrays)
    if options.output:
        write_result(options.output, {"latency_ms": latency, "samples": len(x)})
    print(json.dumps(latency), flush=True)


def main(arguments: Optional[List[str]] = None) -> int:
    """Predict, or explain what is wrong. Return the exit code."""
    try:
        predict(parse_arguments(arguments))
    except KitError as error:
        return tell(error)
    return 0


if __name__ == "__main__":
    leave(main())
