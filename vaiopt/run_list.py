"""Which runs there are in a folder, and how far each is."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Dict, List, Optional

from vaiopt.errors import RunError, VaioptError
from vaiopt.files import PathLike, looked_for
from vaiopt.next_step import next_commands
from vaiopt.present.shown import Shown
from vaiopt.runs.layout import Run, run_folders
from vaiopt.runs.lineage import compiled_records, measurements
from vaiopt.search.execution.lock import is_searching
from vaiopt.settings import Settings, settings_from_run
from vaiopt.study.objective import Objective
from vaiopt.study.ranking import best_first
from vaiopt.study.record import COMPLETE
from vaiopt.study.trials import load_trials


@dataclass(frozen=True)
class RunState(Shown):
    """One run in the list.

    Attributes:
        folder: of the run.
        status: ``searching``, ``stopped`` (no trial is chosen), ``searched``, ``quantized``,
            ``compiled``, ``measured``, or ``damaged``.
        detail: the targets that it was compiled for or measured on, or what is wrong.
        trials, wanted: how many trials ended, and how many were asked for.
        counts: of the trials by their status.
        metric: of the objective; best: its best value.
        chosen: number of the chosen trial.
        target: of the settings.
        changed: when something of it was written last, ISO 8601, UTC.
        next: the command that leads on; empty if none is left, or a search is at work.
    """

    folder: str
    status: str
    detail: str = ""
    trials: int = 0
    wanted: int = 0
    counts: Optional[Dict[str, int]] = None
    metric: str = ""
    best: Optional[float] = None
    chosen: Optional[int] = None
    target: str = ""
    changed: str = ""
    next: str = ""

    def to_json(self) -> Dict[str, Any]:
        """Return it as a JSON object."""
        return asdict(self)


def list_runs(folder: PathLike = ".") -> List[RunState]:
    """Return the runs in a folder and in the folders below it, the one written last first.

    Raises:
        RunError: there is no such folder.
    """
    if not Path(folder).is_dir():
        raise RunError(f"there is no folder '{folder}'", looked_for(folder))
    found = [state_of(Run(path)) for path in run_folders(folder)]
    return sorted(found, key=lambda state: state.changed, reverse=True)


def state_of(run: Run) -> RunState:
    """Return how far a run is; of one that cannot be read what is wrong."""
    changed = _changed(run)
    try:
        settings = settings_from_run(run)
        return _state(run, settings, changed)
    except VaioptError as error:
        return RunState(str(run.folder), "damaged", error.message, changed=changed)


def _state(run: Run, settings: Settings, changed: str) -> RunState:
    objective = Objective(settings.objective)
    trials = load_trials(run) if run.journal.is_file() or settings.search.storage else []
    counts = dict(Counter(trial.status for trial in trials))
    best = next(iter(best_first(trials, objective.direction)), None)
    searching = is_searching(run)
    chosen = run.read_chosen().trials[0] if run.chosen_file.is_file() else None
    status, detail = _progress(run, searching)
    commands = () if searching else next_commands(run, settings)
    return RunState(
        str(run.folder),
        status,
        detail,
        trials=sum(n for name, n in counts.items() if name not in ("running", "interrupted")),
        wanted=settings.search.trials,
        counts=counts,
        metric=objective.metric,
        best=None
        if best is None or best.status != COMPLETE
        else best.metrics.get(objective.metric),
        chosen=chosen,
        target=settings.hardware.target,
        changed=changed,
        next=commands[0] if commands else "",
    )


def _progress(run: Run, searching: bool) -> Any:
    """Return the status and what to say of it."""
    if searching:
        return "searching", ""
    if not run.chosen_file.is_file():
        return "stopped", ""
    candidate = run.chosen
    for status, names in (
        ("measured", list(measurements(candidate))),
        ("compiled", list(compiled_records(candidate))),
    ):
        if names:
            return status, ", ".join(names)
    return ("quantized" if candidate.quantized_model.is_file() else "searched"), ""


def _changed(run: Run) -> str:
    """Return when the run's own files were written last."""
    paths = [run.settings, run.journal, run.chosen_file, run.report, run.trials]
    times = [path.stat().st_mtime for path in paths if path.exists()]
    moment = datetime.fromtimestamp(max(times, default=0.0), timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
