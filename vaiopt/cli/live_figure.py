"""What a search shows in a notebook while it runs: one figure that is drawn again as trials end."""

from __future__ import annotations

import sys
import time
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

from vaiopt.cli.live import TrialLines
from vaiopt.present import words
from vaiopt.present.figure import Figure, axis
from vaiopt.present.still import STILL, still
from vaiopt.present.theme import LIGHT, resolve
from vaiopt.study.record import PRUNED, TrialRecord, trainings
from vaiopt.study.space import Value
from vaiopt.text import Progress, say

SECONDS, TIMES = 0.5, 25
"""Between two drawings at least, and as many times what the last one took: it slows no search."""
MARKS = 6
"""Numbers at the axis of the trials."""
MOST_POINTS = 400
"""Trials that are drawn one by one, evenly spaced; the best so far is that of all."""


def trial_lines(settings: Any, tell: Optional[Progress]) -> Optional[TrialLines]:
    """Return what shows a search that was called from Python: a figure in a notebook, lines
    elsewhere and where lines are told to something of the caller's; None for silence.

    Args:
        settings: of the run.
        tell: what prints a line.
    """
    if tell is None:
        return None
    return LiveFigure(settings) if tell is say and in_notebook() else TrialLines(settings, tell)


def in_notebook() -> bool:
    """Return whether this runs in a notebook's kernel, which can show an image and replace it.
    IPython is not loaded for that: a kernel has done so.
    """
    shell = sys.modules.get("IPython")
    found = shell.get_ipython() if shell is not None else None  # type: ignore[attr-defined]
    return hasattr(found, "kernel")


class LiveFigure(TrialLines):
    """Draws the objective of each trial and the best so far, under what is done, running and left.
    A trial without a value is told in a line, since its reason matters.

    Args:
        settings: of the run.
    """

    def __init__(self, settings: Any) -> None:
        super().__init__(settings, say)
        self._shown: Any = None
        self._next = 0.0
        self._at_work: Dict[int, float] = {}

    def progress(self, line: str) -> None:
        """Say nothing: the figure does."""

    def search_started(self, wanted: int, trials: Sequence[TrialRecord]) -> None:
        """Draw what was done before."""
        super().search_started(wanted, trials)
        self._draw(always=True)

    def trial_started(self, number: int, hyperparameters: Mapping[str, Value]) -> None:
        """Take note that a trial runs."""
        self._at_work[number] = time.perf_counter()
        self._draw()

    def trial_ended(self, record: TrialRecord) -> None:
        """Draw a trial that has ended."""
        self._at_work.pop(record.number, None)
        super().trial_ended(record)
        if record.value is None and record.status != PRUNED:
            say(self._head(record, False))
        self._draw()

    def search_ended(self) -> None:
        """Draw how it ended."""
        self._at_work.clear()
        self._draw(always=True)

    def _draw(self, always: bool = False) -> None:
        now = time.perf_counter()
        if not always and now < self._next:
            return
        title = self._title()
        direction = self._objective.direction
        image = search_image(self._trials, direction, self._name, title, self._wanted)
        content = {"text/plain": title, **({STILL: image} if image else {})}
        if self._shown is None:
            from IPython.display import display

            self._shown = display(content, raw=True, display_id=True)
        else:
            self._shown.update(content, raw=True)
        ended = time.perf_counter()
        self._next = ended + max(SECONDS, TIMES * (ended - now))

    def _title(self) -> str:
        """Return how far the search is, in a line."""
        best, left = self._best(), self._seconds_left()
        parts = [f"{trainings(self._trials)} of {self._wanted} trials"]
        if best is not None:
            parts.append(
                f"best {words.name(self._name)} {self._metric(best)} (trial {best.number})"
            )
        if self._at_work:
            parts.append("running: " + ", ".join(map(str, sorted(self._at_work)[:6])))
        if left is not None and left >= 1 and trainings(self._trials) < self._wanted:
            parts.append(f"{words.seconds(left)} left")
        return " · ".join(parts)


def search_image(
    trials: Sequence[TrialRecord], direction: str, metric: str, title: str, wanted: int = 0
) -> str:
    """Return the objective of each trial in the order in which they ended, and the best so far, as
    SVG; empty before there is any.

    Args:
        trials: that have ended. direction: ``maximize`` or ``minimize``. metric: its name.
        title: of the image.
        wanted: how many trials there are to be.
    """
    better: Callable[[float, float], float] = min if direction == "minimize" else max
    places: List[int] = []
    values: List[float] = []
    best: List[float] = []
    for place, trial in enumerate(trials, 1):
        if trial.value is not None:
            places.append(place)
            values.append(trial.value)
            best.append(better(best[-1], trial.value) if best else trial.value)
    if not places:
        return ""
    few = min(len(places), MOST_POINTS)
    kept = [i * len(places) // few for i in range(few)]
    kept += [len(places) - 1] if kept[-1] != len(places) - 1 else []
    line = {"color": "@blue", "shape": "hv"}
    trace = {"type": "scatter", "x": [places[i] for i in kept]}
    points = {"color": "@grey"}
    traces = [
        {
            **trace,
            "mode": "markers",
            "name": "trial",
            "y": [values[i] for i in kept],
            "marker": points,
        },
        {
            **trace,
            "mode": "lines",
            "name": "best so far",
            "y": [best[i] for i in kept],
            "line": line,
        },
    ]
    end = max(wanted, len(trials))
    marks = list(range(0, end + 1, -(-end // MARKS)))
    across = axis("trials that ended", range=[0, end + 0.5], tickvals=marks, ticktext=marks)
    layout = {"xaxis": across, "yaxis": axis(words.name(metric))}
    spec = resolve(Figure("live", title, "", traces, layout).spec(), LIGHT)
    spec["layout"]["title"] = {"text": title}
    return still(spec)
