"""What became of each of several chosen candidates, from the search to the kit: the files that
are there, side by side.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Dict, Optional, Sequence, Tuple

from vaiopt.data.recipe import read_recipe
from vaiopt.errors import VaioptError
from vaiopt.hardware.targets import load_target
from vaiopt.record import read_optional
from vaiopt.runs.layout import Candidate, Run
from vaiopt.runs.lineage import measurements, stale_parts
from vaiopt.runs.records import CandidateMetrics, Measured
from vaiopt.tasks import Task, task_of


@dataclass(frozen=True)
class Failure:
    """Why a step was not done for a candidate.

    Attributes:
        step: its name.
        message, hint: of the error.
    """

    step: str
    message: str
    hint: str = ""


@dataclass(frozen=True)
class Delivered:
    """One candidate, as far as the steps have come. What is not there yet is None.

    Attributes:
        trial: its number.
        metric: name of the search's metric. validation: its value on validation data.
        headline: the score that is compared, such as ``accuracy``.
        float_score, int8_score: of the models on the test split, on this machine.
        measured_score: on the bundle's samples, where it ran.
        test_samples, measured_samples: that these were counted on; 0 where there are none.
        agreement: share of the samples that the kit puts into the same class as the int8 Keras
            model.
        params: parameters.
        predicted_latency_ms, measured_latency_ms: of one sample; measured is the median. Nothing is
            predicted for another target than the search's.
        predicted_fps, measured_fps: frames a second; the threads may differ.
        threads: of the measured frames a second; 0 where there are none.
        host: where it was measured.
        failure: why a step was not done; None if all went well.
    """

    trial: int
    metric: str = ""
    validation: Optional[float] = None
    headline: str = "accuracy"
    float_score: Optional[float] = None
    int8_score: Optional[float] = None
    measured_score: Optional[float] = None
    test_samples: int = 0
    measured_samples: int = 0
    agreement: Optional[float] = None
    params: Optional[float] = None
    predicted_latency_ms: Optional[float] = None
    measured_latency_ms: Optional[float] = None
    predicted_fps: Optional[float] = None
    measured_fps: Optional[float] = None
    threads: int = 0
    host: str = ""
    failure: Optional[Failure] = None

    def to_json(self) -> Dict[str, Any]:
        """Return it as a JSON object; scores under their name, as ``float_accuracy``."""
        content = {name: v for name, v in asdict(self).items() if name != "headline"}
        return {name.replace("_score", f"_{self.headline}"): v for name, v in content.items()}


def delivered(
    run: Run,
    numbers: Sequence[int],
    target: str,
    failures: Optional[Dict[int, Failure]] = None,
) -> Tuple[Delivered, ...]:
    """Return what became of candidates, in this order.

    Args:
        run: theirs.
        numbers: of the candidates.
        target: name of the target.
        failures: of steps, by candidate. What an earlier command measured is not told of these.

    Raises:
        RunError: a file is damaged.
    """
    known = failures or {}
    return tuple(_row(run.trial(number), target, known.get(number)) for number in numbers)


def _row(candidate: Candidate, target: str, failure: Optional[Failure]) -> Delivered:
    found = Delivered(candidate.number, failure=failure)
    metrics = read_optional(candidate.metrics, CandidateMetrics, candidate.command("choose"))
    if metrics is not None:
        name, costs = metrics.objective.metric, metrics.costs
        predicted = _is_target(metrics.target, target)
        found = replace(
            found,
            metric=name,
            validation=metrics.metrics.get(name),
            params=costs.get("params"),
            predicted_latency_ms=costs.get("latency_ms") if predicted else None,
            predicted_fps=costs.get("fps") if predicted else None,
        )
    if not candidate.data.is_file():
        return found
    stale, task = stale_parts(candidate), task_of(read_recipe(candidate).task)
    found = _tested(replace(found, headline=task.headline), candidate, task, stale)
    measured = _measured(candidate, target, stale)
    if measured is None or failure is not None:
        return found
    agreement = measured.agreement
    return replace(
        found,
        measured_score=measured.headline,
        measured_samples=measured.samples,
        agreement=None if agreement is None else agreement.equal / max(1, agreement.samples),
        measured_latency_ms=measured.latency_ms.p50,
        measured_fps=measured.fps.value,
        threads=measured.fps.threads,
        host=measured.host,
    )


def _is_target(given: str, name: str) -> bool:
    """Return whether what was given as the target of a search is the target of a name: what was
    predicted for one says nothing of another.
    """
    try:
        return not given or load_target(given).name == name
    except VaioptError:  # a file that is not here any more
        return True


def _tested(found: Delivered, candidate: Candidate, task: Task, stale: Sequence[str]) -> Delivered:
    """Return it with the scores on the test split."""
    again = candidate.command("evaluate")
    before = read_optional(candidate.evaluation, task.evaluation, again)
    int8 = None
    if "quantized" not in stale:
        int8 = read_optional(candidate.quantized_evaluation, task.evaluation, again)
    return replace(
        found,
        float_score=None if before is None else before.headline,
        int8_score=None if int8 is None else int8.headline,
        test_samples=0 if before is None else before.samples,
    )


def _measured(candidate: Candidate, target: str, stale: Sequence[str]) -> Optional[Measured]:
    """Return the last measurement on a target, wherever that stands: many machines have a CPU."""
    found = [
        record
        for name, record in measurements(candidate).items()
        if name.partition("@")[0] == target and f"measured/{name}" not in stale
    ]
    return max(found, key=lambda record: record.measured, default=None)
