"""All candidates of a run on all targets: what each scores in int8, and how fast it is there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import List, Optional, Sequence, Tuple

from vaiopt.delivered import delivered
from vaiopt.errors import VaioptError
from vaiopt.hardware import list_targets, load_target
from vaiopt.hardware.inspection import costs
from vaiopt.hardware.target import Target
from vaiopt.network.read import read_graph
from vaiopt.record import read_optional
from vaiopt.runs.layout import Candidate, Run
from vaiopt.runs.lineage import compiled_records, manifests, measurements, stale_parts
from vaiopt.runs.records import QuantizedMetrics
from vaiopt.settings import HardwareSettings

MOST_CANDIDATES = 12
"""Candidates that are shown at most, the chosen one and the best first."""


@dataclass(frozen=True)
class OnTarget:
    """A candidate on a target. What is not known is None.

    Attributes:
        trial: its number. target: its name.
        made: whether the run was for this target, or something was made for it.
        headline: name of the scores.
        int8_test, int8_validation: score of the int8 model on the test and the validation part.
        predicted_ms, measured_ms: latency; the median of what was measured.
        predicted_fps, measured_fps: frames a second.
        cpu_layers: layers that the target leaves to the CPU.
    """

    trial: int
    target: str
    made: bool = False
    headline: str = "accuracy"
    int8_test: Optional[float] = None
    int8_validation: Optional[float] = None
    predicted_ms: Optional[float] = None
    measured_ms: Optional[float] = None
    predicted_fps: Optional[float] = None
    measured_fps: Optional[float] = None
    cpu_layers: Optional[int] = None


def on_targets(
    run: Run, best: Sequence[int], hardware: HardwareSettings, notes: List[str]
) -> Tuple[OnTarget, ...]:
    """Return each candidate whose model is kept on each target: those of the run, then every board
    with a DPU.

    Args:
        run: whose candidates.
        best: numbers of its trials, in the order of the rows.
        hardware: of its settings.
        notes: what cannot be read is added, one line each.
    """
    kept = {candidate.number: candidate for candidate in run.candidates()}
    shown = [kept[number] for number in best if number in kept][:MOST_CANDIDATES]
    made: List[str] = []
    for candidate in shown:
        for found in (compiled_records, manifests, measurements):
            made += [name.partition("@")[0] for name in found(candidate)]
    own = _target(hardware.target, hardware.release)
    made = list(dict.fromkeys([own.name if own else hardware.target, *made]))
    boards = [t.name for t in list_targets() if t.architecture.startswith("DPU")]
    targets = [(name, _target(name, "")) for name in boards if name not in made]
    targets = [(n, own if own and n == own.name else _target(n, "")) for n in made] + targets
    rows: List[OnTarget] = []
    for candidate in shown:
        try:
            rows += _rows(candidate, targets, made, hardware.threads)
        except VaioptError as error:
            notes.append(f"Trial {candidate.number} is left out of the targets: {error.message}.")
    return tuple(rows)


def _target(name: str, release: str) -> Optional[Target]:
    """Return a target; None for one that is not known here."""
    try:
        return load_target(name, release or None)
    except VaioptError:
        return None


def _rows(
    candidate: Candidate,
    targets: Sequence[Tuple[str, Optional[Target]]],
    made: Sequence[str],
    threads: int,
) -> List[OnTarget]:
    """Return a candidate on each target. Raises :class:`VaioptError`: a file of it is damaged."""
    graph, validated = read_graph(candidate.model), _int8_validation(candidate)
    on_made = {name: delivered(candidate.run, [candidate.number], name)[0] for name in made}
    rows = []
    for name, target in targets:
        # Of a board that nothing was made for there is nothing to read.
        found = on_made.get(name, on_made[made[0]])
        priced = {} if target is None else costs(graph, target, threads)
        left = priced.get("cpu_layers")
        row = OnTarget(
            trial=candidate.number,
            target=name,
            made=name in made,
            headline=found.headline,
            int8_test=found.int8_score,
            int8_validation=validated,
            predicted_ms=priced.get("latency_ms"),
            predicted_fps=priced.get("fps"),
            cpu_layers=None if left is None else int(left),
        )
        if row.made:
            row = replace(
                row, measured_ms=found.measured_latency_ms, measured_fps=found.measured_fps
            )
        rows.append(row)
    return rows


def _int8_validation(candidate: Candidate) -> Optional[float]:
    """Return the int8 model's score on the validation part, if it was counted and still holds."""
    command = candidate.command("quantize")
    found = read_optional(candidate.quantized_metrics, QuantizedMetrics, command)
    if found is None or found.evaluated_on != "validation" or "quantized" in stale_parts(candidate):
        return None
    return next(iter(found.int8_scores.values()), None)
