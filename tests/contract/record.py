"""Record what the real ``xir`` says of a compiled model, as content for the stand-in: python
record.py MODEL.xmodel > data/structure_NAME.json

Names, shapes and attributes only; of byte strings the length. Where a DPU (or something that stands
for one) is there, ``--device`` adds how runners see the tensors of its subgraphs.
"""

from __future__ import annotations

import json
import sys
from typing import Any, Dict, List

LEFT_OUT = ("files_md5sum", "origin")
"""Attributes of a graph that name folders of whoever compiled it."""


def attributes(owner: Any) -> Dict[str, Any]:
    """Return the attributes of something, without what the quantizer noted for itself."""
    return {
        name: value_of(value)
        for name, value in sorted(owner.get_attrs().items())
        if not name.startswith("quant_") and name not in LEFT_OUT
    }


def value_of(value: Any) -> Any:
    """Return an attribute as JSON has it."""
    if isinstance(value, bytes):
        return {"type": "bytes", "length": len(value)}
    if isinstance(value, dict):
        return {"type": "dict", "value": {key: value_of(one) for key, one in value.items()}}
    return value


def tensors(found: Any) -> List[Dict[str, Any]]:
    """Return the records of tensors, by name."""
    records = [
        {"name": one.name, "dims": list(one.dims), "dtype": one.dtype, "attrs": attributes(one)}
        for one in found
    ]
    return sorted(records, key=lambda record: record["name"])


def child_record(child: Any, device: bool) -> Dict[str, Any]:
    """Return the record of a child of the root."""
    known = attributes(child)
    record = {
        "name": child.get_name(),
        "device": known.get("device", ""),
        "is_leaf": child.is_leaf,
        "attrs": known,
        "input_tensors": tensors(child.get_input_tensors()),
        "output_tensors": tensors(child.get_output_tensors()),
    }
    if device and record["device"] == "DPU":
        import vart

        runner = vart.Runner.create_runner(child, "run")
        record["runner_method_B_batch_1"] = {
            "input_tensors": tensors(runner.get_input_tensors()),
            "output_tensors": tensors(runner.get_output_tensors()),
        }
    return record


def record_model(path: str, device: bool) -> Dict[str, Any]:
    """Return the content of a compiled model as the stand-in takes it."""
    import xir

    graph = xir.Graph.deserialize(path)
    root = graph.get_root_subgraph()
    children = [] if root.is_leaf else root.toposort_child_subgraph()
    return {
        "about": "Recorded by record.py with the real xir.",
        "graph": {
            "name": graph.get_name(),
            "op_num": graph.get_op_num(),
            "attrs": attributes(graph),
        },
        "root": {"name": root.get_name(), "attrs": attributes(root)},
        "children": [child_record(child, device) for child in children],
        "ops": [
            {"name": op.get_name(), "type": op.get_type(), "subgraph": child.get_name()}
            for child in children
            for op in child.toposort()
        ],
        "tensors": tensors(graph.get_tensors()),
    }


if __name__ == "__main__":
    content = record_model(sys.argv[1], "--device" in sys.argv)
    print(json.dumps(content, separators=(",", ":"), sort_keys=True))
