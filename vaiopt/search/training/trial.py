"""What runs in a worker process: tracing the space, and one trial from its point to its record.

A worker keeps what trials share (the data on the device, the model function) between its trials. It
never touches the study: it returns a record, and the search tells it to Optuna.
"""

from __future__ import annotations

import datetime
import errno
import gc
import os
import socket
import time
import traceback
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional

from vaiopt.data import Splits
from vaiopt.errors import VaioptError
from vaiopt.hardware import costs as hardware_costs
from vaiopt.hardware import load_target
from vaiopt.keras import load_tensorflow, save_model
from vaiopt.models import build
from vaiopt.runs.layout import Run
from vaiopt.search.execution.limits import MemoryWatch
from vaiopt.search.training.fit import (
    Outcome,
    Plan,
    Tell,
    keep_no_graph,
    make_callback,
    silent,
    train,
)
from vaiopt.search.training.folds import fold_splits, mean_curve, mean_metrics
from vaiopt.search.training.hypermodel import load_model_function, own_fit, run_fit, trace_fit
from vaiopt.search.training.options import default_epochs, model_overrides, training_values
from vaiopt.search.training.progress import ProgressFile
from vaiopt.search.training.pruning import Judge, Pruning
from vaiopt.search.training.shared import Shared, hyperparameters, shared_of
from vaiopt.search.training.tensorboard import write_logs
from vaiopt.search.training.validation import Validator
from vaiopt.settings import Settings, settings_from_dict
from vaiopt.study.hyperparameters import HyperParameters
from vaiopt.study.initial_weights import Histogram, histograms, write_initial_weights
from vaiopt.study.objective import Objective
from vaiopt.study.record import COMPLETE, FAILED, INFEASIBLE, PRUNED, TrialRecord
from vaiopt.study.space import Value
from vaiopt.study.trace import check_overrides, trace_space
from vaiopt.tasks.classification import _compile_if_needed


@dataclass(frozen=True)
class Job:
    """One trial, as it is sent to a worker: plain values only.

    Attributes:
        folder: the run's.
        settings: of the run, as :meth:`Settings.to_dict` gives them.
        number: of the trial.
        values: the point.
        memory_mb: at which the worker ends itself, or None.
        references: costs of the default point, for the objective.
        pruning: what the pruner needs to know of the other trials, or None.
        keep_above: with cross-validation, the score that a trial needs for its model to be kept
            (trained once more, on the regular split); None keeps any.
    """

    folder: str
    settings: Mapping[str, Any]
    number: int
    values: Mapping[str, Value]
    memory_mb: Optional[float] = None
    references: Mapping[str, float] = field(default_factory=dict)
    pruning: Optional[Pruning] = None
    keep_above: Optional[float] = None


@dataclass(frozen=True)
class Description:
    """What is known before the first trial.

    Attributes:
        space: the traced search space, as JSON.
        splits: samples in each part at the default point.
        costs: of the default point.
    """

    space: Mapping[str, Any]
    splits: Mapping[str, int]
    costs: Mapping[str, float]


def describe_search(settings_dict: Mapping[str, Any]) -> Description:
    """Load the data, trace the space and check that the default point builds.

    Raises:
        VaioptError: of the data, the model function, the target or the settings.
    """
    settings = settings_from_dict(settings_dict)
    shared = shared_of(settings)
    function = load_model_function(settings.model.family)
    fit = own_fit(function)
    overrides = model_overrides(settings)
    Objective(settings.objective)
    load_target(settings.hardware.target, settings.hardware.release)

    def ask(hp: HyperParameters) -> None:
        model = build(function, hp)
        if fit is not None:
            _compile_if_needed(model)
            trace_fit(fit, hp, model, shared.splits((7.0, 2.0, 1.0)))
        training_values(hp)

    def make(values: Mapping[str, Value]) -> HyperParameters:
        return hyperparameters(values, overrides, shared)

    space = trace_space(ask, make)
    check_overrides(space, overrides)
    hp = make(space.defaults())
    ask(hp)
    model = build(function, make(space.defaults()))
    splits = shared.splits(training_values(hp)["split"])
    if settings.train.folds > 1:
        fold_splits(splits, settings.train.folds, settings.seed)
    return Description(space.to_json(), splits.sizes(), hardware_costs(model, _target(settings)))


