"""A run folder with a quantized model on the digits, made without search and quantizer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from quantized_models import MODELS, Maker

from vaiopt.data import data_spec, load_dataset, split_dataset
from vaiopt.files import write_json, write_text
from vaiopt.int8.model import integer_outputs, load_quantized
from vaiopt.int8.positions import write_positions
from vaiopt.runs.layout import Run


def make_run(
    folder: Path, seed: int = 3, limit: int = 300, golden: int = 16, model: str = "lab_cnn"
) -> Run:
    """Return a run with data, ``quantized.h5`` and golden outputs; the weights are random."""
    run = Run(folder)
    write_text(run.settings, "version = 1\n")
    dataset = load_dataset("digits", limit=limit, seed=0)
    splits = split_dataset(dataset, (7, 2, 1), seed=0)
    write_json(run.data_spec, data_spec(dataset, splits))
    run.quantized_folder.mkdir()
    maker = Maker(seed)
    maker.save(*MODELS[model](maker), run.quantized_model)
    write_positions(run.fix_positions, maker.positions)
    write_golden(run, load_quantized(run.quantized_model), splits.train.x[:golden])
    return run


def write_golden(run: Run, model: Any, x: np.ndarray) -> None:
    """Write ``golden.npz`` as the quantizer does."""
    outputs = integer_outputs(model, x)
    names = list(outputs)
    positions = {
        "{}/{}".format(e["layer"], e["tensor"]): e["position"] for e in model.vaiopt_fix_positions
    }
    np.savez(
        str(run.golden),
        inputs=outputs[names[0]],
        outputs=outputs[names[-1]],
        input_position=positions[names[0]],
        output_position=positions[names[-1]],
        raw=x,
    )
