"""What a search tells while it runs: its observer, and the file of a running trial."""

import json

import pytest

from tests.search import quick
from vaiopt.errors import ModelError
from vaiopt.runs.layout import Run
from vaiopt.search import search_run
from vaiopt.search.training.progress import ProgressFile, TrialProgress, read_progress
from vaiopt.settings import override
from vaiopt.study.observer import Observer
from vaiopt.study.record import COMPLETE
from vaiopt.study.trials import load_trials

SETTINGS = override(quick.SETTINGS, ["search.trials=2", "train.epochs=2"])


@pytest.mark.parametrize("text", [
    "", "{", "[" * 9999, "{}", '{"version": 1, "epoch": 1e400, "epochs": 2}',
    '{"version": 1, "epoch": 3, "epochs": 2, "value": null}',
    '{"version": 1, "epoch": 1, "epochs": 2, "value": "x"}',
])  # fmt: skip
def test_a_file_that_says_nothing_of_use_is_none(tmp_path, text):
    (tmp_path / "0001.json").write_text(text)
    assert read_progress(tmp_path / "0001.json") is None


class Recorder(Observer):
    """Keeps what it is told."""

    def __init__(self):
        super().__init__()
        self.told = []

    def search_started(self, wanted, trials):
        self.told.append(("search started", wanted, len(trials)))

    def trial_started(self, number, hyperparameters):
        self.told.append(("trial started", number, dict(hyperparameters)))

    def trial_ended(self, record):
        self.told.append(("trial ended", record.number, record.status))

    def search_ended(self):
        self.told.append(("search ended",))


def test_a_file_holds_the_last_that_was_written_and_is_gone_when_removed(tmp_path):
    file = ProgressFile(tmp_path / "running" / "0001.json", interval=0)
    assert read_progress(tmp_path / "running" / "0001.json") is None
    file.write(0, 3, None)
    file.write(2, 3, 0.5)
    assert read_progress(tmp_path / "running" / "0001.json") == TrialProgress(2, 3, 0.5)
    file.write(4, 3, float("nan"))  # a training of its own may go on for longer than was asked for
    assert read_progress(tmp_path / "running" / "0001.json") == TrialProgress(4, 4, None)
    file.remove()
    file.remove()
    assert list((tmp_path / "running").iterdir()) == []


def test_what_comes_too_soon_after_the_last_is_not_written(tmp_path):
    file = ProgressFile(tmp_path / "0001.json", interval=3600)
    file.write(0, 3, None)
    file.write(1, 3, 0.5)
    assert read_progress(tmp_path / "0001.json") == TrialProgress(0, 3, None)


def test_a_file_that_cannot_be_written_or_read_harms_nobody(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    ProgressFile(tmp_path / "file" / "0001.json").write(0, 3, None)
    ProgressFile(tmp_path / "file" / "0001.json").remove()
    for text in ("", "{", "[]", "{}", '{"epoch": "x", "epochs": 1, "value": 0}'):
        (tmp_path / "0002.json").write_text(text)
        assert read_progress(tmp_path / "0002.json") is None


def test_a_search_tells_its_observer_what_happens_and_its_file_how_far_a_trial_is(
    tmp_path, monkeypatch
):
    written = []
    monkeypatch.setattr(
        ProgressFile,
        "write",
        lambda self, epoch, epochs, value: written.append((epoch, epochs, value)),
    )
    observer = Recorder()
    search_run(SETTINGS, tmp_path / "run", on_trial=observer)
    trials = load_trials(Run(tmp_path / "run"))
    assert [told[:2] for told in observer.told] == [
        ("search started", 2),
        ("trial started", 0),
        ("trial ended", 0),
        ("trial started", 1),
        ("trial ended", 1),
        ("search ended",),
    ]
    assert [told[2] for told in observer.told if told[0] == "trial started"] == [
        t.hyperparameters for t in trials
    ]
    expected = []
    for trial in trials:
        expected += [
            (0, 2, None),
            (1, 2, trial.curve[0]["val_accuracy"]),
            (2, 2, trial.curve[1]["val_accuracy"]),
        ]
    assert written == expected

    observer = Recorder()
    search_run(SETTINGS, tmp_path / "run", on_trial=observer)  # nothing is left to do
    assert observer.told == [("search started", 2, 2), ("search ended",)]


def test_the_epochs_of_all_folds_count_and_nothing_is_left_in_the_run_folder(tmp_path, monkeypatch):
    seen, records = [], []
    write = ProgressFile.write

    def look(self, epoch, epochs, value):
        write(self, epoch, epochs, value)
        seen.append((epoch, epochs, [p.name for p in Run(tmp_path / "run").running.glob("*.json")]))

    monkeypatch.setattr(ProgressFile, "write", look)
    settings = override(SETTINGS, ["train.folds=2", "train.epochs=1", "search.trials=1"])
    search_run(
        settings, tmp_path / "run", on_trial=records.append
    )  # a plain function is told the records alone
    assert [(r.number, r.status) for r in records] == [(0, COMPLETE)]
    assert seen == [
        (0, 2, ["0000.json"]),
        (1, 2, ["0000.json"]),
        (1, 2, ["0000.json"]),
        (2, 2, ["0000.json"]),
    ]
    assert not Run(tmp_path / "run").running.exists()


@pytest.mark.parametrize("raised", [KeyboardInterrupt, RuntimeError])
def test_the_observer_is_told_of_the_end_whatever_ends_the_search(tmp_path, raised):
    class Interrupting(Recorder):
        def trial_started(self, number, hyperparameters):
            raise raised

    observer = Interrupting()
    with pytest.raises(raised):
        search_run(SETTINGS, tmp_path / "run", on_trial=observer)
    assert [told[0] for told in observer.told] == ["search started", "search ended"]


def test_a_search_that_cannot_start_tells_nothing(tmp_path):
    (tmp_path / "bad.py").write_text("def build_model(hp):\n    raise ValueError('never')\n")
    observer = Recorder()
    with pytest.raises(ModelError):
        search_run(
            override(SETTINGS, ["model.family={}".format(json.dumps(str(tmp_path / "bad.py")))]),
            tmp_path / "run",
            on_trial=observer,
        )
    assert observer.told == []
