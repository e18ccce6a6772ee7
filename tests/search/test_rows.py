"""The tables of variants: each row is used, a made-up one is, and an unknown name is an error."""

import dataclasses
from functools import partial

import pytest

from tests.search.quick import SETTINGS
from vaiopt.errors import SettingsError
from vaiopt.runs.layout import Run
from vaiopt.search import search_run
from vaiopt.search.execution import choose
from vaiopt.search.execution.inline import InProcessExecutor
from vaiopt.search.samplers import ACQUISITIONS, SAMPLERS
from vaiopt.search.samplers.base import Sampler
from vaiopt.search.training import JUDGES, SCHEDULES
from vaiopt.search.training.pruning import Judge
from vaiopt.settings import Settings, choices, override
from vaiopt.study.record import COMPLETE
from vaiopt.study.trials import load_trials

TABLES = {
    "search.sampler": (choices.SAMPLERS, SAMPLERS),
    "search.acquisition": (choices.ACQUISITIONS, ACQUISITIONS),
    "search.pruner": (choices.PRUNERS, JUDGES),
    "train.schedule": (choices.SCHEDULES, SCHEDULES),
}


def changed(key, name, settings=SETTINGS):
    """Return settings with another name, whatever they would say of it."""
    section, field = key.split(".")
    part = dataclasses.replace(getattr(settings, section), **{field: name})
    return dataclasses.replace(settings, **{section: part})


def add(monkeypatch, key, implementation):
    """Add a row ``made_up`` to both tables of a setting."""
    monkeypatch.setitem(TABLES[key][1], "made_up", implementation)
    plain = key.split(".")[1].upper() + "S"
    row = choices.Choice("made_up", "as no other")
    monkeypatch.setattr(choices, plain, (*getattr(choices, plain), row))
    # The settings read their rows when they are declared.
    monkeypatch.setattr("vaiopt.study.storage.settings_from_run", lambda run: SETTINGS)


@pytest.mark.parametrize("key", TABLES)
def test_what_the_settings_allow_is_what_there_is_and_each_says_what_it_is(key):
    rows, table = TABLES[key]
    assert [row.name for row in rows] == list(table)
    for row in rows:
        assert row.doc
        assert override(Settings(), {key: row.name}) == changed(key, row.name, Settings())


@pytest.mark.parametrize("key", TABLES)
def test_an_unknown_name_is_refused_before_anything_is_loaded_or_written(
    key, tmp_path, monkeypatch
):
    monkeypatch.setattr(choose, "EXECUTORS", ())
    with pytest.raises(SettingsError, match=f"{key} is 'madeup'") as caught:
        search_run(changed(key, "madeup"), tmp_path / "run")
    assert "Known" in caught.value.hint or "Did you mean" in caught.value.hint
    assert not (tmp_path / "run").exists()


def test_a_made_up_sampler_proposes(tmp_path, monkeypatch):
    class Wide(Sampler):
        def propose(self, study, trial, history):
            return {**self.space.defaults(), "nodes": (64, 128, 256)[len(history)]}

        def total(self, trials):
            return trials - 1

    add(monkeypatch, "search.sampler", Wide)
    search_run(changed("search.sampler", "made_up"), tmp_path / "run")
    assert [t.hyperparameters["nodes"] for t in load_trials(Run(tmp_path / "run"))] == [64, 128]


def test_a_made_up_acquisition_is_minimised(tmp_path, monkeypatch):
    asked = []

    def first(x, surrogate, best):
        asked.append(x.shape)
        return x[:, 0]

    add(monkeypatch, "search.acquisition", {"first": first})
    search_run(changed("search.acquisition", "made_up"), tmp_path / "run")
    assert asked


def test_a_made_up_pruner_is_asked(tmp_path, monkeypatch):
    import optuna

    class Strict(optuna.pruners.BasePruner):
        def prune(self, study, trial):
            return True

    add(monkeypatch, "search.pruner", partial(Judge, make=lambda pruners, most: Strict()))
    result = search_run(changed("search.pruner", "made_up"), tmp_path / "run")
    assert result.trials == {COMPLETE: 1, "pruned": 2}  # the first has nothing to compare with


def test_a_made_up_schedule_sets_the_rate(tmp_path, monkeypatch):
    shares = []

    def zero(share):
        shares.append(share)
        return 0.0

    add(monkeypatch, "train.schedule", zero)
    settings = changed("train.schedule", "made_up", override(SETTINGS, ["search.trials=1"]))
    search_run(settings, tmp_path / "run")
    assert shares[0] == 0.0 and 0.0 < max(shares) < 1.0


def test_each_executor_is_meant_by_some_settings_and_a_made_up_one_is_used(tmp_path, monkeypatch):
    meant = {
        row.name: [
            row.is_meant(dataclasses.replace(SETTINGS.search, workers=workers, scheduler=scheduler))
            for workers, scheduler in ((0, ""), (2, ""), (0, "tcp://host:1"))
        ]
        for row in choose.EXECUTORS
    }
    assert meant == {
        "dask": [False, False, True],
        "inline": [True, False, True],
        "processes": [False, True, False],
    }
    made = []

    def make(settings):
        made.append(InProcessExecutor())
        return made[-1]

    row = choose.ExecutorRow("made_up", "as no other", lambda search: True, make)
    monkeypatch.setattr(choose, "EXECUTORS", (row, *choose.EXECUTORS))
    search_run(override(SETTINGS, ["search.trials=1"]), tmp_path / "run")
    assert len(made) == 1
    bad = dataclasses.replace(SETTINGS.search, workers=-1)
    monkeypatch.undo()
    with pytest.raises(SettingsError, match="search.workers is -1"):
        choose.make_executor(dataclasses.replace(SETTINGS, search=bad))
