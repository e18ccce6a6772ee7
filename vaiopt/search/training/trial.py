"""What runs in a worker process: one trial from its point to its record.

A worker keeps what trials share (the data on the device, the model function) between its trials. It
never touches the study: it returns a record, and the search tells it to Optuna.
"""

from __future__ import annotations

import datetime
import errno
import os
import socket
import time
import traceback
from dataclasses import dataclass, field, replace
from typing import Any, Dict, List, Mapping, Optional, Tuple

from vaiopt.data import Splits, data_recipe
from vaiopt.data.batches import DeviceData
from vaiopt.data.preprocessing import Scaling
from vaiopt.errors import VaioptError
from vaiopt.hardware import costs as hardware_costs
from vaiopt.hardware import load_target
from vaiopt.keras import load_tensorflow, save_model, set_random_seed
from vaiopt.models import build, load_family
from vaiopt.models.input_scaling import without_scaling
from vaiopt.models.pretrained import Taken, take_weights
from vaiopt.models.probabilities import file_attributes
from vaiopt.record import write_record
from vaiopt.runs.layout import Run
from vaiopt.search.execution.gpus import check_gpu
from vaiopt.search.execution.limits import MemoryWatch
from vaiopt.search.training import fit
from vaiopt.search.training.afterwards import NOTHING, Afterwards
from vaiopt.search.training.fidelity import Climb, rungs
from vaiopt.search.training.folds import fold_splits, mean_curve, mean_metrics
from vaiopt.search.training.hypermodel import own_fit, run_fit
from vaiopt.search.training.judges import AnyJudge, make_judge
from vaiopt.search.training.leftovers import given_back
from vaiopt.search.training.options import (
    KERAS_BATCH,
    default_epochs,
    model_overrides,
    training_values,
)
from vaiopt.search.training.own_callbacks import own_callbacks
from vaiopt.search.training.parts import PARTS, TRAIN
from vaiopt.search.training.phases import Frozen, freeze
from vaiopt.search.training.precision import half_precision_twin, take_back
from vaiopt.search.training.progress import ProgressFile
from vaiopt.search.training.reports import SAMPLES, Pruning
from vaiopt.search.training.schedule import Schedule
from vaiopt.search.training.shared import Sized, shared_of
from vaiopt.search.training.tensorboard import write_logs
from vaiopt.search.training.validation import Validator
from vaiopt.settings import Settings
from vaiopt.study.hyperparameters import HyperParameters
from vaiopt.study.initial_weights import Histogram, histograms, write_initial_weights
from vaiopt.study.objective import Objective
from vaiopt.study.own_metrics import own_metrics
from vaiopt.study.record import COMPLETE, FAILED, INFEASIBLE, PRUNED, TrialRecord
from vaiopt.study.space import Space, Value
from vaiopt.user_code import message, named

