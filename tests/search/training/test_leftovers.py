import weakref

from vaiopt.search.training.leftovers import TRIALS_PER_FULL_COLLECTION, given_back


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
