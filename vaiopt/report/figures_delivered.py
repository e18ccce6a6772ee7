"""The figure of several points of the front: what was predicted of each, and what was measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from vaiopt.delivered import Delivered
from vaiopt.present import words
from vaiopt.present.figure import Figure, axis, text
from vaiopt.present.uncertainty import is_accuracy, wilson
from vaiopt.report.ticks import linear_ticks, log_ticks, number

WIDE = 6.0
"""Ratio of the longest to the shortest latency from which the axis is logarithmic."""

Value = Callable[[Delivered], Optional[float]]
Point = Tuple[Delivered, float, float]


@dataclass(frozen=True)
class Kind:
    """A kind of point of the figure.

    Attributes:
        name: in the legend. symbol, colour: how it is drawn.
        latency, score: where it stands.
        samples: that the score was counted on.
    """

    name: str
    symbol: str
    colour: str
    latency: Value
    score: Value
    samples: Callable[[Delivered], int]

    def points(self, rows: Sequence[Delivered]) -> List[Point]:
        """Return the candidates that have such a point, with latency and score."""
        found = [(row, self.latency(row), self.score(row)) for row in rows]
        return [(row, x, y) for row, x, y in found if x is not None and y is not None]


KINDS = (
    Kind(
        "float, predicted latency",
        "circle-open",
        "@grey",
        lambda row: row.predicted_latency_ms,
        lambda row: row.float_score,
        lambda row: row.test_samples,
    ),
    Kind(
        "int8, predicted latency",
        "circle",
        "@blue",
        lambda row: row.predicted_latency_ms,
        lambda row: row.int8_score,
        lambda row: row.test_samples,
    ),
    Kind(
        "measured",
        "diamond",
        "@rose",
        lambda row: row.measured_latency_ms,
        lambda row: row.measured_score,
        lambda row: row.measured_samples,
    ),
)


def front_figure(rows: Sequence[Delivered]) -> Optional[Figure]:
    """Return scores against latency, with a line from what was predicted of a candidate to what
    was measured; None for fewer than two candidates, or if no score is known yet.
    """
    drawn = [(kind, kind.points(rows)) for kind in KINDS]
    points = [point for _, found in drawn for point in found]
    if len(rows) < 2 or not points:
        return None
    headline = rows[0].headline
    score = words.score_name(headline)
    share = ".1%" if words.is_share(headline) else None
    return Figure(
        name="front_on_target",
        title=f"{score[:1].upper()}{score[1:]} and latency, predicted and measured",
        caption=(
            "Each line is a candidate, from its int8 model on this machine at the predicted"
            " latency to what was measured. Bars are 95 % intervals."
        ),
        traces=[_ways(rows), *[_trace(kind, found) for kind, found in drawn if found]],
        layout={
            "xaxis": axis("latency of one sample (ms)", **_latencies([x for _, x, _ in points])),
            "yaxis": axis(score, tickformat=share),
        },
        columns=("trial", "kind", "latency_ms", headline),
        rows=[(row.trial, kind.name, x, y) for kind, found in drawn for row, x, y in found],
        height=400,
    )


def _ways(rows: Sequence[Delivered]) -> Dict[str, Any]:
    """Return the lines from predicted to measured, as one trace with gaps."""
    x: List[Optional[float]] = []
    y: List[Optional[float]] = []
    before, after = KINDS[1:]
    for row in rows:
        ends = [point for kind in (before, after) for point in kind.points([row])]
        if len(ends) == 2:
            x += [*(place for _, place, _ in ends), None]
            y += [*(value for _, _, value in ends), None]
    line = {"color": "@faint", "width": 1.5}
    way = {"type": "scatter", "mode": "lines", "x": x, "y": y, "line": line}
    return {**way, "hoverinfo": "skip", "showlegend": False}


def _trace(kind: Kind, points: Sequence[Point]) -> Dict[str, Any]:
    trace: Dict[str, Any] = {
        "type": "scatter",
        "mode": "markers",
        "name": kind.name,
        "x": [x for _, x, _ in points],
        "y": [y for _, _, y in points],
        "text": [_described(kind, *point) for point in points],
        "hovertemplate": "%{text}<extra></extra>",
        "marker": {"color": kind.colour, "symbol": kind.symbol, "size": 10},
    }
    bounds = [_bounds(row.headline, y, kind.samples(row)) for row, _, y in points]
    if kind is KINDS[-1] and all(bounds):
        trace["error_y"] = {
            "type": "data",
            "symmetric": False,
            "array": [high - y for (_, _, y), (_, high) in zip(points, bounds)],
            "arrayminus": [y - low for (_, _, y), (low, _) in zip(points, bounds)],
            "color": "@faint",
            "thickness": 1,
        }
    return trace


def _bounds(metric: str, score: float, samples: int) -> Tuple[float, ...]:
    """Return the 95 % interval of an accuracy; empty for another score."""
    known = is_accuracy(metric) and samples > 0 and 0 <= score <= 1
    return wilson(score, samples) if known else ()


def _described(kind: Kind, row: Delivered, latency: float, score: float) -> str:
    lines = [f"<b>Trial {row.trial}</b> · {text(kind.name)}"]
    lines.append(f"{text(words.score_name(row.headline))} {words.metric(row.headline, score)}")
    lines.append(str(words.milliseconds(latency)))
    if kind is KINDS[-1] and row.measured_fps is not None:
        lines.append(f"{words.count(row.measured_fps)} frames a second, {row.threads} threads")
    return "<br>".join(lines)


def _latencies(values: Sequence[float]) -> Dict[str, Any]:
    """Return the axis of latencies: logarithmic where they differ much."""
    low, high = min(values), max(values)
    log = low > 0 and high / low > WIDE
    places = (log_ticks if log else linear_ticks)(low, high)
    ticks = {"tickvals": places, "ticktext": [number(place) for place in places]}
    return {"type": "log" if log else "linear", **ticks}
