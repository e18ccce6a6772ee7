"""Several outputs with a task each: labels, scores and records by the names of outputs."""

import numpy as np
import pytest

from vaiopt.errors import DataError, SettingsError
from vaiopt.record import Unfit
from vaiopt.settings import load_settings
from vaiopt.settings.together import check_together
from vaiopt.study.directions import direction_of
from vaiopt.study.objective import with_metric
from vaiopt.tasks import is_task, task_of
from vaiopt.tasks.joined import as_said, is_finite, joined, mapped, outputs_in, parts_of
from vaiopt.tasks.several_record import SeveralEvaluation
from vaiopt.tasks.targets import Targets

TEXT = "digit=classification,size=regression"
LABELS = {"digit": np.array([0, 1, 2, 1]), "size": np.array([1.0, 2.0, 3.0, 6.0])}


def checked():
    return task_of(TEXT).check_labels([LABELS], ["y"], {"digit": ["a", "b", "c"]})


def outputs():
    said = {"digit": np.eye(3, dtype=np.float32)[[0, 1, 2, 2]], "size": np.zeros((4, 1))}
    return joined({**said, "size": np.float32([[1], [2], [3], [5]])})


def test_arrays_are_joined_and_taken_apart_again():
    whole = joined({"a": np.arange(6).reshape(3, 2), "b": np.arange(3.0)})
    assert outputs_in(whole) == ("a", "b") and outputs_in(np.zeros(3)) == ()
    assert np.array_equal(parts_of(whole[1:])["a"], [[2, 3], [4, 5]])
    both = mapped(lambda part, name: part * (2 if name == "a" else 3), whole)
    assert both["a"][1].tolist() == [4, 6] and both["b"][1] == 3.0
    assert mapped(lambda part, name: part + 1, np.zeros(2)).tolist() == [1, 1]
    assert is_finite(whole) and not is_finite(joined({"a": np.array([np.nan]), "b": np.ones(1)}))


def test_what_keras_gives_is_by_the_models_order():
    one, other = np.zeros((2, 3)), np.ones((2, 1))
    assert as_said([one, other], ("size", "digit")).dtype.names == ("size", "digit")
    assert as_said({"digit": other, "size": one}, ("size", "digit"))["size"].shape == (2, 3)
    assert as_said(one, ("digit",)) is one and as_said([one], ()) is one


def test_labels_are_joined_and_classes_named_by_output():
    (y,), names = checked()
    assert y["digit"].tolist() == [0, 1, 2, 1] and y["size"].shape == (4, 1)
    assert names == ("digit: a", "digit: b", "digit: c", "size: y")
    again, same = task_of(TEXT).check_labels([y], ["y"], names)
    assert np.array_equal(again[0], y) and same == names


@pytest.mark.parametrize(
    "y, message",
    [
        ({"digit": LABELS["digit"]}, "nothing for the output 'size'"),
        ({**LABELS, "wide": LABELS["size"]}, "labels of 'wide', for which there is no task"),
        ({**LABELS, "size": np.ones(3)}, "4 labels of 'digit' and 3 of 'size'"),
        (LABELS["digit"], "is one array, and there are tasks for the outputs 'digit', 'size'"),
        ({**LABELS, "size": np.array(["x"] * 4)}, "output 'size' of y"),
    ],
)
def test_labels_that_do_not_fit_the_outputs_are_refused(y, message):
    if isinstance(y, dict) and len(y.get("size", ())) == 3:
        y["size"] = np.array([1.0, 2.0, 4.0])
    with pytest.raises(DataError) as caught:
        task_of(TEXT).check_labels([y], ["y"], None)
    assert message in caught.value.message and caught.value.hint


def test_scores_are_those_of_each_output_and_their_mean():
    (y,), names = checked()
    task = task_of(TEXT).of(names)
    found = task.scores(outputs(), y, len(names))
    assert found["digit_accuracy"] == 0.75 and found["size_rmse"] == 0.5
    assert found["mean_score"] == pytest.approx((0.75 + found["size_r2"]) / 2)
    assert next(iter(found)) == task.headline == "mean_score"
    assert set(task.validation.values()) <= set(found)


def test_the_record_holds_that_of_each_output_and_is_read_back():
    (y,), names = checked()
    record = task_of(TEXT).of(names).evaluate(outputs(), y, names, kind="int8", trial=3)
    again = SeveralEvaluation.from_json(record.to_json())
    assert again.scores == record.scores and again.misfit(names) == ""
    assert again.misfit(names[1:]) and again.misfit((*names, "other: x"))
    titles = [title for title, _ in again.tables(again, 5)]
    assert "digit: By class" in titles and "size: By quantity" in titles
    damaged = record.to_json()
    damaged["outputs"][0]["figures"]["accuracy"] = 7
    with pytest.raises(Unfit, match="accuracy"):
        SeveralEvaluation.from_json(damaged)


def test_targets_are_undone_by_output():
    targets = Targets(outputs={"a": Targets(), "b": Targets((2.0,), (4.0,))})
    y = joined({"a": np.arange(3), "b": np.array([[2.0], [6.0], [10.0]])})
    there = targets.encode(y)
    assert there["b"].ravel().tolist() == [0, 1, 2] and there["a"].tolist() == [0, 1, 2]
    assert targets.decode(there)["b"].ravel().tolist() == [2, 6, 10]
    assert Targets.from_json(targets.to_json()) == targets and "outputs" not in Targets().to_json()


def test_the_direction_of_an_outputs_metric_is_that_of_its_task():
    task = "cost=classification,size=regression"  # a cost in a name says less is better
    settings = with_metric(load_settings(None, ["objective.metric=val_cost_accuracy"]), task)
    assert settings.objective.direction == "maximize"
    auto = with_metric(load_settings(), task).objective
    assert auto.metric == "val_mean_score" and direction_of(auto.metric) == "maximize"


def test_a_name_of_several_tasks_is_one_if_all_are():
    assert is_task(TEXT) and not is_task("a=nothing,b=regression") and not is_task("nothing")
    with pytest.raises(DataError, match="no task 'nothing'"):
        task_of("a=nothing,b=regression")


@pytest.mark.parametrize(
    "given, message",
    [
        (["tasks.a=regression"], "names one output"),
        (["tasks.a=regression", "tasks.b=clasification"], "tasks.b is 'clasification'"),
        (["tasks={'a b'='regression', c='regression'}"], "names the output 'a b'"),
        (["task=regression", "tasks.a=regression", "tasks.b=binary"], "task is 'regression'"),
    ],
)
def test_tasks_that_cannot_be_are_refused(given, message):
    with pytest.raises(SettingsError) as caught:
        check_together(load_settings(None, given))
    assert message in caught.value.message and caught.value.hint


def test_a_split_keeps_the_shares_of_the_first_output_with_classes():
    task = task_of("size=regression,digit=classification")
    (y,), _ = task.check_labels([LABELS], ["y"], None)
    assert task.strata(y).tolist() == [0, 1, 2, 1]
