"""Trainings on few samples, by which a search judges its trials (search.fidelity = samples)."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.search.quick import SETTINGS
from vaiopt.data import load_dataset, split_dataset
from vaiopt.errors import SettingsError
from vaiopt.runs.layout import Run
from vaiopt.search.training import fit
from vaiopt.search.training.fidelity import Climb, rungs
from vaiopt.search.training.pruning import PRUNERS, Judge
from vaiopt.search.training.reports import WHOLE, Reports
from vaiopt.search.training.trial import Job, run_trial
from vaiopt.settings import load_settings, override
from vaiopt.settings.together import check_together
from vaiopt.study.objective import Objective
from vaiopt.study.record import COMPLETE, PRUNED, TrialRecord
from vaiopt.study.space import Space

BY_SAMPLES = ["search.fidelity=samples", "search.pruner=halving"]


@pytest.fixture(scope="module")
def splits() -> Any:
    return split_dataset(load_dataset("digits"), (7, 2, 1), seed=0)


def test_smaller_trainings_are_within_larger_ones_and_hold_the_classes(splits: Any) -> None:
    found = list(rungs(splits))
    assert [(rung.step, len(rung.splits.train)) for rung in found] == [(2, 100), (20, 126)]
    before: Any = set()
    for rung in found:
        own = set(rung.splits.train.indices)
        assert before <= own < set(splits.train.indices)
        counts = np.bincount(rung.splits.train.y, minlength=10)
        assert counts.min() >= 8 and counts.max() - counts.min() <= 4
        assert len(rung.splits.validation) == len(rung.splits.train)
        before = own


def test_few_samples_are_not_divided(splits: Any) -> None:
    few = split_dataset(load_dataset("digits", limit=200), (7, 2, 1), seed=0)
    assert list(rungs(few)) == []


def judge_of(*trials: TrialRecord, pruner: str = "halving") -> Judge:
    settings = override(SETTINGS, ["search.fidelity=samples", f"search.pruner={pruner}"])
    pruning = Reports(settings.search, Objective(), Space(), trials).pruning(len(trials))
    return Judge(pruning, (), PRUNERS[pruner])


def reported(number: int, *values: float) -> TrialRecord:
    pairs = [[step, value] for step, value in zip((2, 20, WHOLE), values)]
    rung = {f"completed_rung_{i}": v for i, v in enumerate(values[:1])}
    notes = {"reports": pairs, "rungs": rung}
    return TrialRecord(number, COMPLETE, value=values[-1], pruning=notes)


@pytest.mark.parametrize("pruner", PRUNERS)
def test_a_hopeless_trial_ends_after_the_smallest_training(pruner: str, splits: Any) -> None:
    known = [reported(n, 0.6 + n / 50, 0.8, 0.9) for n in range(4)]
    (first, second) = (rung for rung in rungs(splits))
    climb = Climb(judge_of(*known, pruner=pruner), lambda metrics: metrics["val_accuracy"])
    reason = climb.passes(first, fit.Outcome([{"val_accuracy": 0.1}]))
    assert "after a training on 100 samples" in reason
    climb = Climb(judge_of(*known, pruner=pruner), lambda metrics: metrics["val_accuracy"])
    assert climb.passes(first, fit.Outcome([{"val_accuracy": 0.7}])) == ""
    assert climb.passes(second, fit.Outcome([{"val_accuracy": 0.85}])) == ""
    climb.end({"val_accuracy": 0.95}, 1257)
    assert climb.samples() == [[2, 100], [20, 126], [200, 1257]]


def test_a_trial_is_worth_what_its_whole_training_came_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []

    def train(model: Any, device: Any, splits: Any, plan: Any, listeners: Any) -> Any:
        assert listeners.judge is None
        sizes.append(len(splits.train))
        value = 0.2 + len(splits.train) / 2000
        return fit.Outcome([{"epoch": 1.0, "seconds": 0.0, "loss": 1.0, "val_accuracy": value}])

    monkeypatch.setattr(fit, "train", train)
    settings = override(SETTINGS, [*BY_SAMPLES, "data.limit=0"])
    reports = Reports(settings.search, Objective(), Space())
    job = Job(str(tmp_path), settings, 0, {}, pruning=reports.pruning(0))
    record = run_trial(job)
    assert record.status == COMPLETE, record.reason
    assert sizes == [100, 126, 1258]
    assert record.metrics["val_accuracy"] == pytest.approx(0.2 + 1258 / 2000)
    assert record.pruning["samples"] == [[2, 100], [20, 126], [200, 1258]]
    assert [step for step, _ in record.pruning["reports"]] == [2, 20, 200]
    better = [reported(n, 0.7, 0.8, 0.9) for n in range(3)]
    reports = Reports(settings.search, Objective(), Space(), better)
    record = run_trial(Job(str(tmp_path), settings, 3, {}, pruning=reports.pruning(3)))
    assert record.status == PRUNED and sizes[3:] == [100]
    assert record.pruning["samples"] == [[2, 100]]
    assert not Run(tmp_path).trial(3).model.is_file()


@pytest.mark.parametrize(
    "others", [["search.pruner=none"], ['objective.front=["params"]'], ["search.pruner=front"]]
)
def test_without_a_pruner_that_can_judge_it_is_refused(others: Any) -> None:
    with pytest.raises(SettingsError) as caught:
        check_together(load_settings(None, ["search.fidelity=samples", *others]))
    assert caught.value.hint
