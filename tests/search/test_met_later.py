"""What a trial asks for that the tracing did not meet is searched from then on."""

from dataclasses import replace

import pytest

from tests.search import stub
from tests.search.stub import stubbed
from vaiopt.runs.layout import Run
from vaiopt.search import loop
from vaiopt.search.loop import Search
from vaiopt.settings import override
from vaiopt.study.hyperparameters import HyperParameters
from vaiopt.study.observer import Observer
from vaiopt.study.space_file import read_space


def build(hp):
    stub.build(hp)
    if hp.get("rate") not in (1e-4, 1e-3, 1e-1):  # the default and both ends, which are traced
        hp.Int("late", 1, 1000)


def run_trial(job):
    record = stub.run_trial(job)
    hp = HyperParameters(job.values)
    hp.know(job.space)
    build(hp)
    return replace(record, hyperparameters=hp.point(), met=hp.met())


@pytest.fixture
def searching(monkeypatch, tmp_path):
    def search(*sets):
        told = []
        with stubbed(monkeypatch, tmp_path / "run", *sets):
            pass  # what stands in is in place
        monkeypatch.setattr(loop, "run_trial", run_trial)
        settings = override(stub.SETTINGS, ["search.sampler=random", *sets])
        with Search(Run(tmp_path / "run"), settings, told.append, Observer()) as one:
            records = one.run()
        return records, [line for line in told if "late" in line], read_space(Run(tmp_path / "run"))

    return search


@pytest.mark.parametrize("sampler", ["gp", "random", "tpe"])
def test_it_joins_the_space_and_the_user_is_told_once(searching, sampler):
    records, told, space = searching(f"search.sampler={sampler}", "search.trials=8")
    assert [d.name for d in space.space][-1] == "late"
    assert len(told) == 1
    assert "searched from now on" in told[0]
    assert len({r.hyperparameters["late"] for r in records if "late" in r.hyperparameters}) > 1


def test_a_search_that_goes_on_knows_it(searching):
    searching("search.trials=5")
    records, told, space = searching("search.trials=8")
    assert told == []
    assert len(records) == 8
    assert [d.name for d in space.space].count("late") == 1


def test_a_grid_keeps_to_its_plan(searching):
    sets = ["search.sampler=grid", "search.grid_points=3", "search.grid_fraction=0.005"]
    _, told, space = searching(*sets)
    assert "late" not in [d.name for d in space.space]
    assert len(told) == 1
    assert "stays at its default" in told[0]
