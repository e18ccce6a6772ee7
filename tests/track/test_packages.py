"""MLflow and wandb themselves, where they are installed: the stand-ins have their signatures, and
what is kept can be read there.
"""

import importlib.util
import inspect
from pathlib import Path
from typing import Any, Iterator, Tuple

import pytest

from tests.track import stand_ins
from vaiopt.study.record import COMPLETE, TrialRecord
from vaiopt.track.content import content_of
from vaiopt.track.tracker import FINISHED, About, Artifact, Place, Results
from vaiopt.track.trackers import TRACKERS

RECORD = TrialRecord(
    0,
    COMPLETE,
    value=0.75,
    hyperparameters={"units": 8},
    metrics={"val_accuracy": 0.75},
    curve=[{"epoch": 1.0, "val_accuracy": 0.5}, {"epoch": 2.0, "val_accuracy": 0.75}],
)


def pairs() -> Iterator[Tuple[str, str, Any]]:
    """Package, name of what is used of it, and its stand-in."""
    for name, stand_in in vars(stand_ins.MlflowClient).items():
        if callable(stand_in):
            yield "mlflow", f"MlflowClient.{name}", stand_in
    yield "mlflow.entities", "Metric.__init__", stand_ins.Metric.__init__
    yield "mlflow.entities", "Param.__init__", stand_ins.Param.__init__
    yield "mlflow.entities", "RunTag.__init__", stand_ins.RunTag.__init__
    yield "wandb", "init", stand_ins.init
    for name in ("define_metric", "log", "save", "finish"):
        yield "wandb", f"Run.{name}", getattr(stand_ins.WandbRun, name)


@pytest.mark.parametrize("case", pairs(), ids=lambda case: f"{case[0]} {case[1]}")
def test_a_stand_in_is_called_as_the_package_is(case: Tuple[str, str, Any]) -> None:
    package, name, stand_in = case
    found = pytest.importorskip(package)
    for part in name.split("."):
        found = getattr(found, part)
    takes = inspect.signature(found).parameters
    assert [name for name in inspect.signature(stand_in).parameters if name not in takes] == []


def kept(name: str, folder: Path) -> Any:
    """What is kept in the package itself."""
    importlib.import_module(name) if importlib.util.find_spec(name) else pytest.skip(name)
    report = folder / "report.html"
    report.write_text("<html>")
    tracker = TRACKERS[name](Place(folder, "", "of-tests"))
    key = tracker.begin("", About("mine", {"seed": 0}))
    assert tracker.begin(key, About("mine", {"seed": 1})) == key
    tracker.trial(content_of(RECORD))
    model = (Artifact(report, "compiled/cpu"),)
    assert tracker.results(Results(0, "best", {"objective": 0.75}, model, model)) == []
    tracker.end(FINISHED)
    return key


def test_mlflow_can_be_asked_for_what_is_kept(tmp_path: Path) -> None:
    parent = kept("mlflow", tmp_path)
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db", f"sqlite:///{tmp_path}/mlflow.db")
    assert client.get_run(parent).data.metrics["objective"] == 0.75
    version = client.get_model_version_by_alias("mine", "chosen")
    child = client.get_run(version.run_id)
    assert child.data.params == {"units": "8"} and child.info.status == "FINISHED"
    curve = client.get_metric_history(version.run_id, "epoch/val_accuracy")
    assert [(metric.step, metric.value) for metric in curve] == [(1, 0.5), (2, 0.75)]
    files = client.list_artifacts(version.run_id, "model/compiled/cpu")
    assert [file.path for file in files] == ["model/compiled/cpu/report.html"]
    assert (tmp_path / "mlartifacts").is_dir()


def test_wandb_leaves_files_and_sends_nothing(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("WANDB_MODE", "online")
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:1")
    key = kept("wandb", tmp_path)
    (trial,) = (tmp_path / "wandb").glob(f"offline-run-*-{key}-0")
    written = next(trial.glob("*.wandb")).read_bytes()
    for word in (b"units", b"epoch/val_accuracy", b"objective"):
        assert word in written
    assert list((tmp_path / "wandb").glob("offline-run-*/files/model/compiled/cpu/report.html"))
