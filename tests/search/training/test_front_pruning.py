import pytest

from vaiopt.errors import SettingsError
from vaiopt.search.training.front_pruning import FEW
from vaiopt.search.training.judges import make_judge
from vaiopt.search.training.reports import Pruned, Reports
from vaiopt.settings import ObjectiveSettings, SearchSettings, load_settings
from vaiopt.settings.together import check_together
from vaiopt.study.hyperparameters import HyperParameters
from vaiopt.study.objective import Objective
from vaiopt.study.record import COMPLETE, TrialRecord
from vaiopt.study.trace import trace_space

SPACE = trace_space(lambda hp: hp.Fixed("epochs", 3), HyperParameters)
CURVE = (0.3, 0.5, 0.6, 0.7, 0.8, 0.84, 0.87, 0.89, 0.9)


def curve_to(final, falling=False):
    """Reports of a training that ends at a score, all of one shape."""
    shape = [value / CURVE[-1] for value in CURVE]
    if falling:
        return [final * (3 - 2 * share) for share in shape]
    return [1 - (1 - final) * (1 - 0.9 * share) / (1 - 0.9) for share in shape]


def before(pairs, falling=False, metric="val_accuracy"):
    return [
        TrialRecord(
            number,
            COMPLETE,
            value=final,
            hyperparameters={"epochs": 3},
            costs={"latency_ms": cost},
            pruning={"reports": list(enumerate(curve_to(final, falling), start=1))},
        )
        for number, (cost, final) in enumerate(pairs)
    ]


def stopped_after(cost, curve, trials, **also):
    """The report after which a trial is stopped; None if it runs to its end."""
    objective = Objective(ObjectiveSettings(front=["latency_ms"], **also))
    reports = Reports(SearchSettings(), objective, SPACE, trials)
    judge = make_judge(reports.pruning(len(trials)), objective.prices({"latency_ms": cost}))
    for step, value in enumerate(curve, start=1):
        try:
            judge.report(step, value, last=step == len(curve))
        except Pruned:
            return step
    return None


KNOWN = [(1.0, 0.90), (2.0, 0.95), (4.0, 0.97), (8.0, 0.98)]


def test_what_cannot_reach_the_front_at_its_cost_is_stopped_at_once():
    assert stopped_after(5.0, curve_to(0.93), before(KNOWN)) == 1
    assert stopped_after(5.0, curve_to(0.975), before(KNOWN)) is None


def test_a_cheaper_trial_is_compared_with_the_cheap_part_of_the_front():
    assert stopped_after(1.5, curve_to(0.93), before(KNOWN)) is None
    assert stopped_after(0.5, curve_to(0.5), before(KNOWN)) is None  # none is as cheap


def test_a_trial_that_begins_slower_than_all_but_gains_as_much_goes_on():
    curve = curve_to(0.975)
    curve[0] = curve[0] - 0.005
    assert stopped_after(5.0, curve, before(KNOWN)) is None


def test_few_trials_stop_none_and_a_report_that_is_no_number_neither():
    assert stopped_after(5.0, curve_to(0.1), before(KNOWN[: FEW - 1])) is None
    assert stopped_after(5.0, [float("nan"), float("inf"), 0.99], before(KNOWN)) is None


def test_a_loss_and_a_score_without_a_bound_are_continued_in_their_own_way():
    losses = [(1.0, 0.4), (2.0, 0.3), (4.0, 0.2)]
    loss = {"metric": "val_loss"}
    assert stopped_after(5.0, curve_to(0.5, True), before(losses, True), **loss) == 1
    assert stopped_after(5.0, curve_to(0.15, True), before(losses, True), **loss) is None
    weighted = {"weights": {"params": 0.1}}
    assert stopped_after(5.0, curve_to(0.7), before(KNOWN), **weighted) == 1
    assert stopped_after(5.0, curve_to(0.975), before(KNOWN), **weighted) is None


@pytest.mark.parametrize(
    "settings, said",
    [
        (
            ["objective.front=['params']", "search.pruner=median"],
            "'median' does not serve",
        ),
        (["search.pruner=front"], "no front is searched"),
        (
            ["objective.front=['params']", "search.sampler=forest"],
            "'forest' does not serve",
        ),
        (["objective.front=['params']", "search.sampler=cmaes"], "'cmaes' does not serve"),
        (["objective.front=['params', 'macs', 'fps', 'latency_ms']"], "a front against 4 costs"),
    ],
)
def test_pruners_and_samplers_of_another_kind_of_search_are_refused(settings, said):
    with pytest.raises(SettingsError, match=said):
        check_together(load_settings(None, settings))
