"""What is checked of a search once its data, its model function and its space are known, before the
first trial: settings that cannot work with them are refused here, not in the trials.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Callable, List, Mapping, Optional

import numpy as np

from vaiopt.data import Splits
from vaiopt.data.augment import OPERATIONS, frame_of, mixes_labels, refusal
from vaiopt.errors import ModelError, SettingsError, did_you_mean
from vaiopt.hardware import Target
from vaiopt.models.loss_weights import counted_weights
from vaiopt.models.pretrained import take_weights
from vaiopt.models.probabilities import last_function
from vaiopt.network.file import SOFTMAX
from vaiopt.search.training.hypermodel import FitCall
from vaiopt.search.training.options import parse_split, training_values
from vaiopt.search.training.own_callbacks import own_callbacks
from vaiopt.search.training.phases import freeze, frozen_layers
from vaiopt.search.training.precision import half_precision_twin
from vaiopt.search.training.schedule import CONSTANT, own_schedule
from vaiopt.search.training.shared import Shared
from vaiopt.search.training.soft_labels import label_problem
from vaiopt.search.training.validation import Validator
from vaiopt.search.training.weights import label_weights
from vaiopt.settings import Settings, together
from vaiopt.settings.choices import NOTHING_FROZEN
from vaiopt.settings.ranges import Range, is_range, parse_range
from vaiopt.study.hyperparameters import HyperParameters
from vaiopt.study.objective import Objective
from vaiopt.study.own_metrics import own_metrics
from vaiopt.study.space import Space, Value
from vaiopt.study.trace import BuildFailed
from vaiopt.tasks import Task
from vaiopt.tasks.joined import parts_of
from vaiopt.tasks.loss_forms import loss_names

FEW = 64
"""Validation samples from which the names of a model's metrics are known."""


def check_splits(shared: Shared, settings: Settings) -> None:
    """Make each split that is searched, so that none fails in its trials. Raises DataError."""
    if is_range(settings.data.split):
        for text in parse_range("data.split", settings.data.split).values:
            shared.splits(parse_split(str(text)))


def check_costs(settings: Settings, costs: Mapping[str, float], target: Target) -> None:
    """Check that the costs which the objective names are known, and weigh something.

    Args:
        settings: of the run.
        costs: of the default point.
        target: that they are of.

    Raises:
        SettingsError: one is not known on this target, or 0 there.
    """
    objective = settings.objective
    for name, weight in objective.weights.items():
        if weight and not objective.references.get(name, costs.get(name, 0.0)) > 0:
            raise SettingsError(
                f"objective.weights.{name} weighs nothing: the default point's {name} on"
                f" '{target.name}' is {costs.get(name, 0.0):g}",
                f"Leave it out, or give a reference: --set objective.references.{name}=1.0",
            )
    for name, (limit, _) in Objective(objective).limits.items():
        if limit.cost not in costs:
            raise SettingsError(
                f"objective.{name} limits what is not known on '{target.name}'", "Leave it out."
            )
    for name in objective.front:
        if not costs.get(name, 0.0) > 0:
            raise SettingsError(
                f"objective.front names {name}, and the default point's on '{target.name}' is"
                f" {costs.get(name, 0.0):g}",
                "Leave it out, or name a board: --target zcu102",
            )
    if objective.dpu_only and not target.device.accelerator:
        raise SettingsError(
            f"objective.dpu_only is set, and the target '{target.name}' has no DPU",
            "Leave it out, or name a board: --target zcu102",
        )
    metric = Objective(objective).metric
    value = Objective(objective).score({metric: 1.0}, costs, costs)
    if not (math.isfinite(value) and value > 0):
        raise SettingsError(
            f"the soft costs of the default point come to a factor of {value:g}",
            "Give smaller weights, or references of the size of the costs.",
        )


def check_memory(settings: Settings, taken: float) -> None:
    """Check that the limit of memory is above what a worker has before its first trial.

    Args:
        settings: of the run.
        taken: memory in MB of a process that has loaded the data and TensorFlow, and no model.

    Raises:
        SettingsError: it is not.
    """
    search = settings.search
    if search.workers and not search.scheduler and 0 < search.trial_memory_mb <= taken:
        raise SettingsError(
            f"search.trial_memory_mb is {search.trial_memory_mb:g}, and a worker takes"
            f" {taken:.0f} MB before its first trial",
            f"Give some {3 * math.ceil(taken / 100) * 100} or more, or 0.",
        )


