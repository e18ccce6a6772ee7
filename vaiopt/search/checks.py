"""What is checked of a search before anything is loaded or written."""

from __future__ import annotations

from dataclasses import replace
from typing import List, Mapping

from vaiopt.data import check_source
from vaiopt.errors import RunError
from vaiopt.hardware.targets import load_target
from vaiopt.models import check_family
from vaiopt.network.weights import check_weights_file
from vaiopt.runs.layout import Run
from vaiopt.search import samplers
from vaiopt.search.execution.gpus import sharing_note
from vaiopt.search.training import JUDGES, SCHEDULES
from vaiopt.search.training.shared import request_of
from vaiopt.settings import Settings
from vaiopt.settings.choices import row_of
from vaiopt.settings.together import beyond, check_together, unused
from vaiopt.study import storage
from vaiopt.study.database import check_database, settled_url
from vaiopt.study.objective import Objective
from vaiopt.study.question import bound_of_metric
from vaiopt.study.space import Space
from vaiopt.study.start import check_start
from vaiopt.study.trials import distributions
from vaiopt.user_code import check_python_file


def check_settings(settings: Settings) -> None:
    """Check what can be known of settings alone, however they were made.

    Raises:
        SettingsError: they name a variant that there is not, or two of them cannot work together.
        TargetError: there is no such target.
        RunError: the study cannot be kept where they say.
    """
    search = settings.search
    load_target(settings.hardware.target, settings.hardware.release)
    row_of("search.sampler", search.sampler, samplers.SAMPLERS)
    row_of("search.acquisition", search.acquisition, samplers.ACQUISITIONS)
    row_of("search.pruner", search.pruner, JUDGES)
    row_of("train.schedule", settings.train.schedule, SCHEDULES)
    bound_of_metric(Objective(settings.objective), settings.objective.min_metric)
    check_together(settings)
    check_database(search.storage, search.study)


def check_named(settings: Settings, run: Run) -> None:
    """Check that there is what settings name, before TensorFlow is loaded for it.

    Args:
        settings: of the run. run: what it kept of ``search.start_from`` is not looked for again.

    Raises:
        DataError: the data are not there, or of no known kind.
        ModelError: the model's file is not there, or its weights, or it is no known family.
        SettingsError: another file that is named is not there.
    """
    check_source(request_of(settings))
    check_family(settings.model.family)
    if settings.model.weights:
        check_weights_file(settings.model.weights)
    if settings.train.callbacks:
        check_python_file("train.callbacks", settings.train.callbacks)
    if settings.objective.metrics:
        check_python_file("objective.metrics", settings.objective.metrics)
    if settings.search.start_from and not run.start.exists():
        check_start(settings.search.start_from)


def effects(settings: Settings, sizes: Mapping[str, int]) -> List[str]:
    """Return a line for each setting whose effect is another than it may seem.

    Args:
        settings: of the run.
        sizes: samples of each part of the split.

    Raises:
        SettingsError: as :func:`vaiopt.search.execution.gpus.wanted_gpus`.
    """
    shared = [note for note in [sharing_note(settings.search)] if note]
    return [*unused(settings), *beyond(settings, sizes), *shared]


def settled(settings: Settings) -> Settings:
    """Return settings that mean the same from every folder: the file of a study is absolute."""
    url = settled_url(settings.search.storage)
    return replace(settings, search=replace(settings.search, storage=url))


def check_ranges(run: Run, space: Space) -> None:
    """Check that the study of a run, if there is one, can hold points of the space; it cannot once
    the values of a choice have changed.

    Raises:
        RunError: it cannot.
    """
    try:
        study = storage.open_study(run)
    except RunError:
        # There is none yet; if something else is wrong with it, that is told when it is opened to
        # write.
        return
    check = storage.quiet_optuna().distributions.check_distribution_compatibility
    wanted = distributions(space)
    for trial in study.get_trials(deepcopy=False):
        for name, had in trial.distributions.items():
            try:
                check(had, wanted.get(name, had))
            except ValueError as error:
                raise RunError(
                    f"the values of '{name}' have changed, which the study cannot follow",
                    "Search into a new folder: --run runs/NAME, or restore the setting.",
                ) from error
