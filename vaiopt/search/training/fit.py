"""Training of one model: the epochs, validation after each, and when to stop."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Callable, Dict, List, Mapping, MutableMapping, Optional, Sequence, Tuple

import numpy as np

from vaiopt.data import Dataset, Splits
from vaiopt.data.augment import augmented, frame_of, mixes_labels
from vaiopt.data.batches import DeviceData
from vaiopt.errors import VaioptError
from vaiopt.keras import load_tensorflow
from vaiopt.models.loss_weights import counted_weights, loss_axes
from vaiopt.search.training.judges import AnyJudge
from vaiopt.search.training.phases import NONE as NOTHING_FROZEN
from vaiopt.search.training.phases import Frozen, Thawing, build_optimizer, thawing_callbacks
from vaiopt.search.training.reports import Pruned
from vaiopt.search.training.schedule import CONSTANT, Schedule, schedule_callbacks
from vaiopt.search.training.soft_labels import soft_labels
from vaiopt.search.training.validation import Validator
from vaiopt.search.training.weights import label_weights
from vaiopt.study.own_metrics import OwnMetrics
from vaiopt.tasks import task_of
from vaiopt.tasks.class_weights import NONE

Metrics = Dict[str, float]

BATCHES_IN_ONE_GO = 20
"""Batches that TensorFlow runs before Python has its turn: 1.4 times faster for a small MLP on much
data, 1.08 for a CNN.
"""
BATCHES_THAT_PAY_FOR_BLOCKS = 1000
"""Batches of a training from which that pays: to build the loop costs 0.2 s of CPU time, as much as
it saves in some hundred batches.
"""


class NotANumber(VaioptError):
    """The loss became NaN or infinite."""

    code = "nan"


@dataclass(frozen=True)
class Plan:
    """How a model is trained.

    Attributes:
        epochs, batch_size: as usual.
        seed: of the order of the samples.
        metric: what early stopping looks at.
        maximise: whether it is better when higher.
        patience: epochs without a better one before stopping; 0 never stops.
        schedule: of the learning rate.
        keep_best: whether the weights of the best epoch are kept, not those of the last.
        callbacks: Keras's, a person's own.
        steps_per_execution: batches that TensorFlow runs before Python has its turn; see
            docs/performance.md.
        class_weights: how much the samples of each class count; as ``train.class_weights``.
        frozen: layers that keep their weights.
        own_metrics: of a person's own, None without.
        augment: how strong each operation of augmentation is, by its name.
    """

    epochs: int
    batch_size: int
    seed: int
    metric: str
    maximise: bool
    patience: int
    schedule: Schedule = CONSTANT
    keep_best: bool = True
    callbacks: Sequence[Any] = ()
    steps_per_execution: int = BATCHES_IN_ONE_GO
    class_weights: Any = NONE
    frozen: Frozen = NOTHING_FROZEN
    own_metrics: Optional[OwnMetrics] = None
    augment: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Listeners:
    """Who is told how a training goes.

    Attributes:
        judge: told the objective now and then; may stop the training.
        score: the objective, of metrics that hold at least ``plan.metric``.
        tell: told how many epochs have ended, of how many, and the validation metric of the
            objective after them (None before the first).
    """

    judge: Optional[AnyJudge] = None
    score: Callable[[Metrics], float] = lambda metrics: 0.0
    tell: Callable[[int, int, Optional[float]], None] = lambda epoch, epochs, value: None


@dataclass(frozen=True)
class Outcome:
    """What a training came to.

    Attributes:
        curve: one entry per epoch; of a pruned one, the last may stand for a part of an epoch.
        pruned: why it was stopped, empty if it was not.
        kept: the entry whose weights the model has.
    """

    curve: List[Metrics]
    pruned: str = ""
    kept: int = -1

    @property
    def entry(self) -> Metrics:
        """The entry of the curve whose weights the model has."""
        return self.curve[self.kept]


def train(
    model: Any,
    device: DeviceData,
    splits: Splits,
    plan: Plan,
    listeners: Optional[Listeners] = None,
) -> Outcome:
    """Train a compiled model.

    Args:
        model: compiled.
        device: the samples.
        splits: which of them are for what.
        plan: how.
        listeners: who is told.

    Raises:
        NotANumber: the training or validation loss is not finite.
    """
    with soft_labels(model, mixes_labels(plan.augment)):
        return _train(model, device, splits, plan, listeners or Listeners())


def _train(
    model: Any, device: DeviceData, splits: Splits, plan: Plan, listeners: Listeners
) -> Outcome:
    part = splits.train
    steps = math.ceil(len(part) / min(plan.batch_size, len(part)))
    validator = Validator(model, device, splits, plan.batch_size, plan.own_metrics)
    follower = Follower(validator, plan, steps, listeners)
    labels = device.labels(model, part.indices, splits.targets)
    own = label_weights(splits, plan.class_weights)
    data = device.batches(
        part.indices,
        splits.preprocessing,
        plan.batch_size,
        labels=labels,
        weights=counted_weights(splits.task, model, part.y, labels, own),
        shuffle_seed=plan.seed,
    )
    sample = device.one(part.indices, splits.preprocessing, labels)
    frame = frame_of(splits.preprocessing, splits.task)
    weighs = not splits.task.like_samples or loss_axes(model, labels) > 1
    data = augmented(data, plan.augment, plan.seed, frame, weighs_parts=weighs)
    _make_variables(model, sample, plan.frozen.later())
    if steps * plan.epochs >= BATCHES_THAT_PAY_FOR_BLOCKS and not plan.callbacks:
        judge = listeners.judge
        most = steps if judge is None else max(1, steps // judge.per_epoch)
        _run_in_blocks(model, min(plan.steps_per_execution, most))
    model.fit(data, epochs=plan.epochs, verbose=0, callbacks=callbacks_of(follower, model, plan))
    return follower.outcome()


def callbacks_of(follower: Follower, model: Any, plan: Plan) -> List[Any]:
    """Return what Keras tells of a training: the follower first, whose validation metrics those
    after it find among their ``logs``; a person's own last.
    """
    thawing = Thawing(plan.frozen)
    schedule = schedule_callbacks(
        model, plan.schedule, plan.metric, plan.maximise, lambda: thawing.factor
    )
    phases = thawing_callbacks(thawing, plan.frozen)
    return [keras_callback(follower), *phases, *schedule, *plan.callbacks]


def ensure_compiled(model: Any, dataset: Dataset) -> None:
    """Compile a model whose function did not, with Adam and the task's loss."""
    if model.optimizer is None:
        task_of(dataset.task).compile(model, "adam")


