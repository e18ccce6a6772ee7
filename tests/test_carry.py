"""Several points of the front, carried together from the search to where they are measured."""

import contextlib
import json
import signal

import pytest

import vaiopt.sheets.results  # noqa: F401  what a summary shows
from tests.test_flow import counted
from vaiopt import carry, choosing, flow
from vaiopt.data import load
from vaiopt.errors import CompileError, RunError, SettingsError, UnreachableError
from vaiopt.record import write_record
from vaiopt.runs.layout import Run
from vaiopt.runs.records import Chosen
from vaiopt.settings import load_settings, override
from vaiopt.study.objective import Objective
from vaiopt.study.ranking import best_first, front
from vaiopt.study.trials import load_trials

SETTINGS = load_settings(
    None,
    [
        *("search.workers=0", "search.trials=4", "search.sampler=random", "search.pruner=none"),
        *("search.keep_models=4", "train.epochs=1", "data.limit=200", "model.family=mlp"),
        *("objective.rank_int8=0", "quantize.calibration_size=20"),
    ],
)


@pytest.fixture(scope="module")
def carried(tmp_path_factory):
    """A search, and three points of its front on the CPU."""
    run, lines = Run(tmp_path_factory.mktemp("carry") / "a run"), []
    with pytest.MonkeyPatch.context() as patch:
        loads = counted(patch, load, "_load")
        summary = flow.run_flow(SETTINGS, run.folder, front=3, progress=lines.append)
    return run, summary, lines, len(loads)


def test_points_of_the_front_are_carried_to_the_end(carried):
    run, summary, _, _ = carried
    trials, objective = load_trials(run), Objective(SETTINGS.objective)
    numbers = front(trials, objective, "params")
    chosen = run.read_chosen()
    assert chosen.why == "front"
    assert 2 <= len(chosen.trials) == min(3, len(numbers))
    assert {numbers[0], numbers[-1]} <= set(chosen.trials) <= set(numbers), "both ends, no others"
    order = [trial.number for trial in best_first(trials, objective.direction)]
    assert list(chosen.trials) == sorted(chosen.trials, key=order.index)
    assert [row.trial for row in summary.front] == list(chosen.trials)
    for row in summary.front:
        known = (row.validation, row.float_score, row.int8_score, row.measured_score, row.agreement)
        assert None not in known and row.failure is None
        assert row.predicted_latency_ms > 0 and row.measured_latency_ms > 0 and row.measured_fps > 0
        assert run.trial(row.trial).measured("cpu").is_file()
    assert summary.go_on == ""


def test_the_data_are_loaded_once_for_all_of_them(carried):
    assert carried[3] == 1


def test_every_line_of_a_step_names_its_candidate(carried):
    run, _, lines, _ = carried
    for number in run.read_chosen().trials:
        assert any(line.startswith(f"trial {number}: ") for line in lines)


def test_the_summary_tells_each_as_text_and_as_json(carried):
    summary = carried[1]
    content = json.loads(json.dumps(summary.to_json(), allow_nan=False))
    assert [row["trial"] for row in content["front"]] == [row.trial for row in summary.front]
    row = content["front"][0]
    assert row["float_accuracy"] == summary.float_score and row["failure"] is None
    assert {"int8_accuracy", "measured_accuracy", "agreement", "measured_fps"} <= set(row)
    assert "The front on the target" in repr(summary) and "measured latency" in repr(summary)


def test_the_report_shows_them_side_by_side(carried):
    text = carried[0].report.read_text(encoding="utf-8")
    assert "<h2>The front on the target</h2>" in text
    assert "front_on_target" in text


def test_a_later_command_still_knows_of_them(carried):
    run, summary = carried[0], carried[1]
    assert flow.summarise(run).front == summary.front


def test_another_target_changes_neither_the_points_nor_what_was_predicted(carried):
    run, summary = carried[0], carried[1]
    other = override(SETTINGS, ["hardware.target=zcu102"])
    points = carry.choose_front(run, other, 3, lambda line: None)
    assert [point.number for point in points] == [row.trial for row in summary.front]
    rows = flow.summarise(run, other).front
    assert {(row.predicted_latency_ms, row.measured_latency_ms) for row in rows} == {(None, None)}
    assert flow.summarise(run).front == summary.front


@pytest.fixture
def again(carried):
    """The run; its choice and its results are as they were before."""
    run, summary = carried[0], carried[1]
    yield run, [row.trial for row in summary.front]
    write_record(run.chosen_file, Chosen(tuple(row.trial for row in summary.front), "front"))


def failing(monkeypatch, step, errors):
    """Let a step raise these errors by the number of the candidate, and do nothing for others."""
    done = []

    def stage(candidate, tell):
        done.append(candidate.number)
        if candidate.number in errors:
            raise errors[candidate.number]

    @contextlib.contextmanager
    def opened(settings, progress):
        yield stage

    row = carry.EachStep(opened, carry.EACH[step].refuses)
    monkeypatch.setitem(carry.EACH, step, row)
    return done


