"""The whole way on real data that are small, and what may go wrong on it."""

import contextlib
import json
import os
import signal
import time

import numpy as np
import pytest

from vaiopt import choosing, flow
from vaiopt.data import load
from vaiopt.errors import RunError, SettingsError
from vaiopt.record import read_record
from vaiopt.runs.layout import Run
from vaiopt.runs.lineage import measurements
from vaiopt.runs.records import CandidateMetrics, Measured
from vaiopt.search import loop
from vaiopt.settings import load_settings, override
from vaiopt.study.space_file import read_space
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
        "objective.rank_int8=3",
    ],
)


def counted(patch, module, name):
    """Let calls of a function be counted; its arguments are returned, call by call."""
    calls, function = [], getattr(module, name)

    def call(*arguments, **options):
        calls.append(arguments)
        return function(*arguments, **options)

    patch.setattr(module, name, call)
    return calls


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    run = Run(tmp_path_factory.mktemp("flow") / "run")
    lines = []
    with pytest.MonkeyPatch.context() as patch:
        loads = counted(patch, load, "_load")
        summary = flow.run_flow(SETTINGS, run.folder, progress=lines.append)
    return run, summary, lines, loads


def test_every_step_leaves_its_files_and_the_summary_has_every_figure(whole):
    run, summary, lines, _ = whole
    chosen = run.chosen
    for path in (
        chosen.model,
        chosen.data,
        chosen.evaluation,
        chosen.quantized_model,
        chosen.quantized_evaluation,
        chosen.golden,
        chosen.compiled("cpu") / "model.tflite",
        chosen.bundle("cpu") / "manifest.json",
        run.report,
    ):
        assert path.is_file(), path
    for shown in ("float/model.h5", "float/evaluation.json", "quantized/evaluation.json"):
        assert (run.folder / shown).is_file(), shown
    assert (run.folder / "measured" / "cpu.json").samefile(chosen.measured("cpu"))
    content = summary.to_json()
    assert None not in content.values(), content
    assert list(content["seconds"]) == list(flow.STEPS)
    assert all(f"[{i + 1}/{len(flow.STEPS)}] {step}" in lines for i, step in enumerate(flow.STEPS))
    json.dumps(content, allow_nan=False)


def test_int8_and_measured_accuracy_are_near_the_float_ones(whole):
    summary = whole[1]
    assert summary.float_accuracy > 0.5
    assert abs(summary.int8_accuracy - summary.float_accuracy) <= 0.05
    assert abs(summary.measured_accuracy - summary.int8_accuracy) <= 0.02


def test_the_bundle_predicts_what_the_int8_keras_model_predicts(whole):
    agreement = read_record(whole[0].chosen.measured("cpu"), Measured, "").agreement
    assert agreement.equal >= 0.98 * agreement.samples


def test_the_data_are_loaded_once_for_all_steps_and_candidates(whole):
    assert len(whole[3]) == 1


def test_candidates_are_ranked_by_int8_accuracy(whole):
    run, summary = whole[:2]
    chosen = run.read_chosen()
    table = chosen.int8_ranking
    assert chosen.why == "int8" and len(table) == 3
    best = max(row.int8_val_accuracy for row in table)
    assert next(row.trial for row in table if row.int8_val_accuracy == best) == summary.trial
    assert chosen.trials == (summary.trial,)
    assert all(run.trial(row.trial).quantized_model.is_file() for row in table), "each has its own"


def test_test_data_are_read_once_for_a_chosen_model(whole, monkeypatch):
    run = whole[0]
    monkeypatch.setattr(
        "vaiopt.evaluate.load_splits", lambda _: pytest.fail("the test split was read again")
    )
    again = flow.evaluate(run, SETTINGS)
    assert again.float_test.samples == again.int8_test.samples == 60