FULL_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What the system says where there is no room for a file: on the disk, or within a limit."""


@dataclass(frozen=True)
class Job:
    """One trial, as it is sent to a worker.

    Attributes:
        folder: the run's.
        settings: of the run.
        number: of the trial.
        values: the point.
        memory_mb: at which the worker ends itself, or None.
        references: costs of the default point, for the objective.
        pruning: what the pruner needs to know of the other trials, or None.
        keep_above: with cross-validation, the score that a trial needs for its model to be kept
            (trained once more, on the regular split); None keeps any.
        on: what is trained on, a name of :data:`vaiopt.search.training.parts.PARTS`.
        afterwards: what the steps after the search will say of its model.
        space: all dimensions that are known.
    """

    folder: str
    settings: Settings
    number: int
    values: Mapping[str, Value]
    memory_mb: Optional[float] = None
    references: Mapping[str, float] = field(default_factory=dict)
    pruning: Optional[Pruning] = None
    keep_above: Optional[float] = None
    on: str = TRAIN
    afterwards: Afterwards = NOTHING
    space: Space = Space()

    def failed(self, reason: str, traceback: str = "") -> TrialRecord:
        """Return the record of this trial if it failed."""
        point = dict(self.values)
        return TrialRecord(self.number, FAILED, reason, hyperparameters=point, traceback=traceback)


def run_trial(job: Job) -> TrialRecord:
    """Run one trial, but for its objective. Whatever goes wrong becomes its reason."""
    started, began = _now(), time.perf_counter()
    with MemoryWatch(job.memory_mb) as memory:
        record = _guarded(job)
    return replace(
        record,
        started=started,
        finished=_now(),
        seconds=time.perf_counter() - began,
        peak_memory_mb=memory.peak_mb,
        worker=f"{os.getpid()}@{socket.gethostname()}",
    )


def _guarded(job: Job) -> TrialRecord:
    tf = load_tensorflow()
    with given_back():
        try:
            check_gpu(job.settings.search)
            return _Trial(job).run()
        except VaioptError as error:
            return job.failed(error.message)
        except (MemoryError, tf.errors.ResourceExhaustedError) as error:
            return job.failed(f"out of memory ({message(error)})")
        except Exception as error:
            # A user's model may raise anything while it trains; the search goes on, and the
            # traceback is kept.
            if isinstance(error, OSError) and error.errno in FULL_DISK:
                # It is no fault of the trial's: the search stops, and later runs it again.
                raise
            return job.failed(named(error), traceback.format_exc())
        finally:
            ProgressFile(Run(job.folder).progress(job.number)).remove()


class _Trial:
    """One trial under way: its model, built anew for each training of it."""

    def __init__(self, job: Job) -> None:
        settings = job.settings
        self._job = job
        self._settings = settings
        self._shared = shared_of(settings)
        self._overrides = model_overrides(settings)
        self._function = load_family(settings.model.family)
        self._own_fit = own_fit(self._function)
        self._model: Any = None
        self._scaling: Optional[Scaling] = None
        self._taken: Optional[Taken] = None
        self._fresh = False
        self._objective = Objective(settings.objective)
        self._costs: Dict[str, float] = {}
        self._initial_weights: Dict[str, Histogram] = {}
        self._judge: Optional[AnyJudge] = None
        self._rungs: Optional[Climb] = None
        self._run = Run(job.folder)
        self._progress = ProgressFile(self._run.progress(job.number))
        self._hp = self._hyperparameters()

    def run(self) -> TrialRecord:
        """Train, unless the costs are too high, and write what is kept."""
        job = self._job
        target = load_target(self._settings.hardware.target, self._settings.hardware.release)
        self._costs = hardware_costs(self._build(), target, self._settings.hardware.threads)
        record = TrialRecord(
            job.number,
            COMPLETE,
            hyperparameters=self._hp.point(),
            costs=self._costs,
            scaling=self._scaling,
            met=self._hp.met(),
        )
        broken = self._objective.infeasible(self._costs)
        if broken is not None:
            return replace(record, status=INFEASIBLE, reason=broken)
        try:
            job.afterwards.check(self._model)
            self._take_weights()
        except VaioptError as error:
            return replace(record, status=INFEASIBLE, reason=error.message)
        self._judge = make_judge(job.pruning, self._objective.prices(self._costs))
        outcomes = self._train()
        if self._rungs is not None and not outcomes[-1].pruned:
            self._rungs.end(outcomes[0].entry, len(self._regular_split().train))
        notes = self._judge.notes() if self._judge is not None else {}
        if self._rungs is not None:
            notes["samples"] = self._rungs.samples()
        record = replace(
            record,
            hyperparameters=self._hp.point(),
            pruning=notes,
            met=self._hp.met(),
            weights=str(self._taken or ""),
            samples=self._samples() if job.on == TRAIN else 0,
        )
        last = outcomes[-1]
        if last.pruned:
            return replace(record, status=PRUNED, reason=last.pruned, curve=last.curve)
        metrics, curve = fit.entry_metrics(last.entry), last.curve
        epoch: Optional[float] = last.entry.get("epoch")
        if len(outcomes) > 1:
            metrics = mean_metrics([outcome.entry for outcome in outcomes])
            curve, epoch = mean_curve([outcome.curve for outcome in outcomes]), None
        if self._is_kept(metrics):
            candidate = self._run.trial(job.number)
            model = self._final_model()
            save_model(model, candidate.model, file_attributes(model))
            write_initial_weights(candidate.initial_weights, self._initial_weights)
            dataset = self._data().dataset
            if dataset.request is not None:  # size of images and scaling are the trial's own
                write_record(candidate.data, data_recipe(dataset, self._splits()))
        if self._job.on != TRAIN:  # what was trained on validates nothing
            metrics, curve = _of_training(metrics), [_of_training(entry) for entry in curve]
        write_logs(self._run.tensorboard / f"{job.number:04d}", self._hp.point(), curve, metrics)
        return replace(record, metrics=metrics, curve=curve, epoch=epoch)

    def _hyperparameters(self) -> HyperParameters:
        hp = self._shared.hyperparameters(self._job.values, self._overrides)
        hp.know(self._job.space)
        return hp

    def _build(self, repeat: int = 0) -> Any:
        """Build the model, with the same initial weights each time; others for a repeat."""
        set_random_seed(self._seed(repeat))
        self._hp = self._hyperparameters()
        self._model, self._scaling, _ = without_scaling(build(self._function, self._hp))
        self._fresh = True
        return self._model

    def _take_weights(self) -> None:
        """Put the weights of the settings' file into the model. Raises ModelError."""
        if self._settings.model.weights:
            self._taken = take_weights(self._model, self._settings.model.weights)

    def _seed(self, repeat: int) -> int:
        return (self._settings.seed + repeat) % 2**32

    def _train(self) -> List[fit.Outcome]:
        """Train on the regular split, or on each fold, as often as it is to be repeated; a pruned
        training is the last. The model of the best training is kept.
        """
        parts, folds = [self._regular_split()], self._settings.train.folds
        if folds > 1:
            parts = fold_splits(parts[0], folds, self._settings.seed)
        plans = [(part, n) for part in parts for n in range(self._settings.train.repeats)]
        stopped = self._climb(parts[0])
        if stopped is not None:
            return [stopped]
        outcomes: List[fit.Outcome] = []
        best: Optional[Tuple[float, Any, Dict[str, Histogram]]] = None
        for place, (part, repeat) in enumerate(plans):
            outcomes.append(self._train_on(part, self._listeners(place, len(plans)), repeat))
            if outcomes[-1].pruned or len(plans) == 1:
                break
            score = self._score(outcomes[-1].entry)
            if self._objective.direction == "minimize":
                score = -score
            if best is None or score > best[0]:
                best = score, self._model, self._initial_weights
        if best is not None:
            _, self._model, self._initial_weights = best
        return outcomes

    def _climb(self, splits: Splits) -> Optional[fit.Outcome]:
        """Train on few samples first, where trials are judged by that; return how that ended if the
        trial is stopped there.
        """
        if self._judge is None or self._settings.search.fidelity != SAMPLES:
            return None
        self._rungs = Climb(self._judge, self._score)
        for rung in rungs(splits):
            outcome = self._train_on(rung.splits, fit.Listeners(score=self._score))
            reason = self._rungs.passes(rung, outcome)
            if reason:
                return replace(outcome, pruned=reason)
        return None

    def _samples(self) -> int:
        """Return on how many samples the metrics are counted: of folds on all but the test's."""
        splits = self._regular_split()
        given = (splits.validation, splits.train)[: 1 if self._settings.train.folds < 2 else 2]
        return sum(map(len, given))

    def _is_kept(self, metrics: fit.Metrics) -> bool:
        """Return whether the trial is among the best so far, whose models are kept."""
        least = self._job.keep_above
        if self._settings.train.folds < 2 or least is None:
            return True
        score = self._score(metrics)
        return score >= least if self._objective.direction == "maximize" else score <= least

    def _final_model(self) -> Any:
        """Return the model to keep; after cross-validation, one of the regular split."""
        if self._settings.train.folds >= 2:
            self._train_on(self._regular_split(), fit.Listeners())
        return self._model

    def _splits(self) -> Splits:
        values = training_values(self._hyperparameters())
        return self._data().splits(values.split, self._scaling)

    def _regular_split(self) -> Splits:
        return PARTS[self._job.on](self._splits())

    def _data(self) -> Sized:
        return self._shared.at(self._hp.values)

    def _score(self, metrics: fit.Metrics) -> float:
        return self._objective.score(metrics, self._costs, self._job.references)

    def _listeners(self, place: int, count: int) -> fit.Listeners:
        """Return who is told of one of the trainings of this trial. All are alike: the judge sees
        from the first whether the trial is hopeless.
        """

        def tell(epoch: int, epochs: int, value: Optional[float]) -> None:
            self._progress.write(place * epochs + epoch, count * epochs, value)

        judge = self._judge if place == 0 and self._rungs is None else None
        return fit.Listeners(judge, self._score, tell)

    def _train_on(self, splits: Splits, listeners: fit.Listeners, repeat: int = 0) -> fit.Outcome:
        if not self._fresh:
            self._build(repeat)
            self._take_weights()
        self._fresh = False
        model, device = self._model, self._data().device
        self._initial_weights = histograms(model)
        fit.ensure_compiled(model, self._shared.dataset)
        fit.keep_no_graph(model)
        asked = training_values(self._hyperparameters(), self._own_fit is not None)
        twin = half_precision_twin(model) if self._settings.train.mixed_precision else model
        frozen = freeze(twin, asked, self._taken)
        try:
            return self._fitted(twin, device, splits, listeners, repeat, frozen)
        finally:
            frozen.release()
            if twin is not model:
                take_back(model, twin)

    def _fitted(
        self,
        model: Any,
        device: DeviceData,
        splits: Splits,
        listeners: fit.Listeners,
        repeat: int,
        frozen: Frozen,
    ) -> fit.Outcome:
        if self._own_fit is None:
            values = training_values(self._hp)
            plan = self._plan(values.epochs, values.batch_size, repeat, frozen)
            plan = replace(plan, augment=values.augment)
            return fit.train(model, device, splits, plan, listeners)
        # A HyperModel's own ``fit`` may ask for epochs and batch size itself.
        asked = self._job.values
        epochs = int(asked.get("epochs") or default_epochs(self._hp.samples))
        batch_size = int(asked.get("batch_size") or KERAS_BATCH)
        plan = self._plan(epochs, batch_size, repeat, frozen)
        validator = Validator(model, device, splits, plan.batch_size, plan.own_metrics)
        follower = fit.Follower(validator, plan, 0, listeners)
        found = run_fit(self._own_fit, self._hp, model, device, splits, follower, plan)
        training_values(self._hp, fits_itself=True)
        return found

    def _plan(self, epochs: int, batch_size: int, repeat: int, frozen: Frozen) -> fit.Plan:
        train = self._settings.train
        return fit.Plan(
            epochs=epochs,
            batch_size=batch_size,
            seed=self._seed(repeat),
            metric=self._objective.metric,
            maximise=self._objective.direction == "maximize",
            patience=train.patience,
            schedule=Schedule(train.schedule, train.warmup),
            keep_best=train.keep == "best",
            callbacks=own_callbacks(train.callbacks, self._hp),
            class_weights=train.class_weights,
            frozen=frozen,
            own_metrics=own_metrics(self._settings.objective.metrics),
        )


def _of_training(entry: fit.Metrics) -> fit.Metrics:
    return {name: value for name, value in entry.items() if not name.startswith("val_")}


def _now() -> str:
    return datetime.datetime.utcnow().isoformat(timespec="milliseconds") + "Z"
