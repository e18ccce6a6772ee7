"""Run the code cells of a notebook one after another without Jupyter, and show what it would: a
value as its HTML, if it makes any.

Usage: python tests/run_cells.py NOTEBOOK RESULT.json

The result has for each code cell its source, its output and the HTML it shows. Cells tagged with
the name of a package that is not installed are left out: their output is null.
"""

import ast
import contextlib
import importlib.util
import io
import json
import sys
from pathlib import Path
from typing import Any, Dict, List


def run_cell(source: str, names: Dict[str, Any]) -> Dict[str, Any]:
    """Run one cell; the value of its last line, if it has one, is shown."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    printed, shown = io.StringIO(), ""
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, "<cell>", "exec"), names)
        if last is not None:
            value = eval(compile(ast.Expression(last.value), "<cell>", "eval"), names)
            if value is not None:
                print(repr(value))
                shown = value._repr_html_() if hasattr(value, "_repr_html_") else ""
    return {"source": source, "output": printed.getvalue(), "html": shown}


def main() -> None:
    """Run a notebook."""
    names: Dict[str, Any] = {"__name__": "__main__"}
    results: List[Dict[str, Any]] = []
    for cell in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            source = "".join(cell["source"])
            known = all(importlib.util.find_spec(tag) for tag in cell["metadata"].get("tags", []))
            results.append(
                run_cell(source, names) if known else {"source": source, "output": None, "html": ""}
            )
    Path(sys.argv[2]).write_text(json.dumps(results), encoding="utf-8")


if __name__ == "__main__":
    main()
