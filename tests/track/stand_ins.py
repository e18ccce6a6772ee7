"""Stand-ins for the parts of MLflow and wandb that are used: as strict as the packages, and with
their signatures, which ``test_packages.py`` compares where the packages are installed.
"""

import itertools
import re
import shutil
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, Dict, List

import pytest

KEY = re.compile(r"[/\w.\- :]{1,250}")
MOST = {"metrics": 1000, "params": 100, "tags": 100}


class MlflowException(Exception):
    pass


class Page(List[Any]):
    token = ""


class Store:
    """One database of MLflow."""

    def __init__(self) -> None:
        self.experiments: Dict[str, Any] = {}
        self.runs: Dict[str, Any] = {}
        self.models: Dict[str, Any] = {}
        self.has_registry = True

    def of_trials(self) -> Dict[int, Any]:
        found = [run for run in self.runs.values() if "vaiopt.trial" in run.data.tags]
        numbers = [int(run.data.tags["vaiopt.trial"]) for run in found]
        assert len(set(numbers)) == len(numbers), "a trial is kept twice"
        return dict(zip(numbers, found))

    def of_searches(self) -> List[Any]:
        return [run for run in self.runs.values() if "vaiopt.trial" not in run.data.tags]


STORES: Dict[str, Store] = {}
COUNT = itertools.count(1)


class MlflowClient:
    def __init__(self, tracking_uri: Any = None, registry_uri: Any = None) -> None:
        assert tracking_uri == registry_uri and tracking_uri.startswith("sqlite:////")
        self.store = STORES.setdefault(tracking_uri, Store())

    def get_experiment_by_name(self, name: str) -> Any:
        return self.store.experiments.get(name)

    def create_experiment(self, name: str, artifact_location: Any = None) -> str:
        assert name not in self.store.experiments
        found = SimpleNamespace(experiment_id="1", lifecycle_stage="active", at=artifact_location)
        self.store.experiments[name] = found
        return "1"

    def create_run(
        self, experiment_id: str, start_time: Any = None, tags: Any = None, run_name: Any = None
    ) -> Any:
        key = f"run{next(COUNT)}"
        info = SimpleNamespace(
            run_id=key,
            status="RUNNING",
            lifecycle_stage="active",
            run_name=run_name,
            start_time=start_time,
            end_time=None,
            artifact_uri=f"file:///artifacts/{key}",
        )
        data = SimpleNamespace(tags=dict(tags or {}), params={}, metrics={})
        self.store.runs[key] = SimpleNamespace(info=info, data=data, files=[])
        return self.store.runs[key]

    def get_run(self, run_id: str) -> Any:
        if run_id not in self.store.runs:
            raise MlflowException(f"no run {run_id}")
        return self.store.runs[run_id]

    def update_run(self, run_id: str, status: Any = None) -> None:
        self.get_run(run_id).info.status = status

    def set_terminated(self, run_id: str, status: Any = None, end_time: Any = None) -> None:
        assert status in ("FINISHED", "KILLED", "FAILED")
        self.get_run(run_id).info.status = status

    def search_runs(
        self,
        experiment_ids: Any,
        filter_string: str = "",
        max_results: int = 1000,
        page_token: Any = None,
    ) -> Page:
        found = re.fullmatch(r"tags\.`mlflow\.parentRunId` = '(\w+)'", filter_string)
        assert found is not None and max_results <= 50000
        runs = self.store.runs.values()
        return Page(r for r in runs if r.data.tags.get("mlflow.parentRunId") == found.group(1))

    def log_batch(self, run_id: str, metrics: Any = (), params: Any = (), tags: Any = ()) -> None:
        run = self.get_run(run_id)
        for name, entries in (("metrics", metrics), ("params", params), ("tags", tags)):
            assert len(entries) <= MOST[name]
            assert all(KEY.fullmatch(entry.key) for entry in entries)
        for entry in metrics:
            assert isinstance(entry.timestamp, int) and isinstance(entry.step, int)
            run.data.metrics.setdefault(entry.key, {})[entry.step] = float(entry.value)
        for entry in (*params, *tags):
            assert isinstance(entry.value, str) and len(entry.value) <= 500
        for entry in params:
            if run.data.params.setdefault(entry.key, entry.value) != entry.value:
                raise MlflowException(f"changing {entry.key}")
        run.data.tags.update({entry.key: entry.value for entry in tags})

    def log_metric(self, run_id: str, key: str, value: float) -> None:
        self.get_run(run_id).data.metrics[key] = {0: value}

    def log_artifact(self, run_id: str, local_path: str, artifact_path: Any = None) -> None:
        assert Path(local_path).is_file()
        files = self.get_run(run_id).files
        files.append("/".join(filter(None, (artifact_path, Path(local_path).name))))

    def search_registered_models(self, filter_string: Any = None) -> Any:
        if not self.store.has_registry:
            raise MlflowException("no registry here")
        return [name for name in self.store.models if filter_string == f"name='{name}'"]

    def create_registered_model(self, name: str) -> None:
        self.store.models[name] = SimpleNamespace(versions=[], aliases={})

    def search_model_versions(self, filter_string: Any = None) -> Any:
        return self.store.models[str(filter_string)[6:-1]].versions

    def create_model_version(
        self, name: str, source: str, run_id: Any = None, await_creation_for: Any = 300
    ) -> Any:
        versions = self.store.models[name].versions
        made = SimpleNamespace(version=len(versions) + 1, run_id=run_id, source=source)
        versions.append(made)
        return made

    def set_registered_model_alias(self, name: str, alias: str, version: str) -> None:
        assert isinstance(version, str)
        self.store.models[name].aliases[alias] = version


