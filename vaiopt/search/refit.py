"""One point trained once more: for longer, or on all but the test split. What comes of it is a
candidate of its own beside those of the search.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, Optional

from vaiopt.errors import ModelError, RunError, SettingsError
from vaiopt.runs.layout import Run
from vaiopt.runs.leftovers import clean
from vaiopt.search.choose import prepare_candidate
from vaiopt.search.execution.lock import only_search
from vaiopt.search.inputs import check_inputs
from vaiopt.search.training.parts import PARTS, TRAIN
from vaiopt.search.training.trial import Job, run_trial
from vaiopt.settings import Settings, override
from vaiopt.study.record import COMPLETE, INTERRUPTED, REFIT, TrialRecord
from vaiopt.study.space_file import read_space
from vaiopt.study.storage import open_study, quiet_optuna
from vaiopt.study.trials import RECORD, record_attribute, records
from vaiopt.text import Progress, silent

LONGER = 3
"""How many times as long as in the search a point is trained on the training part by default."""


def refit(
    run: Run,
    settings: Settings,
    *,
    trial: Optional[int] = None,
    epochs: Optional[int] = None,
    on: str = TRAIN,
    progress: Progress = silent,
) -> TrialRecord:
    """Train the point of a trial once more, and keep the model as a candidate.

    Args:
        run: a run with a finished search.
        settings: its settings.
        trial: number of the trial; None for the chosen one.
        epochs: to train for. On the training part three times those of the trial by default, of
            which the best is kept; on more than that the trial's best epoch, of which the last is.
        on: a name of :data:`vaiopt.search.training.parts.PARTS`.
        progress: told one line at a time.

    Returns:
        Its record, with the status ``refit`` and no value: it was not found by the search.

    Raises:
        SettingsError: there are no such parts, or no such number of epochs.
        RunError: there is no such trial, it is not complete, or the code or data have changed.
        ModelError: the training failed.
    """
    if on not in PARTS:
        raise SettingsError(f"'{on}' is no part to train on", f"Known: {', '.join(PARTS)}.")
    if epochs is not None and epochs < 1:
        raise SettingsError(f"the epochs are {epochs}", "Give a whole number of at least 1.")
    with only_search(run):
        clean(run.folder, run.search_lock)
        check_inputs(run, settings)
        study = open_study(run)
        first = _found(run, records(study), trial)
        count = epochs or _epochs(first, on)
        progress(f"training the point of trial {first.number} for {count} epochs on {on}")
        asked = study.ask()
        ended = TrialRecord(asked.number, INTERRUPTED, "the refit was stopped")
        try:
            record = run_trial(_job(run, settings, first, asked.number, count, on))
            if record.status != COMPLETE:
                raise ModelError(
                    f"the training failed: {record.reason}", "Mend that, or try fewer epochs."
                )
            reason = f"trial {first.number} again, {count} epochs on {on}"
            ended = replace(record, status=REFIT, reason=reason, refit_of=first.number)
        finally:
            _tell(study, asked, ended)
        prepare_candidate(run, settings, ended)
    return ended


def _found(run: Run, trials: Any, number: Optional[int]) -> TrialRecord:
    wanted = run.chosen.number if number is None else number
    found: Optional[TrialRecord] = next((t for t in trials if t.number == wanted), None)
    if found is not None and found.refit_of is not None and number is None:
        return _found(run, trials, found.refit_of)  # the chosen one is a refit already
    if found is None or found.status != COMPLETE:
        state = "there is no" if found is None else f"{found.status}:"
        raise RunError(
            f"{state} trial {wanted}", f"Name a complete one: vaiopt trials {run.folder}"
        )
    return found


def _epochs(first: TrialRecord, on: str) -> int:
    if on == TRAIN:
        return LONGER * max(1, len(first.curve))
    return max(1, int(first.epoch or len(first.curve)))


def _job(
    run: Run, settings: Settings, first: TrialRecord, number: int, epochs: int, on: str
) -> Job:
    """Return the training as a trial: of the same point, but for its epochs."""
    given = "epochs" in settings.model.hyperparameters
    key = "model.hyperparameters.epochs" if given else "train.epochs"
    changed: Dict[str, Any] = {key: epochs, "train.folds": 0}
    if on != TRAIN:
        changed.update({"train.keep": "last", "train.patience": 0})
    known = read_space(run)
    return Job(
        folder=str(run.folder),
        settings=override(settings, changed),
        number=number,
        values={**first.hyperparameters, "epochs": epochs},
        references=known.costs,
        on=on,
        space=known.space,
    )


def _tell(study: Any, asked: Any, record: TrialRecord) -> None:
    """Keep the record. To Optuna it is a failed trial: no sampler learns from it."""
    asked.set_user_attr(RECORD, dict(record_attribute(record)))
    study.tell(asked, state=quiet_optuna().trial.TrialState.FAIL)