def _make_variables(model: Any, sample: Any, later: List[Any]) -> None:
    """Make the variables of a compiled model's optimizer and metrics, which Keras leaves to the
    first training step.

    A function that makes variables is traced a second time without them: half a second a trial, and
    a graph that TensorFlow never frees.

    Args:
        model: compiled.
        sample: one sample and its label, as a batch.
        later: weights that are trained from a later epoch on.
    """
    build_optimizer(model, later)
    x, y = sample
    predicted = model(x, training=False)
    model.compiled_loss(y, predicted, regularization_losses=model.losses)
    model.compiled_metrics.update_state(y, predicted)
    model.reset_metrics()


def keep_no_graph(model: Any) -> None:
    """Let the optimizer of a model on one device apply its gradients without adding them up over
    devices first.

    Keras from 2.11 on does that even with one, by a function with a gradient of its own; such
    functions TensorFlow registers for good, and with this one the graph of the training step and
    all weights that it reads: a search would grow by each model it trained. A model on several
    devices, and an optimizer that adds up in a way of its own, are left as they are.

    Args:
        model: compiled.
    """
    found = getattr(type(model.optimizer), "aggregate_gradients", None)
    is_keras = found is not None and found.__module__.split(".")[0] in ("keras", "tf_keras")
    if is_keras and model.distribute_strategy.num_replicas_in_sync == 1:
        model.optimizer.aggregate_gradients = lambda grads_and_vars: grads_and_vars


