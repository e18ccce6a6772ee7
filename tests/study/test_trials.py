import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.fuzz import readers as made
from vaiopt.errors import ModelError, RunError
from vaiopt.record import Unfit
from vaiopt.runs.layout import Run
from vaiopt.study.hyperparameters import HyperParameters
from vaiopt.study.ranking import Ranking, best_first, pareto_front
from vaiopt.study.record import TrialRecord
from vaiopt.study.space import MOST_VALUES, Dimension, Space
from vaiopt.study.storage import STUDY_NAME, journal_storage
from vaiopt.study.trials import (
    MEASURED,
    RECORD,
    Measurement,
    distribution,
    load_trials,
    note_measurement,
    record_attribute,
    records,
)
from vaiopt.text import without_password


def nested(levels):
    return 1.0 if not levels else [nested(levels - 1)]


def test_best_first_puts_the_cheaper_of_equals_first_and_the_incomplete_last():
    trials = [
        TrialRecord(0, "complete", value=0.9, costs={"latency_ms": 2.0}),
        TrialRecord(1, "failed"),
        TrialRecord(2, "complete", value=0.9, costs={"latency_ms": 1.0}),
        TrialRecord(3, "complete", value=0.95),
    ]
    assert [t.number for t in best_first(trials, "maximize")] == [3, 2, 0, 1]
    assert [t.number for t in best_first(trials, "minimize")] == [2, 0, 3, 1]


@given(
    st.lists(st.tuples(st.integers(-1, 3), st.integers(0, 2)), max_size=12),
    st.sampled_from(["maximize", "minimize"]),
    st.integers(0, 12),
)
def test_a_ranking_that_trials_are_added_to_is_that_of_all_at_once(found, direction, split):
    trials = [
        TrialRecord(number, "failed")
        if value < 0
        else TrialRecord(number, "complete", value=value, costs={"latency_ms": cost})
        for number, (value, cost) in enumerate(found)
    ]
    ranking = Ranking(direction, trials[split:])
    for trial in trials[:split]:
        ranking.add(trial)
    expected = [t for t in best_first(trials, direction) if t.value is not None]
    assert ranking.best(len(trials)) == expected
    assert ranking.best(2) == expected[:2]


@pytest.mark.parametrize(
    "url, shown",
    [
        ("postgresql://me:secret@host:5432/name", "postgresql://me:***@host:5432/name"),
        ("postgresql://me:s/e@cret@host/name", "postgresql://me:***@host/name"),
        ("postgresql:me:secret@host/name", "postgresql:***@host/name"),
        (
            "postgresql://host/name?user=me&password=secret&sslmode=require",
            "postgresql://host/name?user=me&password=***&sslmode=require",
        ),
        ("postgresql://me@host:5432/name", "postgresql://me@host:5432/name"),
        ("sqlite:////folder/studies.db", "sqlite:////folder/studies.db"),
    ],
)
def test_passwords_in_urls_are_not_shown(url, shown):
    assert without_password(url) == shown


def test_nan_becomes_null_in_json():
    assert TrialRecord(0, "complete", metrics={"val_loss": float("nan")}).to_json()["metrics"] == {
        "val_loss": None
    }


@pytest.mark.parametrize(
    "ask",
    [
        lambda hp: hp.Int("x", 1, 10, step=4),
        lambda hp: hp.Int("x", 32, 512, step=2, sampling="log"),
        lambda hp: hp.Int("x", 3, 3),
        lambda hp: hp.Int("x", 3, 3, sampling="log"),
        lambda hp: hp.Float("x", 1e-4, 1e-2, sampling="log"),
        lambda hp: hp.Float("x", 0.0, 0.6, step=0.1),
        lambda hp: hp.Boolean("x"),
        lambda hp: hp.Fixed("x", None),
    ],
)
def test_optunas_distribution_holds_exactly_the_values_of_a_dimension(ask):
    hp = HyperParameters()
    ask(hp)
    dimension: Dimension = Space(tuple(hp.dimensions.values())).dimensions[0]
    found = distribution(dimension)
    for value in dimension.grid() or [dimension.low, dimension.high]:
        assert found.to_external_repr(found.to_internal_repr(value)) == value
        assert found._contains(found.to_internal_repr(value))


def test_a_run_without_a_study_names_the_command_that_makes_one(tmp_path):
    with pytest.raises(RunError) as caught:
        load_trials(Run(tmp_path))
    assert "vaiopt search" in caught.value.hint


def test_a_corrupt_journal_is_refused(tmp_path):
    run = Run(tmp_path)
    run.journal.write_text("not json\n")
    with pytest.raises(RunError, match="study"):
        load_trials(run)


@pytest.fixture
def study(tmp_path):
    """The study of a run, with one complete trial."""
    optuna = pytest.importorskip("optuna")
    made = optuna.create_study(study_name=STUDY_NAME, storage=journal_storage(Run(tmp_path)))
    record = TrialRecord(0, "complete", value=0.9, costs={"latency_ms": 0.5})
    trial = made.ask()
    trial.set_user_attr(RECORD, dict(record_attribute(record)))
    made.tell(trial, 0.9)
    return made


