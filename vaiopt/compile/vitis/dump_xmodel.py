"""Print what is in a compiled ``.xmodel`` as JSON: ``python dump_xmodel.py model.xmodel``.

Run as a script in a process of its own, because ``xir`` ends the process on anything that it does
not like. It imports nothing of vaiopt.
"""

from __future__ import annotations

import json
import sys
from typing import Any, Dict, List


def tensor_record(tensor: Any) -> Dict[str, Any]:
    """Return name, shape, type and fix position (None where there is none) of a tensor."""
    position = tensor.get_attr("fix_point") if tensor.has_attr("fix_point") else None
    shape = list(tensor.dims)
    return {"name": tensor.name, "shape": shape, "dtype": tensor.dtype, "position": position}


def subgraph_record(subgraph: Any) -> Dict[str, Any]:
    """Return what is known of a child of the root."""

    def attribute(name: str) -> Any:
        return subgraph.get_attr(name) if subgraph.has_attr(name) else ""

    def tensors(found: Any) -> List[Dict[str, Any]]:
        return sorted((tensor_record(tensor) for tensor in found), key=lambda t: t["name"])

    fingerprint = attribute("dpu_fingerprint")
    ops = list(subgraph.toposort()) if hasattr(subgraph, "toposort") else []
    return {
        "name": subgraph.get_name(),
        "device": attribute("device"),
        "fingerprint": "" if fingerprint == "" else hex(fingerprint),
        "dpu": attribute("dpu_name"),
        "operators": [
            {"name": op.get_name(), "type": op.get_type()} for op in ops or subgraph.get_ops()
        ],
        "inputs": tensors(subgraph.get_input_tensors()),
        "outputs": tensors(subgraph.get_output_tensors()),
    }


def main(path: str) -> Dict[str, Any]:
    """Return the content of a compiled model."""
    import xir

    graph = xir.Graph.deserialize(path)
    root = graph.get_root_subgraph()
    children = [] if root.is_leaf else root.toposort_child_subgraph()
    tensors = graph.get_tensors() if hasattr(graph, "get_tensors") else []
    records = [tensor_record(tensor) for tensor in tensors]
    libraries = graph.get_attr("libs_info") if graph.has_attr("libs_info") else {}
    return {
        "graph": graph.get_name(),
        "subgraphs": [subgraph_record(child) for child in children],
        "tensors": [record for record in records if record["position"] is not None],
        "libraries": sorted(str(name) for name in libraries) if isinstance(libraries, dict) else [],
    }


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1])))
