"""A search that stays open: its workers, its data and its study serve several runs."""

from concurrent.futures import BrokenExecutor, Future
from dataclasses import replace

import pytest

from tests.search import stub
from tests.search.quick import SETTINGS
from vaiopt.errors import RunError, SettingsError
from vaiopt.network.loadable import trusting_models
from vaiopt.runs.layout import Run
from vaiopt.search import loop, search_run
from vaiopt.search.execution import limits
from vaiopt.search.execution.inline import InProcessExecutor
from vaiopt.search.loop import Search
from vaiopt.search.training import shared
from vaiopt.settings import override
from vaiopt.study.observer import Observer
from vaiopt.study.record import COMPLETE, FAILED
from vaiopt.study.trials import load_trials
from vaiopt.text import silent


@pytest.fixture
def counted(monkeypatch):
    """How often an executor was made, shut down (and whether it was waited for), data loaded."""
    found = {"executors": 0, "loads": 0, "ended": []}
    make, load = loop.make_executor, shared.load_requested

    def counting(settings):
        found["executors"] += 1
        executor = make(settings)
        shutdown = executor.shutdown

        def noted(wait=True):
            found["ended"].append(wait)
            shutdown(wait)

        executor.shutdown = noted
        return executor

    def loading(*arguments, **options):
        found["loads"] += 1
        return load(*arguments, **options)

    monkeypatch.setattr(loop, "make_executor", counting)
    monkeypatch.setattr(shared, "load_requested", loading)
    return found


def search(folder, *overrides):
    return Search(Run(folder), override(SETTINGS, list(overrides)), silent, Observer())


def test_several_runs_share_an_executor_the_data_and_the_study(tmp_path, counted):
    with search(tmp_path / "run") as one:
        assert [len(one.run(until=1)), len(one.run(until=1)), len(one.run(until=2))] == [1, 1, 2]
        assert one.trials() == load_trials(Run(tmp_path / "run"))
        assert Run(tmp_path / "run").search_lock.exists()
        found = one.run()
    assert counted == {"executors": 1, "loads": 1, "ended": [True]}
    assert not Run(tmp_path / "run").running.exists()
    search_run(SETTINGS, tmp_path / "whole")
    whole = load_trials(Run(tmp_path / "whole"))
    assert [t.hyperparameters for t in found] == [t.hyperparameters for t in whole]
    assert [t.value for t in found] == [t.value for t in whole]


class Breaking(InProcessExecutor):
    """Loses the first calls, as a pool does of which a process is killed that runs none."""

    def __init__(self, lost):
        self.lost, self.trials = lost, []

    def submit(self, fn, *args, **kwargs):
        if fn is not stub.run_trial:
            return super().submit(fn, *args, **kwargs)
        self.trials.append(args[0].number)
        if len(self.trials) > self.lost:
            return super().submit(fn, *args, **kwargs)
        future = Future()
        future.set_exception(BrokenExecutor())
        return future


def test_a_trial_whose_process_ended_before_it_began_is_begun_anew(tmp_path, monkeypatch):
    executor = Breaking(lost=2)
    monkeypatch.setattr(loop, "make_executor", lambda settings: executor)
    with stub.stubbed(monkeypatch, tmp_path / "run", "search.trials=3") as one:
        assert [record.status for record in one.run()] == [COMPLETE] * 3
    assert executor.trials == [0, 0, 0, 1, 2]


def test_a_trial_whose_processes_end_again_and_again_has_failed(tmp_path, monkeypatch):
    executor = Breaking(lost=6)
    monkeypatch.setattr(loop, "make_executor", lambda settings: executor)
    with stub.stubbed(monkeypatch, tmp_path / "run", "search.trials=2") as one:
        first, second = one.run()
    assert (first.status, second.status) == (FAILED, COMPLETE)
    assert first.reason == "its process ended before the trial began"


def test_worker_processes_stay_up_between_runs(tmp_path):
    with search(tmp_path / "run", "search.workers=1") as one:
        one.run(until=1)
        trials = one.run(until=2)
    assert len({t.worker for t in trials}) == 1


@pytest.mark.parametrize("raised", [KeyboardInterrupt, RuntimeError])
def test_after_an_error_the_executor_is_not_waited_for_and_the_folder_is_free(
    tmp_path, counted, raised
):
    class Interrupting(Observer):
        def trial_started(self, number, hyperparameters):
            raise raised

    broken = Search(Run(tmp_path / "run"), SETTINGS, silent, Interrupting())
    with pytest.raises(raised), broken:
        broken.run()
    with broken:
        with pytest.raises(raised):  # the caller goes on, but trials may still be running
            broken.run()
    assert counted["ended"] == [False, False]
    with search(tmp_path / "run") as one:
        assert one.run(until=3)[-1].value is not None


