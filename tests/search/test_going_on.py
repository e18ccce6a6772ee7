"""A search that is interrupted, killed, changed, or keeps its study in a database."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest

from tests.search.quick import QUICK, SETTINGS
from vaiopt import choosing
from vaiopt.errors import RunError
from vaiopt.files import TEMPORARY, write_text
from vaiopt.runs.choice import write_chosen
from vaiopt.runs.layout import Run
from vaiopt.runs.records import Chosen
from vaiopt.runs.work import discard
from vaiopt.search import kept, search_run
from vaiopt.search.execution.lock import only_search
from vaiopt.settings import override, settings_from_run
from vaiopt.study.objective import Objective, with_metric
from vaiopt.study.record import COMPLETE, INTERRUPTED
from vaiopt.study.storage import journal_storage, open_study, quiet_optuna
from vaiopt.study.trials import RECORD, load_trials, record_attribute


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
    assert seen[0] == (1, with_metric(SETTINGS, "classification"))


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


def test_what_a_killed_search_left_is_mended_by_the_next(tmp_path):
    run = Run(tmp_path / "run")
    search_run(override(SETTINGS, ["search.trials=1"]), run.folder)
    done = load_trials(run)[0]
    study = open_study(run)
    told, cut_short = study.ask(), study.ask()
    told.set_user_attr(RECORD, dict(record_attribute(replace(done, number=1, value=0.25))))
    for number in (1, 2):
        shutil.copytree(str(run.trial(0).folder), str(run.trial(number).folder))
        shutil.copytree(str(run.tensorboard / "0000"), str(run.tensorboard / f"{number:04d}"))
    write_text(run.progress(2), "{}")
    search_run(override(SETTINGS, ["search.trials=3"]), run.folder)
    trials = load_trials(run)
    assert [t.status for t in trials] == [COMPLETE, COMPLETE, INTERRUPTED, COMPLETE]
    assert trials[1].value == 0.25, "its record was written: it is not run again"
    assert trials[2].number == cut_short.number
    kept = [candidate.number for candidate in run.candidates()]
    assert 2 not in kept and {0, 3} <= set(kept)
    assert [path.name for path in sorted(run.tensorboard.iterdir())] == ["0000", "0001", "0003"]
    assert not run.running.exists() and not list(run.folder.rglob(".*"))


def test_a_search_that_was_killed_before_its_first_file_is_begun_again(tmp_path):
    run = Run(tmp_path / "run")
    run.running.mkdir(parents=True)
    (run.folder / f"{TEMPORARY}run.abcd1234.toml").write_text("half")
    search_run(override(SETTINGS, ["search.trials=1"]), run.folder)
    assert not run.running.exists() and not list(run.folder.rglob(".*"))


def test_a_model_cannot_be_chosen_while_a_search_deletes_it(tmp_path, monkeypatch):
    run = Run(tmp_path / "run")
    search_run(override(SETTINGS, ["search.trials=2"]), run.folder)
    write_chosen(run, Chosen((0,)))
    refused, threads = [], []

    def choose(number):
        try:
            choosing.choose(run, trial=number)
        except RunError as error:
            refused.append(error.message)

    def slowly(candidate):
        threads.append(threading.Thread(target=choose, args=[candidate.number]))
        threads[-1].start()
        threads[-1].join(1.0)
        discard(candidate)

    monkeypatch.setattr(kept, "discard", slowly)
    trials = [replace(t, value=1.0 - t.number) for t in load_trials(run)]
    kept.KeptModels(run, 1, Objective(), trials).delete()
    for thread in threads:
        thread.join(60)
    assert len(threads) > 0 and len(refused) == len(threads)
    assert run.chosen.model.is_file()


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
