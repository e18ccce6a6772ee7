"""Tasks are rows: what each gives is whole, and a made-up one goes from search to report."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any, Dict

import numpy as np
import pytest

import vaiopt.sheets.results  # noqa: F401  its rows
from tests.search.quick import QUICK
from tests.tasks.made_up_task import Ordinal
from vaiopt import flow
from vaiopt.deploy.kit_files import board_files
from vaiopt.errors import DataError
from vaiopt.present.shown import sheet_of
from vaiopt.report.data import gather
from vaiopt.report.write import SECTIONS
from vaiopt.runs.layout import Run
from vaiopt.settings import load_settings
from vaiopt.tasks import TASKS, Evaluation, Several, task_of, validation_metrics

KIT_MODULES = ("check_labels", "check_outputs", "predict", "score", "told")


@pytest.mark.parametrize("task", TASKS.values(), ids=list(TASKS))
def test_every_row_is_whole(task: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert task_of(task.name) is task and task.doc
    assert issubclass(task.evaluation, Evaluation)
    assert task.evaluation.score_names[0] == task.headline
    assert task.validated and set(task.validation) < set(validation_metrics())
    monkeypatch.syspath_prepend(str(next(iter(board_files().values())).parent))
    import kit_tasks

    assert all(callable(getattr(kit_tasks.TASKS[task.name], name)) for name in KIT_MODULES)


def test_the_kit_and_the_report_know_no_other_task(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(next(iter(board_files().values())).parent))
    import kit_tasks

    assert set(kit_tasks.TASKS) == set(TASKS)
    assert {row.task for row in SECTIONS} <= {"", *TASKS, Several.section}
    with pytest.raises(DataError, match="no task 'regresion'"):
        task_of("regresion")


def kit_with_the_task(folder: Path) -> Dict[str, Path]:
    """The scripts for a kit with a row and a module for the made-up task."""
    files = board_files()
    rows = files["kit_tasks.py"].read_text(encoding="utf-8")
    rows = rows.replace(
        "import kit_classification", "import kit_classification\nimport kit_ordinal"
    )
    rows = re.sub(r"(TASKS.*\{)", r'\1"ordinal": kit_ordinal, ', rows)
    (folder / "kit_tasks.py").write_text(rows, encoding="utf-8")
    own = {"kit_ordinal.py": Path(__file__).with_name("made_up_kit.py")}
    return {**files, **own, "kit_tasks.py": folder / "kit_tasks.py"}


DATA = """
from sklearn.datasets import load_digits
from vaiopt.data import make_dataset

def load():
    x, y = load_digits(return_X_y=True)
    return make_dataset("ordered digits", x, y, task="ordinal")
"""


@pytest.mark.slow
def test_a_made_up_task_goes_from_search_to_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(TASKS, "ordinal", Ordinal())
    monkeypatch.setattr("vaiopt.deploy.bundle.board_files", lambda: kit_with_the_task(tmp_path))
    (tmp_path / "ordered.py").write_text(DATA, encoding="utf-8")
    own = [f"data.source={tmp_path}/ordered.py:load", "objective.metric=val_distance"]
    settings = load_settings(None, [*QUICK, *own])
    run = Run(tmp_path / "run")
    lines = []
    summary = flow.run_flow(settings, run.folder, progress=lines.append)
    assert summary.headline == "distance" and summary.float_accuracy is None
    assert abs(summary.measured_score - summary.int8_score) < 0.5
    assert summary.to_json()["float_distance"] == summary.float_score
    assert any("distance" in line and "ms (p50)" in line for line in lines)
    found = gather(run)
    assert found.minimise
    assert found.task == "ordinal" and found.float_test.distance == summary.float_score
    text = run.report.read_text(encoding="utf-8")
    assert "Test distance from float to the target" in text and "Confusion" not in text
    shown = [sheet_of(result).to_text() for result in (summary, flow.evaluate(run, settings))]
    shown.append(sheet_of(flow.evaluate_trials(run, [])).to_text())
    assert all("distance" in sheet and "accuracy" not in sheet for sheet in shown)
    assert np.isfinite(summary.float_score) and "kit_ordinal" not in sys.modules
