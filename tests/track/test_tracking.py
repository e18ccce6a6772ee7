"""A search that is kept elsewhere, too: each trial once, and never at the search's expense."""

import json
from pathlib import Path
from typing import Any, List

import pytest

from tests.search.stub import stubbed
from tests.track import stand_ins
from vaiopt import flow
from vaiopt.errors import MissingToolError, RunError, SettingsError
from vaiopt.record import write_record
from vaiopt.runs.choice import write_chosen
from vaiopt.runs.layout import Run
from vaiopt.runs.records import Chosen
from vaiopt.settings import Settings, choices, load_settings, override
from vaiopt.study.observer import Observer
from vaiopt.study.record import FAILED, PRUNED, TrialRecord
from vaiopt.study.trials import load_trials
from vaiopt.track import add_results, check_track, content, settled_track, tracked
from vaiopt.track.kept import Kept, Tracked, read_kept
from vaiopt.track.tracker import flat_names
from vaiopt.track.trackers import TRACKERS, place_of

BOTH = 'track.to=["mlflow", "wandb"]'


@pytest.fixture(autouse=True)
def packages(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_ins.install(monkeypatch)


class Bench:
    """Searches of one run whose trials end at once."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.patch, self.run = monkeypatch, Run(folder / "runs" / "mine")
        self.told: List[str] = []

    def settings(self, *overrides: str) -> Settings:
        return load_settings(None, [BOTH, "search.workers=0", *overrides])

    def search(self, trials: int, *overrides: str, observer: Any = None, chosen: int = 0) -> None:
        texts = (BOTH, f"search.trials={trials}", *overrides)
        settings = self.settings(*texts)
        with tracked(self.run, settings, observer, self.told.append) as told:
            with stubbed(self.patch, self.run.folder, *texts, observer=told) as search:
                search.run()
            write_chosen(self.run, Chosen((chosen,)))


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Bench:
    return Bench(monkeypatch, tmp_path)


def test_every_tracker_of_the_settings_is_there() -> None:
    assert [row.name for row in choices.TRACKERS] == list(TRACKERS)
    assert all(row.doc and row.package and row.pip for row in choices.TRACKERS)


def test_each_trial_is_kept_with_its_point_its_numbers_and_its_curve(bench: Bench) -> None:
    bench.search(3, chosen=1)
    records = load_trials(bench.run)
    kept = stand_ins.the_store().of_trials()
    assert sorted(kept) == [0, 1, 2]
    for record, run in zip(records, stand_ins.wandb_trials()):
        data = kept[record.number].data
        point = {name: str(value) for name, value in record.hyperparameters.items()}
        assert data.params == point and kept[record.number].info.status == "FINISHED"
        assert data.metrics["objective"] == {0: record.value}
        assert data.metrics["latency_ms"] == {0: 0.5}
        assert data.metrics["epoch/val_accuracy"] == {1: record.value}
        assert run.asked["config"] == {**record.hyperparameters, "trial": record.number}
        assert run.summary["val_accuracy"] == run.summary["objective"] == record.value
        assert {"epoch/step": 1, "epoch/val_accuracy": record.value} in run.logged
        assert run.exit_code == 0 and run.asked["project"] == "vaiopt"
    assert bench.told == []


def test_the_search_is_kept_with_its_settings_and_what_was_chosen(bench: Bench) -> None:
    bench.search(3, "seed=7", chosen=1, observer=lambda record: write_card(bench.run, record))
    store = stand_ins.the_store()
    (search,) = store.of_searches()
    assert search.info.status == "FINISHED" and search.info.run_name == "mine"
    assert search.data.params["seed"] == "7" and "data.split" not in search.data.params
    assert search.data.tags["vaiopt.chosen"] == "1"
    chosen = store.of_trials()[1]
    wanted = ["model/bundle/cpu/MODEL_CARD.md", "model/model.h5"]
    assert sorted(chosen.files) == wanted and not store.of_trials()[0].files
    model = store.models["mine"]
    assert [version.run_id for version in model.versions] == [chosen.info.run_id]
    assert model.aliases == {"chosen": "1"}
    last = stand_ins.RUNS[-1]
    assert last.asked["job_type"] == "results" and last.summary["chosen"] == 1
    assert sorted(last.saved) == wanted


def write_card(run: Run, record: TrialRecord) -> None:
    card = run.trial(record.number).bundle("cpu") / "MODEL_CARD.md"
    card.parent.mkdir(parents=True)
    card.write_text("a model")


def test_a_search_that_goes_on_keeps_no_trial_twice(bench: Bench) -> None:
    bench.search(2)
    bench.search(4, chosen=3)
    bench.search(4, chosen=3)
    store = stand_ins.the_store()
    assert sorted(store.of_trials()) == [0, 1, 2, 3] and len(store.of_searches()) == 1
    assert [run.asked["config"]["trial"] for run in stand_ins.wandb_trials()] == [0, 1, 2, 3]
    assert len({run.asked["group"] for run in stand_ins.RUNS}) == 1
    assert store.models["mine"].aliases == {"chosen": "2"}


def test_earlier_trials_are_given_to_a_tracker_that_comes_later(bench: Bench) -> None:
    bench.search(2, "track.to=[]")
    assert not stand_ins.STORES and not bench.run.tracked.exists()
    bench.search(3, 'track.to=["mlflow"]')
    assert sorted(stand_ins.the_store().of_trials()) == [0, 1, 2] and not stand_ins.RUNS
    assert bench.told == ["note: 2 earlier trials are given to mlflow"]


def test_what_was_lost_there_is_kept_anew(bench: Bench, tmp_path: Path) -> None:
    bench.search(2, 'track.to=["mlflow"]')
    stand_ins.forget(tmp_path / "runs")
    bench.search(3, 'track.to=["mlflow"]')
    assert sorted(stand_ins.the_store().of_trials()) == [0, 1, 2]


def test_a_trial_that_a_kill_left_half_written_is_not_made_again(bench: Bench) -> None:
    bench.search(2, 'track.to=["mlflow"]')
    (kept,) = [read_kept(bench.run, Kept("mlflow", "", "vaiopt"))]
    forgotten = Kept(kept.tracker, kept.place, kept.name, kept.key, (0,))
    write_record(bench.run.tracked, Tracked((forgotten,)))
    bench.search(2, 'track.to=["mlflow"]')
    assert sorted(stand_ins.the_store().of_trials()) == [0, 1]


@pytest.mark.parametrize("name", TRACKERS)
def test_a_tracker_that_fails_is_told_of_once_and_stops_nothing(bench: Bench, name: str) -> None:
    keep = TRACKERS[name].trial

    def fail(self: Any, told: Any) -> None:
        if told.number == 1:
            raise ValueError("disk\nfull")
        keep(self, told)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TRACKERS[name], "trial", fail)
        bench.search(4, f'track.to=["{name}"]')
    assert len(load_trials(bench.run)) == 4
    (warning,) = bench.told
    assert warning.startswith(f"WARNING: {name} failed and is asked no more: disk full.")
    bench.search(4, f'track.to=["{name}"]')
    assert read_kept(bench.run, Kept(name, "", "vaiopt")).trials == (0, 1, 2, 3)


def test_one_that_cannot_begin_is_an_error_before_the_first_trial(bench: Bench) -> None:
    started: List[int] = []

    class Watching(Observer):
        def trial_started(self, number: int, hyperparameters: Any) -> None:
            started.append(number)

    def begin(*arguments: Any) -> str:
        raise ValueError("database is locked")

    bench.patch.setattr(TRACKERS["mlflow"], "begin", begin)
    with pytest.raises(RunError, match="database is locked") as error:
        bench.search(2, observer=Watching())
    assert "track.to" in error.value.hint and started == []


@pytest.mark.parametrize("error", [(KeyboardInterrupt, "KILLED"), (RunError, "FAILED")])
def test_a_search_that_is_stopped_is_kept_as_such(bench: Bench, error: Any) -> None:
    kind, status = error

    class Stops(Observer):
        def trial_ended(self, record: TrialRecord) -> None:
            raise kind() if kind is KeyboardInterrupt else kind("x", "y")

    with pytest.raises(kind):
        bench.search(2, observer=Stops())
    (search,) = stand_ins.the_store().of_searches()
    assert search.info.status == status


def test_the_observer_is_told_all_that_it_was_told_before(bench: Bench) -> None:
    told: List[str] = []

    class Watching(Observer):
        def search_described(self, settings: Any) -> None:
            told.append("described")

        def search_started(self, wanted: int, trials: Any) -> None:
            told.append(f"started {wanted} {len(trials)}")

        def trial_started(self, number: int, hyperparameters: Any) -> None:
            told.append(f"begins {number}")

        def trial_ended(self, record: TrialRecord) -> None:
            told.append(f"ended {record.number}")

        def search_ended(self) -> None:
            told.append("over")

    bench.search(1, observer=Watching())
    assert told == ["described", "started 1 0", "begins 0", "ended 0", "over"]
    told.clear()
    bench.search(2, observer=lambda record: told.append(f"function {record.number}"))
    assert told == ["function 1"]


def test_a_store_without_a_registry_is_told_of(bench: Bench) -> None:
    bench.search(1)
    stand_ins.the_store().has_registry = False
    bench.search(2)
    assert bench.told == ["note: mlflow registers no model there: no registry here"]


def test_what_comes_after_the_search_is_added(bench: Bench) -> None:
    bench.search(2)
    bench.run.report.write_text("<html>")
    add_results(bench.run, bench.settings(), {"int8_accuracy": 0.5, "x": "y"}, bench.told.append)
    (search,) = stand_ins.the_store().of_searches()
    assert search.data.metrics["int8_accuracy"] == {0: 0.5}
    assert search.files == ["report.html"] == stand_ins.RUNS[-1].saved[:1]
    bench.patch.setitem(__import__("sys").modules, "mlflow", None)
    add_results(bench.run, bench.settings(), {}, bench.told.append)
    (warning,) = bench.told
    assert warning.startswith("WARNING: the results are kept in the run folder alone: ")


# --- what is told


def test_a_trial_is_told_in_finite_numbers() -> None:
    record = TrialRecord(
        3,
        PRUNED,
        "stopped",
        hyperparameters={"units": 8, "pair": (1, 2)},  # type: ignore[dict-item]
        metrics={"val_loss": float("nan"), "val_accuracy": 0.5},
        curve=[{"epoch": 1.0, "loss": None, "val_accuracy": 0.5}],
        pruning={"reports": [[1, 0.5], [2, float("inf")]]},
        started="2026-11-30T06:00:00.250000+00:00",
        finished="2026-11-30T06:00:01Z",
    )
    told = content.content_of(record)
    assert told.point == {"units": 8, "pair": "(1, 2)"} and "val_loss" not in told.figures
    assert [series.rows for series in told.series] == [
        ((1, {"val_accuracy": 0.5}),),
        ((1, {"objective": 0.5}), (2, {})),
    ]
    assert told.finished - told.started == 750


def test_a_trial_that_failed_is_kept_as_failed(bench: Bench, monkeypatch: Any) -> None:
    fails = TrialRecord(0, FAILED, "no such layer", hyperparameters={"a/b": 1})
    settings = bench.settings()
    with tracked(bench.run, settings, None, bench.told.append) as told:
        assert isinstance(told, Observer)
        bench.run.folder.mkdir(parents=True)
        told.search_started(1, [fails])
        monkeypatch.setattr("vaiopt.track.tracking.load_trials", lambda run: [fails])
    (kept,) = stand_ins.the_store().of_trials().values()
    assert kept.info.status == "FAILED" and kept.data.params == {"a_b": "1"}
    assert stand_ins.wandb_trials()[0].exit_code == 1


def test_no_password_is_told() -> None:
    url = "postgresql://me:secret@host/name"
    settings = override(Settings(), {"search.storage": url, "seed": 3})
    assert "secret" not in json.dumps(dict(content.about(Run("r"), settings).values))


def test_names_fit_everywhere_and_stay_different() -> None:
    values = {"a/b": 1, "a:b": 2, "..": 3, "": 4, "lernrate_é": 5}
    assert list(flat_names(values)) == ["a_b", "a_b_2", "_", "__2", "lernrate_é"]


# --- before the first trial


def test_a_missing_package_is_told_before_anything_is_written(bench: Bench) -> None:
    bench.patch.setitem(__import__("sys").modules, "wandb", None)
    with pytest.raises(MissingToolError, match="the package wandb is missing") as error:
        flow.search(bench.settings(), bench.run.folder)
    assert "pip install 'vaiopt[wandb]'" in error.value.hint and not bench.run.folder.exists()


def test_a_folder_of_the_packages_name_is_no_package(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "wandb").mkdir()
    bench.patch.syspath_prepend(str(tmp_path))
    bench.patch.delitem(__import__("sys").modules, "wandb")
    if __import__("importlib.util").util.find_spec("wandb").origin is None:  # not installed
        with pytest.raises(MissingToolError):
            check_track(bench.settings(), bench.run)


@pytest.mark.parametrize("name", ["file/below", "what?"])
def test_a_folder_that_cannot_be_written_is_refused(bench: Bench, name: str) -> None:
    bench.run.folder.parent.mkdir()
    (bench.run.folder.parent / "file").write_text("")
    folder = bench.run.folder.parent / name
    with pytest.raises(SettingsError, match="no results can be kept in the folder") as error:
        flow.search(bench.settings(f"track.folder={folder}"), bench.run.folder)
    assert "track.folder" in error.value.hint and not bench.run.folder.exists()


def test_a_server_that_does_not_answer_is_refused(bench: Bench) -> None:
    settings = bench.settings("track.server=http://me:secret@127.0.0.1:1")
    with pytest.raises(SettingsError, match="no server answers at track.server") as error:
        check_track(settings, bench.run)
    assert "secret" not in error.value.message and "mlflow server" in error.value.hint


def test_results_stand_beside_the_run_or_where_it_is_said(bench: Bench, tmp_path: Path) -> None:
    settings = bench.settings()
    assert place_of("wandb", settings.track, bench.run).folder == (tmp_path / "runs").resolve()
    bench.patch.chdir(tmp_path)
    settings = settled_track(bench.settings("track.folder=kept", "track.server=http://h:1"))
    assert settings.track.folder == str(tmp_path / "kept")
    places = [place_of(name, settings.track, bench.run) for name in TRACKERS]
    assert [place.server for place in places] == ["http://h:1", ""]
