"""What a search does with its best candidates: quantize them before one is chosen, or measure them
on the kit. Part of :mod:`vaiopt.flow`.
"""

from __future__ import annotations

import time

from vaiopt.compile import compile_candidate
from vaiopt.data import read_recipe
from vaiopt.deploy import bundle_candidate, measure_candidate
from vaiopt.deploy.verdict import check_trusted, refused
from vaiopt.quantize import quantize_candidate
from vaiopt.runs.layout import Candidate, Run
from vaiopt.runs.records import Int8Rank, Measured
from vaiopt.search import choose_trial, measured_score, prepare_candidate
from vaiopt.settings import Settings, override
from vaiopt.study.objective import Objective
from vaiopt.study.ranking import Front, best_trials
from vaiopt.study.record import TrialRecord
from vaiopt.study.space_file import known_settings, read_space
from vaiopt.study.storage import open_study
from vaiopt.study.trials import Measurement, load_trials, note_measurement
from vaiopt.tasks import task_of
from vaiopt.text import Progress

SAMPLES_IN_THE_LOOP = 100
"""Samples in a bundle that is measured during a search: enough for the median latency of one."""

BUSY_ATTEMPTS = 3
BUSY_PAUSE_SECONDS = 5.0
"""Measurements on a kit that is busy, and the pause after the first; it grows."""


def measure_best(run: Run, settings: Settings, progress: Progress) -> None:
    """Quantize, compile and measure the best trials that were not measured yet, those on the front
    before the others, and let the measured latency count in the objective.

    Raises:
        BoardError: a measurement cannot be trusted, for a reason that ``deploy.accept`` does not
            name; the search goes on from here once that is cured.
    """
    settings = known_settings(run, settings)
    few = override(settings, {"deploy.samples": SAMPLES_IN_THE_LOOP})
    trials = load_trials(run)
    best = best_trials(run, settings, trials)
    on_front = {trial.number for trial in Front(Objective(settings.objective), trials).trials}
    best.sort(key=lambda trial: trial.number not in on_front)  # stable: then the best
    unmeasured = [trial for trial in best if trial.measured_latency_ms is None]
    for trial in unmeasured[: settings.objective.measure_best]:
        candidate = prepare_candidate(run, settings, trial)
        quantize_candidate(candidate, settings)
        compile_candidate(candidate, settings)
        bundle_candidate(candidate, few)
        latency = _trusted(candidate, settings, progress).latency_ms.p50
        value, reason = measured_score(run, settings, trial, latency)
        note_measurement(open_study(run), trial.number, Measurement(latency, value, reason))
        progress(
            f"trial {trial.number}: {latency:.4g} ms measured,"
            f" {trial.costs.get('latency_ms', 0.0):.4g} ms predicted"
        )


def _trusted(candidate: Candidate, settings: Settings, progress: Progress) -> Measured:
    """Measure a candidate; on a kit that is busy again, for a while.

    Raises:
        BoardError: what was measured may not count, for a reason that ``deploy.accept`` does not
            name.
    """
    for attempt in range(BUSY_ATTEMPTS):
        record = measure_candidate(candidate, settings).record
        if [doubt.name for doubt in refused(record, settings.deploy.accept)] != ["busy"]:
            break
        progress(f"trial {candidate.number}: the kit is busy; measuring it again")
        time.sleep(BUSY_PAUSE_SECONDS * (attempt + 1))
    check_trusted(record, settings.deploy.accept, f"the measurement of trial {candidate.number}")
    return record


def rank_by_int8(run: Run, settings: Settings, progress: Progress) -> TrialRecord:
    """Quantize each of the best candidates, choose the one with the best int8 score on validation
    data, and keep the table in ``chosen.json``.

    Among equals the float objective decides: candidates are tried in its order and the first
    maximum wins.
    """
    table, objective = [], Objective(settings.objective)
    # A metric of a person's own is what counts, before and after quantization.
    own = objective.metric[4:] if settings.objective.metrics else ""
    learned = task_of(read_space(run).task)
    if objective.metric in learned.plain_metrics:  # so is that of one of several outputs
        own = learned.validation[objective.metric]
    best = best_trials(run, settings, load_trials(run))[: settings.objective.rank_int8]
    for trial in best:
        candidate = prepare_candidate(run, settings, trial)
        record = quantize_candidate(candidate, settings).record
        name = own if own in record.int8_scores else record.headline
        score = record.int8_scores[name]
        progress(
            f"trial {trial.number}: int8 validation {name} {score:.4f}, objective"
            f" {trial.value or 0.0:.4f}"
        )
        table.append(Int8Rank(trial.number, trial.value, score))
    task = task_of(read_recipe(run.trial(best[0].number)).task)
    sign = -1 if task.minimise else 1
    if own in record.int8_scores:
        sign = -1 if objective.direction == "minimize" else 1
    place = max(range(len(table)), key=lambda i: (sign * table[i].int8_val_accuracy, -i))
    choose_trial(run, settings, best[place], why="int8", int8_ranking=table)
    return best[place]
