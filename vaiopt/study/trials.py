"""The records of trials in Optuna's study."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, replace
from typing import Any, Dict, List, Mapping, Optional

from vaiopt.errors import RunError
from vaiopt.json_text import check_depth, whole_texts
from vaiopt.record import Record, Unfit, part
from vaiopt.runs.layout import Run
from vaiopt.study.record import FAILED, INFEASIBLE, RUNNING, TrialRecord
from vaiopt.study.space import Dimension, Space
from vaiopt.study.storage import open_study, quiet_optuna

RECORD = "vaiopt"
"""User attribute of a trial that holds its record."""

MEASURED = "measured"
"""User attribute of the study that holds, by trial number, what a kit measured during the search.
"""

RESTORE = "Restore the study from a copy, or search again into a new folder."
"""What cures a damaged study."""

_READ: "weakref.WeakKeyDictionary[Any, Dict[int, TrialRecord]]" = weakref.WeakKeyDictionary()
"""Records of finished trials that were read already, by study and number: they never change, and a
search asks for all of them at each trial.
"""


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
    read = _READ.setdefault(study, {})
    measured = _measured(study)
    found = []
    for trial in study.get_trials(deepcopy=False):
        try:
            known = read.get(trial.number)
            record = _record(trial) if known is None else known
            if known is None and trial.state.is_finished():
                read[trial.number] = record
            if measured and str(trial.number) in measured:
                entry = measured[str(trial.number)]
                record = _with_measurement(record, Measurement.from_json(_checked(entry)))
        except Unfit as error:
            raise RunError(
                f"trial {trial.number} of the study is damaged: {error}", RESTORE
            ) from error
        found.append(record)
    return found


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
