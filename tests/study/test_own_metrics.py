"""Metrics of a person's own: of labels and outputs, wherever there are some."""

from __future__ import annotations

from pathlib import Path
from typing import Any, List

import numpy as np
import pytest

from tests.search.quick import SETTINGS
from vaiopt.data import load_dataset, split_dataset
from vaiopt.errors import SettingsError
from vaiopt.evaluate import evaluate_model
from vaiopt.quantize.labels import Judge
from vaiopt.search.training.describe import describe_search
from vaiopt.search.training.trial import Job, run_trial
from vaiopt.settings import override
from vaiopt.study.own_metrics import OwnMetrics, metrics_at_hand, own_metrics
from vaiopt.study.record import COMPLETE
from vaiopt.tasks import task_of

MINE = """
import numpy as np

def map(y, outputs):
    print("told")
    return np.float32((outputs.argmax(-1) == y).mean())

def several(y, outputs):
    return {"map50": 0.5, "gap": np.array([0.25])}

def zigzag(y, outputs): return 1
def accuracy(y, outputs): return 0.5
def raises(y, outputs): raise KeyError("boxes")
def nothing(y, outputs): pass
def endless(y, outputs): return float("inf")
def badly_named(y, outputs): return {"m a p": 0.5}
def changes(y, outputs):
    outputs[:] = 0
    return 0.0
"""


@pytest.fixture
def mine(tmp_path: Path) -> str:
    (tmp_path / "mine.py").write_text(MINE)
    return str(tmp_path / "mine.py")


Y, OUTPUTS = np.arange(4), np.eye(4, dtype=np.float32)


def test_a_number_has_the_name_of_its_function_and_others_theirs(mine: str, capfd: Any) -> None:
    assert OwnMetrics(f"{mine}:map")(Y, OUTPUTS) == {"map": 1.0}
    assert OwnMetrics(f"{mine}:several").validated(Y, OUTPUTS) == {
        "val_map50": 0.5,
        "val_gap": 0.25,
    }
    assert own_metrics("") is None
    out, err = capfd.readouterr()
    assert not out and "told" in err
    kept = OUTPUTS.copy()
    OwnMetrics(f"{mine}:changes")(Y, kept)
    np.testing.assert_array_equal(kept, OUTPUTS)


@pytest.mark.parametrize(
    "name, says",
    [
        ("raises", "raised KeyError: 'boxes' (mine.py, line 13)"),
        ("nothing", "gave None for 'nothing'"),
        ("endless", "gave inf for 'endless'"),
        ("badly_named", "gave a metric of the name 'm a p'"),
    ],
)
def test_what_is_no_metric_is_refused_in_words(name: str, says: str, mine: str) -> None:
    with pytest.raises(SettingsError) as refused:
        OwnMetrics(f"{mine}:{name}")(Y, OUTPUTS)
    assert says in refused.value.message
    assert ("returns a number" if name != "badly_named" else "letters") in refused.value.hint


def test_a_function_that_is_not_there_is_refused(mine: str) -> None:
    with pytest.raises(SettingsError, match="has no function 'none'"):
        OwnMetrics(f"{mine}:none")
    told: List[str] = []
    assert metrics_at_hand("gone.py:map", told.append) is None and "left out" in told[0]


@pytest.mark.parametrize(
    "name, more, says",
    [
        ("raises", (), "raised KeyError"),
        ("accuracy", (), "gave 'accuracy', which trials report already"),
        ("map", ("objective.metric=val_mop",), "trials report no metric 'val_mop'"),
        ("zigzag", ("objective.metric=val_zigzag",), "whether more of"),
    ],
)
def test_a_search_tries_it_before_its_first_trial(
    name: str, more: Any, says: str, mine: str
) -> None:
    with pytest.raises(SettingsError, match=says):
        describe_search(override(SETTINGS, [f"objective.metrics={mine}:{name}", *more]))


def test_trials_report_it_and_are_compared_by_it(mine: str, tmp_path: Path) -> None:
    settings = override(SETTINGS, [f"objective.metrics={mine}:map", "objective.metric=val_map"])
    describe_search(settings)
    record = run_trial(Job(str(tmp_path / "run"), settings, 0, {}))
    assert record.status == COMPLETE, record.reason
    assert record.metrics["val_map"] == pytest.approx(record.metrics["val_accuracy"])


def test_int8_and_test_scores_have_it_behind_the_tasks_own(mine: str) -> None:
    own = OwnMetrics(f"{mine}:several")
    scores = Judge(task_of("classification"), Y, own=own).scores(OUTPUTS)
    assert list(scores)[0] == "accuracy" and list(scores)[-2:] == ["map50", "gap"]
    splits = split_dataset(load_dataset("digits", limit=300), seed=0)
    found = evaluate_model(
        lambda x: np.full((len(x), 10), 0.1), splits, kind="int8", trial=0, own=own
    )
    assert found.scores["map50"] == 0.5 and list(found.scores)[0] == "accuracy"
    assert type(found).from_json(found.to_json()).own_scores == {"map50": 0.5, "gap": 0.25}
