"""What is known of points before a search: the trials of an earlier run, or a table of points and
values. It counts for the proposals, and is no trial.
"""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from vaiopt.errors import RunError, SettingsError
from vaiopt.json_text import parse_json
from vaiopt.reading import LARGEST, read_text
from vaiopt.record import Record, part
from vaiopt.runs.layout import open_run
from vaiopt.study.objective import Objective
from vaiopt.study.record import COMPLETE, TrialRecord
from vaiopt.study.space import Dimension, Space, Value
from vaiopt.study.trials import load_trials

FIRST_NUMBER = 10**9
"""Of the records that observations are to a sampler: no trial of a study has such a number."""

PREFIX = "hp."
"""Before the hyperparameters in the columns of ``vaiopt trials --csv``."""

FORMS = (
    "Give a run folder, a .csv with a column for each hyperparameter and a column value, or a .json"
    ' with a list of {"point": {...}, "value": ...}.'
)


@dataclass(frozen=True)
class Observation(Record):
    """A point of the space, and the objective that was seen there."""

    point: Dict[str, Value] = part()
    value: float = part()


@dataclass(frozen=True)
class Start(Record):
    """``start.json``: what a search knew at its start; kept, so that it goes on with the same.

    Attributes:
        source: where it came from.
        observations: those that fit the space.
        left_out: how many did not, and why, in words; empty if all did.
    """

    source: str = part("")
    observations: Tuple[Observation, ...] = part(())
    left_out: str = part("")

    def records(self) -> List[TrialRecord]:
        """Return the observations as a sampler takes them."""
        return [
            TrialRecord(
                FIRST_NUMBER + i, COMPLETE, value=seen.value, hyperparameters=dict(seen.point)
            )
            for i, seen in enumerate(self.observations)
        ]

    def said(self) -> str:
        """Return in one line what became of them."""
        line = f"{len(self.observations)} observation(s) of '{self.source}' are known at the start"
        return line + (f"; left out: {self.left_out}" if self.left_out else "")


class Misfit(Exception):
    """An observation does not fit the space."""


Seen = Tuple[Mapping[str, Any], Any]
"""A point and the objective there, as they were read."""

Score = Callable[[TrialRecord], Optional[float]]
"""Gives the objective of a trial of another run, None where it lacks the metric."""


def read_start(
    source: str, space: Space, objective: Objective, references: Mapping[str, float]
) -> Start:
    """Read what ``search.start_from`` names, as far as it fits the space.

    Args:
        source: a run folder, or a table.
        space: all dimensions.
        objective: of the new search; trials of a run are scored by it.
        references: the costs of its default point.

    Raises:
        SettingsError: it cannot be read, or nothing in it fits.
        RunError: the run is damaged.
    """

    def score(trial: TrialRecord) -> Optional[float]:
        if objective.metric not in trial.metrics:
            return None
        return objective.score(trial.metrics, trial.costs, references)

    path = Path(source)
    entries = _of_run(path, score) if path.is_dir() else _of_table(path)
    found: List[Observation] = []
    misfits: "Counter[str]" = Counter()
    for point, value in entries:
        try:
            found.append(Observation(_fitted(space, point), _number(value)))
        except Misfit as error:
            misfits[str(error)] += 1
    left_out = ", ".join(f"{count} ({why})" for why, count in misfits.most_common(3))
    if not found:
        why = left_out or "it is empty"
        raise SettingsError(
            f"nothing in search.start_from = '{source}' fits this search: {why}", FORMS
        )
    return Start(source, tuple(found), left_out)


def check_start(source: str) -> None:
    """Check that there is what ``search.start_from`` names, and that it can be read, for what
    points it may hold. Raises SettingsError.
    """
    path = Path(source)
    if path.is_dir():
        _of_run(path, lambda trial: None)
    else:
        _of_table(path)


def _of_run(path: Path, score: Score) -> List[Seen]:
    try:
        trials = load_trials(open_run(path))
    except RunError as error:
        raise SettingsError(f"search.start_from: {error.message}", FORMS) from error
    return [(t.hyperparameters, score(t)) for t in trials if t.status == COMPLETE]


def _of_table(path: Path) -> List[Seen]:
    read = TABLES.get(path.suffix.lower())
    if read is None:
        raise SettingsError(f"search.start_from = '{path}' is neither a run nor a table", FORMS)
    try:
        return read(read_text(path, LARGEST))
    except (OSError, ValueError, TypeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise SettingsError(
            f"search.start_from = '{path}' cannot be read: {reason}", FORMS
        ) from error


def _of_csv(text: str) -> List[Seen]:
    rows = list(csv.DictReader(io.StringIO(text)))
    names = list(rows[0]) if rows else []
    if rows and "value" not in names:
        raise ValueError("it has no column 'value'")
    marked = any(str(name).startswith(PREFIX) for name in names)
    found: List[Seen] = []
    for row in rows:
        if None in row:
            raise ValueError("a row has more cells than the first one has names")
        cells = {str(name): cell for name, cell in row.items() if cell and cell.strip()}
        point = {
            name[len(PREFIX) :] if marked else name: cell.strip()
            for name, cell in cells.items()
            if (name.startswith(PREFIX) if marked else name != "value")
        }
        if not marked or row.get("status", COMPLETE) == COMPLETE:
            found.append((point, cells.get("value")))
    return found


def _of_json(text: str) -> List[Seen]:
    content = parse_json(text)
    if isinstance(content, Mapping):  # as 'vaiopt trials --json' writes it
        content = content.get("trials")
    if not isinstance(content, list) or not all(isinstance(e, Mapping) for e in content):
        raise ValueError("it is no list of objects")
    found: List[Seen] = []
    for entry in content:
        if entry.get("status", COMPLETE) != COMPLETE:
            continue
        inner = entry.get("point", entry.get("hyperparameters"))
        point = inner if inner is not None else {k: v for k, v in entry.items() if k != "value"}
        found.append((dict(point), entry.get("value")))
    return found


TABLES: Dict[str, Callable[[str], List[Seen]]] = {".csv": _of_csv, ".json": _of_json}
"""What reads a table, by the ending of its file."""


def _number(value: Any) -> float:
    try:
        number = math.nan if isinstance(value, bool) or value is None else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise Misfit("without the objective")
    return number


def _fitted(space: Space, point: Mapping[str, Any]) -> Dict[str, Value]:
    """Return a point, whole and canonical; what it leaves out stands at its default."""
    known = {dimension.name: dimension for dimension in space}
    for name in point:
        if name not in known:
            raise Misfit(f"'{name}' is no hyperparameter here")
    values = {name: _value(known[name], given) for name, given in point.items()}
    return space.canonical({**space.defaults(), **values})


def _value(dimension: Dimension, given: Any) -> Value:
    for value in _readings(dimension, given):
        if dimension.contains(value):
            return value
    raise Misfit(f"{dimension.name} cannot be {given!r}")


def _readings(dimension: Dimension, given: Any) -> Sequence[Any]:
    """Return what a cell may stand for: itself, and the numbers that it can be read as."""
    found = [given]
    if dimension.kind == "choice":
        found += [value for value in dimension.values if str(value) == str(given)]
        found += [value for value in dimension.values if str(value).lower() == given]
    if isinstance(given, bool):
        return found
    try:
        number = float(given)
    except (TypeError, ValueError):
        return found
    whole = [int(number)] if math.isfinite(number) and number == int(number) else []
    return [*found, *whole, number] if dimension.kind != "float" else [*found[1:], number]