def run_trial(job: Job) -> Dict[str, Any]:
    """Run one trial and return its :class:`TrialRecord` as JSON. Whatever goes wrong within the
    trial becomes its reason.
    """
    started = time.perf_counter()
    times = {"started": _now(), "worker": f"{os.getpid()}@{socket.gethostname()}"}
    with MemoryWatch(job.memory_mb) as watch:
        record = _guarded(job)
    record.update(
        times, seconds=time.perf_counter() - started, peak_memory_mb=watch.peak_mb, finished=_now()
    )
    return TrialRecord(number=job.number, **record).to_json()


def _guarded(job: Job) -> Dict[str, Any]:
    tf = load_tensorflow()
    # What is there before the trial is set aside: looking through all of TensorFlow's modules would
    # make the collection below take 0.25 s.
    gc.freeze()
    try:
        return _trial(job)
    except VaioptError as error:
        return {"status": FAILED, "reason": error.message, "hyperparameters": dict(job.values)}
    except (MemoryError, tf.errors.ResourceExhaustedError) as error:
        return {
            "status": FAILED,
            "reason": f"out of memory ({_message(error)})",
            "hyperparameters": dict(job.values),
        }
    except Exception as error:
        # A user's model may raise anything while it trains; the search goes on, and the traceback
        # is kept.
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            # a full disk is no fault of the trial's: the search stops, and later runs it again
            raise
        reason = f"{type(error).__name__}: {_message(error)}"
        return {
            "status": FAILED,
            "reason": reason,
            "hyperparameters": dict(job.values),
            "traceback": traceback.format_exc(),
        }
    finally:
        ProgressFile(Run(job.folder).progress(job.number)).remove()
        # Without the collection each model's graph stays alive and memory grows from trial to
        # trial.
        tf.keras.backend.clear_session()
        gc.collect()
        gc.unfreeze()


def _trial(job: Job) -> Dict[str, Any]:
    settings = settings_from_dict(job.settings)
    trial = _Trial(job, settings, shared_of(settings))
    costs = hardware_costs(trial.build(), _target(settings))
    known = {"hyperparameters": dict(trial.hp.values), "costs": costs}
    broken = trial.objective.infeasible(costs)
    if broken is not None:
        return {"status": INFEASIBLE, "reason": broken, **known}
    trial.costs = costs
    outcomes = trial.train()
    known["hyperparameters"] = dict(trial.hp.values)
    if trial.judge is not None:
        known["pruning"] = trial.judge.notes()
    if outcomes[-1].pruned:
        return {
            "status": PRUNED,
            "reason": outcomes[-1].pruned,
            "curve": outcomes[-1].curve,
            **known,
        }
    curves = [outcome.curve for outcome in outcomes]
    if len(curves) > 1:
        metrics, curve = mean_metrics(curves), mean_curve(curves)
    else:
        metrics, curve = (
            {
                name: value
                for name, value in curves[0][-1].items()
                if name not in ("epoch", "seconds")
            },
            curves[0],
        )
    run = Run(job.folder)
    if trial.is_kept(metrics):
        save_model(trial.final_model(), run.trial(job.number) / "model.h5")
        write_initial_weights(
            run.trial(job.number) / run.initial_weights.name, trial.initial_weights
        )
    write_logs(run.tensorboard / f"{job.number:04d}", trial.hp.values, curve, metrics)
    return {"status": COMPLETE, "metrics": metrics, "curve": curve, **known}


