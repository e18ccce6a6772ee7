"""Several points of the front in the report."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.report.synthetic import MEASURED, make_run
from vaiopt.delivered import Delivered, Failure
from vaiopt.record import write_record
from vaiopt.report import gather
from vaiopt.report.figures_delivered import KINDS, front_figure
from vaiopt.report.section_front import front_on_target
from vaiopt.runs.records import Latency
from vaiopt.sheets.front import front_table

ROW = Delivered(
    3,
    metric="val_accuracy",
    validation=0.95,
    float_score=0.94,
    int8_score=0.93,
    measured_score=0.92,
    test_samples=100,
    measured_samples=100,
    agreement=0.99,
    params=1234.0,
    predicted_latency_ms=0.5,
    measured_latency_ms=0.7,
    predicted_fps=2000.0,
    measured_fps=1500.0,
    threads=2,
    host="root@kit",
)


def test_the_section_has_one_figure_and_one_table_of_the_candidates(tmp_path: Path) -> None:
    data = gather(make_run(tmp_path / "run", points=3))
    section = front_on_target(data)
    (figure,), (table,) = section.figures(), section.tables()
    assert [row[0] for row in table.rows] == list(data.choice.trials)
    assert len(table.rows) == 3 and len(figure.rows) == 3 * len(KINDS)


def test_a_single_chosen_model_has_no_such_section(tmp_path: Path) -> None:
    assert front_on_target(gather(make_run(tmp_path / "run"))).blocks == ()


def test_what_was_measured_last_of_this_target_counts(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", points=2)
    candidate = run.chosen
    for name, target, day, latency in (
        ("zcu102", "zcu102", "2026-01-01", 0.5),
        ("cpu", "cpu", "2026-03-01", 9.0),
    ):
        record = replace(MEASURED, target=target, measured=day, latency_ms=Latency(latency))
        write_record(candidate.measured(name), record)
    assert gather(run).carried[0].measured_latency_ms == 0.5


def test_the_table_has_what_was_predicted_beside_what_was_measured() -> None:
    table = front_table([ROW])
    shown = dict(zip(table.columns, table.rows[0]))
    assert shown["measured accuracy"] == "92.00 %" and shown["same class"] == "99.00 %"
    assert (shown["predicted latency"], shown["measured latency"]) == ("0.5 ms", "0.7 ms")
    assert (shown["predicted frames/s"], shown["measured frames/s"]) == ("2,000", "1,500")
    assert shown["95 % interval"] == "85.0 to 95.9 %"
    assert "left out" not in shown
    assert table.data[1][4] == 0.92, "plain numbers in the CSV"


def test_a_candidate_that_is_left_out_has_its_row() -> None:
    failed = Delivered(4, metric="val_accuracy", failure=Failure("compile", "no", "do"))
    table = front_table([ROW, failed])
    assert table.rows[1][0] == 4 and table.rows[1][-1] == "by compile" and table.rows[0][-1] is None


def test_the_figure_joins_what_was_predicted_and_what_was_measured() -> None:
    other = replace(ROW, trial=5, predicted_latency_ms=5.0, measured_latency_ms=None)
    figure = front_figure([ROW, replace(other, measured_score=None)])
    ways, *traces = figure.traces
    assert ways["x"] == [0.5, 0.7, None] and ways["y"] == [0.93, 0.92, None]
    assert [trace["name"] for trace in traces] == [kind.name for kind in KINDS]
    low, high = (traces[-1]["error_y"][key][0] for key in ("arrayminus", "array"))
    assert (0.92 - low, 0.92 + high) == pytest.approx((0.850, 0.959), abs=1e-3)
    assert figure.layout["xaxis"]["type"] == "log"


def test_there_is_no_figure_of_one_candidate_or_of_nothing_known() -> None:
    assert front_figure([ROW]) is None and front_figure([]) is None
    assert front_figure([Delivered(1), Delivered(2)]) is None
