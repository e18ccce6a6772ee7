"""The study's file: whatever became of it, it is read with a word, or refused with a cure."""

import logging
import os
import resource
import signal

import pytest

from vaiopt.errors import RunError
from vaiopt.runs.layout import Run
from vaiopt.study.journal import mend_journal
from vaiopt.study.record import RUNNING, TrialRecord
from vaiopt.study.storage import STUDY_NAME, journal_storage, quiet_optuna
from vaiopt.study.trials import RECORD, load_trials, record_attribute


@pytest.fixture
def run(tmp_path):
    """A run with three complete trials, and nothing else."""
    run = Run(tmp_path)
    study = made_study(run)
    for number in range(3):
        add_trial(study, number)
    return run


def made_study(run):
    storage = journal_storage(run)
    create = quiet_optuna().create_study
    return create(study_name=STUDY_NAME, storage=storage, load_if_exists=True)


def add_trial(study, number):
    trial = study.ask()
    record = TrialRecord(number, "complete", value=0.5)
    trial.set_user_attr(RECORD, dict(record_attribute(record)))
    study.tell(trial, 0.5)


def lines(run):
    return run.journal.read_bytes().splitlines(True)


@pytest.mark.parametrize("place", [0, 4, None])
@pytest.mark.parametrize("operation", [b"11", b'"4"', b"null"])
def test_an_operation_of_a_newer_optuna_is_named_with_what_to_install(run, place, operation):
    before = lines(run)
    line = b'{"op_code":' + operation + b',"worker_id":"x"}\n'
    before.insert(len(before) if place is None else place, line)
    run.journal.write_bytes(b"".join(before))
    for read in (load_trials, made_study):
        with pytest.raises(RunError) as caught:
            read(run)
        number = before.index(line) + 1
        assert f"line {number} of" in caught.value.message
        assert "pip install -U optuna" in caught.value.hint
    assert lines(run) == before, "nothing is lost"


def test_fields_of_a_newer_optuna_are_passed_over(run):
    content = run.journal.read_bytes()
    run.journal.write_bytes(content.replace(b'"trial_id":1,', b'"trial_id":1,"more":{"a":[]},'))
    assert len(load_trials(run)) == 3


@pytest.mark.parametrize("again", [slice(None), slice(4, None), slice(1, 3)])
def test_trials_that_stand_there_twice_are_refused_with_their_lines(run, again):
    before = lines(run)
    twice = before + before[again]
    run.journal.write_bytes(b"".join(twice))
    for read in (load_trials, made_study):
        with pytest.raises(RunError) as caught:
            read(run)
        assert "once more" in caught.value.message
    first = next(i for i, line in enumerate(before[again]) if line.startswith(b'{"op_code":4,'))
    assert f"line {len(before) + first + 1} is" in caught.value.message
    assert lines(run) == twice


def test_a_search_that_goes_on_writes_nothing_twice(run):
    for number in (3, 4):
        add_trial(made_study(run), number)
    assert [trial.status for trial in load_trials(run)] == ["complete"] * 5


@pytest.mark.parametrize("length", [1, 30])
def test_a_line_that_is_cut_off_is_left_out_with_a_word(run, length, caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("vaiopt"), "propagate", True)  # the CLI turns it off
    whole = run.journal.read_bytes()
    last = lines(run)[-1]
    run.journal.write_bytes(whole[: -len(last) + length])
    with caplog.at_level(logging.WARNING, "vaiopt"):
        assert [t.status for t in load_trials(run)] == ["complete"] * 3  # its record was written
    assert "the last line of" in caplog.text and "cut off" in caplog.text
    told = []
    mend_journal(run.journal, told.append)
    assert "cut off" in told[0]
    assert run.journal.read_bytes() == whole[: -len(last)]
    add_trial(made_study(run), 3)
    assert len(load_trials(run)) == 4


def test_of_a_line_that_lacks_only_its_end_nothing_is_lost(run):
    whole = run.journal.read_bytes()
    run.journal.write_bytes(whole.rstrip(b"\n"))
    told = []
    mend_journal(run.journal, told.append)
    assert (run.journal.read_bytes(), told) == (whole, [])


@pytest.mark.parametrize(
    "damage, says",
    [
        (lambda text: b"\n" + text, "line 1 is not a JSON object"),
        (lambda text: text.replace(b"\n", b"\n\n"), "line 2 is not a JSON object"),
        (lambda text: text[:-30] + text[-400:], "is not a JSON object"),
        (lambda text: b"[1,2]\n" + text, "line 1 is not a JSON object"),
        (lambda text: text.split(b"\n", 1)[1], "its beginning is missing"),
        (lambda text: text.replace(b'"trial_id":0', b'"trial":0'), "KeyError"),
    ],
)
def test_a_damaged_line_is_named(run, damage, says):
    run.journal.write_bytes(damage(run.journal.read_bytes()))
    for read in (load_trials, made_study):
        with pytest.raises(RunError) as caught:
            read(run)
        assert "is corrupt" in caught.value.message
        assert says in caught.value.message


def test_what_is_no_journal_is_not_cut(tmp_path):
    journal = tmp_path / "study.journal"
    journal.write_bytes(b"\0" * 100)
    with pytest.raises(RunError, match="corrupt"):
        mend_journal(journal, lambda line: None)
    assert journal.stat().st_size == 100


def test_on_a_full_disk_an_error_comes_and_what_was_told_before_stays(run):
    whole = run.journal.read_bytes()
    child = os.fork()
    if child == 0:
        try:
            study = made_study(run)
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            full = run.journal.stat().st_size + 300  # within the lines of a trial
            resource.setrlimit(resource.RLIMIT_FSIZE, (full, full))
            for number in range(3, 20):
                add_trial(study, number)
        except OSError:
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    assert run.journal.read_bytes().startswith(whole)
    assert [t.status for t in load_trials(run)][:3] == ["complete"] * 3
    mend_journal(run.journal, lambda line: None)
    add_trial(made_study(run), 3)
    trials = load_trials(run)
    assert trials[-1].status == "complete"
    assert {t.status for t in trials[3:-1]} <= {RUNNING, "complete"}
