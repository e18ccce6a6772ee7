"""``examples/quickstart.ipynb`` runs: as Jupyter runs it where nbclient is installed, else its
cells one after another.
"""

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

import pytest

import vaiopt as vo

NOTEBOOK = Path(__file__).resolve().parent.parent / "examples" / "quickstart.ipynb"
CELLS = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
TITLES = (
    "Search ·",
    "on zcu102, release",
    "Int8 ·",
    "Test split ·",
    "Compiled for cpu",
    "Measured on cpu",
    "Report",
)
FIGURES = (
    "Convergence",
    "Validation accuracy against parameters",
    "Cost of each layer on zcu102",
    "Quantization loss by layer",
    "Confusion",
)


def test_the_notebook_is_stored_without_outputs_and_uses_what_there_is() -> None:
    code = [cell for cell in CELLS if cell["cell_type"] == "code"]
    assert [cell["outputs"] for cell in code] == [[]] * len(code)
    assert {cell["execution_count"] for cell in code} == {None}
    used = set(re.findall(r"\bvo\.(\w+)", "".join("".join(cell["source"]) for cell in CELLS)))
    assert used <= set(vo.__all__)


def run_in_jupyter(folder: Path) -> List[Dict[str, Any]]:
    """Return the notebook's code cells with the outputs of a real kernel."""
    import nbclient
    import nbformat

    notebook = nbformat.read(str(NOTEBOOK), 4)
    nbclient.NotebookClient(
        notebook, timeout=500, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    ).execute()
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def run_without_jupyter(folder: Path) -> List[Dict[str, Any]]:
    """Return the same without Jupyter; a figure is HTML then."""
    command = [
        sys.executable,
        str(Path(__file__).parent / "run_cells.py"),
        str(NOTEBOOK),
        str(folder / "cells.json"),
    ]
    result = subprocess.run(
        command, cwd=str(folder), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert result.returncode == 0, result.stdout.decode()
    return json.loads((folder / "cells.json").read_text(encoding="utf-8"))


@pytest.mark.slow
def test_the_notebook_runs_from_the_first_cell_to_the_report(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")]))
    for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    in_jupyter = all(importlib.util.find_spec(name) for name in ("nbclient", "ipykernel"))
    shown = json.dumps(
        (run_in_jupyter if in_jupyter else run_without_jupyter)(tmp_path), ensure_ascii=False
    )
    for title in TITLES + (FIGURES if in_jupyter else FIGURES[1:2]):
        assert title in shown, title
    assert "hp.learning_rate" in shown
    if in_jupyter:
        assert shown.count('"application/vnd.plotly.v1+json"') == len(FIGURES)
        assert '"stderr"' not in shown, "a cell prints a warning"
    assert (tmp_path / "runs" / "quickstart" / "report.html").stat().st_size > 1e6