class _Trial:
    """One trial under way: its model, built anew for each training of it."""

    def __init__(self, job: Job, settings: Settings, shared: Shared) -> None:
        self._job = job
        self._settings = settings
        self._shared = shared
        self._function = load_model_function(settings.model.family)
        self._fit = own_fit(self._function)
        self._model: Any = None
        self._fresh = False
        self.objective = Objective(settings.objective)
        self.costs: Mapping[str, float] = {}
        self.initial_weights: Dict[str, Histogram] = {}
        self.judge = Judge(job.pruning) if job.pruning is not None else None
        self._progress = ProgressFile(Run(job.folder).progress(job.number))
        self.hp = self._hyperparameters()

    def _hyperparameters(self) -> HyperParameters:
        return hyperparameters(self._job.values, model_overrides(self._settings), self._shared)

    def build(self) -> Any:
        """Build the model, with the same initial weights each time."""
        load_tensorflow().keras.utils.set_random_seed(self._settings.seed)
        self.hp = self._hyperparameters()
        self._model = build(self._function, self.hp)
        self._fresh = True
        return self._model

    def train(self) -> List[Outcome]:
        """Train on the regular split, or on each fold; a pruned one is the last."""
        regular = self._regular_split()
        folds = self._settings.train.folds
        if folds < 2:
            return [self._train_on(regular, self.judge, self._teller(0, 1))]
        outcomes = []
        for number, splits in enumerate(fold_splits(regular, folds, self._settings.seed)):
            # All folds are alike: the first is enough to see that a trial is hopeless.
            outcomes.append(
                self._train_on(
                    splits, self.judge if number == 0 else None, self._teller(number, folds)
                )
            )
            if outcomes[-1].pruned:
                break
        return outcomes

    def is_kept(self, metrics: Mapping[str, float]) -> bool:
        """Return whether the trial is among the best so far, whose models are kept."""
        least = self._job.keep_above
        if self._settings.train.folds < 2 or least is None:
            return True
        score = self._score(metrics)
        return score >= least if self.objective.direction == "maximize" else score <= least

    def final_model(self) -> Any:
        """Return the model to keep: as trained, or, after cross-validation, trained once more on
        the regular split.
        """
        if self._settings.train.folds >= 2:
            self._train_on(self._regular_split(), None, silent)
        return self._model

    def _regular_split(self) -> Splits:
        return self._shared.splits(training_values(self._hyperparameters())["split"])

    def _score(self, metrics: Mapping[str, float]) -> float:
        return self.objective.score(metrics, self.costs, self._job.references)

    def _teller(self, fold: int, folds: int) -> Tell:
        """Return what keeps the progress file up to date in one of the trainings of this trial."""
        return lambda epoch, epochs, value: self._progress.write(
            fold * epochs + epoch, folds * epochs, value
        )

    def _train_on(self, splits: Splits, judge: Optional[Judge], tell: Tell) -> Outcome:
        if not self._fresh:
            self.build()
        self._fresh = False
        model, device = self._model, self._shared.device
        self.initial_weights = histograms(model)
        _compile_if_needed(model)
        keep_no_graph(model)
        if self._fit is not None:
            return self._train_by_fit(self._fit, splits, judge, tell)
        values = training_values(self.hp)
        return train(
            model,
            device,
            splits,
            self._plan(values["epochs"], values["batch_size"]),
            judge,
            self._score,
            tell,
        )

    def _train_by_fit(
        self, fit: Any, splits: Splits, judge: Optional[Judge], tell: Tell
    ) -> Outcome:
        """Train by a HyperModel's own ``fit``, which may ask for epochs and batch size itself."""
        epochs = int(self._job.values.get("epochs") or default_epochs(self.hp.samples))
        plan = self._plan(epochs, 1)
        callback = make_callback(
            Validator(self._model, self._shared.device, splits), plan, 0, judge, self._score, tell
        )
        found = run_fit(
            fit, self.hp, self._model, self._shared.device, splits, callback, epochs, plan.metric
        )
        training_values(self.hp)
        return found

    def _plan(self, epochs: int, batch_size: int) -> Plan:
        return Plan(
            epochs=epochs,
            batch_size=batch_size,
            seed=self._settings.seed,
            metric=self.objective.metric,
            maximise=self.objective.direction == "maximize",
            patience=self._settings.train.patience,
            schedule=self._settings.train.schedule,
        )


def _target(settings: Settings) -> Any:
    return load_target(settings.hardware.target, settings.hardware.release)


def _now() -> str:
    return datetime.datetime.utcnow().isoformat(timespec="milliseconds") + "Z"


def _message(error: BaseException) -> str:
    """Return what an error says in one line; TensorFlow puts the cause of a failure within user
    code last.
    """
    text = str(error).strip().splitlines()
    if not text:
        return "no message"
    return (text[-1] if text[0].endswith("in user code:") else text[0]).strip()[:300]
