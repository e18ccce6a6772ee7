"""A measurement that cannot be trusted is told, and counts nowhere unless that is accepted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, List

import pytest
from bundled import bundle_of_a_standin
from measured_runs import make_candidate, shapes, write_measurement

from tests.made_runs import measured_record, on
from vaiopt import candidates
from vaiopt.deploy.calibrate import calibrate_runs
from vaiopt.deploy.measure import MeasureResult, measure_candidate
from vaiopt.deploy.verdict import check_trusted
from vaiopt.errors import BoardError, SettingsError
from vaiopt.record import read_record, write_record
from vaiopt.report.data import ReportData
from vaiopt.report.section_summary import summary
from vaiopt.runs.layout import Run
from vaiopt.runs.records import Agreement, Doubt, GoldenResult, Measured, MeasuredModel
from vaiopt.settings import Settings, override
from vaiopt.sheets.results import _measurement
from vaiopt.text import silent

BUSY = Doubt("busy", "this machine is busy", "End what else runs there.")
GOLDEN = Doubt("golden", "24 of 24 golden outputs differ", "Copy the bundle again.")


def test_what_is_accepted_does_not_stop_a_measurement_and_all_else_does() -> None:
    record = replace(measured_record("zcu102"), doubts=(BUSY, GOLDEN))
    check_trusted(measured_record("zcu102"), (), "it")
    check_trusted(record, ("golden", "busy"), "it")
    with pytest.raises(BoardError) as caught:
        check_trusted(record, ("busy",), "the measurement")
    assert caught.value.message == f"the measurement cannot be trusted: {GOLDEN.told}"
    assert caught.value.hint == "Copy the bundle again. Or let it count: --accept golden"


def test_a_record_of_scripts_that_did_not_judge_is_judged_by_its_figures() -> None:
    wrong = GoldenResult(True, 0, 24, 24, 8, False)
    record = measured_record("zcu102", golden=wrong, agreement=Agreement(1, 40))
    assert not record.all_doubts, "of a kind that is not known to be exact"
    garbage = replace(record, golden=replace(wrong, max_difference=200))
    assert [doubt.name for doubt in garbage.all_doubts] == ["golden"]
    record = replace(record, model=MeasuredModel("0" * 64, "model.xmodel", "xmodel"))
    assert [doubt.name for doubt in record.all_doubts] == ["golden", "agreement"]


def test_the_sheet_says_the_verdict_and_why(tmp_path: Path) -> None:
    record = replace(measured_record("zcu102"), doubts=(GOLDEN,), warnings=(GOLDEN.told,))
    sheet = _measurement(MeasureResult(tmp_path / "m.json", record))
    assert ("verdict", "doubtful", "golden") in sheet.facts
    assert list(sheet.notes) == [f"warning: {GOLDEN.line}"]


def test_the_report_begins_with_what_speaks_against_a_measurement() -> None:
    record = replace(measured_record("zcu102"), doubts=(GOLDEN,))
    blocks = summary(ReportData("run", Settings(), measured={"zcu102": record})).blocks
    assert "cannot be trusted" in str(blocks[0]) and GOLDEN.told in str(blocks[0])


def test_a_bundles_doubts_are_in_the_record(tmp_path: Path) -> None:
    candidate = Run(tmp_path / "run").trial(0)
    bundle_of_a_standin(candidate)
    folder = candidate.bundle("zcu102")
    content = json.loads((folder / "manifest.json").read_text())
    answer = measured_record("zcu102", content["model"]["sha256"]).to_json()
    golden = {"compared": True, "elements": 24, "different": 24}
    answer.update(version=1, modules=[], golden=golden, doubts=[GOLDEN.to_json()])
    result = measure_candidate(
        candidate, on("zcu102", "local", threads=2), kit=lambda *arguments: json.dumps(answer)
    )
    kept = read_record(candidate.measured("zcu102"), Measured, "")
    assert kept.doubts == result.record.doubts == (GOLDEN,)


def in_the_loop(patch: pytest.MonkeyPatch, records: List[Measured], *accept: str) -> Measured:
    answers = iter(records)
    patch.setattr(candidates, "BUSY_PAUSE_SECONDS", 0.0)
    patch.setattr(
        candidates, "measure_candidate", lambda *a: MeasureResult(Path("x"), next(answers))
    )
    candidate: Any = SimpleNamespace(number=3)
    settings = override(Settings(), {"deploy.accept": list(accept)})
    return candidates._trusted(candidate, settings, silent)


def test_a_search_stops_at_a_kit_that_computes_garbage(monkeypatch: pytest.MonkeyPatch) -> None:
    bad = replace(measured_record("zcu102"), doubts=(GOLDEN,))
    with pytest.raises(BoardError, match="measurement of trial 3 cannot be trusted"):
        in_the_loop(monkeypatch, [bad])
    assert in_the_loop(monkeypatch, [bad], "golden") is bad


def test_a_search_measures_again_on_a_busy_kit(monkeypatch: pytest.MonkeyPatch) -> None:
    good = measured_record("zcu102")
    busy = replace(good, doubts=(BUSY,))
    assert in_the_loop(monkeypatch, [busy, busy, good]) is good
    with pytest.raises(BoardError, match="busy"):
        in_the_loop(monkeypatch, [busy] * 3)
    assert in_the_loop(monkeypatch, [busy], "busy") is busy


def test_calibrate_learns_nothing_from_a_doubtful_measurement(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAIOPT_TARGETS", str(tmp_path / "targets"))
    runs = []
    for number, shape in enumerate(shapes(4, 0)):
        candidate = make_candidate(tmp_path / str(number), shape)
        write_measurement(candidate, 1.0 + number)
        runs.append(candidate.run)
    record = read_record(candidate.measured("zcu102"), Measured, "")
    write_record(candidate.measured("zcu102"), replace(record, doubts=(BUSY,)))
    with pytest.raises(BoardError, match="cannot be trusted: this machine is busy"):
        calibrate_runs(runs)
    with pytest.raises(SettingsError, match="'bsy'"):
        calibrate_runs(runs, accept=["bsy"])
    assert calibrate_runs(runs, accept=["busy"]).path.is_file()


def test_a_doubt_that_is_none_is_refused_in_the_settings() -> None:
    with pytest.raises(SettingsError, match="no doubt"):
        override(Settings(), ['deploy.accept=["goldn"]'])
