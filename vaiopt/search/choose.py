"""The choice of a trial: its files as a candidate, and the pointer to it."""

from __future__ import annotations

from typing import Optional, Sequence, Tuple

from vaiopt.data.recipe import read_recipe
from vaiopt.environment import installed_versions
from vaiopt.errors import RunError
from vaiopt.locks import locked
from vaiopt.record import write_record
from vaiopt.runs.choice import write_chosen
from vaiopt.runs.layout import Candidate, Run
from vaiopt.runs.records import CandidateMetrics, Chosen, Int8Rank, ObjectiveValue
from vaiopt.search.training.shared import recipe_of
from vaiopt.settings import Settings
from vaiopt.study.objective import Objective
from vaiopt.study.record import REFIT, TrialRecord
from vaiopt.study.space_file import read_space


def prepare_candidate(run: Run, settings: Settings, record: TrialRecord) -> Candidate:
    """Return a trial as a candidate, with ``metrics.json`` and ``data.json`` beside its model.

    Raises:
        RunError: the trial is not complete, or its model is no longer kept.
        DataError: its data are not here.
    """
    candidate = run.trial(record.number)
    if record.value is None and record.status != REFIT:
        raise RunError(
            f"trial {record.number} is {record.status}, not complete",
            f"See: vaiopt trials {run.folder}",
        )
    if not candidate.model.exists():
        raise RunError(
            f"the model of trial {record.number} was not kept",
            f"Kept are those of the best trials; see: vaiopt trials {run.folder}",
        )
    write_record(candidate.metrics, _metrics(settings, record))
    try:
        read_recipe(candidate)
    except RunError:  # missing, or damaged
        recipe = recipe_of(settings, record.hyperparameters, record.scaling)
        write_record(candidate.data, recipe)
    return candidate


def choose_trial(
    run: Run,
    settings: Settings,
    record: TrialRecord,
    *,
    why: str = "objective",
    int8_ranking: Sequence[Int8Rank] = (),
    reason: str = "",
) -> Candidate:
    """Make a trial the chosen one: write ``chosen.json``. What was made of it before stays.

    Args:
        run: the run.
        settings: its settings.
        record: the trial.
        why, reason: as in :class:`vaiopt.runs.records.Chosen`.
        int8_ranking: the table that decided, if the candidates were ranked after quantization.

    Raises:
        VaioptError: as :func:`prepare_candidate`.
    """
    with locked(run.folder):  # a search that is at work may delete the model, else
        candidate = prepare_candidate(run, settings, record)
        write_chosen(run, Chosen((record.number,), why, tuple(int8_ranking), reason))
    return candidate


def _metrics(settings: Settings, record: TrialRecord) -> CandidateMetrics:
    objective = Objective(settings.objective)
    return CandidateMetrics(
        trial=record.number,
        objective=ObjectiveValue(objective.metric, objective.direction, record.value),
        hyperparameters=record.hyperparameters,
        metrics=dict(record.metrics),
        costs=record.costs,
        measured_latency_ms=record.measured_latency_ms,
        curve=record.curve,
        epoch=record.epoch,
        seconds=record.seconds,
        peak_memory_mb=record.peak_memory_mb,
        family=settings.model.family,
        target=settings.hardware.target,
        versions=installed_versions(),
    )


def measured_score(
    run: Run, settings: Settings, record: TrialRecord, latency_ms: float
) -> Tuple[Optional[float], str]:
    """Return a trial's objective with its measured latency in place of the predicted one, or None
    and the hard limit that it breaks.

    Raises:
        RunError: the run has no space yet.
    """
    objective = Objective(settings.objective)
    costs = {**record.costs, "latency_ms": latency_ms}
    broken = objective.infeasible(costs)
    if broken is not None:
        return None, f"measured: {broken}"
    return objective.score(record.metrics, costs, read_space(run).costs), ""
