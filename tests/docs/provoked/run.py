"""Messages about run folders."""

from __future__ import annotations

import numpy as np
import pytest
from optuna.study import StudyDirection

from tests.docs.provoked.bench import Bench, Provocations, quick
from tests.made_runs import made_candidate, manifest_record, quantized_candidate
from vaiopt import choosing, flow
from vaiopt.deploy.measure import check_bundle
from vaiopt.int8.golden import read_golden
from vaiopt.record import write_record
from vaiopt.runs.layout import Run, open_run
from vaiopt.search import choose_trial, search_run
from vaiopt.search.execution.dask import _checked, connect
from vaiopt.search.execution.lock import only_search
from vaiopt.settings import override, save_run_settings
from vaiopt.study.ranking import best_trials
from vaiopt.study.record import COMPLETE, FAILED, TrialRecord
from vaiopt.study.storage import journal_storage, open_study

SMALL = ("search.trials=1", "search.sampler=random")


def searched(bench: Bench, *overrides: str) -> Run:
    search_run(quick(*SMALL, *overrides), bench.folder / "run")
    return Run(bench.folder / "run")


def other_settings(bench: Bench) -> None:
    searched(bench)
    searched(bench, "seed=3")


def other_data(bench: Bench) -> None:
    x, y = np.random.RandomState(0).rand(90, 4), np.arange(90) % 3
    for labels in (y, y[::-1]):
        searched(bench, f"data.source={bench.arrays(x=x, y=labels)}")


def other_choices(bench: Bench) -> None:
    searched(bench)
    shapes = override(quick(*SMALL), ["model.hyperparameters.shape={choice=['brick']}"])
    search_run(shapes, bench.folder / "run", accept=True)


def at_work(bench: Bench) -> None:
    with only_search(Run(bench.folder / "run")):
        searched(bench)


def of_version_0_1(bench: Bench) -> None:
    bench.file("run/run.toml", "version = 1\n")
    bench.file("run/float/model.h5", "")
    open_run(bench.folder / "run")


def too_slow(bench: Bench) -> None:
    choosing.choose(searched(bench), max_latency_ms=1e-9)


def not_kept(bench: Bench) -> None:
    run = made_candidate(bench.folder / "run").run
    choose_trial(run, quick(), TrialRecord(7, COMPLETE, value=0.5))


def corrupt(bench: Bench) -> None:
    bench.file("run/run.toml", "version = 1\n")
    bench.file("run/study.journal", '{"op_code": "what", "worker_id": 3}\n' * 3)
    open_study(Run(bench.folder / "run"))


def of_a_newer_optuna(bench: Bench) -> None:
    (bench.folder / "run").mkdir()
    journal_storage(Run(bench.folder / "run")).create_new_study([StudyDirection.MAXIMIZE], "vaiopt")
    with open(str(Run(bench.folder / "run").journal), "a") as file:
        file.write('{"op_code": 99, "worker_id": "a"}\n')
    open_study(Run(bench.folder / "run"))


def pasted_twice(bench: Bench) -> None:
    search_run(quick("search.trials=1"), bench.folder / "run")
    journal = Run(bench.folder / "run").journal
    journal.write_bytes(journal.read_bytes() * 2)
    open_study(Run(bench.folder / "run"))


def no_scheduler(bench: Bench) -> None:
    pytest.importorskip("distributed")
    connect(str(bench.file("scheduler.json", "{}")))


def lost_database(bench: Bench) -> None:
    run = Run(bench.folder / "run")
    run.folder.mkdir()
    save_run_settings(run, quick("search.storage=sqlite:///lost.db"), {})
    open_study(run)


def damaged(bench: Bench) -> None:
    candidate = quantized_candidate(bench.folder / "run", limit=100)
    candidate.golden.write_bytes(candidate.golden.read_bytes()[:100])
    read_golden(candidate.golden, "vaiopt quantize")


def changed_bundle(bench: Bench) -> None:
    folder = bench.folder / "bundle"
    folder.mkdir()
    write_record(folder / "manifest.json", manifest_record("zcu102"))
    record = manifest_record("zcu102")
    object.__setattr__(record, "files", {"model.xmodel": "0" * 64})
    write_record(folder / "manifest.json", record)
    check_bundle(folder, "vaiopt bundle")


MESSAGES: Provocations = {
    "'…' is damaged (…)": damaged,
    "there is no run folder '…'": lambda b: open_run(b.folder / "none"),
    "'…' is missing": lambda b: made_candidate(b.folder / "run").kept_model(),
    "'…' was made of other …: …": other_data,
    "'…' was made with other settings: …": other_settings,
    "the values of '…' have changed, which the study cannot follow": other_choices,
    "'…' is not empty and not a run": lambda b: search_run(
        quick(), b.file("thesis/thesis.txt", "x").parent
    ),
    "another search is at work in '…'": at_work,
    "'…' has format version …, this vaiopt reads …": lambda b: flow.open_with(
        b.file("run/run.toml", "version = 99\n").parent
    ),
    "'…' was made by vaiopt 0.1, whose runs had another layout": of_version_0_1,
    "no trial of '…' is chosen yet": lambda b: Run(b.folder).chosen,
    "no trial of '…' is complete": lambda b: best_trials(
        Run(b.folder), quick(), [TrialRecord(0, FAILED, "no luck")]
    ),
    "no model of a complete trial of '…' is kept": lambda b: best_trials(
        Run(b.folder), quick(), [TrialRecord(0, COMPLETE, value=0.5)]
    ),
    "no trial that can be chosen meets …": too_slow,
    "the model of trial … was not kept": not_kept,
    "'…' is corrupt (…)": corrupt,
    "line … of '…' is an operation that is not known here (…)": of_a_newer_optuna,
    "'…' holds trials twice: line … is line … once more": pasted_twice,
    "the storage '…' cannot be used: …": lambda b: search_run(
        quick("search.storage=sqlite://"), b.folder / "run"
    ),
    "'…' is missing, in which the trials of this run are kept (search.storage)": lost_database,
    "'…' is not a scheduler file: it holds no address": no_scheduler,
    "'…' is not the address of a scheduler": lambda b: _checked("tcp://host"),
    "the bundle '…' is not what its manifest.json says: …": changed_bundle,
}