def _run_in_blocks(model: Any, steps: int) -> None:
    """Let ``fit`` run several batches in one call of TensorFlow, unless the model function chose
    that itself or runs eagerly.

    Keras 2 takes the number in ``compile`` only, which has been called, so this is what ``compile``
    calls.
    """
    configure = getattr(model, "_configure_steps_per_execution", None)
    chosen = getattr(model, "_steps_per_execution", None)
    if configure is None or model.run_eagerly or (chosen is not None and int(chosen) != 1):
        return
    configure(steps)


class Follower:
    """Follows a training: validates after every epoch, keeps the curve and the best weights,
    reports within an epoch, and stops on NaN, for want of progress, or when the judge says so.

    Args:
        validate: gives the validation metrics.
        plan: of the training.
        steps: batches in an epoch, 0 if unknown: then there are no reports within an epoch.
        listeners: who is told.
    """

    def __init__(self, validate: Validator, plan: Plan, steps: int, listeners: Listeners) -> None:
        self.stop = False
        self._curve: List[Metrics] = []
        self._failure: Optional[VaioptError] = None
        self._validate, self._plan, self._steps = validate, plan, steps
        self._listeners = listeners
        self._epoch = 0
        self._started = time.perf_counter()
        self._reported = 0
        self._best, self._best_loss = -math.inf, math.inf
        self._best_entry = self._improved = -1
        self._best_weights: List[Tuple[Any, Any]] = []

    def outcome(self, restore: bool = True) -> Outcome:
        """Return what was seen, after giving the model the weights of the best epoch.

        Args:
            restore: False leaves the model as it is.

        Raises:
            VaioptError: what made the training stop, unless that was the pruner.
        """
        curve = list(self._curve)
        if isinstance(self._failure, Pruned):
            return Outcome(curve, self._failure.message)
        if self._failure is not None:
            raise self._failure
        if not (restore and self._plan.keep_best and self._best_weights):
            return Outcome(curve, kept=len(curve) - 1)
        for variable, value in self._best_weights:
            variable.assign(value)
        return Outcome(curve, kept=self._best_entry)

    def begin(self, epoch: int) -> None:
        """Take note that an epoch (from 0) starts."""
        self._epoch, self._reported, self._started = epoch, 0, time.perf_counter()
        if epoch == 0:
            self._listeners.tell(0, self._plan.epochs, None)

    def prepare(self) -> None:
        """Make the model ready for a validation by Keras itself, as a fit of its own may ask for
        one.
        """
        self._validate.prepare()

    def within(self, batches: int, logs: Optional[Mapping[str, Any]]) -> None:
        """Report, if it is time for it, after a number of batches of this epoch."""
        judge, steps = self._listeners.judge, self._steps
        if judge is None or batches >= steps or self.stop:
            return
        share = batches * judge.per_epoch // steps
        if share <= self._reported:
            return
        self._reported = share
        trained = numbers_of(logs)
        if not self._finite(trained):
            return
        found = self._validate.quick()
        if self._plan.metric in found:
            entry = {"epoch": self._epoch + batches / steps, **found, **trained}
            entry["seconds"] = time.perf_counter() - self._started
            self._report(judge, self._epoch * judge.per_epoch + share, entry, last=False)

    def end(self, epoch: int, logs: Optional[MutableMapping[str, Any]], model: Any = None) -> None:
        """Validate, keep the entry of the curve, and decide whether to go on.

        Args:
            epoch: from 0.
            logs: of Keras; what they lack of the entry is added.
            model: that is trained.
        """
        if self._failure is not None:
            return
        # What a training of its own says of the validation data counts more than what is measured
        # here.
        entry = {"epoch": float(epoch + 1), **self._validate(), **numbers_of(logs)}
        entry["seconds"] = time.perf_counter() - self._started
        if not self._finite(entry):
            return
        self._curve.append(entry)
        if logs is not None:
            logs.update(entry_metrics(entry))
        self._listeners.tell(epoch + 1, self._plan.epochs, entry.get(self._plan.metric))
        if self._plan.metric not in entry:
            return
        self._note_best(entry, model)
        judge = self._listeners.judge
        if judge is not None:
            last = self.stop or epoch + 1 >= self._plan.epochs
            self._report(judge, (epoch + 1) * judge.per_epoch, entry, last)

    def _finite(self, entry: Metrics) -> bool:
        for name in ("loss", "val_loss"):
            if not math.isfinite(entry.get(name, 0.0)):
                text = f"{name} became {entry[name]} in epoch {self._epoch + 1}"
                self._failure = NotANumber(text, "Try a lower learning rate.")
                self.stop = True
                return False
        return True

    def _report(self, judge: AnyJudge, step: int, entry: Metrics, last: bool) -> None:
        try:
            judge.report(step, self._listeners.score(entry), last)
        except Pruned as stop:
            if not self._curve or self._curve[-1] is not entry:
                self._curve.append(entry)
            self._failure, self.stop = stop, True

    def _note_best(self, entry: Metrics, model: Any) -> None:
        """Keep the weights of an epoch that is better than all before, or lose patience. Of equal
        ones, as there are many where few samples are counted, that of the lowest loss is kept.
        """
        value = entry[self._plan.metric] if self._plan.maximise else -entry[self._plan.metric]
        loss = entry.get("val_loss", math.inf)
        if value > self._best or (value == self._best and loss < self._best_loss):
            if value > self._best:
                self._improved = len(self._curve) - 1
            self._best, self._best_loss, self._best_entry = value, loss, len(self._curve) - 1
            if self._plan.keep_best and model is not None:
                self._best_weights = [(v, v.numpy()) for v in model.variables]
        if self._plan.patience:
            self.stop = len(self._curve) - 1 - self._improved >= self._plan.patience


