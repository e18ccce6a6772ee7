"""The figure of a search in a notebook: one that is drawn again, and lines everywhere else."""

from __future__ import annotations

import sys
import types
from dataclasses import replace
from typing import Any, Dict, List

import pytest

from tests.report.synthetic import make_records
from vaiopt.cli import live_figure
from vaiopt.cli.live import TrialLines
from vaiopt.cli.live_figure import LiveFigure, search_image, trial_lines
from vaiopt.settings import ObjectiveSettings, Settings
from vaiopt.text import say

SETTINGS = replace(Settings(), objective=ObjectiveSettings(metric="val_accuracy"))


class Handle:
    """What a kernel gives for something displayed, which can be replaced."""

    def __init__(self) -> None:
        self.shown: List[Dict[str, str]] = []

    def update(self, content: Dict[str, str], raw: bool) -> None:
        assert raw
        self.shown.append(content)


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Handle:
    """A notebook's kernel, as far as it is asked."""
    handle = Handle()

    def display(content: Dict[str, str], raw: bool, display_id: bool) -> Handle:
        handle.update(content, raw)
        return handle

    package: Any = types.ModuleType("IPython")
    package.get_ipython = lambda: types.SimpleNamespace(kernel=True)
    package.display = types.ModuleType("IPython.display")
    package.display.display = display
    monkeypatch.setitem(sys.modules, "IPython", package)
    monkeypatch.setitem(sys.modules, "IPython.display", package.display)
    return handle


def test_a_notebook_has_one_figure_that_ends_with_all_trials(
    kernel: Handle, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_figure, "SECONDS", 0.0)
    monkeypatch.setattr(live_figure, "TIMES", 0)
    lines = trial_lines(SETTINGS, say)
    assert isinstance(lines, LiveFigure)
    records = [r for r in make_records(12) if r.value is not None][:6]
    lines.search_started(8, [])
    for record in records:
        lines.trial_started(record.number, record.hyperparameters)
        lines(record)
    broken = replace(records[0], number=99, status="failed", value=None, reason="out of memory")
    lines.trial_ended(broken)
    lines.search_ended()
    assert "running: " + str(records[0].number) in kernel.shown[1]["text/plain"]
    best = max(records, key=lambda r: r.value or 0)
    assert kernel.shown[-1]["text/plain"].startswith("7 of 8 trials · best validation accuracy")
    assert f"(trial {best.number})" in kernel.shown[-1]["text/plain"]
    assert kernel.shown[-1]["image/svg+xml"].count("<circle") == 6
    told = capsys.readouterr().out
    assert "out of memory" in told and len(told.splitlines()) == 1


def test_it_is_drawn_seldom(kernel: Handle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_figure, "SECONDS", 1000.0)
    lines = LiveFigure(SETTINGS)
    lines.search_started(50, [])
    for record in make_records(50):
        lines.trial_ended(record)
    lines.search_ended()
    assert len(kernel.shown) == 2


def test_elsewhere_and_for_another_s_ears_there_are_lines(
    kernel: Handle, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: List[str] = []
    assert trial_lines(SETTINGS, None) is None
    assert type(trial_lines(SETTINGS, told.append)) is TrialLines
    monkeypatch.delitem(sys.modules, "IPython")
    assert type(trial_lines(SETTINGS, say)) is TrialLines
    assert "IPython" not in sys.modules


@pytest.mark.parametrize("direction, best", [("maximize", max), ("minimize", min)])
def test_the_best_so_far_is_that_of_all_trials_where_some_are_drawn(
    direction: str, best: Any
) -> None:
    assert search_image([], direction, "val_accuracy", "t") == ""
    records = make_records(1500)
    image = search_image(records, direction, "val_accuracy", "a < b", 2000)
    assert "a &lt; b" in image and image.count("<circle") <= live_figure.MOST_POINTS + 1
    values = [r.value for r in records if r.value is not None]
    alone = search_image([r for r in records if r.value == best(values)], direction, "v", "t")
    assert alone.count("<circle") >= 1
