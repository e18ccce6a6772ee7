"""What a run came to, from the files that are there."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Dict, List, Optional, Tuple

from vaiopt.data.recipe import read_recipe
from vaiopt.delivered import Delivered, delivered
from vaiopt.present.shown import Shown
from vaiopt.record import plain, read_optional
from vaiopt.runs.layout import Run
from vaiopt.runs.lineage import describe_stale, measurements, stale_parts
from vaiopt.runs.records import CandidateMetrics
from vaiopt.settings import Settings, settings_from_run
from vaiopt.study.objective import Objective
from vaiopt.study.ranking import best_first, fronts
from vaiopt.study.record import TrialRecord
from vaiopt.study.trials import load_trials
from vaiopt.tasks import task_of


@dataclass(frozen=True)
class Summary(Shown):
    """What a run came to, as far as its stages have run.

    Attributes:
        run: its folder.
        target: where the model was compiled for.
        trial: the chosen one.
        headline: the score that is compared, such as ``accuracy``.
        float_score, int8_score: that of the models on the test split, on this machine.
        measured_score: on the bundle's samples, where it ran.
        test_samples, measured_samples: that these were counted on; 0 where there are none.
        params: parameters of the chosen model.
        predicted_latency_ms, measured_latency_ms: of one sample; measured is the median.
        report: path of ``report.html``, if there is one.
        seconds: wall time of each step of this call.
        stale: what is left out because the files that it was made from have changed, in a
            sentence; empty if there is nothing.
        front: what became of each point of the front, if such were chosen, the best first.
        go_on: the command that goes on with those that were not measured; empty if all were.
    """

    run: str
    target: str
    trial: Optional[int] = None
    headline: str = "accuracy"
    float_score: Optional[float] = None
    int8_score: Optional[float] = None
    measured_score: Optional[float] = None
    test_samples: int = 0
    measured_samples: int = 0
    params: Optional[float] = None
    predicted_latency_ms: Optional[float] = None
    measured_latency_ms: Optional[float] = None
    report: Optional[str] = None
    seconds: Dict[str, float] = field(default_factory=dict)
    stale: str = ""
    front: Tuple[Delivered, ...] = ()
    go_on: str = ""

    @property
    def float_accuracy(self) -> Optional[float]:
        """The float score of a classifier."""
        return self._accuracy("float")

    @property
    def int8_accuracy(self) -> Optional[float]:
        """The int8 score of a classifier."""
        return self._accuracy("int8")

    @property
    def measured_accuracy(self) -> Optional[float]:
        """The measured score of a classifier."""
        return self._accuracy("measured")

    @property
    def unmeasured(self) -> Tuple[int, ...]:
        """The points of the front that could be measured, but were not."""
        failed = {row.trial: row.failure.step for row in self.front if row.failure is not None}
        return tuple(number for number, step in failed.items() if step == "measure")

    def _accuracy(self, kind: str) -> Optional[float]:
        return getattr(self, f"{kind}_score") if self.headline == "accuracy" else None

    def to_json(self) -> Dict[str, Any]:
        """Return it as a JSON object; scores under their name, as ``float_accuracy``."""
        content = {name: v for name, v in asdict(self).items() if name not in ("headline", "front")}
        named = {name.replace("_score", f"_{self.headline}"): v for name, v in content.items()}
        return {**named, "front": [row.to_json() for row in self.front]}


@dataclass(frozen=True)
class RankedTrials(Shown):
    """The trials of a run, best first.

    Attributes:
        folder: of the run.
        metric, direction: of the objective.
        pareto: numbers of the trials on each front, cheapest first, by its cost: that of
            ``objective.front`` (of several costs under their names with commas between them), else
            those of the metric against latency and parameters.
        trials: those asked for.
        costs: that say something of them.
    """

    folder: str
    metric: str
    direction: str
    pareto: Dict[str, List[int]]
    trials: List[TrialRecord]
    costs: Tuple[str, ...] = ("params", "latency_ms")

    def to_json(self) -> Dict[str, Any]:
        """Return it as a JSON object."""
        told = ("metric", "direction", "pareto", "trials")
        return {name: plain(getattr(self, name)) for name in told}


def rank_trials(run: Run, *, pareto: bool = False) -> RankedTrials:
    """Return the trials of a run, best first.

    Args:
        run: the run.
        pareto: only those on one of the fronts.

    Raises:
        RunError: it has no trials yet.
    """
    objective = Objective(settings_from_run(run).objective)
    trials = best_first(load_trials(run), objective.direction)
    found = fronts(trials, objective)
    if pareto:
        on_one = {number for numbers in found.values() for number in numbers}
        trials = [trial for trial in trials if trial.number in on_one]
    metric, direction = objective.metric, objective.direction
    return RankedTrials(str(run.folder), metric, direction, found, trials, objective.told)


def summarise(
    run: Run, settings: Optional[Settings] = None, seconds: Optional[Dict[str, float]] = None
) -> Summary:
    """Return what a run came to, from the files that are there.

    Raises:
        RunError: a file is damaged.
    """
    from vaiopt.hardware import load_target

    hardware = (settings or settings_from_run(run)).hardware
    target = str(load_target(hardware.target, hardware.release).name)
    report_path = str(run.report) if run.report.exists() else None
    summary = Summary(str(run.folder), target, report=report_path, seconds=dict(seconds or {}))
    if not run.chosen_file.is_file():
        return summary
    chosen, choice = run.chosen, run.read_chosen()
    stale = stale_parts(chosen)
    metrics = read_optional(chosen.metrics, CandidateMetrics, chosen.command("choose"))
    again = chosen.command("evaluate")
    task = task_of(read_recipe(chosen).task)
    float_test = read_optional(chosen.evaluation, task.evaluation, again)
    int8_test = read_optional(chosen.quantized_evaluation, task.evaluation, again)
    measured = measurements(chosen).get(target)
    if f"measured/{target}" in stale:
        measured = None
    costs = metrics.costs if metrics is not None else {}
    return replace(
        summary,
        trial=chosen.number,
        headline=task.headline,
        float_score=float_test.headline if float_test else None,
        int8_score=int8_test.headline if int8_test and "quantized" not in stale else None,
        measured_score=measured.headline if measured else None,
        test_samples=float_test.samples if float_test else 0,
        measured_samples=measured.samples if measured else 0,
        params=costs.get("params"),
        predicted_latency_ms=costs.get("latency_ms"),
        measured_latency_ms=measured.latency_ms.p50 if measured else None,
        stale=describe_stale(chosen, stale),
        front=delivered(run, choice.trials, target) if len(choice.trials) > 1 else (),
    )