def test_a_measurement_stands_beside_the_prediction_and_decides(study, tmp_path):
    note_measurement(study, 0, Measurement(2.5, 0.7))
    trial = load_trials(Run(tmp_path))[0]
    assert (trial.status, trial.value, trial.costs) == ("complete", 0.7, {"latency_ms": 0.5})
    assert trial.measured_latency_ms == trial.latency_ms == 2.5
    note_measurement(study, 0, Measurement(3.0, None, "measured: too slow"))
    trial = load_trials(Run(tmp_path))[0]
    assert (trial.status, trial.value, trial.reason) == ("infeasible", None, "measured: too slow")
    assert trial.costs == {"latency_ms": 0.5}


def told(study, **changes):
    record = dict(record_attribute(TrialRecord(0, "complete", value=0.9)))
    trial = study.ask()
    trial.set_user_attr(RECORD, {**record, **changes})
    study.tell(trial, 0.9)


def test_a_record_that_is_nested_too_deep_is_refused(study, tmp_path):
    told(study, pruning={"deep": nested(300)})
    with pytest.raises(RunError, match="trial 1 of the study is damaged"):
        load_trials(Run(tmp_path))


def test_a_reason_that_no_file_can_hold_does_not_spoil_the_study(study, tmp_path):
    told(study, reason="no \ud800")
    told(study, reason="no \udcff")
    assert [t.reason for t in load_trials(Run(tmp_path))[1:]] == ["no ?", "no \udcff"]


@pytest.mark.parametrize("entry", [{"0": {"latency_ms": "fast"}}, {"0": {}}, {"0": None}, [], "x"])
def test_a_damaged_measurement_is_refused(study, tmp_path, entry):
    study.set_user_attr(MEASURED, entry)
    with pytest.raises(RunError, match="damaged"):
        load_trials(Run(tmp_path))
    if not isinstance(entry, dict):
        with pytest.raises(RunError, match="damaged"):
            note_measurement(study, 0, Measurement(2.5))


@given(
    st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=1, max_size=40),
    st.sampled_from(["maximize", "minimize"]),
)
def test_the_front_holds_exactly_what_nothing_dominates(points, direction):
    front = pareto_front(points, direction)
    sign = 1 if direction == "maximize" else -1

    def dominated(cost, score):
        return any(
            c <= cost and sign * s >= sign * score and (c < cost or sign * s > sign * score)
            for c, s in points
        )

    assert {points[i] for i in front} == {p for p in points if not dominated(*p)}
    assert [points[i][0] for i in front] == sorted(points[i][0] for i in front)


def test_a_damaged_database_is_refused(tmp_path):
    made.make_database(tmp_path)
    path = tmp_path / "study.sqlite"
    whole = path.read_bytes()
    at = whole.index(b'"units"')
    for content in (b"", whole[:5000], whole[:at] + b"\xff" * 9 + whole[at + 9 :], b"x" * 9999):
        path.write_bytes(content)
        with pytest.raises(RunError) as caught:
            load_trials(Run(tmp_path / "run"))
        assert caught.value.hint


@given(
    st.sampled_from(["int", "float"]),
    st.booleans(),
    *[st.one_of(st.integers(-(2**62), 2**62), st.floats(-1e300, 1e300))] * 2,
    st.floats(1e-300, 1e300),
)
def test_a_range_is_counted_before_its_values_are_made(kind, log, low, high, step):
    dimension = Dimension("x", kind, low, low=low, high=high, step=step, log=log)
    with contextlib.suppress(Unfit):
        dimension.check()
        assert dimension.count() <= MOST_VALUES and len(dimension.grid()) == dimension.count()


def test_a_range_of_too_many_values_is_refused_at_once():
    with pytest.raises(ModelError, match="more than 1,000,000 values"):
        HyperParameters().Int("seed", 0, 2**31 - 1)
    assert HyperParameters().Int("seed", 1, 2**31 - 1, sampling="log") == 1
    with pytest.raises(Unfit, match="step"):
        Dimension.from_json(
            {"name": "x", "kind": "float", "default": 0.0, "high": 1.0, "step": 1e-9}
        )


class Looked:
    """One of Optuna's trials, which counts how often its state is looked at."""

    def __init__(self, trial):
        self._trial, self.number, self.times = trial, trial.number, 0

    @property
    def state(self):
        self.times += 1
        return self._trial.state

    @property
    def user_attrs(self):
        return self._trial.user_attrs


def test_what_has_ended_is_looked_at_once_however_often_all_trials_are_asked_for(monkeypatch):
    import optuna

    study = optuna.create_study()

    def told(number):
        trial = study.ask()
        record = TrialRecord(number, "complete", value=0.5)
        trial.set_user_attr(RECORD, dict(record_attribute(record)))
        return trial

    asked = [told(number) for number in range(6)]
    for number in (0, 1, 3, 5):
        study.tell(asked[number], 0.5)
    looked = [Looked(trial) for trial in study.get_trials(deepcopy=False)]
    monkeypatch.setattr(study, "get_trials", lambda deepcopy: looked)
    first = records(study)
    once = [trial.times for trial in looked]
    assert [r.number for r in first] == list(range(6))
    assert [a is b for a, b in zip(records(study), first)] == [True, True, False, True, False, True]
    assert [trial.times > times for trial, times in zip(looked, once)] == [False] * 2 + [True] * 4
    for number in (2, 4):
        study.tell(asked[number], 0.5)
    looked[:] = [Looked(trial) for trial in type(study).get_trials(study, deepcopy=False)]
    records(study)
    before = [trial.times for trial in looked]
    assert [r.number for r in records(study)] == list(range(6))
    assert [trial.times for trial in looked] == before