def test_trials_are_compared_on_the_test_split_without_choosing_one(whole):
    run, summary = whole[:2]
    found = flow.evaluate_trials(run, [])
    assert [f.trial for f in found] == [candidate.number for candidate in run.candidates()]
    chosen = next(f for f in found if f.trial == summary.trial)
    assert chosen.accuracy == summary.float_accuracy
    assert flow.evaluate_trials(run, [summary.trial]) == [chosen]
    assert run.chosen.number == summary.trial
    with pytest.raises(RunError, match="trial 99 was not kept"):
        flow.evaluate_trials(run, [99])
    path = run.trial(summary.trial).evaluation
    before = path.read_text()
    path.write_text("{")
    with pytest.raises(RunError) as caught:
        flow.evaluate_trials(run, [summary.trial])
    assert f"rm '{path}'" in caught.value.hint
    path.write_text(before)


def test_a_part_of_the_flow_repeats_only_its_own_files(whole):
    run = whole[0]
    before = run.chosen.quantized_model.stat().st_mtime_ns
    summary = flow.run_flow(SETTINGS, run.folder, first="measure", last="report")
    assert list(summary.seconds) == ["measure", "report"]
    assert run.chosen.quantized_model.stat().st_mtime_ns == before


REPEATED = ("measured_latency_ms",)
"""Of a summary: what an earlier test measured again."""


def test_another_trial_can_be_chosen_and_each_keeps_what_was_made_of_it(whole):
    run, summary = whole[:2]
    other = next(t for t in load_trials(run) if t.number != summary.trial)
    assert choosing.choose(run, trial=other.number).number == other.number
    chosen = run.read_chosen()
    assert (chosen.trials, chosen.why, chosen.int8_ranking) == ((other.number,), "person", ())
    later = flow.summarise(run)
    assert (
        later.trial,
        later.int8_accuracy,
        later.measured_accuracy,
        later.measured_latency_ms,
    ) == (other.number, None, None, None)
    assert later.stale == "", "nothing of another model is shown for its own"
    assert flow.evaluate(run, SETTINGS).int8_test.trial == other.number
    assert flow.summarise(run).int8_accuracy is not None
    choosing.choose(run, trial=summary.trial)
    again = flow.summarise(run).to_json()
    first = summary.to_json()
    assert {key: again[key] for key in again if key not in ("seconds", *REPEATED)} == {
        key: first[key] for key in first if key not in ("seconds", *REPEATED)
    }
    assert again["measured_latency_ms"] is not None
    with pytest.raises(SettingsError, match="by its number, and by limits too"):
        choosing.choose(run, trial=summary.trial, knee=True)
    choosing.choose(run, min_accuracy=0.0)
    chosen = run.read_chosen()
    assert chosen.why == "person" and "min_metric = 0" in chosen.reason
    assert choosing.reason_of_choice(run) == chosen.reason
    cheapest = min(load_trials(run), key=lambda t: t.costs["latency_ms"])
    assert (
        choosing.choose(run, max_latency_ms=cheapest.costs["latency_ms"]).costs["latency_ms"]
        == cheapest.costs["latency_ms"]
    )
    with pytest.raises(RunError, match="no trial 99"):
        choosing.choose(run, trial=99)
    with pytest.raises(RunError, match="above max_latency_ms = 1e-09"):
        choosing.choose(run, max_latency_ms=1e-9)


def test_steps_are_checked_before_anything_runs():
    names = [step.name for step in flow.steps_between("compile", "measure")]
    assert names == ["compile", "bundle", "measure"]
    with pytest.raises(SettingsError) as caught:
        flow.steps_between("quantise", None)
    assert "quantize" in caught.value.hint
    with pytest.raises(SettingsError, match="comes before"):
        flow.steps_between("report", "search")


def test_after_a_signal_that_a_step_swallows_the_next_one_does_not_begin(
    tmp_path, monkeypatch, hears_signals
):
    done = []

    def swallow(context):
        done.append("first")
        with contextlib.suppress(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5)

    steps = (flow.Step("search", "", swallow), flow.Step("quantize", "", done.append))
    monkeypatch.setattr(flow, "FLOW", steps)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            flow.run_flow(SETTINGS, tmp_path, last="quantize")
    finally:
        signal.signal(signal.SIGINT, before)
    assert done == ["first"]


