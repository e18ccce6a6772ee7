"""What is told to trackers, made of a run's records."""

from __future__ import annotations

import calendar
import math
import re
import time
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from vaiopt.runs.layout import MODEL_CARD, Candidate, Run
from vaiopt.settings import Settings
from vaiopt.settings.compare import shown_values
from vaiopt.study.record import TrialRecord
from vaiopt.track.tracker import About, Artifact, Plain, Results, Series, TrialContent

ALWAYS = ("data.source", "hardware.target", "model.family", "objective.metric", "seed", "task")
"""Settings that are told even where they are the defaults."""

MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(?:Z|\+00:00)?$")


def about(run: Run, settings: Settings) -> About:
    """Return what is told of a search."""
    values, usual = shown_values(settings), shown_values(Settings())
    told = {k: _plain(v) for k, v in values.items() if k in ALWAYS or v != usual[k]}
    own = {key: value for key, value in told.items() if not key.startswith("track.")}
    return About(run.folder.resolve().name, own)


def content_of(record: TrialRecord) -> TrialContent:
    """Return what is told of a trial."""
    figures: Dict[str, Any] = {
        **record.metrics,
        **record.costs,
        "objective": record.value,
        "measured_latency_ms": record.measured_latency_ms,
        "seconds": record.seconds,
        "peak_memory_mb": record.peak_memory_mb,
    }
    reports = record.pruning.get("reports") or ()
    return TrialContent(
        record.number,
        record.status,
        record.reason,
        {name: _plain(value) for name, value in record.hyperparameters.items()},
        finite(figures),
        _series(record.curve, reports),
        _milliseconds(record.started),
        _milliseconds(record.finished),
    )


def results_of(
    run: Run, trials: Sequence[TrialRecord], figures: Mapping[str, Any]
) -> Optional[Results]:
    """Return what a run came to; None if no trial is chosen.

    Args:
        run: the run.
        trials: all of them.
        figures: what the stages after the search found; what is no number is left out.
    """
    if not run.chosen_file.is_file():
        return None
    choice, candidate = run.read_chosen(), run.chosen
    chosen = [record for record in trials if record.number == candidate.number]
    known = content_of(chosen[0]).figures if chosen else {}
    return Results(
        candidate.number,
        choice.reason or choice.why,
        {**known, **finite(figures)},
        tuple(_there(_of_candidate(candidate))),
        tuple(_there([Artifact(run.report)])),
        {
            record.number: record.measured_latency_ms
            for record in trials
            if record.measured_latency_ms is not None
        },
    )


def finite(values: Mapping[str, Any]) -> Dict[str, float]:
    """Return those values that are finite numbers."""
    return {
        name: float(value)
        for name, value in values.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    }


def _of_candidate(candidate: Candidate) -> List[Artifact]:
    """Return the files of a model that others can use: float, int8, compiled, and its cards."""
    found = [Artifact(candidate.model), Artifact(candidate.metrics), Artifact(candidate.data)]
    found += [
        Artifact(path, "quantized")
        for path in (candidate.quantized_model, candidate.fix_positions, candidate.golden)
    ]
    for path in sorted(candidate.folder.glob("compiled/*/*")):
        found.append(Artifact(path, f"compiled/{path.parent.name}"))
    for path in sorted(candidate.folder.glob(f"bundle/*/{MODEL_CARD}")):
        found.append(Artifact(path, f"bundle/{path.parent.name}"))
    return found


def _there(files: Iterable[Artifact]) -> List[Artifact]:
    return [file for file in files if file.path.is_file()]


def _series(
    curve: Sequence[Mapping[str, Optional[float]]], reports: Sequence[Sequence[float]]
) -> Tuple[Series, ...]:
    """Return the learning curve and the reports to the pruner; what is empty is left out."""
    epochs = []
    for count, entry in enumerate(curve, start=1):
        values = finite(entry)
        epochs.append((int(values.pop("epoch", count)), values))
    told = [(int(step), finite({"objective": value})) for step, value in reports]
    both = (Series("epoch", tuple(epochs)), Series("report", tuple(told)))
    return tuple(series for series in both if series.rows)


def _plain(value: Any) -> Plain:
    """Return a value as trackers take it: lists and tables as text."""
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)


def _milliseconds(moment: str) -> int:
    """Return a time (ISO 8601, UTC) as milliseconds since 1970; 0 if it is none."""
    found = MOMENT.match(moment)
    if found is None:
        return 0
    whole = calendar.timegm(time.strptime(found.group(1), "%Y-%m-%dT%H:%M:%S"))
    return whole * 1000 + int((found.group(2) or "0").ljust(3, "0")[:3])
