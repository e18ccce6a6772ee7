"""Print what is in a compiled ``.xmodel`` as JSON: ``python dump_xmodel.py model.xmodel``.

Run as a script in a process of its own, because ``xir`` ends the process on anything that it does
not like. It imports nothing of vaiopt.
"""

from __future__ import annotations

import json
import sys
from typing import Any, Dict


def tensor_record(tensor: Any) -> Dict[str, Any]:
    """Return name, shape, type and fix position (None where there is none) of a tensor."""
    position = tensor.get_attr("fix_point") if tensor.has_attr("fix_point") else None
    return {
        "name": tensor.name,
        "shape": list(tensor.dims),
        "dtype": tensor.dtype,
        "position": position,
    }


def subgraph_record(subgraph: Any) -> Dict[str, Any]:
    """Return what is known of a child of the root."""
    ops = (
        [{"name": op.get_name(), "type": op.get_type()} for op in subgraph.toposort()]
        if hasattr(subgraph, "toposort")
        else []
    )
    if not ops:
        ops = [{"name": op.get_name(), "type": op.get_type()} for op in subgraph.get_ops()]
    return {
        "name": subgraph.get_name(),
        "device": subgraph.get_attr("device") if subgraph.has_attr("device") else "",
        "fingerprint": (
            hex(subgraph.get_attr("dpu_fingerprint"))
            if subgraph.has_attr("dpu_fingerprint")
            else ""
        ),
        "dpu": subgraph.get_attr("dpu_name") if subgraph.has_attr("dpu_name") else "",
        "operators": ops,
        "inputs": sorted(
            (tensor_record(t) for t in subgraph.get_input_tensors()), key=lambda t: t["name"]
        ),
        "outputs": sorted(
            (tensor_record(t) for t in subgraph.get_output_tensors()), key=lambda t: t["name"]
        ),
    }


def main(path: str) -> Dict[str, Any]:
    """Return the content of a compiled model."""
    import xir

    graph = xir.Graph.deserialize(path)
    root = graph.get_root_subgraph()
    children = [] if root.is_leaf else root.toposort_child_subgraph()
    tensors = (
        [tensor_record(t) for t in graph.get_tensors()] if hasattr(graph, "get_tensors") else []
    )
    libraries = graph.get_attr("libs_info") if graph.has_attr("libs_info") else {}
    return {
        "graph": graph.get_name(),
        "subgraphs": [subgraph_record(child) for child in children],
        "tensors": [t for t in tensors if t["position"] is not None],
        "libraries": sorted(str(name) for name in libraries) if isinstance(libraries, dict) else [],
    }


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1])))
