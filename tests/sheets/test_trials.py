"""Tables of trials."""

from __future__ import annotations

from dataclasses import replace

from vaiopt.present.shown import sheet_of
from vaiopt.sheets import results as results  # adds the sheets
from vaiopt.sheets.trial_list import sparkline, trial_list
from vaiopt.sheets.trials import hyperparameter_table, trial_table
from vaiopt.study.record import TrialRecord

TRIALS = [
    TrialRecord(
        number,
        "complete",
        value=value,
        hyperparameters={"units": 8 * number + 8},
        metrics={"val_accuracy": value},
        costs={"params": 1000.0, "latency_ms": 0.5},
    )
    for number, value in enumerate((0.8, 0.9, 0.7))
]
FAILED = TrialRecord(3, "failed", "NaN", hyperparameters={"units": 8, "rate": 0.1})


def table(trials, **more):  # type: ignore[no-untyped-def]
    return trial_table(trials, metric="val_accuracy", direction="maximize", **more)


def test_the_best_come_first_and_the_chosen_is_set_off() -> None:
    found = table([*TRIALS, FAILED], chosen=0)
    assert [row[0] for row in found.rows] == [1, 0, 2, 3]
    assert found.highlight == 1
    assert table(TRIALS, chosen=2, most=2).highlight == -1


def test_a_measured_latency_has_a_column_of_its_own_beside_the_predicted_one() -> None:
    assert "measured latency (ms)" not in table(TRIALS).columns
    measured = replace(TRIALS[0], measured_latency_ms=0.75)
    found = table([measured, *TRIALS[1:]])
    row = dict(zip(found.columns, found.rows[1]))
    assert row["predicted latency (ms)"] == "0.5"
    assert row["measured latency (ms)"] == "0.75"
    place = found.data[0].index("measured_latency_ms")
    assert [line[place] for line in found.data[1:]] == [0.75, None, None]


def test_columns_and_export_are_those_of_all_trials_whatever_is_shown() -> None:
    found = table([*TRIALS, FAILED], most=1)
    assert "rate" in found.columns
    assert len(found.data) == 5
    assert {len(row) for row in found.data} == {len(found.data[0])}


def test_a_score_stands_beside_the_metric_where_soft_costs_weigh_in() -> None:
    assert "score" in table(TRIALS, weighed=True).columns
    assert "score" not in table(TRIALS).columns


def test_the_default_point_is_the_first_trial_that_was_not_interrupted() -> None:
    interrupted = replace(FAILED, number=0, status="interrupted")
    others = [replace(t, number=t.number + 1) for t in TRIALS]
    rows = hyperparameter_table(TRIALS[1].hyperparameters, [interrupted, *others]).rows
    assert rows == [["units", "16", "8", "8 to 24"]]
    assert hyperparameter_table({"rate": 0.1}, [FAILED]).rows == [
        ["rate", "0.1", "0.1", "only 0.1"],
        ["units", "not active", "8", "only 8"],
    ]


def counted(number, accuracy, samples):
    metrics = {"val_accuracy": accuracy}
    return TrialRecord(number, "complete", value=accuracy, metrics=metrics, samples=samples)


def test_an_accuracy_is_shown_with_its_interval_where_its_samples_are_known():
    trials = [counted(0, 0.95, 179), FAILED]
    few = trial_list(trials, "val_accuracy")
    assert few.columns[2] == "95 % interval"
    assert [row[2] for row in few.rows] == ["90.8 to 97.4 %", None]
    many = trial_table(trials, metric="val_accuracy", direction="maximize")
    place = many.columns.index("95 % interval")
    assert [row[place] for row in many.rows] == ["90.8 to 97.4 %", None]
    assert "95 %: 90.8 to 97.4 %" in sheet_of(trials[0]).to_text(120)
    assert "95 % interval" not in trial_list([counted(0, 0.95, 0)], "val_accuracy").columns


def test_a_cost_that_all_trials_share_is_left_out_of_the_list() -> None:
    points = [{"params": 5.0, "latency_ms": 1.0}, {"params": 5.0, "latency_ms": 2.0}]
    records = [
        TrialRecord(i, "complete", value=0.5, metrics={"val_accuracy": 0.5}, costs=costs)
        for i, costs in enumerate(points)
    ]
    columns = trial_list(records, "val_accuracy").columns
    assert "parameters" not in columns and "predicted latency" in columns
    assert "parameters" in trial_list(records[:1], "val_accuracy").columns


def test_curves_are_drawn_of_pruned_trials_too() -> None:
    curve = [{"epoch": i, "val_accuracy": v} for i, v in enumerate((0.1, 0.5, 0.9))]
    records = [
        TrialRecord(0, "complete", value=0.9, metrics={"val_accuracy": 0.9}, curve=curve),
        TrialRecord(1, "pruned", "stopped", pruning={"reports": [[1, 0.4], [2, 0.2]]}),
        TrialRecord(2, "failed", "no memory"),
    ]
    table = trial_list(records, "val_accuracy", curves=True)
    place = list(table.columns).index("by epoch")
    assert [row[place] for row in table.rows] == ["▁▅█", "█▁", None]
    assert "by epoch" not in trial_list(records, "val_accuracy").columns


def test_a_long_curve_is_thinned_and_ends_with_its_last_epoch() -> None:
    line = sparkline([*[0.0] * 99, 1.0])
    assert len(line) <= 12 and line[-1] == "█"
    assert sparkline([1.0]) == "" and sparkline([2.0, 2.0]) == "▁▁"
    assert sparkline([0.0, float("nan"), 1.0]) == "▁█"
