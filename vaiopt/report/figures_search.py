"""Figures of the search: convergence, learning curves, time line."""

from __future__ import annotations

import itertools
import math
from datetime import datetime, timezone
from typing import Any, Dict, List, Optional, Sequence, Tuple

from vaiopt.present import words
from vaiopt.present.figure import Figure, axis, names_axis, text
from vaiopt.present.theme import STATUS_COLOURS
from vaiopt.present.uncertainty import sure
from vaiopt.report.data import ReportData, evenly
from vaiopt.report.ticks import linear_ticks, log_ticks, number
from vaiopt.study.record import COMPLETE, TrialRecord

BRIEF_ABOVE = 500
"""With more trials than this each has a short hover text, so that the report stays small."""

DRAWN_POINTS = 4000
"""Points of one kind that a figure draws at most, evenly spaced."""

DRAWN_CURVES = 400
"""Learning curves drawn at most; the best trials are kept."""


TIME_UNITS = (("s", 1.0, 300.0), ("min", 60.0, 3 * 3600.0), ("h", 3600.0, math.inf))
"""Units of the time line: name, seconds, and up to how many seconds it is used."""


def describe(data: ReportData, trial: TrialRecord) -> str:
    """Return a trial's hover text for plotly: number, metric, costs and hyperparameters, escaped;
    less of it where there are very many trials.
    """
    lines = [f"<b>Trial {trial.number}</b> · {text(trial.status)}"]
    score, costs, measured = data.score(trial), trial.costs, trial.measured_latency_ms
    if score is not None:
        lines.append(f"{text(words.name(data.metric))} {words.metric(data.metric, score)}")
    if len(data.trials) > BRIEF_ABOVE:
        return "<br>".join(lines)
    within = sure(data.metric, score, trial.samples)
    lines += [text(within)] if within else []
    told = [(key, costs[key]) for key in data.objective.told if key in costs]
    told += [("measured_latency_ms", measured)] if measured is not None else []
    lines += [f"{text(words.name(key))} {value:,.6g}" for key, value in told]
    values = list(trial.hyperparameters.items())[:12]
    lines += [f"{text(key)} = {text(words.value(value))}" for key, value in values]
    if trial.reason:
        lines.append(text(trial.reason[:120]))
    return "<br>".join(lines)


def number_axis(values: Sequence[float], *, log: bool) -> Dict[str, Any]:
    """Return an axis whose ticks are written in our own words: plotly's, such as 780µ, read like
    another unit beside one in the title.
    """
    places = (log_ticks if log else linear_ticks)(min(values), max(values))
    ticks = {"tickvals": places, "ticktext": [number(place) for place in places]}
    return {"type": "log" if log else "linear", **ticks}


def points(
    data: ReportData,
    items: Sequence[Tuple[TrialRecord, float, float]],
    label: str,
    marker: Dict[str, Any],
) -> Dict[str, Any]:
    """Return trials, each with its place, as a trace of markers with their hover texts."""
    items = evenly(items, DRAWN_POINTS)
    return {
        "type": "scatter",
        "mode": "markers",
        "name": label,
        "x": [x for _, x, _ in items],
        "y": [y for _, _, y in items],
        "text": [describe(data, t) for t, _, _ in items],
        "hovertemplate": "%{text}<extra></extra>",
        "marker": marker,
    }


def metric_axis(data: ReportData) -> Dict[str, Any]:
    """Return the axis of the searched metric: percent for a share."""
    return axis(words.name(data.metric), tickformat=".1%" if words.is_share(data.metric) else None)


def sentence(said: str) -> str:
    """Return a text with a capital at its beginning."""
    return said[:1].upper() + said[1:]


