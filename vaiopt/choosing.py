"""A person's choice among the trials of a finished search, and why a trial is the chosen one."""

from __future__ import annotations

from typing import Optional

from vaiopt.errors import RunError, SettingsError
from vaiopt.runs.layout import Run
from vaiopt.search import choose_trial
from vaiopt.settings import settings_from_run
from vaiopt.study.alike import alike_text, cheaper_alike
from vaiopt.study.objective import Objective
from vaiopt.study.question import Answer, Question, ask, bound_of_metric
from vaiopt.study.record import TrialRecord
from vaiopt.study.trials import load_trials


def choose(
    run: Run,
    *,
    trial: Optional[int] = None,
    min_metric: Optional[float] = None,
    min_accuracy: Optional[float] = None,
    max_latency_ms: Optional[float] = None,
    min_fps: Optional[float] = None,
    max_params: Optional[float] = None,
    knee: bool = False,
) -> TrialRecord:
    """Choose another trial of a finished search: by number, or by what is asked of it; neither: as
    the search itself does.

    Args:
        run: the run.
        trial: its number.
        min_metric: the cheapest that reaches this value of the objective's metric.
        min_accuracy: the same, where the metric is an accuracy.
        max_latency_ms, min_fps, max_params: the best within these; a latency that was measured in
            the search counts before the predicted one.
        knee: the knee of the front, of those within the limits.

    Returns:
        The chosen trial; ``chosen.json`` says why it is this one. What later stages made of it
        before is there still; what they did not make yet must be made.

    Raises:
        SettingsError: a limit is no number, or a number and limits are both given.
        RunError: there is no such trial, or its model was not kept.
    """
    settings = settings_from_run(run)
    bound = bound_of_metric(Objective(settings.objective), min_metric, min_accuracy)
    question = Question(bound, max_latency_ms, min_fps, max_params, knee)
    trials = load_trials(run)
    if trial is None:
        found = ask(run, settings, trials, question)
    elif question.asked:
        raise SettingsError(
            "a trial is asked for by its number, and by limits too", "Give one of them."
        )
    else:
        record = next((t for t in trials if t.number == trial), None)
        if record is None:
            raise RunError(f"there is no trial {trial}", f"See: vaiopt trials {run.folder}")
        found = Answer(record)
    why = "person" if trial is not None or question.asked else "objective"
    choose_trial(run, settings, found.trial, why=why, reason=found.reason)
    return found.trial


def reason_of_choice(run: Run) -> str:
    """Return in one line what decided for the chosen trial, or, where it is simply the best or a
    person's, which smaller or faster one is not known to be worse; empty without either. Raises
    RunError: the run's files are damaged.
    """
    chosen = run.read_chosen()
    if chosen.reason:
        return chosen.reason
    record = next((t for t in load_trials(run) if t.number == chosen.trials[0]), None)
    return "" if record is None else not_told_apart(run, record)


def not_told_apart(run: Run, record: TrialRecord) -> str:
    """Return in one line which smaller or faster trial is not known to be worse than a trial; empty
    without one. Raises RunError: the run's files are damaged.
    """
    metric = settings_from_run(run).objective.metric
    return alike_text(record, cheaper_alike(run, record, load_trials(run), metric))