def check_choices(
    overrides: Mapping[str, Any],
    space: Space,
    build: Callable[[Mapping[str, Value]], Any],
) -> None:
    """Build the default point with each name that the settings let be chosen, such as those of
    optimizers: a misspelt one would fail in each of its trials.

    Args:
        overrides: of the settings, by hyperparameter.
        space: all dimensions.
        build: builds the model of a point. Raises BuildFailed.

    Raises:
        SettingsError: there is no model with such a name.
    """
    for name, given in overrides.items():
        if name in ("split", "freeze") or not isinstance(given, Range) or given.kind != "choice":
            continue
        for value in given.values:
            if not isinstance(value, str) or value == space.defaults().get(name):
                continue
            try:
                build({**space.defaults(), name: value})
            except BuildFailed as error:
                key = "train" if name in together.TRAINED_WITH else "model.hyperparameters"
                raise SettingsError(
                    f"{key}.{name} cannot be '{value}': {error.message}", error.hint
                ) from error


def check_loss(model: Any, task: Task) -> None:
    """Check that a compiled model's loss fits what is learned.

    Args:
        model: of the default point, compiled.
        task: of the data.

    Raises:
        ModelError: it contradicts the task, so that nothing would be learned.
    """
    for name, learned, end in task.ends(model):
        names, outputs = loss_names(end), int(end.output_shape[-1])
        if outputs == 1 and last_function(end) == SOFTMAX:
            raise ModelError(
                "the model ends in a softmax of one output, which is 1 whatever is learned",
                "End with activation='sigmoid', or with as many outputs as there are classes.",
            )
        better = learned.loss_problem(names, outputs)
        if better:
            of_it = f" for the output '{name}'" if name else ""
            raise ModelError(
                f"the model is compiled with the loss '{names[1] or names[0]}'{of_it}, and the task"
                f" is {learned.name} by {outputs} outputs",
                f"Compile it with loss='{better}', or say what is learned: --set"
                f" {f'tasks.{name}' if name else 'task'}=NAME",
            )


BINARY = ("binary_crossentropy", "binarycrossentropy", "bce")
"""What the cross-entropy of shares is called, in small letters."""


def check_targets(model: Any, shared: Shared, splits: Splits) -> None:
    """Check that an output which is compiled for a binary cross-entropy learns values from 0 to 1:
    of others that loss has no lower bound, and training runs away.

    Args:
        model: of the default point, compiled.
        shared: has the data on the device.
        splits: of the default point.

    Raises:
        ModelError: one learns others.
    """
    ends = [(n, end) for n, _, end in splits.task.ends(model) if _is_binary(end)]
    if not ends:
        return
    labels = shared.device.labels(model, splits.train.indices, splits.targets)
    parts = parts_of(labels) or {"": labels}
    for name, end in ends:
        low, high = float(np.min(parts[name])), float(np.max(parts[name]))
        if low >= 0 and high <= 1:
            continue
        of_it = f" of the output '{name}'" if name else ""
        called = loss_names(end)[1] or loss_names(end)[0]
        raise ModelError(
            f"the model is compiled with the loss '{called}', which is for values from 0 to 1, and"
            f" the targets{of_it} reach from {low:g} to {high:g}",
            "Compile it with loss='mse', or give targets from 0 to 1 (images as uint8 are).",
        )


def check_weights(settings: Settings, model: Any, shared: Shared, splits: Splits) -> None:
    """Check that there are the classes, or outputs, that weights are given for, and that the loss
    can be weighed. Arguments as of :func:`check_metric`.

    Raises:
        VaioptError: it cannot.
    """
    own = label_weights(splits, settings.train.class_weights)
    labels = shared.device.labels(model, splits.train.indices[:1], splits.targets)
    counted_weights(splits.task, model, splits.train.y, labels, own)


def _is_binary(end: Any) -> bool:
    return any(name in BINARY for name in loss_names(end))


def check_augment(settings: Settings, model: Any, splits: Splits, fits_itself: bool) -> None:
    """Check that each operation of ``[augment]`` that may be asked for suits the data, and the
    model.

    Args:
        settings: of the run.
        model: of the default point, compiled.
        splits: of the data.
        fits_itself: the model is trained by a HyperModel's own ``fit``.

    Raises:
        SettingsError: one does not.
    """
    most = {name: together.most_of(getattr(settings.augment, name)) for name in OPERATIONS}
    asked = {name: amount for name, amount in most.items() if amount}
    frame, several = frame_of(splits.preprocessing, splits.task), splits.preprocessing.inputs
    for name, amount in asked.items():
        if several:
            raise SettingsError(
                f"augment.{name} does not suit the data: there are {len(several)} inputs,"
                f" {', '.join(one.name for one in several)}",
                "Leave [augment] out, and change samples by layers of the model (RandomFlip, ...).",
            )
        if fits_itself:
            raise SettingsError(
                f"augment.{name} is set, and the model is trained by a fit of its own",
                "Leave [augment] out, and change the samples in that fit; or leave the fit out.",
            )
        why, hint = refusal(name, amount, frame)
        if why:
            raise SettingsError(f"augment.{name} does not suit the data: {why}", hint)
    form = splits.task.loss_form(model, len(splits.classes))
    problem = label_problem(model, form) if mixes_labels(asked) else ""
    if problem:
        first = next(name for name in asked if OPERATIONS[name].mixes)
        raise SettingsError(
            f"augment.{first} mixes labels, and {problem}",
            "Compile the model with loss='categorical_crossentropy', metrics=['accuracy'].",
        )


