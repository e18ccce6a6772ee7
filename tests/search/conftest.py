"""What makes searches brief."""

import importlib

import pytest


@pytest.fixture
def short_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """A survey of few models, each of which takes a tenth of a second to build; how many a whole
    one takes, its own tests say.
    """
    looks = importlib.import_module("vaiopt.search.samplers.survey")
    monkeypatch.setattr(looks, "POINTS", 24)
    monkeypatch.setattr(looks, "ROUNDS", 2)