def convergence(data: ReportData) -> Optional[Figure]:
    """Return the objective of each trial and the best so far, or ``None`` without a completed
    trial.
    """
    complete = data.complete
    if not complete:
        return None
    values = [float(t.value or 0.0) for t in complete]
    best = list(itertools.accumulate(values, min if data.minimise else max))
    steps = [i for i in range(len(best)) if i in (0, len(best) - 1) or best[i] != best[i - 1]]
    placed = [(t, float(t.number), v) for t, v in zip(complete, values)]
    others = [t for t in data.trials if t.status != COMPLETE]
    traces = [
        points(data, placed, "trial", {"color": "@blue", "size": 7, "opacity": 0.8}),
        {
            "type": "scatter",
            "mode": "lines",
            "name": "best so far",
            "x": [complete[i].number for i in steps],
            "y": [best[i] for i in steps],
            "line": {"color": "@orange", "width": 2.5, "shape": "hv"},
            "hovertemplate": "best after trial %{x}: %{y}<extra></extra>",
        },
    ]
    for status, colour in STATUS_COLOURS.items():
        own = [(t, t.number, 0.0) for t in others if t.status == status]
        if own:
            marker = {"color": colour, "size": 8, "symbol": "line-ns-open"}
            traces.append({**points(data, own, status, marker), "yaxis": "y2"})
    value_axis = axis("score") if data.weighed else metric_axis(data)
    last = data.trials[-1].number
    ends = [-0.02 * last - 0.5, last * 1.02 + 0.5]
    layout: Dict[str, Any] = {
        "xaxis": axis("trial", range=ends, zeroline=False, dtick=1 if last <= 12 else None),
        "yaxis": value_axis,
    }
    if others:
        layout["yaxis"] = dict(value_axis, domain=[0.12, 1.0])
        foot = {"domain": [0.0, 0.06], "range": [-1, 1]}
        layout["yaxis2"] = {**foot, "visible": False, "fixedrange": True}
        layout["xaxis"]["anchor"] = "y2"
    return Figure(
        name="convergence",
        title="Convergence",
        caption="The objective of each trial in order, and the best up to then."
        + (" Marks at the foot are trials without an objective." if others else ""),
        traces=traces,
        layout=layout,
        columns=("trial", "status", "value", "best_so_far"),
        rows=[(t.number, t.status, t.value, b) for t, b in zip(complete, best)]
        + [(t.number, t.status, None, None) for t in others],
    )


def learning_curves(data: ReportData, quantity: str) -> Optional[Figure]:
    """Return the learning curves of all trials for a quantity such as ``accuracy`` or ``loss``, or
    ``None`` if no trial has one.
    """
    validation = "val_" + quantity
    with_curve = [t for t in data.trials if any(validation in step for step in t.curve)]
    if not with_curve:
        return None
    ranked = sorted(with_curve, key=lambda t: (t.value is None, data.loss(t), t.number))
    epochs = max(len(t.curve) for t in with_curve)
    drawn = sorted(ranked[:DRAWN_CURVES], key=lambda t: t.number)
    traces: List[Dict[str, Any]] = []
    for status in STATUS_COLOURS:
        own = [t for t in drawn if t.status == status and t.number != data.chosen_number]
        if own:
            traces.append(_curves(own, validation, status))
    for trial in [t for t in drawn if t.number == data.chosen_number]:
        label = f"trial {trial.number}"
        traces.append(_curve(trial, validation, label, {"color": "@rose", "width": 3}))
        if any(quantity in step for step in trial.curve):
            dotted = {"color": "@rose", "width": 2, "dash": "dot"}
            traces.append(_curve(trial, quantity, label + ", training", dotted))
    share = ".0%" if words.is_share(validation) else None
    caption = f"The best {len(drawn)} of {len(with_curve)} trials are drawn."
    return Figure(
        name=f"learning_curves_{quantity}",
        title={"f1": "Macro F1"}.get(quantity, sentence(quantity)),
        caption=caption if len(drawn) < len(with_curve) else "",
        traces=traces,
        layout={
            "xaxis": axis("epoch", dtick=1 if epochs <= 12 else None),
            "yaxis": axis(words.name(validation), tickformat=share),
        },
        columns=("trial", "status", "epoch", quantity, validation),
        rows=[
            (t.number, t.status, step.get("epoch"), step.get(quantity), step.get(validation))
            for t in with_curve
            for step in t.curve
        ],
    )


