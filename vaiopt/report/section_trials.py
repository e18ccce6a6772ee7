"""The section with the table of all trials."""

from __future__ import annotations

from typing import List, Tuple

from vaiopt.present import words
from vaiopt.report.data import ReportData
from vaiopt.report.section import Section
from vaiopt.sheets.trials import trial_table
from vaiopt.study.ranking import best_first

LISTED_TRIALS = 300
"""Trials that are listed at most."""


def trials(data: ReportData) -> Section:
    """Return the table of all trials, best first."""
    if not data.trials:
        return Section()
    lead = "Best first. A click on a heading sorts by it."
    if len(data.trials) > LISTED_TRIALS:
        lead += (
            f" The first {LISTED_TRIALS} of {len(data.trials)}; all are in the export and in"
            f" 'vaiopt trials {data.folder}'."
        )
    table = trial_table(
        data.trials,
        metric=data.metric,
        direction=data.direction,
        chosen=data.chosen_number,
        weighed=data.weighed,
        most=LISTED_TRIALS,
        costs=data.objective.told,
    )
    return Section(lead, [table])


def unlisted_trials(data: ReportData) -> List[Tuple[str, str]]:
    """Return the name of each trial that the table leaves out, and its status, score and
    hyperparameters in a line.
    """
    found = []
    for trial in best_first(data.trials, data.direction)[LISTED_TRIALS:]:
        told = [trial.status, words.metric(data.metric, data.score(trial)) or ""]
        told += [f"{name} {words.value(v)}" for name, v in trial.hyperparameters.items()]
        found.append((f"trial {trial.number}", " · ".join(filter(None, told))))
    return found
