"""Names come from outside: folders, classes, hyperparameters, a kit's lines. Nothing that is
printed or displayed holds a character that a terminal obeys and that vaiopt did not make itself.
"""

import importlib
import io
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from vaiopt.cli.common import emit, progress, say
from vaiopt.cli.live import LiveTrials
from vaiopt.deploy.result import failure
from vaiopt.present.figure import Figure
from vaiopt.present.sheet import Sheet
from vaiopt.present.table import Table
from vaiopt.record import Record
from vaiopt.runs.layout import Run
from vaiopt.settings import load_settings
from vaiopt.study.record import COMPLETE, FAILED, TrialRecord
from vaiopt.tasks.classification import evaluate_outputs
from vaiopt.text import printable

NASTY = "a\x1b]0;owned\x07\x1b[2J\x9b31m\x7f\u202eb\udcff\nerror: c\r"
command_line = importlib.import_module("vaiopt.cli.main")
SETTINGS = load_settings(None, ["search.trials=3"])


def is_harmless(text, keep="\n"):
    return printable(text, keep=keep) == text and "\\x1b" in text


def sheet():
    table = Table((NASTY, "x"), [[NASTY, None], [1, NASTY]])
    return Sheet(NASTY, [(NASTY, NASTY, NASTY)], [(NASTY, table)], [NASTY])


@pytest.mark.parametrize("width", [40, 120, 1000])
def test_a_sheet_is_harmless_as_text(width):
    text = sheet().to_text(width)
    assert is_harmless(text) and "\nerror: c" not in text


def test_a_sheet_is_harmless_as_html():
    text = sheet().to_html()
    assert is_harmless(text, keep="\n\t") and text.encode("utf-8")


def test_an_evaluation_shows_its_classes_harmlessly():
    outputs = np.array([[0.1, 0.9], [0.9, 0.1], [0.2, 0.8]])
    names = (NASTY, "b")
    found = evaluate_outputs(outputs, np.array([0, 0, 1]), names, kind="float", trial=0)
    assert is_harmless(Sheet("", (), found.tables(None, 9)).to_text(120))


def test_a_figure_is_harmless():
    figure = Figure("f", NASTY, NASTY, [{"type": "bar", "x": [NASTY], "y": [1]}])
    assert is_harmless(str(figure.spec()["data"][0]["x"][0]))
    assert is_harmless(figure.to_plotly().layout.title.text)


def test_lines_and_texts_are_harmless(capfd):
    progress(NASTY)
    say(NASTY)
    out, err = capfd.readouterr()
    assert is_harmless(out) and is_harmless(err)
    assert err.count("\n") == 1, "a line stays one line"


def test_json_is_harmless_and_still_json(capfd):
    class Made(Record):
        def to_json(self):
            return {"name": NASTY}

    emit(Made(), True)
    out = capfd.readouterr().out
    assert json.loads(out) == {"name": NASTY} and printable(out, keep="\n") == out


def test_the_live_view_is_harmless(tmp_path):
    screen = io.StringIO()
    console = Console(file=screen, width=100, height=30, highlight=False, markup=False)
    view = LiveTrials(SETTINGS, Run(tmp_path), console)
    point = {NASTY: NASTY, "[bold]": 1}
    view.trial_started(1, point)
    done = {"value": 0.5, "metrics": {"val_accuracy": 0.5}, "costs": {"params": 1.0}}
    view.trial_ended(TrialRecord(0, COMPLETE, hyperparameters=point, **done))
    view.trial_ended(TrialRecord(2, FAILED, NASTY, hyperparameters={NASTY: "other"}))
    console.print(view)
    assert is_harmless(screen.getvalue())


def test_what_a_kit_says_is_harmless():
    for lines in ([f"error: {NASTY}", f"hint: {NASTY}"], [NASTY]):
        error = failure(2, lines, "here")
        assert is_harmless(f"{error.message} {error.hint}" if len(lines) > 1 else error.message)


RAISED = {
    "a system's error": OSError(2, "No such file", NASTY),
    "a bug": RuntimeError(NASTY),
    "an argument": command_line.UsageError(NASTY),
}


@pytest.mark.parametrize("what", sorted(RAISED))
def test_whatever_is_raised_is_told_harmlessly(what, capfd, monkeypatch, tmp_path):
    def fail(**options):
        raise RAISED[what]

    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setattr(command_line, "app", fail)
    monkeypatch.setattr(sys, "argv", ["vaiopt", NASTY])
    with pytest.raises(SystemExit):
        command_line.main([])
    _, err = capfd.readouterr()
    assert printable(err, keep="\n") == err
    assert [line.split(":")[0] for line in err.splitlines()] == ["error", "hint"]
    for kept in Path(str(tmp_path)).glob("vaiopt-bug-*"):
        assert is_harmless(kept.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "arguments",
    [
        ["search", "--run", "r\udcff"],
        ["search", "--run", "r", "--set", "data.source=\udcff"],
        ["search", "--run", "r", "--set", "model.hyperparameters.units=\udcff"],
        ["trials", "\udcff\x1b"],
        ["targets", "\udcff\x1b"],
        ["search", "\udcff.toml"],
        ["inspect", "\udcff.h5"],
    ],
)
def test_names_that_are_not_utf8_are_refused(arguments, capfd, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as caught:
        command_line.main(arguments)
    _, err = capfd.readouterr()
    assert caught.value.code == 2 and "\\udcff" in err
    assert os.listdir(str(tmp_path)) == []