def _curves(trials: Sequence[TrialRecord], key: str, status: str) -> Dict[str, Any]:
    """Return one trace with a gap after each trial's curve: hundreds of traces would be slow to
    draw.
    """
    x: List[Any] = []
    y: List[Any] = []
    numbers: List[Any] = []
    for trial in trials:
        steps = [step for step in trial.curve if step.get(key) is not None]
        x += [step.get("epoch") for step in steps] + [None]
        y += [step[key] for step in steps] + [None]
        numbers += [trial.number] * len(steps) + [None]
    done = status == COMPLETE
    return {
        "type": "scatter",
        # Markers on every epoch would blot out the lines of many trials; a single epoch is nothing
        # but a marker.
        "mode": "lines" if len(trials) > 12 and len(x) > 2 * len(trials) else "lines+markers",
        "name": status,
        "x": x,
        "y": y,
        "customdata": numbers,
        "hovertemplate": "trial %{customdata}, epoch %{x}: %{y:.4f}<extra></extra>",
        "line": {"color": "@faint" if done else STATUS_COLOURS[status], "width": 1.2},
        "marker": {"size": 3, "color": "@grey" if done else STATUS_COLOURS[status]},
        "opacity": 1.0 if done else 0.5,
        "connectgaps": False,
    }


def _curve(trial: TrialRecord, key: str, label: str, line: Dict[str, Any]) -> Dict[str, Any]:
    steps = [step for step in trial.curve if step.get(key) is not None]
    return {
        "type": "scatter",
        "mode": "lines+markers" if len(steps) < 40 else "lines",
        "name": label,
        "x": [step.get("epoch") for step in steps],
        "y": [step[key] for step in steps],
        "hovertemplate": text(label) + ", epoch %{x}: %{y:.4f}<extra></extra>",
        "line": line,
    }


def time_line(data: ReportData) -> Optional[Figure]:
    """Return when each trial ran on which worker, or ``None`` if no trial says when it started and
    ended.
    """
    timed = [(t, _moment(t.started), _moment(t.finished)) for t in data.trials]
    known = [(t, a, b) for t, a, b in timed if a is not None and b is not None]
    if not known:
        return None
    origin = min(a for _, a, _ in known)
    spans = [(t, (a - origin).total_seconds(), (b - a).total_seconds()) for t, a, b in known]
    longest = max(start + length for _, start, length in spans)
    unit, divisor = next((u, d) for u, d, most in TIME_UNITS if longest < most)
    workers = sorted({t.worker for t, _, _ in spans})
    names = {w: f"worker {i + 1}" if workers[1:] else "worker" for i, w in enumerate(workers)}
    # Gaps between very narrow bars would be all that is seen.
    gap = 1 if len(spans) <= 60 * len(workers) else 0
    traces = []
    for status, colour in STATUS_COLOURS.items():
        own = evenly([span for span in spans if span[0].status == status], DRAWN_POINTS)
        if own:
            traces.append(
                {
                    "type": "bar",
                    "orientation": "h",
                    "name": status,
                    "y": [names[t.worker] for t, _, _ in own],
                    "base": [start / divisor for _, start, _ in own],
                    "x": [length / divisor for _, _, length in own],
                    "text": [
                        describe(data, t) + f"<br>ran {words.seconds(length)}"
                        for t, _, length in own
                    ],
                    "textposition": "none",
                    "hovertemplate": "%{text}<extra></extra>",
                    "marker": {"color": colour, "line": {"color": "@card", "width": gap}},
                }
            )
    return Figure(
        name="time_line",
        title="Time line",
        caption=(
            "When each trial ran, one row a worker. Gaps are time spent proposing, loading and"
            " saving."
        ),
        traces=traces,
        layout={
            "barmode": "overlay",
            "xaxis": axis(f"time since the first trial started ({unit})"),
            "yaxis": names_axis(),
        },
        columns=("trial", "status", "worker", "started", "finished", "seconds", "peak_memory_mb"),
        rows=[
            (t.number, t.status, t.worker, t.started, t.finished, length, t.peak_memory_mb)
            for t, _, length in spans
        ],
        height=150 + 34 * len(workers),
    )


def _moment(stamp: str) -> Optional[datetime]:
    """Return an ISO time as UTC without a zone, so that all can be compared, or ``None`` if there
    is none.
    """
    if not stamp:
        return None
    try:
        moment = datetime.fromisoformat(stamp.replace("Z", "+00:00"))
        return (
            moment
            if moment.tzinfo is None
            else moment.astimezone(timezone.utc).replace(tzinfo=None)
        )
    except (ValueError, OverflowError):
        return None