class Metric:
    def __init__(self, key: str, value: float, timestamp: int, step: int) -> None:
        self.key, self.value, self.timestamp, self.step = key, value, timestamp, step


class Param:
    def __init__(self, key: str, value: str) -> None:
        self.key, self.value = key, value


class RunTag(Param):
    pass


class WandbSettings:
    def __init__(self, silent: bool, console: str, save_code: bool) -> None:
        assert silent and console == "off" and not save_code


class WandbRun:
    def __init__(self, folder: Path, asked: Dict[str, Any]) -> None:
        self.dir, self.asked = str(folder / "files"), asked
        Path(self.dir).mkdir(parents=True)
        self.summary: Dict[str, Any] = {}
        self.logged: List[Dict[str, float]] = []
        self.steps: Dict[str, str] = {}
        self.saved: List[str] = []
        self.exit_code: Any = None

    def define_metric(self, name: str, step_metric: Any = None) -> None:
        self.steps[name] = step_metric

    def log(self, data: Dict[str, float]) -> None:
        assert self.exit_code is None
        self.logged.append(data)

    def save(self, glob_str: str, base_path: Any = None, policy: str = "live") -> None:
        assert policy in ("live", "now", "end") and base_path == self.dir
        self.saved.append(str(Path(glob_str).relative_to(base_path)))

    def finish(self, exit_code: Any = None) -> None:
        self.exit_code = int(exit_code or 0)


RUNS: List[WandbRun] = []


def init(
    project: Any = None,
    dir: Any = None,
    id: Any = None,
    name: Any = None,
    config: Any = None,
    group: Any = None,
    job_type: Any = None,
    mode: Any = None,
    reinit: Any = None,
    settings: Any = None,
) -> WandbRun:
    asked = {"project": project, "id": id, "name": name, "config": config}
    asked.update(group=group, job_type=job_type)
    assert mode == "offline" and reinit == "create_new" and isinstance(settings, WandbSettings)
    assert len(str(project)) <= 128 and not set("/\\#?%:") & set(str(project))
    assert id is None or id not in [run.asked["id"] for run in RUNS], "a trial is kept twice"
    folder = Path(dir) / "wandb" / f"offline-run-{next(COUNT)}-{id}"
    RUNS.append(WandbRun(folder, asked))
    return RUNS[-1]


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the stand-ins in the places of the packages."""
    parts: Dict[str, Dict[str, Any]] = {
        "mlflow": {"MlflowClient": MlflowClient},
        "mlflow.entities": {"Metric": Metric, "Param": Param, "RunTag": RunTag},
        "mlflow.exceptions": {"MlflowException": MlflowException},
        "wandb": {"init": init, "Settings": WandbSettings},
    }
    for name, content in parts.items():
        module = ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)
    STORES.clear()
    RUNS.clear()


def forget(folder: Path) -> None:
    """Lose all that was kept."""
    STORES.clear()
    RUNS.clear()
    shutil.rmtree(str(folder / "wandb"), ignore_errors=True)


def the_store() -> Store:
    (store,) = STORES.values()
    return store


def wandb_trials() -> List[WandbRun]:
    return [run for run in RUNS if run.asked["job_type"] == "trial"]
