"""A long search: what a trial costs, and what stays of it, does not depend on how many there were.

Counts, never times. ``benchmarks/soak.py`` and ``benchmarks/search_overhead.py`` measure.
"""

import statistics
import sys
from collections import Counter
from pathlib import Path

import optuna
import psutil
import pytest

import vaiopt
from tests.search.quick import SETTINGS
from tests.search.stub import stubbed
from vaiopt.cli.live import TrialLines
from vaiopt.runs.layout import Run
from vaiopt.search.training.judges import make_judge
from vaiopt.search.training.reports import Pruned, Reports
from vaiopt.settings import SearchSettings
from vaiopt.study.objective import Objective
from vaiopt.study.observer import Observer
from vaiopt.study.record import TrialRecord
from vaiopt.study.space import Space
from vaiopt.text import silent

PACKAGE = str(Path(vaiopt.__file__).parent)
TRIALS = 60


class Noting(Observer):
    """Notes something as each trial ends."""

    def __init__(self, look):
        super().__init__()
        self._look = look
        self.seen = []

    def trial_ended(self, record):
        self.seen.append(self._look())

    def typical(self, first, last):
        """Return the median difference from one trial to the next, of these trials."""
        return statistics.median(self.seen[i] - self.seen[i - 1] for i in range(first, last))


def held():
    """What this process holds of the machine."""
    own = psutil.Process()
    return own.num_fds(), own.num_threads(), len(own.children(recursive=True))


@pytest.mark.parametrize("workers", [0, 2])
def test_a_search_gives_back_the_files_threads_and_processes_that_it_took(
    tmp_path, monkeypatch, workers
):
    def search(name, trials):
        sets = [f"search.trials={trials}", "search.sampler=random", f"search.workers={workers}"]
        # Processes are replaced within the search, too.
        with stubbed(monkeypatch, tmp_path / name, *sets, "search.recycle_after=7") as one:
            assert len(one.run()) == trials

    search("first", 2)  # what a process makes once: imports, Python's own tracker of resources
    before = held()
    search("second", 30)
    assert held() == before


@pytest.mark.parametrize("sampler", ["random", "grid"])
@pytest.mark.parametrize("pruner", ["none", "median"])
def test_a_trial_makes_as_many_calls_after_many_trials_as_after_few(
    tmp_path, monkeypatch, sampler, pruner
):
    calls = Counter()

    def count(frame, event, argument):
        if event == "call" and frame.f_code.co_filename.startswith(PACKAGE):
            calls["all"] += 1

    noting = Noting(lambda: calls["all"])
    sets = [f"search.trials={TRIALS}", f"search.sampler={sampler}", f"search.pruner={pruner}"]
    with stubbed(
        monkeypatch,
        tmp_path / "run",
        *sets,
        "search.grid_fraction=0.1",
        "search.grid_limit=10000",
        observer=noting,
    ) as search:
        sys.setprofile(count)
        try:
            search.run(until=TRIALS)
        finally:
            sys.setprofile(None)
    early, late = noting.typical(10, 20), noting.typical(TRIALS - 10, TRIALS)
    assert late <= 1.05 * early, (early, late)


def test_each_trial_s_record_is_read_from_the_study_once(tmp_path, monkeypatch):
    read = Counter()
    from_json = TrialRecord.from_json.__func__

    def counting(cls, content):
        read[content["number"]] += 1
        return from_json(cls, content)

    monkeypatch.setattr(TrialRecord, "from_json", classmethod(counting))
    sets = ["search.trials=20", "search.sampler=random", "search.pruner=median"]
    with stubbed(monkeypatch, tmp_path / "run", *sets) as search:
        search.run()
    assert read == dict.fromkeys(range(20), 1)


def test_all_trials_are_read_from_the_study_as_often_in_a_long_search_as_in_a_short_one(
    tmp_path, monkeypatch
):
    read = []
    get_trials = optuna.study.Study.get_trials
    monkeypatch.setattr(
        optuna.study.Study,
        "get_trials",
        lambda study, *args, **options: read.append(1) or get_trials(study, *args, **options),
    )
    counts = []
    for trials in (3, 20):
        sets = [f"search.trials={trials}", "search.sampler=random", "search.pruner=median"]
        with stubbed(monkeypatch, tmp_path / str(trials), *sets) as search:
            search.run()
        counts.append(len(read))
        read.clear()
    assert counts[0] == counts[1]


def test_a_judge_makes_for_optuna_only_what_the_last_one_had_not(monkeypatch):
    def judged(count, value):
        trials = [
            TrialRecord(n, "complete", value=value, pruning={"reports": [[1, value], [2, value]]})
            for n in range(count)
        ]
        made.clear()
        reports = Reports(SearchSettings(pruner="median"), Objective(SETTINGS.objective), Space())
        for trial in trials:
            reports.add(trial)
        judge = make_judge(reports.pruning(count), ())
        try:
            judge.report(1, 0.7, last=False)
        except Pruned:
            return len(made), "pruned"
        return len(made), "goes on"

    made = []
    init = optuna.trial.FrozenTrial.__init__
    monkeypatch.setattr(
        optuna.trial.FrozenTrial, "__init__", lambda *a, **k: made.append(1) or init(*a, **k)
    )
    judged(10, 0.9)
    own, _ = judged(10, 0.9)
    assert judged(12, 0.9) == (own + 2, "pruned")
    assert judged(12, 0.6) == (own + 12, "goes on")
    assert judged(3, 0.6) == (own, "goes on")


def test_the_lines_of_the_trials_rank_each_of_them_once(monkeypatch):
    ranked = Counter()
    latency = TrialRecord.latency_ms.fget

    def counting(trial):
        ranked[trial.number] += 1
        return latency(trial)

    monkeypatch.setattr(TrialRecord, "latency_ms", property(counting))
    lines = TrialLines(SETTINGS, silent)
    lines.search_started(20, [])
    for number in range(20):
        metrics = {"val_accuracy": 0.5 + number % 3}
        lines.trial_ended(TrialRecord(number, "complete", value=0.5 + number % 3, metrics=metrics))
    assert set(ranked.values()) == {1}


def test_the_journal_grows_by_as_much_at_each_trial_and_few_models_stay(tmp_path, monkeypatch):
    run = Run(tmp_path / "run")
    noting = Noting(lambda: run.journal.stat().st_size)
    sets = [f"search.trials={TRIALS}", "search.sampler=random", "search.pruner=median"]
    with stubbed(monkeypatch, run.folder, *sets, "search.keep_models=3", observer=noting) as search:
        search.run()
    early, late = noting.typical(2, 12), noting.typical(TRIALS - 10, TRIALS)
    assert late <= 1.05 * early, (early, late)
    assert [c.number for c in run.candidates()] == [0, TRIALS - 9, TRIALS - 6, TRIALS - 3]
    assert len(list(run.trials.iterdir())) == 4
