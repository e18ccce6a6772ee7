import pytest

from vaiopt.runs.layout import Run
from vaiopt.study.alike import alike_text, cheaper_alike
from vaiopt.study.record import COMPLETE, TrialRecord


def trial(number, accuracy, params, latency=1.0, samples=179):
    return TrialRecord(
        number,
        COMPLETE,
        value=accuracy,
        metrics={"val_accuracy": accuracy, "val_loss": 1 - accuracy},
        samples=samples,
        costs={"params": params, "latency_ms": latency},
    )


@pytest.fixture
def run(tmp_path):
    run = Run(tmp_path / "run")
    for number in range(6):
        run.trial(number).model.parent.mkdir(parents=True)
        run.trial(number).model.write_text("model")
    return run


CHOSEN = trial(0, 0.97, 1000)


def found(run, *trials, metric="val_accuracy"):
    other = cheaper_alike(run, CHOSEN, [CHOSEN, *trials], metric)
    return None if other is None else other.number


def test_the_cheapest_of_those_that_cannot_be_told_apart_is_named(run):
    trials = [trial(1, 0.96, 500), trial(2, 0.955, 400, 0.3), trial(3, 0.80, 10, 0.01)]
    assert found(run, *trials) == 2
    text = alike_text(CHOSEN, trials[1])
    assert text == (
        "on 179 validation samples trial 2, with 30 % of its latency and 40 % of its parameters,"
        " cannot be told from trial 0 (95 %)"
    )
    assert alike_text(CHOSEN, None) == ""


def test_none_is_named_that_is_hardly_cheaper_gone_or_counted_on_others(run):
    assert found(run, trial(1, 0.97, 950)) is None
    assert found(run, trial(9, 0.97, 100)) is None
    assert found(run, trial(1, 0.97, 100, samples=90)) is None
    assert found(run, trial(1, 0.97, 100), metric="val_loss") is None
    assert found(run, trial(1, 0.97, 100, samples=0)) is None
