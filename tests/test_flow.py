"""The whole way on real data that are small, and what may go wrong on it."""

import json

import numpy as np
import pytest

from vaiopt import flow
from vaiopt.errors import RunError, SettingsError
from vaiopt.files import read_json
from vaiopt.runs.layout import Run
from vaiopt.settings import load_settings, override
from vaiopt.study.trials import load_trials

QUICK = [
    "search.workers=0",
    "search.trials=3",
    "train.epochs=2",
    "data.limit=600",
    "model.family=cnn_blocks",
    "search.initial_points=2",
    "search.pruner=none",
]
SETTINGS = load_settings(
    None,
    [
        *QUICK,
        "model.hyperparameters.filters1=16",
        "model.hyperparameters.blocks=1",
        "objective.rank_int8=2",
    ],
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    run = Run(tmp_path_factory.mktemp("flow") / "run")
    lines = []
    return run, flow.run_flow(SETTINGS, run.folder, progress=lines.append), lines


def test_every_step_leaves_its_files_and_the_summary_has_every_figure(whole):
    run, summary, lines = whole
    for path in (
        run.float_model,
        run.data_spec,
        run.float_evaluation,
        run.quantized_model,
        run.quantized_evaluation,
        run.golden,
        run.report,
    ):
        assert path.is_file(), path
    assert (run.compiled("cpu") / "model.tflite").is_file()
    assert (run.bundle("cpu") / "manifest.json").is_file()
    content = summary.to_json()
    assert None not in content.values(), content
    assert list(content["seconds"]) == list(flow.STEPS)
    assert all(f"[{i + 1}/7] {step}" in lines for i, step in enumerate(flow.STEPS))
    json.dumps(content, allow_nan=False)


def test_int8_and_measured_accuracy_are_near_the_float_ones(whole):
    _, summary, _ = whole
    assert summary.float_accuracy > 0.5
    assert abs(summary.int8_accuracy - summary.float_accuracy) <= 0.05
    assert abs(summary.measured_accuracy - summary.int8_accuracy) <= 0.02


def test_the_bundle_predicts_what_the_int8_keras_model_predicts(whole):
    run, _, _ = whole
    agreement = read_json(run.measured("cpu"), "")["agreement"]
    assert agreement["equal"] >= 0.98 * agreement["samples"]


def test_candidates_are_ranked_by_int8_accuracy(whole):
    run, summary, _ = whole
    table = read_json(run.float_metrics, "")["int8_ranking"]
    assert len(table) == 2
    best = max(row["int8_val_accuracy"] for row in table)
    assert next(row for row in table if row["int8_val_accuracy"] == best)["trial"] == summary.trial


def test_test_data_are_read_once_for_a_chosen_model(whole, monkeypatch):
    run, _, _ = whole
    monkeypatch.setattr(
        "vaiopt.data.load_run_splits", lambda run: pytest.fail("the test split was read again")
    )
    again = flow.evaluate(run, SETTINGS)
    assert again.float_test.samples == again.int8_test.samples == 60


def test_trials_are_compared_on_the_test_split_without_choosing_one(whole):
    run, summary, _ = whole
    found = flow.evaluate_trials(run, [])
    kept = {int(path.parent.name) for path in (run.folder / "trials").glob("*/model.h5")}
    assert [f.trial for f in found] == sorted(kept)
    chosen = next(f for f in found if f.trial == summary.trial)
    assert chosen.accuracy == summary.float_accuracy
    assert flow.evaluate_trials(run, [summary.trial]) == [chosen]
    assert read_json(run.float_metrics, "")["trial"] == summary.trial
    with pytest.raises(RunError, match="trial 99 was not kept"):
        flow.evaluate_trials(run, [99])
    path = run.trial(summary.trial) / "evaluation.json"
    path.write_text("{")
    with pytest.raises(RunError) as caught:
        flow.evaluate_trials(run, [summary.trial])
    assert f"rm '{path}'" in caught.value.hint


def test_a_part_of_the_flow_repeats_only_its_own_files(whole):
    run, _, _ = whole
    before = run.quantized_model.stat().st_mtime_ns
    summary = flow.run_flow(SETTINGS, run.folder, first="measure", last="report")
    assert list(summary.seconds) == ["measure", "report"]
    assert run.quantized_model.stat().st_mtime_ns == before


def test_another_trial_can_be_chosen_and_its_evaluation_is_its_own(whole):
    run, summary, _ = whole
    other = next(t for t in load_trials(run) if t.number != summary.trial)
    assert flow.choose(run, trial=other.number).number == other.number
    assert read_json(run.float_metrics, "")["trial"] == other.number
    assert not run.float_evaluation.exists()
    later = flow.summarise(run)
    assert (
        later.trial,
        later.int8_accuracy,
        later.measured_accuracy,
        later.measured_latency_ms,
    ) == (other.number, None, None, None)
    assert later.stale.startswith(
        "quantized, compiled/cpu, bundle/cpu and measured/cpu were not made from the model that is"
        " chosen now"
    )
    assert flow.evaluate(run, SETTINGS).int8_test is None
    flow.choose(run, trial=summary.trial)
    assert flow.summarise(run).int8_accuracy == summary.int8_accuracy
    cheapest = min(load_trials(run), key=lambda t: t.costs["latency_ms"])
    assert (
        flow.choose(run, max_latency_ms=cheapest.costs["latency_ms"]).costs["latency_ms"]
        == cheapest.costs["latency_ms"]
    )
    with pytest.raises(RunError, match="no trial 99"):
        flow.choose(run, trial=99)
    with pytest.raises(RunError, match="at most"):
        flow.choose(run, max_latency_ms=1e-9)


def test_steps_are_checked_before_anything_runs():
    assert flow.steps_between("compile", "measure") == ["compile", "bundle", "measure"]
    with pytest.raises(SettingsError) as caught:
        flow.steps_between("quantise", None)
    assert "quantize" in caught.value.hint
    with pytest.raises(SettingsError, match="comes before"):
        flow.steps_between("report", "search")


def test_a_bare_model_is_quantized_without_a_run(whole, tmp_path):
    run, _, _ = whole
    x = np.random.RandomState(0).uniform(-1, 0.99, size=(64, 8, 8, 1)).astype(np.float32)
    np.savez(str(tmp_path / "c.npz"), x=x)
    settings = override(SETTINGS, ["hardware.release='2.5'", "quantize.calib_batch_size=32"])
    result = flow.quantize_bare(run.float_model, tmp_path / "c.npz", tmp_path / "out", settings)
    assert result.to_json()["release"] == "2.5"
    assert (tmp_path / "out" / "quantized.h5").is_file()
    with pytest.raises(SettingsError, match="--calib"):
        flow.quantize_bare(run.float_model, None, None, settings)


def test_with_hardware_in_the_loop_the_measured_latency_counts(tmp_path):
    settings = override(
        SETTINGS,
        [
            "objective.measure_every=2",
            "objective.measure_best=1",
            "objective.rank_int8=0",
            "objective.weights.latency_ms=0.1",
        ],
    )
    lines = []
    result = flow.search(settings, tmp_path / "run", progress=lines.append)
    run = Run(tmp_path / "run")
    trials = load_trials(run)
    measured = [t for t in trials if "predicted_latency_ms" in t.costs]
    assert len(trials) == 3
    assert len(measured) == len([line for line in lines if "ms measured" in line]) == 2
    reference = read_json(run.space, "")["costs"]["latency_ms"]
    for trial in measured:
        assert trial.costs["latency_ms"] != trial.costs["predicted_latency_ms"]
        assert trial.value == pytest.approx(
            trial.metrics["val_accuracy"] * (trial.costs["latency_ms"] / reference) ** -0.1
        )
    assert result.chosen.value == max(t.value for t in trials)
    assert read_json(run.float_metrics, "")["trial"] == result.chosen.number
    assert [
        path.name
        for part in ("quantized", "compiled", "bundle", "measured")
        for path in run.folder.glob(part + "/*")
    ] == []


def test_a_measured_latency_above_the_limit_makes_infeasible(whole):
    from vaiopt.search import measured_score
    from vaiopt.study.storage import open_study
    from vaiopt.study.trials import note_measurement

    run, _, _ = whole
    settings = override(SETTINGS, ["objective.max_latency_ms=1"])
    trial = max(load_trials(run), key=lambda t: t.value or 0)
    value, reason = measured_score(run, settings, trial, 2.5)
    assert value is None
    assert "measured: 2.5 ms is above max_latency_ms" in reason
    note_measurement(open_study(run), trial, 2.5, value, reason)
    after = load_trials(run)[trial.number]
    assert (after.status, after.value, after.costs["latency_ms"]) == ("infeasible", None, 2.5)