def test_a_bare_model_is_quantized_without_a_run(whole, tmp_path):
    run = whole[0]
    x = np.random.RandomState(0).uniform(-1, 0.99, size=(64, 8, 8, 1)).astype(np.float32)
    np.savez(str(tmp_path / "c.npz"), x=x)
    settings = override(SETTINGS, ["hardware.release='2.5'", "quantize.calib_batch_size=32"])
    result = flow.quantize_bare(run.chosen.model, tmp_path / "c.npz", tmp_path / "out", settings)
    assert result.to_json()["release"] == "2.5"
    assert (tmp_path / "out" / "quantized.h5").is_file()
    with pytest.raises(SettingsError, match="--calib"):
        flow.quantize_bare(run.chosen.model, None, None, settings)


@pytest.fixture(scope="module")
def in_the_loop(tmp_path_factory):
    """A search of five trials, each of which is measured when it ends."""
    run = Run(tmp_path_factory.mktemp("loop") / "run")
    settings = load_settings(
        None,
        [
            *("search.workers=0", "search.trials=5", "search.sampler=random", "search.pruner=none"),
            *("search.keep_models=3", "train.epochs=1", "data.limit=200", "model.family=mlp"),
            *("objective.measure_every=1", "objective.measure_best=1", "objective.rank_int8=0"),
            *("objective.weights.latency_ms=0.1", "quantize.calibration_size=20"),
            'deploy.accept=["busy"]',
        ],
    )
    with pytest.MonkeyPatch.context() as patch:
        counts = [counted(patch, load, "_load"), counted(patch, loop, "make_executor")]
        result = flow.search(settings, run.folder)
    return run, result, [len(calls) for calls in counts]


def test_hardware_in_the_loop_keeps_data_and_workers_warm(in_the_loop):
    assert len(load_trials(in_the_loop[0])) == 5
    assert in_the_loop[2] == [1, 1], "loads of the data, executors"


def test_with_hardware_in_the_loop_the_measured_latency_counts(in_the_loop):
    run, result, _ = in_the_loop
    trials = load_trials(run)
    measured = [t for t in trials if t.measured_latency_ms is not None]
    assert len(measured) >= 3
    reference = read_space(run).costs["latency_ms"]
    for trial in trials:
        latency = trial.measured_latency_ms or trial.costs["latency_ms"]
        assert trial.value == pytest.approx(
            trial.metrics["val_accuracy"] * (latency / reference) ** -0.1
        )
    for trial in measured:
        assert trial.measured_latency_ms != trial.costs["latency_ms"], "one key, one meaning"
    assert result.chosen.value == max(t.value for t in trials)
    metrics = read_record(run.chosen.metrics, CandidateMetrics, "")
    assert metrics.trial == result.chosen.number
    assert metrics.measured_latency_ms == result.chosen.measured_latency_ms
    assert metrics.costs == result.chosen.costs


def test_what_was_made_in_the_loop_stays_under_the_trials(in_the_loop):
    run, result, _ = in_the_loop
    for candidate in run.candidates():
        trial = load_trials(run)[candidate.number]
        found = {name: m.latency_ms.p50 for name, m in measurements(candidate).items()}
        assert found == {"cpu": trial.measured_latency_ms}
    shown = run.folder / "measured" / "cpu.json"
    assert shown.samefile(run.trial(result.chosen.number).measured("cpu"))


def test_a_measured_latency_above_the_limit_makes_infeasible(whole):
    from vaiopt.search import measured_score
    from vaiopt.study.storage import open_study
    from vaiopt.study.trials import Measurement, note_measurement

    run = whole[0]
    settings = override(SETTINGS, ["objective.max_latency_ms=1"])
    trial = max(load_trials(run), key=lambda t: t.value or 0)
    value, reason = measured_score(run, settings, trial, 2.5)
    assert value is None
    assert "measured: 2.5 ms is above max_latency_ms" in reason
    note_measurement(open_study(run), trial.number, Measurement(2.5, value, reason))
    after = load_trials(run)[trial.number]
    assert (after.status, after.value, after.measured_latency_ms) == ("infeasible", None, 2.5)
    assert after.costs == trial.costs
