"""What is known of a search before its first trial: the space, the default point, what is wrong."""

from __future__ import annotations

from typing import Any, Mapping, Optional, Sequence, Tuple

from vaiopt.data import Dataset, split_notes
from vaiopt.data.data_sheet import sheet_of_splits
from vaiopt.data.found import found_line
from vaiopt.data.load import load_request
from vaiopt.data.preprocessing import Scaling
from vaiopt.data.sources.function import check_repeats
from vaiopt.errors import ModelError
from vaiopt.hardware import costs as hardware_costs
from vaiopt.hardware import load_target
from vaiopt.keras import load_tensorflow
from vaiopt.models import FAMILIES, build, load_family
from vaiopt.models.input_scaling import without_scaling
from vaiopt.models.keyword_function import KeywordFunction
from vaiopt.models.probabilities import doubt_of_loss
from vaiopt.network.known import check_known
from vaiopt.search.execution.gpus import check_gpu
from vaiopt.search.execution.limits import resident_mb
from vaiopt.search.inputs import inputs_of
from vaiopt.search.training import feasible
from vaiopt.search.training.afterwards import NOTHING, Afterwards
from vaiopt.search.training.fit import ensure_compiled
from vaiopt.search.training.folds import fold_splits
from vaiopt.search.training.hypermodel import PROBE, FitCall, own_fit, trace_fit
from vaiopt.search.training.options import (
    KERAS_BATCH,
    check_names,
    model_overrides,
    training_values,
)
from vaiopt.search.training.shared import shared_of
from vaiopt.settings import DataSettings, Settings
from vaiopt.study.hyperparameters import HyperParameters
from vaiopt.study.objective import check_direction, with_metric
from vaiopt.study.space import Space, Value
from vaiopt.study.space_file import SpaceFile
from vaiopt.study.trace import check_overrides, trace_space

REGULAR = (7.0, 2.0, 1.0)
"""The split that a fit of its own is called on where it only tells what it asks for."""


def describe_search(settings: Settings, afterwards: Afterwards = NOTHING) -> SpaceFile:
    """Load the data, trace the space and check that the default point builds.

    Args:
        settings: of the run.
        afterwards: what the steps after the search will say of its models.

    Raises:
        VaioptError: of the data, the model function, the target or the settings.
    """
    load_tensorflow()
    if not settings.search.scheduler:  # a cluster trains elsewhere: its trials say so
        check_gpu(settings.search)
    taken_mb = resident_mb()
    family = _Family(settings)
    settings = family.know()
    load_target(settings.hardware.target, settings.hardware.release)
    check_repeats(family.shared.dataset, load_request)
    space = trace_space(family.ask, family.make)
    check_overrides(space, family.overrides)
    feasible.check_splits(family.shared, settings)
    found = family.described(space, afterwards)
    check_direction(settings.objective)
    feasible.check_memory(settings, taken_mb)
    return found


def _check_one_input(family: str, dataset: Dataset) -> None:
    """Raise ModelError: the built-in families have one input, and the data several."""
    if dataset.inputs and family in FAMILIES:
        raise ModelError(
            f"the family '{family}' has one input, and the data have {len(dataset.inputs)}:"
            f" {', '.join(map(str, dataset.inputs))}",
            "Give a model function of your own: --set model.family=FILE.py:FUNCTION",
        )


