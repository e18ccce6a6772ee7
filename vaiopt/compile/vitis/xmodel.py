"""What the compiler made: read back, and compared with what was quantized and with what was
predicted.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import numpy as np

from vaiopt.environment import has_module
from vaiopt.errors import CompileError
from vaiopt.files import read_arrays
from vaiopt.hardware.inspection import inspect_model
from vaiopt.hardware.target import Target
from vaiopt.int8.golden import GOLDEN_ARRAYS
from vaiopt.int8.positions import read_positions
from vaiopt.int8.program import tensor_json
from vaiopt.runs.layout import Run

HARMLESS = frozenset(
    [
        "fix2float",
        "float2fix",
        "data",
        "data-fix",
        "const",
        "const-fix",
        "softmax",
        "reshape",
        "reshape-fix",
        "flatten",
        "squeeze",
        "download",
        "upload",
    ]
)
"""Operators beside the DPU that do not change which class is largest; the same as in
``board/kit_dpu.py``.
"""

COUNTS = re.compile(r"Total device subgraph number (\d+), DPU subgraph number (\d+)")
ARCHITECTURE = re.compile(r"Target architecture: (\S+)")

DUMP_SECONDS = 300


def read_xmodel(path: Path, lines: List[str]) -> Dict[str, Any]:
    """Return what is in a compiled model: with ``xir`` where it is installed, else only what the
    compiler said.

    Args:
        path: of the ``.xmodel``.
        lines: what the compiler said.

    Raises:
        CompileError: ``xir`` cannot read what the compiler wrote.
    """
    counts = next((match for match in (COUNTS.search(line) for line in lines) if match), None)
    architecture = next(
        (match for match in (ARCHITECTURE.search(line) for line in lines) if match), None
    )
    said = {
        "device_subgraphs": int(counts.group(1)) if counts else None,
        "dpu_subgraphs": int(counts.group(2)) if counts else None,
        "dpu": architecture.group(1) if architecture else "",
    }
    if not has_module("xir"):
        return {"said": said, "subgraphs": None, "tensors": [], "libraries": []}
    script = Path(__file__).with_name("dump_xmodel.py")
    done = subprocess.run(
        [sys.executable, str(script), str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        timeout=DUMP_SECONDS,
    )
    try:
        content = json.loads(done.stdout.decode("utf-8")) if done.returncode == 0 else None
    except ValueError:
        content = None
    if not isinstance(content, dict):
        lines = [
            line
            for line in done.stderr.decode("utf-8", "replace").splitlines()
            if line.strip() and "stack trace" not in line
        ]
        raise CompileError(
            "xir cannot read '{}': {}".format(
                path.name, lines[-1][:300] if lines else "no message"
            ),
            "Compile again; is the disk full?",
        )
    return {"said": said, **content}


def examine(content: Dict[str, Any], run: Run, target: Target, fingerprint: str) -> Dict[str, Any]:
    """Return the record of a compiled model, with ``warnings`` for everything that a person must
    know before going to the kit.

    Args:
        content: from :func:`read_xmodel`.
        run: of the quantized model.
        target: that it was compiled for.
        fingerprint: of the ``arch.json``; empty if unknown.
    """
    golden = golden_positions(run)
    warnings: List[str] = []
    subgraphs = content["subgraphs"]
    record: Dict[str, Any] = {
        "left_out": [],
        "libraries": content["libraries"],
        "warnings": warnings,
    }
    if subgraphs is None:
        record.update(
            _without_xir(content["said"], golden, fingerprint or target.fingerprint, warnings)
        )
        dpu_count = content["said"]["dpu_subgraphs"]
    else:
        record.update(_with_xir(subgraphs, golden, warnings))
        record["positions"] = compare_positions(content["tensors"], run, warnings)
        dpu_count = sum(child["device"] == "DPU" for child in subgraphs)
        _check_fingerprint(record["fingerprint"], fingerprint or target.fingerprint, warnings)
    record["threshold"] = _threshold(record["output"]["shape"], subgraphs or [])
    record["prediction"] = _prediction(run, target, dpu_count, warnings)
    if dpu_count is not None and dpu_count != 1:
        warnings.append(
            f"the model needs {dpu_count} DPU subgraphs, with CPU work between them, so it cannot"
            " be run on the kit as one; 'vaiopt inspect' names the layers"
        )
    record["runnable"] = dpu_count in (1, None) and not record["cpu_operators"]
    return record


def golden_positions(run: Run) -> Optional[Tuple[int, int, List[int], List[int]]]:
    """Return fix positions and shapes of input and output as the quantizer had them; None without
    golden outputs.
    """
    if not run.golden.exists():
        return None
    golden = read_arrays(run.golden, GOLDEN_ARRAYS, f"vaiopt quantize {run.folder}")
    shapes = [list(golden[key].shape[1:]) for key in ("inputs", "outputs")]
    return int(golden["input_position"]), int(golden["output_position"]), shapes[0], shapes[1]


def _without_xir(
    said: Dict[str, Any], golden: Any, fingerprint: str, warnings: List[str]
) -> Dict[str, Any]:
    if golden is None:
        raise CompileError(
            "neither xir nor golden outputs tell the fix positions of the compiled model",
            "Quantize again, or compile where xir is installed.",
        )
    warnings.append(
        "xir is not installed here: fix positions and fingerprint are those that were asked for,"
        " not read back"
    )
    return {
        "input": tensor_json("", [1] + golden[2], golden[0]),
        "output": tensor_json("", [1] + golden[3], golden[1]),
        "fingerprint": fingerprint,
        "dpu": said["dpu"],
        "subgraphs": None,
        "cpu_operators": [],
    }


def _with_xir(subgraphs: List[Dict[str, Any]], golden: Any, warnings: List[str]) -> Dict[str, Any]:
    dpu = [child for child in subgraphs if child["device"] == "DPU"]
    if not dpu:
        raise CompileError(
            "no layer of the model was compiled for the DPU",
            "'vaiopt inspect RUN --target TARGET' says why; change the model.",
        )
    foreign = [
        {"subgraph": child["name"], "operator": op["name"], "type": op["type"]}
        for child in subgraphs
        if child["device"] == "CPU"
        for op in child["operators"]
        if op["type"] not in HARMLESS
    ]
    if foreign:
        named = ", ".join("'{}' ({})".format(op["operator"], op["type"]) for op in foreign[:5])
        warnings.append(
            "{} operators were left to the CPU: {}{}".format(
                len(foreign), named, ", ..." if len(foreign) > 5 else ""
            )
        )
    source, target = _single(dpu[0]["inputs"], "input"), _single(dpu[-1]["outputs"], "output")
    for what, tensor, expected in (
        ("input", source, golden and golden[0]),
        ("output", target, golden and golden[1]),
    ):
        if tensor["position"] is None:
            raise CompileError(
                "the {} '{}' of the compiled model has no fix position".format(
                    what, tensor["name"]
                ),
                "Quantize and compile again.",
            )
        if (
            expected is not None
            and tensor["position"] != expected
            and not foreign
            and len(dpu) == 1
        ):
            raise CompileError(
                "the {} '{}' was compiled at fix position {}, but quantized at {}".format(
                    what, tensor["name"], tensor["position"], expected
                ),
                "Quantize and compile again with the same release.",
            )
    return {
        "input": tensor_json(source["name"], source["shape"], source["position"]),
        "output": tensor_json(target["name"], target["shape"], target["position"]),
        "fingerprint": dpu[0]["fingerprint"],
        "dpu": dpu[0]["dpu"],
        "subgraphs": [
            {
                "name": child["name"],
                "device": child["device"],
                "operators": sorted({op["type"] for op in child["operators"]}),
            }
            for child in subgraphs
        ],
        "cpu_operators": foreign,
    }


def _threshold(shape: List[int], subgraphs: List[Dict[str, Any]]) -> Optional[float]:
    """Return the real value above which a single output says class 1; None for several outputs."""
    if int(np.prod(shape[1:], dtype=np.int64)) != 1:
        return None
    types = {
        op["type"] for child in subgraphs if child["device"] == "DPU" for op in child["operators"]
    }
    return 0.5 if "hard-sigmoid-fix" in types else 0.0


def _single(tensors: List[Dict[str, Any]], what: str) -> Dict[str, Any]:
    if len(tensors) != 1:
        names = ", ".join(tensor["name"] for tensor in tensors) or "none"
        raise CompileError(
            f"the compiled model has {len(tensors)} {what} tensors ({names}); one is needed",
            "Build a model with one input and one output.",
        )
    return tensors[0]


def compare_positions(
    tensors: List[Dict[str, Any]], run: Run, warnings: List[str]
) -> Dict[str, Any]:
    """Return how many fix positions of the compiled model were found in ``fix_positions.json``, and
    which differ.

    The compiler names a tensor after its layer (``quant_conv1_fix``,
    ``quant_conv1_weights_fixneuron``); what it merged or moved has another name and cannot be
    compared.
    """
    known = {}
    for entry in read_positions(run.fix_positions, f"vaiopt quantize {run.folder}"):
        kind = {"kernel": "weights", "depthwise_kernel": "weights", "bias": "bias"}.get(
            entry.tensor, "output"
        )
        known[(entry.layer, kind)] = entry.position
    compared, different = 0, []
    for tensor in tensors:
        layer, kind = layer_of(tensor["name"])
        expected = known.get((layer, kind))
        if expected is None:
            continue
        compared += 1
        if expected != tensor["position"]:
            different.append(
                {"tensor": tensor["name"], "quantized": expected, "compiled": tensor["position"]}
            )
    if different:
        named = ", ".join(
            "{tensor} ({quantized} became {compiled})".format(**d) for d in different[:3]
        )
        warnings.append(
            f"{len(different)} fix positions differ from the quantized model's: {named}"
        )
    return {"compared": compared, "different": different}


def layer_of(name: str) -> Tuple[str, str]:
    """Return the layer that a tensor of a compiled model is named after, and which of its tensors
    it is.
    """
    name = name[6:] if name.startswith("quant_") else name
    for ending, kind in (
        ("_weights_fixneuron", "weights"),
        ("_bias_fixneuron", "bias"),
        ("_fix", "output"),
    ):
        if name.endswith(ending):
            return name[: -len(ending)], kind
    return name, "output"


def _check_fingerprint(found: str, asked: str, warnings: List[str]) -> None:
    if asked and found and int(found, 16) != int(asked, 16):
        warnings.append(
            f"the model was compiled for fingerprint {found}, the target has {asked}: it will not"
            " run there"
        )


def _prediction(
    run: Run, target: Target, dpu_count: Optional[int], warnings: List[str]
) -> Dict[str, Any]:
    """Return what ``inspect`` predicted of the float model, and warn where the compiler decided
    otherwise.
    """
    if not run.float_model.exists():
        return {}
    inspection = inspect_model(run.float_model, target)
    if dpu_count is not None and dpu_count != inspection.dpu_subgraphs:
        warnings.append(
            f"'vaiopt inspect' predicted {inspection.dpu_subgraphs} DPU subgraphs, the compiler"
            f" made {dpu_count}"
        )
    return {
        "dpu_subgraphs": inspection.dpu_subgraphs,
        "cpu_layers": list(inspection.fallback_layers),
    }