def check_training(settings: Settings, model: Any, hp: HyperParameters) -> None:
    """Check that what is asked of the training reaches it.

    Args:
        settings: of the run.
        model: of the default point, compiled.
        hp: what it, and a fit of its own, asked for; not yet what the training asks for.

    Raises:
        SettingsError: something would have no effect.
    """
    own_callbacks(settings.train.callbacks, hp)
    if own_schedule(model):
        for name in _scheduled(settings):
            raise SettingsError(
                f"train.{name} is set, and the model is compiled with a schedule of its own",
                f"Leave train.{name} out.",
            )


def _scheduled(settings: Settings) -> List[str]:
    """Return the settings that change the learning rate, if they do."""
    train = settings.train
    found = ["schedule"] * (train.schedule != CONSTANT.name) + ["warmup"] * bool(train.warmup)
    return found + ["unfreeze_epoch"] * (train.unfreeze_epoch not in (0, "auto"))


def check_start(
    settings: Settings, model: Any, hp: HyperParameters, overrides: Mapping[str, Any]
) -> List[str]:
    """Check that the default point's model can start as the settings say: with weights from a file,
    and with layers that keep theirs; each other name of ``train.freeze`` that is searched, too.

    Args:
        settings: of the run.
        model: compiled; its weights are changed.
        hp: what the training asks for.
        overrides: of the settings, by hyperparameter.

    Returns:
        What it takes from the file, and what is trained, in words.

    Raises:
        VaioptError: it cannot.
    """
    path = settings.model.weights
    taken = take_weights(model, path) if path else None
    searched = overrides.get("freeze")
    for text in searched.values if isinstance(searched, Range) else ():
        frozen_layers(model, str(text), taken)
    if settings.train.mixed_precision:
        half_precision_twin(model)
    values = training_values(hp)
    frozen = freeze(model, values, taken)
    lines = [str(taken)] if taken else []
    if frozen.leaves:
        lines.append(frozen.told(model))
    elif values.freeze not in (NOTHING_FROZEN, "0"):
        lines.append("the model function froze what train.freeze names itself: it stays so")
    frozen.release()
    return lines


def check_own_fit(settings: Settings, hp: HyperParameters, call: Optional[FitCall]) -> None:
    """Check that what is asked of the training reaches a HyperModel's own ``fit``.

    Args:
        settings: of the run.
        hp: what the model and its fit asked for.
        call: what it gave to Keras's, None if it does not call that.

    Raises:
        SettingsError: something would have no effect.
    """
    call = call or FitCall()
    train, lost = settings.train, []
    if train.batch_size != "auto" and "batch_size" not in hp and not call.takes_batch_size:
        lost = ["batch_size"]
    if not call.follows:
        lost += _scheduled(settings) + ["callbacks"] * bool(train.callbacks)
    if lost:
        raise SettingsError(
            f"train.{lost[0]} is set, and the model's own fit does not pass it on to Keras's",
            f"Leave it out, or call model.fit(..., **kwargs) there, with the"
            f" {'batch_size' if lost[0] == 'batch_size' else 'callbacks'} that it is given.",
        )


def _few(splits: Splits) -> Splits:
    return replace(splits, validation=splits.validation.take(slice(0, FEW)))


def check_own_metrics(settings: Settings, model: Any, shared: Shared, splits: Splits) -> None:
    """Try a person's own metrics on a few samples. Arguments as of :func:`check_metric`.

    Raises:
        SettingsError: the function is not there, raised, gives no numbers, or a name that the
            training has another metric of.
    """
    own = own_metrics(settings.objective.metrics)
    if own is None:
        return
    known = Validator(model, shared.device, _few(splits))()
    Validator(model, shared.device, _few(splits), own=own)()
    own.check_new(list(known))


def check_metric(settings: Settings, model: Any, shared: Shared, splits: Splits) -> None:
    """Check that a training by :func:`vaiopt.search.training.fit.train` reports the objective's
    metric.

    Args:
        settings: of the run.
        model: of the default point, compiled.
        shared: has the data on the device.
        splits: of the default point.

    Raises:
        SettingsError: it is not among the metrics.
    """
    metric, always = settings.objective.metric, {"val_loss", *splits.task.validation}
    if metric in always:
        return
    few = _few(splits)
    own = own_metrics(settings.objective.metrics)
    known = {*Validator(model, shared.device, few, own=own)(), "loss"}
    known |= {measured.name for measured in model.compiled_metrics.metrics}
    if settings.train.folds > 1:
        known |= {f"{name}_std" for name in known if name.startswith("val_")}
    if metric not in known:
        raise SettingsError(f"trials report no metric '{metric}'", did_you_mean(metric, known))
