"""The int8 model for other tools: ONNX with quantized and dequantized tensors (QDQ)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Optional

import numpy as np

from vaiopt.environment import has_module
from vaiopt.errors import ModelError, RunError
from vaiopt.files import PathLike, atomic_path, check_file
from vaiopt.int8.feed import fed
from vaiopt.int8.model import load_quantized
from vaiopt.int8.onnx_model import load_onnx, onnx_model
from vaiopt.int8.read_program import read_program
from vaiopt.int8.vendor import is_vitis_model
from vaiopt.models.probabilities import names_of_outputs
from vaiopt.present.shown import Shown
from vaiopt.runs.layout import Candidate
from vaiopt.runs.lineage import stale_parts
from vaiopt.text import Progress, silent

ENDING = ".onnx"
SAMPLES = 16
"""Random inputs on which the file is compared with the int8 Keras model."""

EQUAL_WITHIN = 1e-5
"""Of probabilities: either computes a softmax in float; the int8 values before it are equal."""


@dataclass(frozen=True)
class ExportResult(Shown):
    """What was exported.

    Attributes:
        path: of the file. size: its bytes.
        opset: of ONNX.
        compared: inputs on which onnxruntime gave what the int8 Keras model does; None where
            onnxruntime is not installed.
    """

    path: Path
    size: int
    opset: int
    compared: Optional[int] = None

    def to_json(self) -> Dict[str, Any]:
        """Return it as a JSON object."""
        return {**vars(self), "path": str(self.path)}


def export_candidate(
    candidate: Candidate, path: Optional[PathLike] = None, *, progress: Progress = silent
) -> ExportResult:
    """Write the int8 model of a candidate as ONNX, with power-of-two scales. Inputs and outputs are
    float, as those of the Keras model, several by its names; preprocessing is in ``data.json``.

    Args:
        candidate: with an int8 model of the off-board quantizer.
        path: the file to write, ``.onnx``; by default ``model.onnx`` in the run folder.
        progress: told one line at a time.

    Raises:
        MissingToolError: onnx is not installed.
        RunError: there is no int8 model, or that of another float model; or the name of the file
            has another ending.
        ModelError: the vendor's quantizer made it, or onnxruntime computes something else.
        CompileError: a layer is left in float.
    """
    out = candidate.run.folder / "model.onnx" if path is None else Path(path)
    if out.suffix.lower() != ENDING:
        name = out.with_suffix(ENDING).name
        raise RunError(f"'{out}' does not end in {ENDING}", f"Name it {name}.")
    check_file(out)
    onnx = load_onnx()
    model_path = candidate.quantized_model
    if not model_path.is_file() or "quantized" in stale_parts(candidate):
        raise RunError(
            f"trial {candidate.number} of '{candidate.run.folder}' has no int8 model",
            f"Make it first with: {candidate.command('quantize')}",
        )
    model = load_quantized(model_path)
    if is_vitis_model(model):
        raise ModelError(
            f"'{model_path}' was made by the vendor's quantizer, which exports by itself",
            "Quantize off-board, with the same positions: vaiopt quantize RUN --backend tfmot.",
        )
    progress(f"writing {out}")
    names = names_of_outputs(model, candidate.model)
    made = onnx_model(read_program(model), f"trial_{candidate.number}", names)
    compared = _compare(made, model) if has_module("onnxruntime") else None
    with atomic_path(out) as temporary:
        onnx.save(made, str(temporary))
    return ExportResult(out, out.stat().st_size, made.opset_import[0].version, compared)


def _compare(made: Any, model: Any) -> int:
    """Return on how many inputs onnxruntime gives what Keras does: all. Raises ModelError."""
    import onnxruntime

    session = onnxruntime.InferenceSession(
        made.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    random = np.random.RandomState(0)
    shapes = [tuple(int(n) for n in tensor.shape[1:]) for tensor in model.inputs]
    x = [random.uniform(-1, 1, (SAMPLES, *shape)).astype(np.float32) for shape in shapes]
    found = session.run(None, dict(zip((one.name for one in made.graph.input), x)))
    expected = model.predict(fed(model, x), verbose=0)
    expected = expected if isinstance(expected, list) else [expected]
    if len(found) != len(expected) or not all(map(_is_equal, found, expected)):
        raise ModelError(
            "onnxruntime computes other outputs than the int8 Keras model",
            "Please report it, with the model; nothing was written.",
        )
    return SAMPLES


def _is_equal(one: np.ndarray, two: np.ndarray) -> bool:
    return one.shape == two.shape and np.allclose(one, two, rtol=0, atol=EQUAL_WITHIN)
