"""Stand-in ``.xmodel`` files: the recorded ones, and small classifiers that really compute."""

from __future__ import annotations

import base64
import copy
import json
import sys
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

import numpy as np

HERE = Path(__file__).resolve().parent
STANDIN = HERE / "standin"
FINGERPRINT = 0x101000056010407
"""Of the B4096 DPUCZDX8G in releases 3.0 and 3.5."""

if str(STANDIN) not in sys.path:
    sys.path.append(str(STANDIN))

from standin_device import write_model  # noqa: E402


def recorded(name: str) -> Dict[str, Any]:
    """Return a recorded structure, such as ``v3.0_kv260``."""
    return json.loads((HERE / "data" / f"structure_{name}.json").read_text(encoding="utf-8"))


def write_recorded(name: str, path: Path) -> Path:
    """Write a recorded structure as a stand-in file; inputs whose outputs were recorded are
    answered with them.
    """
    content = recorded(name)
    with np.load(str(HERE / "data" / "io_v3.0.npz")) as values:
        for child in content["children"]:
            names = [[t["name"] for t in child[key]] for key in ("input_tensors", "output_tensors")]
            if (
                child["device"] == "DPU"
                and len(names[0]) == len(names[1]) == 1
                and names[0][0] in values
                and names[1][0] in values
            ):
                pairs = zip(values[names[0][0]], values[names[1][0]])
                child["standin"] = {"known": {_text(x): _text(y) for x, y in pairs}}
    write_model(path, content)
    return path


def _text(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")


def tensor(
    name: str, dims: Sequence[int], position: Optional[int], dtype: str = "xint8"
) -> Dict[str, Any]:
    """Return the record of a tensor; without a position it has no ``fix_point``."""
    attributes = (
        {}
        if position is None
        else {"fix_point": position, "bit_width": 8, "if_signed": True, "round_mode": "DPU_ROUND"}
    )
    return {"name": name, "dims": list(dims), "dtype": dtype, "attrs": attributes}


def subgraph(
    name: str, device: str, inputs: List[Any], outputs: List[Any], **attributes: Any
) -> Dict[str, Any]:
    """Return the record of a child of the root."""
    known: Dict[str, Any] = {"device": device, "workload": 1000}
    if device != "USER":
        library = f"libvart-{device.lower()}-runner.so"
        known["runner"] = {
            "ref": "libvart-cpu-runner.so",
            "run": library,
            "sim": "libvart-sim-runner.so",
        }
    if device == "DPU":
        known.update({"dpu_fingerprint": FINGERPRINT, "dpu_name": "DPUCZDX8G_ISA1_B4096"})
    known.update(attributes)
    return {
        "name": name,
        "is_leaf": device != "DPU",
        "attrs": known,
        "input_tensors": inputs,
        "output_tensors": outputs,
    }


def classifier(
    weights: np.ndarray,
    bias: np.ndarray,
    shift: int,
    shape: Sequence[int],
    input_position: int,
    output_position: int,
    last: str = "fix2float",
) -> Dict[str, Any]:
    """Return a compiled model of one DPU subgraph that computes ``clip((x . weights + bias + half)
    >> shift)``.

    Args:
        weights: int8 (inputs, classes).
        bias: (classes,).
        shift: bits that are cut off.
        shape: of one sample.
        input_position, output_position: fix positions.
        last: type of the operator that runs on the CPU behind it.
    """
    source, target = (
        tensor("quant_image", [1, *shape], input_position),
        tensor("quant_logits_fix", [1, weights.shape[1]], output_position),
    )
    dpu = subgraph("subgraph_dense", "DPU", [source], [target])
    program = {
        "kind": "dense",
        "weights": _text(weights.astype(np.int8)),
        "bias": [int(b) for b in bias],
        "shift": int(shift),
    }
    dpu["standin"] = program
    cpu = subgraph(
        "subgraph_last",
        "CPU",
        [target],
        [tensor("logits_", [1, weights.shape[1]], None, "float32")],
    )
    return {
        "graph": {
            "name": "model",
            "op_num": 5,
            "attrs": {"libs_info": {"type": "dict", "value": {"xcompiler.3.0.0": "f454"}}},
        },
        "root": {"name": "root", "attrs": {"workload": 1000}},
        "children": [subgraph("subgraph_image", "USER", [], [source]), dpu, cpu],
        "ops": [
            {"name": "image", "type": "data-fix", "subgraph": "subgraph_image"},
            {"name": "dense_weights", "type": "const-fix", "subgraph": "subgraph_dense"},
            {"name": "dense", "type": "conv2d-fix", "subgraph": "subgraph_dense"},
            {"name": "dense_download", "type": "download", "subgraph": "subgraph_dense"},
            {"name": "last", "type": last, "subgraph": "subgraph_last"},
        ],
    }


def changed(content: Dict[str, Any], **changes: Any) -> Dict[str, Any]:
    """Return a copy, with ``changes`` to the attributes of the DPU subgraph; None removes one."""
    content = copy.deepcopy(content)
    attributes = next(c for c in content["children"] if c["attrs"].get("device") == "DPU")["attrs"]
    for key, value in changes.items():
        if value is None:
            attributes.pop(key, None)
        else:
            attributes[key] = value
    return content
