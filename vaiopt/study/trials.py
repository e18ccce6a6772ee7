"""The records of trials in Optuna's study."""

from __future__ import annotations

import copy
import weakref
from dataclasses import dataclass, replace
from typing import Any, Dict, List, Mapping, Optional, Sequence, Set

from vaiopt.errors import RunError
from vaiopt.json_text import check_depth, whole_texts
from vaiopt.record import Record, Unfit, part
from vaiopt.runs.layout import Run
from vaiopt.study.record import FAILED, INFEASIBLE, INTERRUPTED, OUTDATED, RUNNING, TrialRecord
from vaiopt.study.space import Dimension, Space
from vaiopt.study.storage import open_study, quiet_optuna

RECORD = "vaiopt"
"""User attribute of a trial that holds its record."""

MEASURED = "measured"
"""User attribute of the study that holds, by trial number, what a kit measured during the search.
"""

DATA = "data"
"""User attribute of the study: pairs of the number of a trial and the SHA-256 of the data from it
on.
"""

RESTORE = "Restore the study from a copy, or search again into a new folder."
"""What cures a damaged study."""


class _Read:
    """Records of finished trials that were read already: they never change, and a search asks for
    all of them at each trial.

    Attributes:
        first: of the first trials, up to one that has not ended.
        later: of those after it, by number.
    """

    def __init__(self) -> None:
        self.first: List[TrialRecord] = []
        self.later: Dict[int, TrialRecord] = {}

    def records(self, trials: Sequence[Any]) -> List[TrialRecord]:
        """Return the records of Optuna's trials. Raises RunError: one is damaged."""
        known = len(self.first)
        if [t.number for t in trials[:known][-1:]] != [r.number for r in self.first[-1:]]:
            known, self.first = 0, []  # other trials than before
        found = self.first[:known]
        for trial in trials[known:]:
            record = self.later.pop(trial.number, None) or _undamaged(trial)
            found.append(record)
            if trial.state.is_finished():
                if len(self.first) == len(found) - 1:
                    self.first.append(record)
                else:
                    self.later[trial.number] = record
        return found


_READ: "weakref.WeakKeyDictionary[Any, _Read]" = weakref.WeakKeyDictionary()
"""By study."""


@dataclass(frozen=True)
class Measurement(Record):
    """What a kit measured of a trial, and what follows of it.

    Attributes:
        latency_ms: of one sample.
        value: the objective with it; None if the trial is infeasible with it.
        reason: which limit it breaks then.
    """

    latency_ms: float = part(low=0)
    value: Optional[float] = part(None)
    reason: str = part("")


def load_trials(run: Run) -> List[TrialRecord]:
    """Return all trials of a run by number.

    Raises:
        RunError: as :func:`open_study`, or a trial's record is damaged.
    """
    return records(open_study(run))


def records(study: Any) -> List[TrialRecord]:
    """Return the records of an Optuna study's trials by number.

    Raises:
        RunError: one is damaged.
    """
    found = _READ.setdefault(study, _Read()).records(study.get_trials(deepcopy=False))
    measured, outdated = _measured(study), outdated_trials(study)
    if not measured and not outdated:
        return found
    return [_as_of_now(record, measured, outdated) for record in found]


def _undamaged(trial: Any) -> TrialRecord:
    try:
        return _record(trial)
    except Unfit as error:
        raise _damaged(trial.number, error) from error


def _damaged(number: int, error: Unfit) -> RunError:
    return RunError(f"trial {number} of the study is damaged: {error}", RESTORE)


def _as_of_now(record: TrialRecord, measured: Mapping[str, Any], outdated: Set[int]) -> TrialRecord:
    """Return a record with what was measured of it later, and without what counts no more."""
    number = str(record.number)
    if number in measured:
        try:
            measurement = Measurement.from_json(_checked(measured[number]))
            record = _with_measurement(record, measurement)
        except Unfit as error:
            raise _damaged(record.number, error) from error
    if record.number in outdated and record.status not in (RUNNING, INTERRUPTED):
        return replace(record, status=OUTDATED, value=None, reason="of other data")
    return record


def note_data(study: Any, sha256: str) -> None:
    """Take note of the data that trials run on from now on. Those on other data count no more,
    unless their data come back.

    Args:
        study: Optuna's.
        sha256: of the data.
    """
    spans = _data_spans(study)
    if not spans or spans[-1][1] != sha256:
        start = len(study.get_trials(deepcopy=False)) if spans else 0
        study.set_user_attr(DATA, [*spans, [start, sha256]])


