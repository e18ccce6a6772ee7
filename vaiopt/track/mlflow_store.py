"""Results in MLflow: a run for the search, below it one for each trial; in an SQLite file, or on a
server.

Only the client is used, which knows nothing of the run that a model function or a notebook may
have begun itself.
"""

from __future__ import annotations

import contextlib
import logging
import os
import time
from typing import Any, Dict, Iterator, List, Mapping, Sequence, Tuple

from vaiopt.study.record import COMPLETE, FAILED, REFIT
from vaiopt.text import without_password
from vaiopt.track import tracker
from vaiopt.track.tracker import About, Plain, Results, TrialContent, flat_names

PARENT, NUMBER = "mlflow.parentRunId", "vaiopt.trial"
AT_ONCE = 100
"""Metrics, parameters or tags that are sent together; MLflow takes no more."""
LONGEST = 500
"""Characters of a parameter or tag that every version of MLflow takes."""
ENDS = {tracker.FINISHED: "FINISHED", tracker.STOPPED: "KILLED", tracker.FAILED: "FAILED"}
STATES = {COMPLETE: "FINISHED", REFIT: "FINISHED", FAILED: "FAILED"}
"""Of trials; those that were pruned or refused are KILLED."""
DATABASE, ARTIFACTS = "mlflow.db", "mlartifacts"
"""As ``mlflow ui`` looks for them in its folder."""
ALIAS = "chosen"
"""Of the version of the registered model that the search chose last."""


