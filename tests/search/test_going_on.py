"""A search that is interrupted, killed, changed, or keeps its study in a database."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from tests.search.quick import QUICK, SETTINGS
from vaiopt.errors import RunError
from vaiopt.runs.layout import Run
from vaiopt.search import search_run
from vaiopt.search.execution.lock import only_search
from vaiopt.settings import override, settings_from_run
from vaiopt.study.record import COMPLETE, INTERRUPTED
from vaiopt.study.storage import journal_storage, mend_journal, quiet_optuna
from vaiopt.study.trials import load_trials


def test_accepted_changes_are_printed_and_the_trials_stay(tmp_path):
    search_run(override(SETTINGS, ["search.trials=2"]), tmp_path / "run")
    changed = override(
        SETTINGS, ["train.folds=2", "model.hyperparameters.nodes={int=[16, 64], step=16}"]
    )
    with pytest.raises(RunError) as caught:
        search_run(changed, tmp_path / "run")
    assert "--accept-changes" in caught.value.hint
    lines = []
    result = search_run(changed, tmp_path / "run", progress=lines.append, accept=True)
    assert any("train.folds: 0 -> 2" in line for line in lines)
    assert result.trials == {COMPLETE: 3}
    assert load_trials(Run(tmp_path / "run"))[2].hyperparameters["nodes"] <= 64
    search_run(changed, tmp_path / "run")


def test_the_first_part_of_a_search_leaves_its_settings_whole(tmp_path):
    seen = []

    def look():
        run = Run(tmp_path / "run")
        seen.append((len(load_trials(run)), settings_from_run(run)))

    search_run(SETTINGS, tmp_path / "run", every=1, measure=look)
    assert seen[0] == (1, SETTINGS)


def test_choices_that_the_study_cannot_change_are_refused_by_name_and_nothing_is_written(tmp_path):
    search_run(override(SETTINGS, ["search.trials=1"]), tmp_path / "run")
    changed = override(SETTINGS, ["model.hyperparameters.shape={choice=['brick']}"])
    with pytest.raises(RunError, match="'shape'"):
        search_run(changed, tmp_path / "run", accept=True)
    search_run(SETTINGS, tmp_path / "run")


def test_the_study_may_be_in_a_database(tmp_path):
    url = "sqlite:///{}".format(tmp_path / "studies.db")
    settings = override(SETTINGS, [f"search.storage={json.dumps(url)}", "search.study=one"])
    search_run(override(settings, ["search.trials=2"]), tmp_path / "a")
    search_run(settings, tmp_path / "a")
    assert [t.status for t in load_trials(Run(tmp_path / "a"))] == [COMPLETE] * 3
    assert not Run(tmp_path / "a").journal.exists()
    with pytest.raises(RunError, match="belongs to the run") as caught:
        search_run(settings, tmp_path / "b")
    assert "search.study" in caught.value.hint
    search_run(override(settings, ["search.study=two", "search.trials=1"]), tmp_path / "b")


@pytest.mark.parametrize("url", ["sqlite:////nowhere/at/all/x.db", "nonsense", "oracle9://x"])
def test_a_storage_that_cannot_be_reached_is_refused_before_anything_is_written(tmp_path, url):
    with pytest.raises(RunError, match="cannot be used"):
        search_run(override(SETTINGS, [f"search.storage={json.dumps(url)}"]), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_line_that_a_killed_search_did_not_finish_is_cut_off(tmp_path):
    run = Run(tmp_path)
    optuna = quiet_optuna()
    study = optuna.create_study(study_name="vaiopt", storage=journal_storage(run))
    study.tell(study.ask(), 1.0)
    whole = run.journal.read_bytes()
    run.journal.write_bytes(whole + b'{"op_code": 4, "wor')
    mend_journal(run)
    assert run.journal.read_bytes() == whole
    study = optuna.load_study(study_name="vaiopt", storage=journal_storage(run))
    study.tell(study.ask(), 2.0)
    assert len(study.trials) == 2


def test_a_process_that_dies_within_the_journals_lock_blocks_nobody(tmp_path, monkeypatch):
    code = (
        "import os, sys\nfrom vaiopt.run import Run\n"
        "from vaiopt.study.storage import journal_storage\n"
        "journal_storage(Run(sys.argv[1]))._backend._lock.acquire()\nos._exit(0)"
    )
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    monkeypatch.setattr(
        time, "sleep", lambda seconds: pytest.fail("the lock is waited for")
    )  # as Optuna's own is, 30 s or for ever
    quiet_optuna().create_study(study_name="vaiopt", storage=journal_storage(Run(tmp_path)))
    assert len(load_trials(Run(tmp_path))) == 0


@pytest.mark.slow
def test_a_search_that_is_killed_and_resumed_equals_the_uninterrupted_one(tmp_path):
    whole = tmp_path / "whole"
    settings = override(SETTINGS, ["search.trials=6", "search.pruner=median"])
    search_run(settings, whole)
    killed = tmp_path / "killed"
    command = [sys.executable, "-m", "vaiopt", "search", "--run", str(killed)]
    for text in [*QUICK, "search.trials=6", "search.pruner=median"]:
        command += ["--set", text]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    moments = random.Random(0)
    for _ in range(3):
        process = subprocess.Popen(
            command, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        journal = Run(killed).journal
        size = journal.stat().st_size if journal.exists() else 0
        deadline = time.perf_counter() + 120
        # Once it has begun to write trials, at a random moment.
        while (
            process.poll() is None
            and time.perf_counter() < deadline
            and (not journal.exists() or journal.stat().st_size <= size + 200)
        ):
            time.sleep(0.01)
        time.sleep(moments.uniform(0, 1.0))
        process.send_signal(signal.SIGKILL)
        process.wait()
    search_run(settings, killed)
    first, second = (
        [t for t in load_trials(Run(folder)) if t.status != INTERRUPTED]
        for folder in (whole, killed)
    )
    assert [t.hyperparameters for t in first] == [t.hyperparameters for t in second]
    assert [t.status for t in first] == [t.status for t in second]
    assert [t.value for t in first] == pytest.approx([t.value for t in second])


def test_two_searches_cannot_work_in_one_run(tmp_path):
    with only_search(Run(tmp_path / "run")):
        with pytest.raises(RunError, match="another search is at work in .*run'") as caught:
            search_run(SETTINGS, tmp_path / "run")
        assert f"process {os.getpid()})" in caught.value.hint
        assert Run(tmp_path / "run").search_lock.exists()
    assert list((tmp_path / "run").iterdir()) == []
    assert search_run(override(SETTINGS, ["search.trials=1"]), tmp_path / "run").trials == {
        COMPLETE: 1
    }
    assert not Run(tmp_path / "run").running.exists()
