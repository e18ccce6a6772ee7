"""A search whose code or data changed since: refused, or gone on with what can be compared."""

from pathlib import Path
from typing import Any, List

import numpy as np
import pytest

from tests.search.quick import QUICK
from vaiopt.errors import RunError
from vaiopt.runs.layout import Run
from vaiopt.search import search_run
from vaiopt.search.samplers.from_optuna import MAKERS
from vaiopt.settings import load_settings
from vaiopt.study.record import COMPLETE, OUTDATED, TrialRecord
from vaiopt.study.space_file import read_space
from vaiopt.study.storage import quiet_optuna
from vaiopt.study.trials import (
    RECORD,
    load_trials,
    note_data,
    outdated_trials,
    record_attribute,
    records,
    without_outdated,
)

MODEL = """
from tensorflow import keras

def build_model(hp):
    layers = keras.layers
    model = keras.Sequential([
        layers.Dense(hp.Int("units", 4, {high}), activation="relu", input_shape=(4,)),
        layers.Dense(3, activation="softmax"),
    ])
    model.compile(keras.optimizers.Adam({rate}), "sparse_categorical_crossentropy", ["accuracy"])
    return model
"""


def settings_of(folder: Path, trials: int) -> Any:
    given = [f"data.source={folder}/d.npz", "data.limit=0", f"model.family={folder}/mine.py"]
    return load_settings(None, [*QUICK, *given, f"search.trials={trials}"])


def write(folder: Path, high: int = 16, rate: str = "1e-2", labels: int = 0) -> None:
    (folder / "mine.py").write_text(MODEL.format(high=high, rate=rate), encoding="utf-8")
    y = np.random.RandomState(labels).permutation(np.arange(90) % 3)
    x = np.random.RandomState(0).normal(size=(90, 4)) + y[:, None]
    np.savez(str(folder / "d.npz"), x=x, y=y)


def test_changed_code_is_refused_by_its_file_and_traced_anew_if_accepted(tmp_path: Path) -> None:
    write(tmp_path)
    run = Run(tmp_path / "run")
    search_run(settings_of(tmp_path, 2), run.folder)
    write(tmp_path, high=64, rate="hp.Float('rate', 1e-4, 1e-1, sampling='log', default=1e-2)")
    with pytest.raises(RunError, match=r"other code: the code of mine\.py has changed") as caught:
        search_run(settings_of(tmp_path, 3), run.folder)
    assert "--accept-changes" in caught.value.hint and len(load_trials(run)) == 2
    lines: List[str] = []
    result = search_run(settings_of(tmp_path, 3), run.folder, accept=True, progress=lines.append)
    assert "rate" in [d.name for d in read_space(run).space] and result.trials == {COMPLETE: 3}
    assert any("traced anew" in line for line in lines)
    search_run(settings_of(tmp_path, 3), run.folder)


def test_trials_on_other_data_are_listed_and_compared_no_more(tmp_path: Path) -> None:
    write(tmp_path)
    run = Run(tmp_path / "run")
    search_run(settings_of(tmp_path, 2), run.folder)
    first_models = [c.model.read_bytes() for c in run.candidates() if c.model.is_file()]
    write(tmp_path, labels=1)
    with pytest.raises(RunError, match="other data: the data have changed"):
        search_run(settings_of(tmp_path, 1), run.folder)
    result = search_run(settings_of(tmp_path, 1), run.folder, accept=True)
    trials = load_trials(run)
    assert [t.status for t in trials] == [OUTDATED, OUTDATED, COMPLETE]
    assert [t.value is None for t in trials] == [True, True, False]
    # The default point is tried again, and is all that can be chosen.
    assert trials[2].hyperparameters == trials[0].hyperparameters
    assert result.chosen.number == 2 and result.default == trials[2]
    # With the data as they were before, their trials count again.
    write(tmp_path)
    search_run(settings_of(tmp_path, 2), run.folder, accept=True)
    assert [t.status for t in load_trials(run)] == [COMPLETE, COMPLETE, OUTDATED]
    kept = [c.model.read_bytes() for c in run.candidates() if c.model.is_file()]
    assert kept[:2] == first_models


def test_a_run_of_an_earlier_version_goes_on(tmp_path: Path) -> None:
    write(tmp_path)
    run = Run(tmp_path / "run")
    search_run(settings_of(tmp_path, 1), run.folder)
    text = run.space.read_text(encoding="utf-8")
    run.space.write_text(text.replace('"inputs"', '"unknown"'), encoding="utf-8")
    write(tmp_path, labels=1)
    assert search_run(settings_of(tmp_path, 2), run.folder).trials == {COMPLETE: 2}


def study_of(values: Any) -> Any:
    optuna = quiet_optuna()
    study = optuna.create_study(direction="maximize")
    spread = optuna.distributions.FloatDistribution(0.0, 1.0)
    for value in values:
        trial = study.ask(fixed_distributions={"x": spread})
        record = TrialRecord(0, COMPLETE, value=value, hyperparameters=trial.params)
        trial.set_user_attr(RECORD, dict(record_attribute(record)))
        study.tell(trial, value)
    return study


def test_the_study_keeps_which_trials_ran_on_which_data() -> None:
    study = study_of([0.1, 0.2])
    note_data(study, "a")
    assert outdated_trials(study) == set() and without_outdated(study) is study
    note_data(study, "a")
    note_data(study, "b")
    assert outdated_trials(study) == {0, 1}
    assert [record.status for record in records(study)] == [OUTDATED, OUTDATED]
    note_data(study, "a")
    assert [record.status for record in records(study)] == [COMPLETE, COMPLETE]


@pytest.mark.parametrize("damage", ["text", [1], [[0]], [["0", "a"]], [[-1, "a"]], [[0, 1]]])
def test_a_damaged_note_is_an_error_of_the_run(damage: Any) -> None:
    study = study_of([0.1])
    study.set_user_attr("data", damage)
    with pytest.raises(RunError, match="damaged"):
        records(study)


@pytest.mark.parametrize("name", [n for n in MAKERS if n not in ("optuna_gp", "cmaes")])
def test_optunas_samplers_see_no_trial_on_other_data(name: str) -> None:
    study = study_of([0.1] * 12)
    note_data(study, "a")
    note_data(study, "b")
    view = without_outdated(study)
    assert len(study.trials) == 12 and view.trials == []
    sampler = MAKERS[name](quiet_optuna().samplers, 0, 1)
    dimension = quiet_optuna().distributions.FloatDistribution(0.0, 1.0)
    trial = view._storage.get_trial(view._storage.create_new_trial(view._study_id))
    shared = sampler.infer_relative_search_space(view, trial)
    assert sampler.sample_relative(view, trial, shared) == {}
    assert 0 <= sampler.sample_independent(view, trial, "x", dimension) <= 1
