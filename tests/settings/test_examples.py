"""Hints show how a setting is written, in a way that works."""

import shlex

import pytest

from vaiopt.errors import SettingsError
from vaiopt.settings import load_settings
from vaiopt.settings.compare import values_of
from vaiopt.settings.examples import EXAMPLES, example

EMPTY = ("data.target", "data.cache", "model.weights", "train.callbacks", "search.start_from")
TEXTS = ("search.scheduler", "search.storage", "objective.metrics", "deploy.ssh_config")
ANY_TEXT = (*EMPTY, *TEXTS, "deploy.setup", "track.folder", "track.server")


def rows():
    return [(key, declared.default) for key, declared, _ in values_of(load_settings())]


def test_every_setting_but_free_texts_has_an_example():
    assert [key for key, default in rows() if not example(key, default)] == list(ANY_TEXT)


@pytest.mark.parametrize("key", [key for key, default in rows() if example(key, default)])
def test_every_example_is_taken(key):
    given = shlex.split(example(key, dict(rows())[key]).partition("--set ")[2])
    if key == "objective.references":
        given.append("objective.weights={latency_ms = 0.05}")
    load_settings(None, given)
    assert key in given[0] and set(EXAMPLES) <= {key for key, _ in rows()}


@pytest.mark.parametrize(
    "given, leads",
    [
        ("objective.front=latency", """--set 'objective.front=["latency_ms"]'"""),
        ('objective.front=["latency"]', """--set 'objective.front=["latency_ms"]'"""),
        ("objective.weights=latency", "--set 'objective.weights={latency_ms = 0.05}'"),
        ("data.image_size=32", "--set 'data.image_size=[64, 64]'"),
        ("train.epochs=many", "--set train.epochs=10"),
        ("search.trials=", "--set search.trials=15"),
        ("train.epochs", "--set train.epochs=10"),
        ("nothing", "--set search.trials=30"),
    ],
)
def test_a_value_of_another_kind_is_answered_with_one_that_works(given, leads):
    with pytest.raises(SettingsError) as caught:
        load_settings(None, [given])
    assert leads in caught.value.hint
