"""Runs side by side, and the list of runs."""

from __future__ import annotations

import fcntl
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

import vaiopt as vo
from tests.report.synthetic import make_run
from vaiopt.comparison import compare_runs
from vaiopt.errors import RunError, SettingsError
from vaiopt.report.compared import best_so_far, curves_of_chosen, fronts
from vaiopt.report.data import gather_search
from vaiopt.run_list import list_runs, state_of
from vaiopt.runs.layout import Run, run_folders
from vaiopt.search.execution.lock import is_searching


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A measured run, one that was only searched, and one that was stopped."""
    folder = tmp_path_factory.mktemp("compared")
    make_run(folder / "runs" / "a", trials=12)
    make_run(folder / "runs" / "b", trials=8, stages=(), target="cpu")
    make_run(folder / "old" / "a", trials=6, chosen=False)
    return folder


def test_only_what_differs_of_the_settings_is_told(runs: Path) -> None:
    found = vo.compare(runs / "runs/a", runs / "runs/b")
    assert found.settings == {"search.trials": [12, 8], "hardware.target": ["zcu102", "cpu"]}
    text = repr(found)
    assert "Settings that differ" in text and "data.source" not in text
    assert "measured latency" in text and "%" in text
    json.dumps(found.to_json(), allow_nan=False)


def test_settings_that_are_tables_are_told_without_brackets(runs: Path) -> None:
    several = {"digit": "classification", "ink": "regression"}
    compared = vo.compare(runs / "runs/a", runs / "runs/b")
    found = replace(compared, settings={"tasks": [several, {}]})
    told = " ".join(repr(found).split())
    assert "digit=classification, ink=regression none" in told


def test_paths_below_the_current_folder_are_told_from_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    sources = {"a": str(tmp_path / "inputs" / "d.npz"), "b": "/elsewhere/d.npz"}
    for name, source in sources.items():
        run = make_run(tmp_path / name, trials=2, stages=())
        text = run.settings.read_text("utf-8").replace('source = "digits"', f'source = "{source}"')
        run.settings.write_text(text, "utf-8")
    found = compare_runs(["a", "b"])
    assert found.settings == {"data.source": ["inputs/d.npz", "/elsewhere/d.npz"]}


def test_runs_of_one_name_are_told_apart_and_a_stopped_one_is_compared(runs: Path) -> None:
    found = vo.compare(runs / "runs/a", runs / "old/a")
    assert [run.name for run in found.runs] == ["runs/a", "old/a"]
    assert found.runs[1].validation is None and found.runs[1].trials


def test_the_page_has_tables_curves_and_fronts_and_no_path_of_this_computer(
    runs: Path, tmp_path: Path
) -> None:
    found = vo.compare(runs / "runs/a", runs / "runs/b")
    text = found.write_html(tmp_path / "c.html").read_text(encoding="utf-8")
    assert set(re.findall(r'data-name="([^"]+)"', text)) == {
        "best_so_far",
        "chosen_curves",
        "fronts_latency_ms",
        "fronts_params",
    }
    whole = text.replace("<wbr>", "")
    assert "hardware.target" in whole and str(runs) not in whole


def test_every_run_has_its_own_line_over_the_others(runs: Path) -> None:
    named = [
        (n, gather_search(Run(runs / "runs" / n)), {"color": f"@{n}", "dash": "solid"})
        for n in ("a", "b")
    ]
    for make in (best_so_far, curves_of_chosen):
        figure = make(named)
        assert figure is not None
        assert [trace["line"]["color"] for trace in figure.traces] == ["@a", "@b"]
    best = best_so_far(named)
    assert best is not None
    assert all(list(t["y"]) == sorted(t["y"]) for t in best.traces), "it only gets better"
    figure = fronts(named, "params")
    assert figure is not None
    lines = [t for t in figure.traces if t["mode"] == "lines+markers"]
    for (_, data, _), line in zip(named, lines):
        assert line["text"] == [f"trial {number}" for number in data.front("params")]


def test_one_run_alone_and_a_missing_one_are_refused(runs: Path) -> None:
    with pytest.raises(SettingsError, match="one run"):
        compare_runs([runs / "runs/a"])
    with pytest.raises(RunError) as caught:
        vo.compare(runs / "runs/a", runs / "runs/bb")
    assert str(Path("runs") / "b") in caught.value.hint


def test_the_list_says_how_far_each_run_is_and_what_comes_next(runs: Path) -> None:
    found = {str(Path(s.folder).relative_to(runs)): s for s in list_runs(runs)}
    assert set(found) == {"runs/a", "runs/b", "old/a"}
    assert (found["runs/a"].status, found["runs/a"].detail) == ("measured", "zcu102")
    assert found["runs/b"].status == "searched" and "--from quantize" in found["runs/b"].next
    assert found["old/a"].status == "stopped" and "search" in found["old/a"].next
    assert found["runs/a"].trials == found["runs/a"].wanted == 12
    assert found["runs/a"].best is not None
    text = repr(vo.list_runs(runs))
    assert "measured zcu102" in text and "12 of 12" in text


def test_a_damaged_run_stands_in_the_list_with_its_reason(runs: Path, tmp_path: Path) -> None:
    run = make_run(tmp_path / "x", trials=4)
    run.settings.write_text("version = 99\n")
    state = state_of(run)
    assert state.status == "damaged" and "99" in state.detail


def test_a_search_that_is_at_work_is_seen(tmp_path: Path) -> None:
    run = make_run(tmp_path / "x", trials=4)
    assert not is_searching(run)
    run.running.mkdir()
    with run.search_lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        state = state_of(run)
    assert state.status == "searching" and state.next == ""
    assert not is_searching(run)


def test_runs_are_found_below_but_not_within_runs(runs: Path) -> None:
    (runs / "runs/a/inner").mkdir(exist_ok=True)
    (runs / "runs/a/inner/run.toml").write_text("")
    names = [str(path.relative_to(runs)) for path in run_folders(runs)]
    assert names == ["old/a", "runs/a", "runs/b"]
    assert run_folders(runs / "none") == []
    with pytest.raises(RunError):
        list_runs(runs / "rnus")