class _Family:
    """A model function with the data of its run."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.shared = shared_of(settings)
        self.overrides = model_overrides(settings)
        _check_one_input(settings.model.family, self.shared.dataset)
        self._function = load_family(settings.model.family)
        self._own = own_fit(self._function)
        if isinstance(self._function, KeywordFunction) and settings.search.trials > 1:
            self._function.check_ranges(self.overrides)

    def know(self) -> Settings:
        """Return the settings with the metric of the task of the data."""
        self._settings = with_metric(self._settings, self.shared.dataset.task)
        return self._settings

    def make(self, values: Mapping[str, Value]) -> HyperParameters:
        """Return fresh hyperparameters at a point."""
        return self.shared.hyperparameters(values, self.overrides)

    def ask(self, hp: HyperParameters) -> None:
        """Ask for all that a trial asks for."""
        try:
            model = build(self._function, hp)
            self._trace_fit(hp, model, KERAS_BATCH)
        finally:
            check_names(hp)
        training_values(hp, self._own is not None)

    def _trace_fit(self, hp: HyperParameters, model: Any, batch_size: int) -> Optional[FitCall]:
        if self._own is None:
            return None
        ensure_compiled(model, self.shared.dataset)
        splits = self.shared.at(hp.values).splits(REGULAR)
        weights = self._settings.train.class_weights
        return trace_fit(self._own, hp, model, splits, batch_size, weights)

    def _model_at(self, values: Mapping[str, Value]) -> Any:
        return build(self._function, self.make(values))

    def described(self, space: Space, afterwards: Afterwards) -> SpaceFile:
        """Return what is known of the default point, after all checks of it."""
        settings, shared = self._settings, self.shared
        hp, hp_of_model = self.make(space.defaults()), self.make(space.defaults())
        self.ask(hp)
        model, scaling, left = without_scaling(build(self._function, hp_of_model))
        splits = shared.splits(training_values(hp).split, scaling)
        if settings.train.folds > 1:
            fold_splits(splits, settings.train.folds, settings.seed)
        target = load_target(settings.hardware.target, settings.hardware.release)
        costs = hardware_costs(model, target, settings.hardware.threads)
        feasible.check_costs(settings, costs, target)
        ensure_compiled(model, shared.dataset)
        started = feasible.check_start(settings, model, hp, self.overrides)
        if self._own is not None:
            call = self._trace_fit(hp_of_model, model, PROBE)
            feasible.check_own_fit(settings, hp_of_model, call)
        feasible.check_loss(model, splits.task)
        feasible.check_targets(model, shared, splits)
        feasible.check_weights(settings, model, shared, splits)
        feasible.check_augment(settings, model, splits, self._own is not None)
        feasible.check_training(settings, model, hp_of_model)
        feasible.check_choices(self.overrides, space, self._model_at)
        feasible.check_own_metrics(settings, model, shared, splits)
        if self._own is None:  # what another fit reports is known once it has run
            feasible.check_metric(settings, model, shared, splits)
        found = found_line(shared.dataset, splits.sizes())
        notes = (found, *shared.dataset.notes, *split_notes(splits))
        notes += (*scaling_notes(settings.data, scaling, left), *started)
        notes += tuple(filter(None, [splits.task.told_of(settings.objective.metric)]))
        doubts = (doubt_of_loss(end) for _, _, end in splits.task.ends(model))
        warnings = (*filter(None, doubts), *_warnings(model), *afterwards.warnings(model))
        inputs = inputs_of(settings, shared.dataset)
        task = shared.dataset.task
        sheet = sheet_of_splits(splits)
        if settings.train.class_weights == "none":
            notes += sheet.remarks
        return SpaceFile(space, splits.sizes(), costs, warnings, notes, inputs, task, sheet)


def scaling_notes(
    data: DataSettings, scaling: Optional[Scaling], left: Sequence[str]
) -> Tuple[str, ...]:
    """Return what becomes of the scaling that a model does itself, in words.

    Args:
        data: settings of the preprocessing.
        scaling: that the preprocessing does instead of it.
        left: layers of the model that scale.
    """
    notes = []
    if scaling is not None:
        notes.append(f"the scaling at the model's input, {scaling}, is part of the preprocessing")
    if left and scaling is None and data.offset is None and data.scale is None:
        notes.append(
            f"the model scales what it is given ('{left[0]}'), and is given -1 to 1; raw values:"
            " --set data.offset=0 --set data.scale=1"
        )
    return tuple(notes)


def _warnings(model: Any) -> Tuple[str, ...]:
    """Return what is in the way of reading such a model from its file later, in words."""
    try:
        check_known(model.get_config())
    except ModelError as error:
        return (f"the steps after the search will refuse this: {error.message}. {error.hint}",)
    except NotImplementedError:  # a layer without a configuration: Keras cannot save it either
        return ()
    return ()