def outdated_trials(study: Any) -> Set[int]:
    """Return the numbers of the trials that ran on other data than the last. Raises RunError."""
    spans = _data_spans(study)
    ends = [start for start, _ in spans[1:]]
    return {
        number
        for (start, sha256), end in zip(spans, ends)
        if sha256 != spans[-1][1]
        for number in range(start, end)
    }


def _data_spans(study: Any) -> List[List[Any]]:
    attributes = study.user_attrs
    found = attributes.get(DATA, []) if isinstance(attributes, Mapping) else None
    is_fit = isinstance(found, list) and all(
        isinstance(span, list)
        and len(span) == 2
        and type(span[0]) is int
        and 0 <= span[0] < MOST_TRIALS
        and isinstance(span[1], str)
        for span in found
    )
    if found is None or not is_fit:
        raise RunError("what the study says of its data is damaged", RESTORE)
    return list(found)


MOST_TRIALS = 10**7
"""No study has so many."""


def without_outdated(study: Any) -> Any:
    """Return an Optuna study as its samplers should see it: without trials on other data."""
    outdated = outdated_trials(study)
    if not outdated:
        return study
    view = copy.copy(study)
    view._storage = _Without(study._storage, outdated)
    return view


class _Without:
    """A storage that does not show some trials; all else is that of another."""

    def __init__(self, storage: Any, hidden: Set[int]) -> None:
        self._shown, self._hidden = storage, hidden

    def get_all_trials(self, *arguments: Any, **options: Any) -> List[Any]:
        """See Optuna."""
        every = self._shown.get_all_trials(*arguments, **options)
        return [trial for trial in every if trial.number not in self._hidden]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._shown, name)


def note_measurement(study: Any, number: int, measurement: Measurement) -> None:
    """Keep what a kit measured of a finished trial.

    Optuna lets nobody change a finished trial, so this is kept beside the trials, with the study.
    """
    study.set_user_attr(MEASURED, {**_measured(study), str(number): measurement.to_json()})


def _measured(study: Any) -> Mapping[str, Any]:
    attributes = study.user_attrs
    found = attributes.get(MEASURED, {}) if isinstance(attributes, Mapping) else None
    if not isinstance(found, Mapping):
        raise RunError("the measurements in the study are damaged", RESTORE)
    return found


def _with_measurement(record: TrialRecord, measured: Measurement) -> TrialRecord:
    return replace(
        record,
        measured_latency_ms=measured.latency_ms,
        value=measured.value,
        status=record.status if measured.value is not None else INFEASIBLE,
        reason=measured.reason or record.reason,
    )


def _record(trial: Any) -> TrialRecord:
    if not isinstance(trial.user_attrs, Mapping):
        raise Unfit("user_attrs", "is not an object")
    content = trial.user_attrs.get(RECORD)
    if content is None:
        status = RUNNING if not trial.state.is_finished() else FAILED
        return TrialRecord(trial.number, status, hyperparameters=dict(trial.params))
    return TrialRecord.from_json({**_checked(content), "number": trial.number})


def _checked(content: Any) -> Mapping[str, Any]:
    """Return an object of the study, which Optuna read; checked as if a file of ours held it."""
    if not isinstance(content, Mapping):
        raise Unfit(RECORD, "is not an object")
    try:
        check_depth(content)
    except ValueError as error:
        raise Unfit(RECORD, str(error)) from error
    return whole_texts(content)


def distribution(dimension: Dimension) -> Any:
    """Return Optuna's distribution for a dimension."""
    make = quiet_optuna().distributions
    grid, log, step = dimension.grid(), dimension.log, dimension.step
    if dimension.kind == "choice" or (grid is not None and (len(grid) == 1 or (log and step != 1))):
        return make.CategoricalDistribution(list(grid or ()))
    # The highest value that the steps reach; with a logarithmic range of whole numbers, any.
    high: Any = dimension.high if grid is None else grid[-1]
    # Optuna has no mirrored logarithm: the study holds its values as plain numbers.
    log = log and not dimension.reverse
    if dimension.kind == "int":
        high = int(dimension.high if log else high)
        return make.IntDistribution(int(dimension.low), high, log=log, step=int(step or 1))
    return make.FloatDistribution(dimension.low, float(high), log=log, step=step)


def distributions(space: Space) -> Dict[str, Any]:
    """Return Optuna's distribution of every dimension, by name."""
    return {dimension.name: distribution(dimension) for dimension in space}


def record_attribute(record: TrialRecord) -> Mapping[str, Any]:
    """Return what is stored of a record in the trial's user attribute (its number is Optuna's
    own).
    """
    content = record.to_json()
    content.pop("number")
    return content