def test_a_search_that_cannot_open_ends_its_executor(tmp_path, counted):
    with search(tmp_path / "run"):
        with pytest.raises(RunError, match="another search"):
            with search(tmp_path / "run"):
                pass
    assert counted["ended"] == [False, True]


OF_ONES_OWN = """
from tensorflow import keras

def build(hp):
    inputs = keras.Input(hp.input_shape)
    x = keras.layers.Lambda(lambda t: t * 2, name="doubled")(inputs)
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dense(hp.Int("units", 4, 8))(x)
    return keras.Model(inputs, keras.layers.Dense(hp.classes, activation="softmax")(x))
"""


def test_a_model_that_later_steps_will_refuse_is_told_before_the_first_trial(tmp_path):
    (tmp_path / "own.py").write_text(OF_ONES_OWN)
    settings = override(SETTINGS, {"model.family": str(tmp_path / "own.py") + ":build"})
    settings = override(settings, {"search.trials": 1})
    for trust in (False, True):
        said = []
        with trusting_models(trust), Search(
            Run(tmp_path / str(trust)), settings, said.append, Observer()
        ):
            warnings = [line for line in said if line.startswith("WARNING")]
        assert len(warnings) == (not trust)
        assert trust or ("'doubled' is a Lambda" in warnings[0] and "--trust-model" in warnings[0])


def test_a_metric_that_one_trial_lacks_fails_that_trial_alone(tmp_path, monkeypatch):
    trial = stub.run_trial

    def without(job):
        found = trial(job)
        return replace(found, metrics={}) if job.number == 1 else found

    with stub.stubbed(monkeypatch, tmp_path / "run", "search.trials=3") as one:
        monkeypatch.setattr(loop, "run_trial", without)
        found = one.run()
    assert [t.status for t in found] == [COMPLETE, FAILED, COMPLETE]
    assert found[1].reason == "it reports no metric 'val_accuracy'"


def test_a_metric_that_the_first_trial_lacks_is_refused(tmp_path, monkeypatch):
    trial = stub.run_trial
    with stub.stubbed(monkeypatch, tmp_path / "run", "search.trials=3") as one:
        monkeypatch.setattr(loop, "run_trial", lambda job: replace(trial(job), metrics={"f": 1.0}))
        with pytest.raises(SettingsError, match="trials report no metric 'val_accuracy'"):
            one.run()


@pytest.mark.parametrize("taken, renewed", [(700.0, 0), (800.0, 1)])
def test_workers_are_renewed_if_tracing_has_left_little_memory(
    tmp_path, monkeypatch, taken, renewed
):
    class Pool(InProcessExecutor):
        renewals = 0

        def renew(self):
            Pool.renewals += 1

    monkeypatch.setattr(loop, "make_executor", lambda settings: Pool())
    monkeypatch.setattr(limits, "resident_mb", lambda: taken)
    limit = ["search.workers=1", "search.trial_memory_mb=1000"]
    with stub.stubbed(monkeypatch, tmp_path / "run", *limit):
        assert Pool.renewals == renewed


def numbers(trials):
    return [trial.number for trial in trials]


def test_a_search_ends_after_so_many_trials_without_a_better_one(tmp_path, monkeypatch):
    # of the stand-ins every third is better than all before
    more = ["search.trials=9", "search.stop_after=2"]
    lines = []
    with stub.stubbed(monkeypatch, tmp_path / "run", *more, progress=lines.append) as one:
        assert numbers(one.run()) == [0, 1, 2]
        assert one.stopped.startswith("no better trial among the last 2")
    assert lines[-1] == f"{one.stopped}: the search ends here"
    with stub.stubbed(monkeypatch, tmp_path / "run", *more) as again:
        assert numbers(again.run()) == [0, 1, 2]
    more = ["search.trials=9", "search.stop_after=3"]
    with stub.stubbed(monkeypatch, tmp_path / "run", *more) as further:
        assert numbers(further.run()) == list(range(9))
        assert further.stopped == ""


def test_hours_count_over_all_commands_of_a_run(tmp_path, monkeypatch):
    trial = stub.run_trial

    def half_an_hour(job):
        start = f"2026-11-01T{job.number:02d}:00:00.000Z"
        return replace(trial(job), started=start, finished=start.replace(":00:00.", ":30:00."))

    hours = ["search.trials=9", "search.max_hours=0.9"]
    for until, ended in ((1, 1), (None, 9)):
        with stub.stubbed(monkeypatch, tmp_path / "run", *hours) as one:
            monkeypatch.setattr(loop, "run_trial", half_an_hour)
            assert len(one.run(until=until)) == ended
    with stub.stubbed(monkeypatch, tmp_path / "run", "search.trials=12", hours[1]) as one:
        assert len(one.run()) == 9
        assert one.stopped == "search.max_hours = 0.9 have passed"
