import pytest

from vaiopt.settings import changes, load_settings


def changed(*overrides):
    return [str(change) for change in changes(load_settings(), load_settings(None, overrides))]


@pytest.mark.parametrize(
    "text", ["search.trials=30", "search.workers=3", "quantize.method=qat", "deploy.samples=5"]
)
def test_what_no_trial_depends_on_may_change_in_a_run(text):
    assert changed(text) == []


def test_what_trials_depend_on_is_named_with_both_values():
    assert changed("seed=3", "train.epochs=4", "search.sampler=tpe") == [
        "train.epochs: 'auto' -> 4",
        "search.sampler: 'gp' -> 'tpe'",
        "seed: 0 -> 3",
    ]


def test_the_password_of_a_database_is_not_shown():
    (text,) = changed("search.storage=postgresql://me:secret@host/name")
    assert text == "search.storage: '' -> 'postgresql://me:***@host/name'"