def test_what_a_compiler_refuses_is_named_and_left_out(again, monkeypatch):
    run, numbers = again
    lines, refused = [], numbers[0]
    tried = failing(monkeypatch, "compile", {refused: CompileError("layer 'x' is odd", "Do y.")})
    bundled = failing(monkeypatch, "bundle", {})
    summary = flow.run_flow(
        SETTINGS, run.folder, first="compile", last="bundle", front=3, progress=lines.append
    )
    assert tried == numbers and bundled == numbers[1:], "the others go on"
    assert run.read_chosen() == Chosen(tuple(numbers[1:]), "front")
    failure = summary.front[0].failure
    assert (failure.step, failure.message, failure.hint) == ("compile", "layer 'x' is odd", "Do y.")
    assert [row.trial for row in summary.front] == numbers, "it is told of"
    assert summary.trial == numbers[1] and summary.go_on == "", "nothing is left to be done"
    assert f"WARNING: trial {refused}, compile: layer 'x' is odd" in lines
    assert f"trial {refused} is left out by compile: layer 'x' is odd. Do y." in repr(summary)


def test_a_step_that_fails_for_all_fails(again, monkeypatch):
    run, numbers = again
    failing(monkeypatch, "compile", {n: CompileError(f"of {n}", "Do y.") for n in numbers})
    lines = []
    with pytest.raises(CompileError, match=f"of {numbers[0]}"):
        flow.run_flow(
            SETTINGS, run.folder, first="compile", last="bundle", front=3, progress=lines.append
        )
    assert run.read_chosen().trials == tuple(numbers)
    assert lines[-1].startswith("what was made is kept; go on with: vaiopt run --front 3")


def test_a_kit_that_drops_leaves_the_others_and_the_command_that_goes_on(again, monkeypatch):
    run, numbers = again
    failing(monkeypatch, "measure", {numbers[1]: UnreachableError("no connection", "ssh it")})
    settings = override(SETTINGS, ["deploy.host=root@kit", "deploy.threads=3"])
    monkeypatch.setattr("vaiopt.deploy.ssh.check_tools", lambda: None)
    summary = flow.run_flow(settings, run.folder, first="measure", last="measure", front=3)
    assert summary.unmeasured == (numbers[1],)
    assert summary.front[0].measured_score is not None
    assert summary.front[1].measured_score is None, "an earlier measurement is not told for this"
    assert run.read_chosen().trials == tuple(numbers), "the kit said nothing against it"
    assert summary.go_on == (
        f"vaiopt run --front 3 --from measure --run '{run.folder}'"
        """ --set deploy.threads=3 --set 'deploy.host="root@kit"'"""
    )


def test_a_kit_that_is_gone_is_not_asked_for_each(again, monkeypatch):
    run, numbers = again
    error = UnreachableError("no connection", "ssh it")
    candidates = [run.trial(number) for number in (1, 2, 3, 4, 5)]
    asked = failing(monkeypatch, "measure", dict.fromkeys((2, 3, 4, 5), error))
    convoy = carry.Convoy(run, SETTINGS, 5, lambda line: None)
    monkeypatch.setattr(carry, "choose_front", lambda *arguments: candidates)
    assert convoy.takes("measure")
    convoy.do("measure", lambda: None)
    assert asked == [1, 2, 3]
    assert convoy.told(flow.summarise(run)).unmeasured == (2, 3, 4, 5)


def test_ctrl_c_in_between_keeps_what_was_made_and_names_the_command(
    again, monkeypatch, hears_signals
):
    run, numbers = again
    tried = failing(monkeypatch, "measure", {numbers[1]: KeyboardInterrupt()})
    lines = []
    with pytest.raises(KeyboardInterrupt):
        flow.run_flow(
            SETTINGS, run.folder, first="measure", last="measure", front=3, progress=lines.append
        )
    assert tried == numbers[:2]
    assert run.read_chosen() == Chosen(tuple(numbers), "front")
    assert f"--front 3 --from measure --run '{run.folder}'" in lines[-1]
    assert signal.getsignal(signal.SIGINT) is not None


def test_one_point_is_the_usual_way(again, monkeypatch):
    run, numbers = again
    choosing.choose(run, trial=numbers[-1])
    summary = flow.run_flow(SETTINGS, run.folder, first="report", front=1)
    assert run.read_chosen() == Chosen((numbers[-1],), "person")
    assert summary.front == () and "The front on the target" not in run.report.read_text()


@pytest.mark.parametrize("wrong", [0, -1, True, 2.0])
def test_what_is_no_number_of_points_is_refused(wrong, tmp_path):
    with pytest.raises(SettingsError, match="no number of points"):
        flow.run_flow(SETTINGS, tmp_path / "run", front=wrong)
    assert not (tmp_path / "run").exists()


def test_without_a_model_there_is_nothing_to_carry(again, monkeypatch, tmp_path):
    run, _ = again
    monkeypatch.setattr(carry, "load_trials", lambda run: [])
    with pytest.raises(RunError, match="no trial"):
        flow.run_flow(SETTINGS, run.folder, first="quantize", front=3)


def test_every_step_but_search_and_report_is_done_for_each():
    assert list(carry.EACH) == [step for step in flow.STEPS if step not in ("search", "report")]
