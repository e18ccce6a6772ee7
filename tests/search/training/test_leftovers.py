import gc
import weakref
from types import SimpleNamespace

from tests.search.quick import SETTINGS
from vaiopt.search.training.leftovers import TRIALS_PER_FULL_COLLECTION, given_back
from vaiopt.search.training.pricing import price_points


class Part:
    """Points at itself, as the parts of a model do at each other."""

    def __init__(self):
        self.whole = self


def test_what_a_trial_made_is_collected_after_it():
    with given_back():
        made = weakref.ref(Part())
    assert made() is None


def test_what_was_there_before_a_trial_and_is_let_go_of_in_it_is_collected_after_a_few_more():
    there = [Part()]
    left = weakref.ref(there[0])
    for _ in range(TRIALS_PER_FULL_COLLECTION):
        with given_back():
            there.clear()
    assert left() is None


def test_models_built_to_know_their_cost_are_collected_without_looking_at_what_was_before(
    monkeypatch,
):
    collect, spared = gc.collect, []
    monkeypatch.setattr(gc, "collect", lambda: spared.append(gc.get_freeze_count()) or collect())
    taken = SimpleNamespace(check=lambda model: None)
    (price,) = price_points(SETTINGS, taken, (), [{"nodes": 64}])
    assert price.costs["params"] > 0
    assert spared and spared[0] > gc.get_freeze_count()
