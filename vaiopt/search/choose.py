"""The choice of a trial, and what is written of it: ``float/``."""

from __future__ import annotations

import shutil
from typing import Any, Dict, Optional, Sequence, Tuple

from vaiopt.environment import installed_versions
from vaiopt.errors import RunError
from vaiopt.files import atomic_folder, read_json, write_json
from vaiopt.runs.layout import Run
from vaiopt.search.training.shared import run_data_spec
from vaiopt.settings import Settings
from vaiopt.study.objective import Objective
from vaiopt.study.ranking import first_trial, front
from vaiopt.study.record import TrialRecord


def choose_trial(
    run: Run,
    settings: Settings,
    record: TrialRecord,
    trials: Sequence[TrialRecord],
    *,
    int8_ranking: Sequence[Dict[str, Any]] = (),
) -> None:
    """Make ``record`` the chosen trial: write ``float/`` with its model, metrics and data.

    What was found on the test split stays if the choice is the same as before.

    Args:
        run: the run.
        settings: its settings.
        record: the trial.
        trials: all of the run.
        int8_ranking: the table that decided, if the candidates were ranked after quantization.

    Raises:
        RunError: the trial is not complete, or its model is no longer kept.
    """
    model = run.trial(record.number) / "model.h5"
    if record.value is None:
        raise RunError(
            f"trial {record.number} is {record.status}, not complete",
            f"See: vaiopt trials {run.folder}",
        )
    if not model.exists():
        raise RunError(
            f"the model of trial {record.number} was not kept",
            f"Kept are those of the best trials; see: vaiopt trials {run.folder}",
        )
    same = run.float_evaluation.exists() and _chosen_number(run) == record.number
    with atomic_folder(run.float_folder) as folder:
        new = Run(run.folder)
        shutil.copyfile(str(model), str(folder / new.float_model.name))
        before = model.with_name(new.initial_weights.name)
        if before.exists():
            shutil.copyfile(str(before), str(folder / before.name))
        write_json(
            folder / new.float_metrics.name,
            {**_metrics(settings, record, trials), "int8_ranking": list(int8_ranking)},
        )
        write_json(folder / new.data_spec.name, run_data_spec(settings, record.hyperparameters))
        if same:
            shutil.copyfile(str(run.float_evaluation), str(folder / run.float_evaluation.name))


def _chosen_number(run: Run) -> int:
    return int(read_json(run.float_metrics, "vaiopt search").get("trial", -1))


def _metrics(
    settings: Settings, record: TrialRecord, trials: Sequence[TrialRecord]
) -> Dict[str, Any]:
    objective = Objective(settings.objective)
    content = record.to_json()
    default = first_trial(trials)
    return {
        "trial": record.number,
        "objective": {
            "metric": objective.metric,
            "direction": objective.direction,
            "value": record.value,
        },
        **{
            name: content[name]
            for name in (
                "hyperparameters",
                "metrics",
                "costs",
                "curve",
                "seconds",
                "peak_memory_mb",
            )
        },
        "default_trial": (
            None
            if default is None
            else {name: default.to_json()[name] for name in ("number", "value", "metrics", "costs")}
        ),
        "pareto": {cost: front(trials, objective, cost) for cost in ("latency_ms", "params")},
        "family": settings.model.family,
        "target": settings.hardware.target,
        "versions": installed_versions(),
    }


def measured_score(
    run: Run, settings: Settings, record: TrialRecord, latency_ms: float
) -> Tuple[Optional[float], str]:
    """Return a trial's objective with its measured latency in place of the predicted one, or None
    and the hard limit that it breaks.

    Raises:
        RunError: the run has no space yet.
    """
    objective = Objective(settings.objective)
    costs = {**record.costs, "latency_ms": latency_ms}
    broken = objective.infeasible(costs)
    if broken is not None:
        return None, "measured: " + broken
    references = read_json(run.space, f"vaiopt search --run {run.folder}")["costs"]
    return objective.score(record.metrics, costs, references), ""
