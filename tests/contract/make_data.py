"""Condense recordings of the real ``xir`` and ``vart`` into the data of these tests: python
make_data.py RECORDINGS

What is left out is not looked at by any test: operator attributes, byte strings (their length is
kept), values for other models.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Dict

HERE = Path(__file__).resolve().parent / "data"


def main(source: Path) -> None:
    """Write one ``structure_*.json`` per recorded model, and ``cases.json``."""
    for path in sorted(source.glob("structure_*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        condensed = {
            "about": "Condensed by make_data.py from a recording of the real xir and vart.",
            "graph": content["graph"],
            "root": {"name": content["root"]["name"], "attrs": content["root"]["attrs"]},
            "children": [_child(child) for child in content["children"]],
            "ops": [
                {"name": op["name"], "type": op["type"], "subgraph": op["subgraph"]}
                for op in content.get("ops", [])
            ],
        }
        _write(HERE / path.name, condensed)
    trace = json.loads((source / "api_trace.json").read_text(encoding="utf-8"))
    groups = {
        group: {name: _case(case) for name, case in cases.items()}
        for group, cases in trace["cases"].items()
    }
    _write(
        HERE / "cases.json",
        {
            "about": "Condensed by make_data.py.",
            "descriptions": trace["case_descriptions"],
            "cases": groups,
        },
    )


def _child(child: Dict[str, Any]) -> Dict[str, Any]:
    kept = {
        key: child[key]
        for key in (
            "name",
            "device",
            "is_leaf",
            "op_num",
            "attrs",
            "input_tensors",
            "output_tensors",
            "op_types",
        )
        if key in child
    }
    view = child.get("runner_method_B_batch_1") or child.get("runner_method_A")
    if view:
        kept["runner_method_B_batch_1"] = {
            key: [_tensor(t) for t in view[key]] for key in ("input_tensors", "output_tensors")
        }
    for key in ("input_tensors", "output_tensors"):
        kept[key] = [_tensor(t) for t in kept.get(key, [])]
    return kept


def _tensor(tensor: Dict[str, Any]) -> Dict[str, Any]:
    attributes = {
        name: value for name, value in tensor["attrs"].items() if not name.startswith("quant_")
    }
    return {
        "name": tensor["name"],
        "dims": tensor["dims"],
        "dtype": tensor["dtype"],
        "attrs": attributes,
    }


def _case(case: Dict[str, Any]) -> Dict[str, Any]:
    record = case.get("method_B") or case.get("method_A") or {}
    kept = {
        key: record[key] for key in ("exit_code", "result", "last_message_line") if key in record
    }
    if "exception" in record:
        kept["raises"] = record["exception"]["raises"]
    return kept


def _write(path: Path, content: Dict[str, Any]) -> None:
    path.write_text(
        json.dumps(content, indent=None, separators=(",", ":"), sort_keys=True) + "\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
