"""Every candidate on every target."""

from pathlib import Path

from tests.report.synthetic import make_run
from vaiopt.hardware import inspect_model, load_target
from vaiopt.report import build, gather
from vaiopt.report.on_targets import MOST_CANDIDATES, OnTarget
from vaiopt.report.section_targets import targets_table
from vaiopt.runs.layout import Run


def test_each_candidate_stands_on_the_run_s_targets_and_folded_on_every_board(
    tmp_path: Path,
) -> None:
    run = make_run(tmp_path / "run", trials=8, points=2)
    data = gather(run)
    trials = {candidate.number for candidate in run.candidates()}
    made = [row for row in data.on_targets if row.made]
    assert [row.trial for row in made][0] == data.chosen_number
    assert {(row.trial, row.target) for row in made} == {(trial, "zcu102") for trial in trials}
    assert all(row.int8_test and row.measured_ms == 0.41 for row in made)
    boards = {row.target for row in data.on_targets if not row.made}
    assert {"kv260", "vck190"} <= boards and "zcu102" not in boards and "cpu" not in boards
    other = next(row for row in data.on_targets if row.target == "kv260")
    expected = inspect_model(run.chosen.model, load_target("kv260"))
    assert other.predicted_ms == expected.latency_ms and other.measured_ms is None
    (section,) = [section for section in build(data) if section.key == "targets"]
    (table,) = section.tables()
    assert table.rows[table.highlight][0] == data.chosen_number
    assert "measured latency" in table.columns and "kv260" in str(section.blocks[1])


def test_before_quantization_there_are_predictions_alone(tmp_path: Path) -> None:
    rows = gather(make_run(tmp_path / "run", trials=6, stages=())).on_targets
    table = targets_table([row for row in rows if row.made], "targets")
    assert list(table.columns)[:4] == ["trial", "target", "predicted latency", "predicted frames/s"]


def test_a_damaged_candidate_is_left_out_and_said_to_be(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", trials=8, points=2)
    other = next(c for c in run.candidates() if c.number != run.chosen.number)
    other.model.write_bytes(b"nothing")
    data = gather(Run(run.folder))
    assert other.number not in {row.trial for row in data.on_targets}
    assert any(f"Trial {other.number} is left out" in note for note in data.notes)


def test_a_run_has_more_candidates_than_are_shown() -> None:
    rows = [OnTarget(trial, "zcu102", True, predicted_ms=1.0) for trial in range(MOST_CANDIDATES)]
    assert len(targets_table(rows, "targets", chosen=3).rows) == MOST_CANDIDATES