class MlflowTracker(tracker.Tracker):
    """See :class:`vaiopt.track.tracker.Tracker`."""

    @classmethod
    def load(cls) -> None:
        """Import MLflow. It is asked to send no figures of its use, and to print no addresses among
        the results that programs read, unless somebody wants that.
        """
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
        from mlflow import MlflowClient  # noqa: F401

    def begin(self, key: str, about: About) -> str:
        """Begin the run of the search, or go on with it."""
        self._open()
        self._name = about.name
        self._experiment = self._experiment_id()
        self._children: Dict[int, str] = {}
        self._parent = self._found(key)
        if self._parent:
            self._children = self._known_children()
            self._client.update_run(self._parent, status="RUNNING")
            return self._parent
        self._parent = self._client.create_run(self._experiment, run_name=about.name).info.run_id
        self._log(self._parent, params=about.values)
        return self._parent

    def trial(self, content: TrialContent) -> None:
        """Make the run of a trial; one that a kill left half-written is written again."""
        child = self._children.get(content.number)
        if child is None:
            child = self._client.create_run(
                self._experiment,
                start_time=content.started or None,
                tags={PARENT: self._parent, NUMBER: str(content.number)},
                run_name=content.name,
            ).info.run_id
        tags: Dict[str, Plain] = {"vaiopt.status": content.status, "vaiopt.reason": content.reason}
        self._log(child, _metrics(content), content.point, tags)
        self._children[content.number] = child
        state = STATES.get(content.status, "KILLED")
        self._client.set_terminated(child, status=state, end_time=content.finished or None)

    def results(self, results: Results) -> List[str]:
        """Keep files with the chosen trial and with the search, and register the model."""
        for number, latency in results.measured.items():
            if number in self._children:
                self._client.log_metric(self._children[number], "measured_latency_ms", latency)
        values = [(name, value, 0) for name, value in flat_names(results.figures).items()]
        tags: Dict[str, Plain] = {"vaiopt.chosen": results.chosen, "vaiopt.reason": results.reason}
        self._log(self._parent, values, tags=tags)
        for file in results.files:
            self._client.log_artifact(self._parent, str(file.path), file.folder or None)
        chosen = self._children.get(results.chosen)
        if chosen is None or not results.model:
            return []
        for file in results.model:
            folder = "/".join(("model", file.folder)) if file.folder else "model"
            self._client.log_artifact(chosen, str(file.path), folder)
        return self._register(chosen)

    def end(self, how: str) -> None:
        """End the run of the search."""
        self._client.set_terminated(self._parent, status=ENDS[how])

    def _open(self) -> None:
        self.load()
        from mlflow import MlflowClient

        place = self.place
        if place.server:
            # MLflow would try for minutes, and the search would wait.
            os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
            os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
        else:
            place.folder.mkdir(parents=True, exist_ok=True)
        uri = place.server or f"sqlite:///{place.folder / DATABASE}"
        with _quiet():  # a new database is told of in many lines
            self._client = MlflowClient(tracking_uri=uri, registry_uri=uri)
            self._client.get_experiment_by_name(place.name)

    def _experiment_id(self) -> str:
        found = self._client.get_experiment_by_name(self.place.name)
        if found is not None:
            if found.lifecycle_stage != "active":
                raise ValueError(f"the experiment '{self.place.name}' was deleted there")
            return str(found.experiment_id)
        kept_in = None if self.place.server else (self.place.folder / ARTIFACTS).as_uri()
        return str(self._client.create_experiment(self.place.name, artifact_location=kept_in))

    def _found(self, key: str) -> str:
        """Return the key of the search's run if it is there, else nothing."""
        from mlflow.exceptions import MlflowException

        try:
            info = self._client.get_run(key).info if key else None
        except MlflowException:
            return ""
        is_there = info is not None and info.lifecycle_stage == "active"
        return key if is_there else ""

    def _known_children(self) -> Dict[int, str]:
        """Return the runs of trials by their number."""
        found: Dict[int, str] = {}
        token, wanted = None, f"tags.`{PARENT}` = '{self._parent}'"
        while True:
            page = self._client.search_runs(
                [self._experiment], filter_string=wanted, max_results=1000, page_token=token
            )
            for run in page:
                number = run.data.tags.get(NUMBER, "")
                if number.isdecimal():
                    found[int(number)] = run.info.run_id
            token = page.token
            if not token:
                return found

    def _log(
        self,
        run_id: str,
        metrics: Sequence[Tuple[str, float, int]] = (),
        params: Mapping[str, Plain] = {},
        tags: Mapping[str, Plain] = {},
    ) -> None:
        """Write metrics (name, value, step), parameters and tags of a run. Of a metric that is
        written again MLflow shows the later.
        """
        from mlflow.entities import Metric, Param, RunTag

        now = int(time.time() * 1000)
        rows = {
            "metrics": [Metric(name, value, now, step) for name, value, step in metrics],
            "params": [Param(n, _text(v)) for n, v in flat_names(params).items()],
            "tags": [RunTag(name, _text(value)) for name, value in tags.items()],
        }
        for kind, entries in rows.items():
            for start in range(0, len(entries), AT_ONCE):
                part: Dict[str, Any] = {kind: entries[start : start + AT_ONCE]}
                self._client.log_batch(run_id, **part)

    def _register(self, chosen: str) -> List[str]:
        """Register the model of the chosen trial's run, unless it is, and point to it."""
        from mlflow.exceptions import MlflowException

        name = next(iter(flat_names({self._name: None})))
        try:
            if not self._client.search_registered_models(filter_string=f"name='{name}'"):
                self._client.create_registered_model(name)
            found = self._client.search_model_versions(f"name='{name}'")
            version = next((v.version for v in found if v.run_id == chosen), None)
            if version is None:
                source = f"{self._client.get_run(chosen).info.artifact_uri}/model"
                made = self._client.create_model_version(name, source, chosen, await_creation_for=0)
                version = made.version
            self._client.set_registered_model_alias(name, ALIAS, str(version))
        except MlflowException as error:  # not every store has a registry
            said = without_password(str(error).partition("\n")[0][:200])
            return [f"mlflow registers no model there: {said}"]
        return []


def _metrics(content: TrialContent) -> List[Tuple[str, float, int]]:
    """Return the metrics of a trial: name, value, step. The plain name is that of the kept epoch,
    and of the costs; ``epoch/NAME`` is the curve.
    """
    found = [(name, value, 0) for name, value in flat_names(content.figures).items()]
    for series in content.series:
        for step, values in series.rows:
            named = flat_names(values).items()
            found += [(f"{series.name}/{name}", value, step) for name, value in named]
    return found


def _text(value: Any) -> str:
    return str(value)[:LONGEST]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep what MLflow tells of its tables from the terminal."""
    loggers = [logging.getLogger(name) for name in ("mlflow", "alembic")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.WARNING)
        yield
    finally:
        for logger, level in zip(loggers, levels):
            logger.setLevel(level)
