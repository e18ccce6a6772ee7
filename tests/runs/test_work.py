"""Two commands at once on one candidate: one after the other, with a word, and nothing is mixed."""

import os
import threading

import pytest

from tests.made_runs import made_candidate
from vaiopt.compile import compile_candidate
from vaiopt.deploy import bundle_candidate, measure_candidate
from vaiopt.errors import RunError, VaioptError
from vaiopt.evaluate import evaluate_candidate
from vaiopt.files import write_text
from vaiopt.locks import locked
from vaiopt.quantize import quantize_candidate
from vaiopt.runs.layout import Run
from vaiopt.runs.work import alone, discard, together
from vaiopt.settings import Settings

STAGES = {
    "quantize": lambda c, told: quantize_candidate(c, Settings(), progress=told),
    "evaluate": lambda c, told: evaluate_candidate(c, told),
    "compile": lambda c, told: compile_candidate(c, Settings(), progress=told),
    "bundle": lambda c, told: bundle_candidate(c, Settings(), progress=told),
    "measure": lambda c, told: measure_candidate(c, Settings(), progress=told),
}


@pytest.fixture
def candidate(tmp_path):
    made = made_candidate(tmp_path / "run")
    write_text(made.model, "no model")
    return made


class Told(Exception):
    """Somebody was told that it has to wait."""


def told(line):
    assert "waiting for another command that is at work on" in line
    raise Told


def elsewhere(act):
    """Call a function in another thread, which locks as another process does."""
    caught = []

    def call():
        try:
            act()
        except (Told, VaioptError) as error:
            caught.append(type(error))

    thread = threading.Thread(target=call)
    thread.start()
    thread.join(60)
    return caught[0] if caught else None


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_waits_for_another_one_of_its_candidate_and_says_so(candidate, stage):
    with locked(candidate.folder):
        assert elsewhere(lambda: STAGES[stage](candidate, told)) is Told


def test_measurements_run_at_once_while_what_changes_the_bundle_waits(candidate):
    with locked(candidate.folder, shared=True):
        assert issubclass(elsewhere(lambda: STAGES["measure"](candidate, told)), VaioptError)
        assert elsewhere(lambda: STAGES["bundle"](candidate, told)) is Told


def test_stages_of_two_candidates_run_at_once(candidate):
    other = candidate.run.trial(1)
    write_text(other.model, "no model")
    with locked(candidate.folder):
        assert issubclass(elsewhere(lambda: STAGES["compile"](other, told)), VaioptError)


def test_a_stage_may_call_another_and_returns_what_it_does(candidate):
    @alone
    def inner(candidate, progress=told):
        return "inner"

    @together
    def outer(candidate, progress=told):
        return inner(candidate, progress)

    assert outer(candidate) == "inner"
    assert outer(Run("nowhere").trial(3)) == "inner", "what is missing it says itself"


def test_a_candidate_is_deleted_in_one_step_unless_a_stage_is_at_work_on_it(candidate):
    with locked(candidate.folder):
        assert elsewhere(lambda: discard(candidate)) is None
        assert candidate.metrics.exists()
    discard(candidate)
    assert os.listdir(str(candidate.run.trials)) == []
    discard(candidate)


def test_a_stage_begins_no_work_where_nothing_can_be_written(candidate, monkeypatch):
    begun = []
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(RunError, match="nothing can be written to"):
        alone(lambda candidate: begun.append(1))(candidate)
    together(lambda candidate: begun.append(2))(candidate)
    assert begun == [2]