def entry_metrics(entry: Mapping[str, float]) -> Metrics:
    """Return the metrics of an entry of a learning curve: all but the epoch and the seconds."""
    return {name: value for name, value in entry.items() if name not in ("epoch", "seconds")}


def numbers_of(logs: Optional[Mapping[str, Any]]) -> Metrics:
    """Return what is one number each of what Keras or a person's code reports; a metric of each
    class, or none at all, is left out.
    """
    found = {name: np.asarray(value) for name, value in (logs or {}).items()}
    single = {n: v.reshape(()) for n, v in found.items() if v.size == 1 and v.dtype.kind in "fiub"}
    return {name: float(value) for name, value in single.items()}


def keras_callback(follower: Follower) -> Any:
    """Return a Keras callback that tells a follower what happens, and stops when it says so."""
    return _callback_class()(follower)


@lru_cache(maxsize=1)
def _callback_class() -> Any:
    """Return the callback's class, made when it is first needed because its base is Keras's, and
    once.

    A class made anew for each training would be kept by TensorFlow, and with it what its methods
    close over: the model.
    """
    keras = load_tensorflow().keras

    class Following(keras.callbacks.Callback):  # type: ignore[misc, name-defined]
        """Tells a follower."""

        # Without this Keras gives it a copy of the logs, and later callbacks another one.
        _supports_tf_logs = True

        def __init__(self, follower: Follower) -> None:
            super().__init__()
            self._follower = follower

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self._follower.begin(epoch)

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self._follower.within(batch + 1, logs)
            self._obey()

        def on_test_begin(self, logs: Any = None) -> None:
            self._follower.prepare()

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self._follower.end(epoch, logs, self.model)
            self._obey()

        def _obey(self) -> None:
            if self._follower.stop:
                self.model.stop_training = True

    return Following
