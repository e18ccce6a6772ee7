"""The records of trials in Optuna's study."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, Dict, List, Mapping, Optional

from vaiopt.runs.layout import Run
from vaiopt.study.record import FAILED, INFEASIBLE, RUNNING, TrialRecord
from vaiopt.study.space import Dimension, Space
from vaiopt.study.storage import open_study, quiet_optuna

RECORD = "vaiopt"
"""User attribute of a trial that holds its record."""


MEASURED = "measured"
"""User attribute of the study that holds, by trial number, what a kit measured during the search.
"""


def load_trials(run: Run) -> List[TrialRecord]:
    """Return all trials of a run by number. Raises as :func:`open_study`."""
    return records(open_study(run))


def records(study: Any) -> List[TrialRecord]:
    """Return the records of an Optuna study's trials by number."""
    measured = study.user_attrs.get(MEASURED, {})
    return [
        _with_measurement(_record(trial), measured.get(str(trial.number)))
        for trial in study.get_trials(deepcopy=False)
    ]


def note_measurement(
    study: Any, record: TrialRecord, latency_ms: float, value: Optional[float], reason: str = ""
) -> None:
    """Keep what a kit measured of a finished trial; from now on it stands in place of the
    prediction wherever the trial is read.

    Optuna lets nobody change a finished trial, so this is kept beside the trials, with the study.

    Args:
        study: Optuna's.
        record: the trial.
        latency_ms: measured, of one sample.
        value: the objective with it; None if the trial is infeasible with it.
        reason: which limit it breaks then.
    """
    entry = {
        "latency_ms": latency_ms,
        "predicted_latency_ms": record.costs.get("latency_ms"),
        "value": value,
        "reason": reason,
    }
    study.set_user_attr(MEASURED, {**study.user_attrs.get(MEASURED, {}), str(record.number): entry})


def _with_measurement(record: TrialRecord, measured: Optional[Mapping[str, Any]]) -> TrialRecord:
    if measured is None:
        return record
    latencies = {
        name: measured[name]
        for name in ("latency_ms", "predicted_latency_ms")
        if measured[name] is not None
    }
    status = record.status if measured["value"] is not None else INFEASIBLE
    return replace(
        record,
        costs={**record.costs, **latencies},
        value=measured["value"],
        status=status,
        reason=measured["reason"] or record.reason,
    )


def _record(trial: Any) -> TrialRecord:
    content = trial.user_attrs.get(RECORD)
    if content is None:
        status = RUNNING if not trial.state.is_finished() else FAILED
        return TrialRecord(trial.number, status, hyperparameters=dict(trial.params))
    known = {f.name for f in fields(TrialRecord)}
    return TrialRecord(
        **{**{key: value for key, value in content.items() if key in known}, "number": trial.number}
    )


def distribution(dimension: Dimension) -> Any:
    """Return Optuna's distribution for a dimension."""
    optuna = quiet_optuna()
    grid = dimension.grid()
    if dimension.kind == "choice" or (
        grid is not None and (len(grid) == 1 or (dimension.log and dimension.step != 1))
    ):
        return optuna.distributions.CategoricalDistribution(list(grid or ()))
    if dimension.kind == "int":
        high = int(dimension.high) if dimension.log or grid is None else int(grid[-1])  # type: ignore[arg-type]
        return optuna.distributions.IntDistribution(
            int(dimension.low), high, log=dimension.log, step=int(dimension.step or 1)
        )
    high_float = float(dimension.high) if grid is None else float(grid[-1])  # type: ignore[arg-type]
    return optuna.distributions.FloatDistribution(
        dimension.low, high_float, log=dimension.log, step=dimension.step
    )


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
