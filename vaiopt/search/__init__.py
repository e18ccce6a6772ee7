"""Bayesian search over a model family: the sampler, the trials, and the choice among them."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Optional, Sequence, Union

from vaiopt.errors import RunError
from vaiopt.files import TEMPORARY, PathLike, check_folder
from vaiopt.present.shown import Shown
from vaiopt.runs.layout import Run, check_layout
from vaiopt.runs.leftovers import clean
from vaiopt.search.checks import check_named, check_settings, settled
from vaiopt.search.choose import choose_trial, measured_score, prepare_candidate
from vaiopt.search.inputs import InputChange, check_inputs
from vaiopt.search.loop import Search
from vaiopt.search.training.afterwards import NOTHING, Afterwards
from vaiopt.settings import Change, Settings, changes, read_run_settings
from vaiopt.study.observer import Observer
from vaiopt.study.question import Answer, Question, ask
from vaiopt.study.ranking import first_trial
from vaiopt.study.record import TrialRecord
from vaiopt.study.space_file import known_settings
from vaiopt.study.trials import load_trials
from vaiopt.text import Progress, is_utf8, silent

__all__ = [
    "SearchResult",
    "choose_trial",
    "measured_score",
    "prepare_candidate",
    "search_run",
]


@dataclass(frozen=True)
class SearchResult(Shown):
    """What a search found.

    Attributes:
        folder: of the run.
        chosen: the best trial; its files are those of ``run.chosen``.
        default: trial 0, the family's default point; None if it did not run.
        trials: how many ended with each status.
        seconds: wall time of this call.
    """

    folder: str
    chosen: TrialRecord
    default: Optional[TrialRecord]
    trials: Dict[str, int]
    seconds: float

    def to_json(self) -> Dict[str, Any]:
        """Return it as a JSON object."""
        default = self.default.to_json() if self.default is not None else None
        return {
            "run": self.folder,
            "chosen": self.chosen.to_json(),
            "default": default,
            "trials": self.trials,
            "seconds": self.seconds,
        }


def search_run(
    settings: Settings,
    folder: PathLike,
    *,
    progress: Progress = silent,
    on_trial: Optional[Callable[[TrialRecord], None]] = None,
    accept: bool = False,
    every: int = 0,
    measure: Callable[[], None] = lambda: None,
    afterwards: Afterwards = NOTHING,
) -> SearchResult:
    """Search, or go on with a search, and choose the best trial.

    Args:
        settings: of the run.
        folder: the run's; made if it is not there. An existing run of the same settings goes on to
            the number of trials asked for.
        progress: told one line at a time.
        on_trial: told each trial as it ends; an :class:`vaiopt.study.observer.Observer` is told
            more.
        accept: go on although the settings, the model's code or the data differ from those of the
            earlier trials. Those stay; what does not fit the new search space is left out when the
            next is proposed, and what ran on other data is compared no more.
        every: after how many trials ``measure`` is called, with the workers kept ready; 0: never.
        measure: measures the best trials, which then count with their measured latency.
        afterwards: what the steps after the search will say of its models: a point that they refuse
            is not trained.

    Raises:
        RunError: the folder holds a run of other settings, code or data, or no trial is complete.
        VaioptError: of the data, the model function or the settings.
    """
    started = time.perf_counter()
    check_settings(settings)
    settings, run = settled(settings), Run(folder)
    _check_folder(run, settings)
    check_named(settings, run)
    different, inputs = _check_changes(run, settings, accept), check_inputs(run, settings, accept)
    if different or inputs:
        progress(f"changed: {_told([*different, *inputs])}")
    for change in inputs:
        progress(f"note: {change.then}")
    observer = on_trial if isinstance(on_trial, Observer) else Observer(on_trial)
    anew = bool(different or inputs)
    with Search(run, settings, progress, observer, anew=anew, afterwards=afterwards) as search:
        for count in range(every, settings.search.trials, every) if every else ():
            search.run(until=count)
            if search.stopped:
                break
            measure()
        trials = search.run()
    if every:
        measure()
        trials = load_trials(run)
    found = _chosen(run, known_settings(run, settings), trials, progress)
    counts, seconds = Counter(t.status for t in trials), time.perf_counter() - started
    default = first_trial(trials)
    return SearchResult(str(run.folder), found.trial, default, dict(counts), seconds)


def _chosen(
    run: Run, settings: Settings, trials: Sequence[TrialRecord], progress: Progress
) -> Answer:
    """Choose the best trial, and return it with the reason, which is told."""
    found = ask(run, settings, trials, Question())
    choose_trial(run, settings, found.trial, reason=found.reason)
    if found.reason:
        progress(f"note: {found.reason}")
    return found


def _check_folder(run: Run, settings: Settings) -> None:
    """Check that the folder can be written to and is empty or holds a run, if only what a search
    writes before the settings. What commands that were killed left there is deleted.
    """
    check_folder(run.folder, "Give another folder: --run runs/NAME")
    check_layout(run)
    if not is_utf8(str(run.folder)):  # TensorFlow could save no model there
        raise RunError(
            f"the name of the run folder '{run.folder}' is not UTF-8",
            "Give another: --run runs/NAME",
        )
    if not run.folder.exists():
        return
    clean(run.folder, run.search_lock)
    if not run.settings.exists() and any(
        path not in (run.running, run.inputs) and not path.name.startswith(TEMPORARY)
        for path in run.folder.iterdir()
    ):
        raise RunError(
            f"'{run.folder}' is not empty and not a run", "Give another folder: --run runs/NAME"
        )


def _check_changes(run: Run, settings: Settings, accept: bool) -> List[Change]:
    """Return what differs from the settings that a run with trials was made with, if that is
    accepted.

    What a later stage reads may change, and how many trials are wanted; what a trial depends on may
    not.

    Raises:
        RunError: it is not accepted, or another place for the study is among it: its trials would
            be lost; or the costs of its front, which it has a value of.
    """
    if not (run.settings.exists() and run.space.exists()):
        return []
    saved, settings = (known_settings(run, s) for s in (read_run_settings(run)[0], settings))
    different = changes(settled(saved), settings)
    if different and not accept:
        raise RunError(
            f"'{run.folder}' was made with other settings: {_told(different)}",
            "Search into a new folder (--run), restore them, or go on all the same with"
            " --accept-changes.",
        )
    moved = [change for change in different if change.key in ("search.storage", "search.study")]
    of_a_front = [change for change in different if change.key == "objective.front"]
    if of_a_front:  # Optuna's study holds a value of each of its costs
        raise RunError(
            f"the trials of '{run.folder}' are of another search: {_told(of_a_front)}",
            "Search into a new folder: --run runs/NAME, and begin with what is known here: --set"
            f" search.start_from={run.folder}",
        )
    if moved:
        raise RunError(
            f"the trials of '{run.folder}' are kept elsewhere: {_told(moved)}",
            "Restore these settings.",
        )
    return different


def _told(changed: Sequence[Union[Change, InputChange]]) -> str:
    return "; ".join(map(str, changed))
