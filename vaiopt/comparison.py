"""Runs side by side: what differs in their settings, what they came to, their curves and fronts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

from vaiopt.errors import SettingsError, VaioptError
from vaiopt.files import PathLike, from_here, write_text
from vaiopt.present.shown import Shown
from vaiopt.report.compared import comparison_page
from vaiopt.report.data import ReportData, gather_search
from vaiopt.runs.layout import Run, open_run
from vaiopt.settings.compare import shown_values
from vaiopt.summary import Summary, summarise

NEVER_SAME = ("deploy.host", "search.scheduler", "search.storage")
"""Settings that say where a run was made, not what it is."""


@dataclass(frozen=True)
class Compared:
    """What one run came to.

    Attributes:
        name: of the run, as short as it can be told from the others.
        metric: of its objective; validation: its value for the chosen trial.
        validation_samples: that it was counted on; 0 if that is not known.
        trials: how many ended how.
        seconds: of all trainings together.
        summary: scores, costs and times of the chosen trial.
        hyperparameters: of the chosen trial.
    """

    name: str
    metric: str
    validation: Optional[float]
    validation_samples: int
    trials: Dict[str, int]
    seconds: float
    summary: Summary
    hyperparameters: Dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> Dict[str, Any]:
        """Return it as a JSON object."""
        told = ("name", "metric", "validation", "validation_samples", "trials", "seconds")
        content = {key: getattr(self, key) for key in (*told, "hyperparameters")}
        return {**content, "summary": self.summary.to_json()}


@dataclass(frozen=True)
class Comparison(Shown):
    """Runs side by side.

    Attributes:
        runs: in the order in which they were given.
        settings: those that differ, by key, a value a run.
        notes: what makes figures hard to compare, such as other data.
        data: what the figures are drawn from; not in the JSON object.
    """

    runs: Tuple[Compared, ...]
    settings: Dict[str, List[Any]]
    notes: Tuple[str, ...] = ()
    data: Tuple[ReportData, ...] = field(default=(), repr=False, compare=False)

    def to_json(self) -> Dict[str, Any]:
        """Return it as a JSON object."""
        runs = [run.to_json() for run in self.runs]
        return {"runs": runs, "settings": self.settings, "notes": list(self.notes)}

    def write_html(self, path: PathLike) -> Path:
        """Write one page with the tables, the curves and the fronts, which fetches nothing.

        Raises:
            MissingToolError: plotly is not installed.
        """
        names = [run.name for run in self.runs]
        write_text(path, comparison_page(self, names, self.data))
        return Path(path)


def compare_runs(folders: Sequence[PathLike]) -> Comparison:
    """Compare runs.

    Args:
        folders: of two runs or more, or the runs.

    Raises:
        SettingsError: there are fewer than two.
        RunError: one is none, has no trials yet, or is damaged.
    """
    runs = [open_run(folder) for folder in folders]
    if len(runs) < 2:
        raise SettingsError(
            "there is one run to compare", "Give two or more: vaiopt compare RUN RUN..."
        )
    data = tuple(gather_search(run) for run in runs)
    rows = tuple(map(_compared, _names(runs), runs, data))
    return Comparison(rows, _differing(data), _notes(data), data)


def _names(runs: Sequence[Run]) -> List[str]:
    """Return names: the last parts of the folders, as many as it takes to tell them apart."""
    parts = [run.folder.resolve().parts for run in runs]
    for count in range(1, max(map(len, parts)) + 1):
        names = ["/".join(part[-count:]) for part in parts]
        if len(set(names)) == len(names):
            return names
    return [f"{name} ({place + 1})" for place, name in enumerate(names)]  # the same run twice


def _compared(name: str, run: Run, data: ReportData) -> Compared:
    trial = data.chosen_trial
    return Compared(
        name,
        data.metric,
        None if trial is None else trial.metrics.get(data.metric),
        0 if trial is None else trial.samples,
        dict(Counter(t.status for t in data.trials)),
        sum(t.seconds for t in data.trials),
        _summary(run, data),
        {} if trial is None else dict(trial.hyperparameters),
    )


def _summary(run: Run, data: ReportData) -> Summary:
    try:
        return summarise(run, data.settings)
    except VaioptError:  # its target is not here any more
        return Summary(str(run.folder), data.settings.hardware.target)


def _differing(data: Sequence[ReportData]) -> Dict[str, List[Any]]:
    """Return the settings that are not the same in all runs."""
    values = [shown_values(found.settings) for found in data]
    return {
        key: [_plain(each[key]) for each in values]
        for key in values[0]
        if key not in NEVER_SAME and any(each[key] != values[0][key] for each in values)
    }


def _plain(value: Any) -> Any:
    """Return a setting as JSON has it; what has no such form (a range to search) in words, and a
    path, which a run keeps whole, from here.
    """
    if isinstance(value, str):
        return from_here(value)
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return str(value)


def _notes(data: Sequence[ReportData]) -> Tuple[str, ...]:
    notes = []
    known = [found.data for found in data if found.data is not None]
    if len({recipe.sha256 for recipe in known}) > 1:
        notes.append("the data differ: scores of the runs are not of the same samples")
    elif len({recipe.split_sha256 for recipe in known}) > 1:
        notes.append("the data are the same, split otherwise: scores are of other samples")
    if len({found.metric for found in data}) > 1:
        notes.append("the objectives differ: figures show the runs with the metric of the first")
    return tuple(notes)
