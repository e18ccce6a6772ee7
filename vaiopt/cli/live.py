"""What a search shows while it runs: a line per trial, and on a terminal what is running, the best
so far, the front and the time left.
"""

from __future__ import annotations

import sys
import textwrap
import time
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from vaiopt.cli.common import number, progress, short
from vaiopt.files import PathLike
from vaiopt.runs.layout import Run
from vaiopt.study.observer import Observer
from vaiopt.study.ranking import best_first
from vaiopt.study.record import TrialRecord
from vaiopt.study.space import Value

REFRESH = 2
"""Refreshes of the live view in a second; one takes about a millisecond."""
MOST_ON_FRONT = 5
"""Rows of the Pareto front that are shown."""
LEFT_ABOVE = 4
"""Rows of a terminal that the live view leaves to the lines above it."""
NAMES = 9
"""Columns of the first column of the live view: ``trial 123``."""


def follow(settings: Any, folder: PathLike, as_json: bool) -> "TrialLines":
    """Return what shows a search: live where stderr is a terminal that can do it (one that is not
    ``TERM=dumb``), else plain lines.

    Args:
        settings: of the run.
        folder: the run's.
        as_json: the result is read by a program: plain lines.
    """
    if as_json or not sys.stderr.isatty():
        return TrialLines(settings)
    from rich.console import Console

    console = Console(stderr=True, highlight=False, markup=False)
    return (
        LiveTrials(settings, Run(folder), console)
        if console.is_interactive
        else TrialLines(settings)
    )


class TrialLines(Observer):
    """Prints a line per trial: its objective, the best so far, its costs, its time, and how long
    the rest will take.

    Args:
        settings: of the run.
        tell: what prints a line; by default on stderr.
    """

    def __init__(self, settings: Any, tell: Callable[[str], None] = progress) -> None:
        super().__init__()
        from vaiopt.study.objective import Objective

        self._objective = Objective(settings.objective)
        self._wanted = settings.search.trials
        self._tell = tell
        self._trials: List[TrialRecord] = []
        self._before = 0
        self._started = self._ended = time.perf_counter()

    def progress(self, line: str) -> None:
        """Print a line of progress."""
        self._tell(line)

    def search_started(self, wanted: int, trials: Sequence[TrialRecord]) -> None:
        """Take note of what was done before."""
        self._wanted, self._trials, self._before = wanted, list(trials), len(trials)
        self._started = self._ended = time.perf_counter()

    def trial_ended(self, record: TrialRecord) -> None:
        """Print the line of a trial that has ended."""
        best = self._best()
        self._trials = [*self._trials, record]
        self._ended = time.perf_counter()
        self.progress(
            self._line(record, better=record.value is not None and self._best() is not best)
        )

    def _line(self, record: TrialRecord, better: bool) -> str:
        """Return all that the line of a trial says; see :meth:`_head`."""
        best, left = self._best(), self._seconds_left()
        return "{}{}{}".format(
            self._head(record, better),
            (
                ""
                if best is None or best.value is None or record.value is None
                else f"  best {best.value:.4f}"
            ),
            "" if left is None or left < 1 else f"  {left:.0f} s left",
        )

    def _head(self, record: TrialRecord, better: bool) -> str:
        """Return what a trial came to: how many are done, its number, its metric (with a star if
        none was better), costs and seconds.
        """
        head = f"{len(self._trials):>3}/{self._wanted}  trial {record.number:<3}"
        if record.value is None:
            return f"{head}  {record.status}: {record.reason}"
        metric = self._objective.metric
        return "{}  {} {:.4f}{}  {}  {:.1f} s".format(
            head,
            metric,
            record.metrics[metric],
            " *" if better else "  ",
            costs_text(record.costs),
            record.seconds,
        )

    def _best(self) -> Optional[TrialRecord]:
        first = best_first(self._trials, self._objective.direction)[:1]
        return first[0] if first and first[0].value is not None else None

    def _rate(self) -> Optional[float]:
        """Return trials in a second of this search, until the last that ended; None before the
        first has.
        """
        done = len(self._trials) - self._before
        return done / max(self._ended - self._started, 1e-9) if done else None

    def _seconds_left(self) -> Optional[float]:
        rate = self._rate()
        return (
            max(
                0.0, (self._wanted - len(self._trials)) / rate - (time.perf_counter() - self._ended)
            )
            if rate
            else None
        )


class LiveTrials(TrialLines):
    """Shows below the lines of the trials, as long as trials run, a region that is drawn again and
    again.

    Args:
        settings: of the run.
        run: its folder.
        console: rich's, on the terminal.
    """

    def __init__(self, settings: Any, run: Run, console: Any) -> None:
        super().__init__(settings)
        self._run = run
        self._console = console
        self._live: Any = None
        # Replaced, never changed: the region is drawn in a thread of its own.
        self._running: Dict[int, Tuple[Mapping[str, Value], float]] = {}

    def progress(self, line: str) -> None:
        """Print a line above the region."""
        self._console.print(line, soft_wrap=True)

    def search_started(self, wanted: int, trials: Sequence[TrialRecord]) -> None:
        """Show the region."""
        super().search_started(wanted, trials)
        from rich.live import Live

        self._live = Live(
            self,  # type: ignore[arg-type]  # it has __rich__
            console=self._console,
            refresh_per_second=REFRESH,
            transient=True,
            redirect_stdout=sys.stdout.isatty(),
            vertical_overflow="crop",
        )
        self._live.start(refresh=True)

    def trial_started(self, number: int, hyperparameters: Mapping[str, Value]) -> None:
        """Add it to those running."""
        self._running = {**self._running, number: (hyperparameters, time.perf_counter())}

    def trial_ended(self, record: TrialRecord) -> None:
        """Print its line above the region."""
        self._running = {n: entry for n, entry in self._running.items() if n != record.number}
        super().trial_ended(record)

    def search_ended(self) -> None:
        """Remove the region."""
        self._running = {}
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _line(self, record: TrialRecord, better: bool) -> str:
        """Return the line of a trial; the best and the time left stand in the region."""
        return self._head(record, better)

    def __rich__(self) -> Any:
        """Return the region as it is now. No line is longer than the terminal is wide, or it could
        not be drawn over.
        """
        from rich.text import Text

        lines = [Text()]
        for line, style in self._rows(max(3, self._console.height - LEFT_ABOVE)):
            lines.append(Text(line, style=style))
            lines[-1].truncate(max(20, self._console.width - 1), overflow="ellipsis")
        return Text("\n").join(lines)

    def _rows(self, room: int) -> List[Tuple[str, str]]:
        """Return lines and their styles, at most ``room``: the front gives way first, then trials
        that run.
        """
        trials, running = self._trials, self._running
        best = self._best_rows(trials, running)
        counts = [(self._counts(trials), "bold")]
        space = room - len(best) - len(counts)
        front = self._front_rows(trials)
        front = front if len(front) + min(len(running), 2) + 1 <= space else []
        rows = self._running_rows(running, space - len(front), trials) + best + front + counts
        return rows[-room:]

    def _running_rows(
        self, running: Mapping[int, Any], room: int, trials: Sequence[TrialRecord]
    ) -> List[Tuple[str, str]]:
        if not running or room < 2:
            return []
        metric = self._objective.metric
        width = max(12, len(metric))
        rows = [
            (
                "{:<{}}  {:>8}  {:>{}}  {:>7}  hyperparameters".format(
                    "running", NAMES, "epoch", metric, width, "time"
                ),
                "bold",
            )
        ]
        shown = list(running.items())
        if len(shown) + 1 > room:
            shown = shown[: room - 2]
        names = self._varying(trials, running)
        from vaiopt.search.training.progress import read_progress

        for trial, (hyperparameters, started) in shown:
            found = read_progress(self._run.progress(trial))
            epoch = "starting" if found is None else f"{found.epoch}/{found.epochs}"
            value = "-" if found is None or found.value is None else f"{found.value:.4f}"
            seconds = clock(time.perf_counter() - started)
            text = hyperparameters_text(hyperparameters, names)
            rows.append(
                (
                    "trial {:<{}}  {:>8}  {:>{}}  {:>7}  {}".format(
                        trial, NAMES - 6, epoch, value, width, seconds, text
                    ),
                    "",
                )
            )
        if len(shown) < len(running):
            rows.append((f"and {len(running) - len(shown)} more", ""))
        return rows

    def _best_rows(
        self, trials: Sequence[TrialRecord], running: Mapping[int, Any]
    ) -> List[Tuple[str, str]]:
        best = self._best()
        if best is None:
            return []
        metric = self._objective.metric
        value = best.metrics[metric]
        objective = "" if best.value == value else f"objective {number(best.value, 5)}  "
        head = "{:<{}}  {} {:.4f}  {}{}".format(
            "best", NAMES, metric, value, objective, costs_text(best.costs)
        )
        text = hyperparameters_text(best.hyperparameters, self._varying(trials, running))
        first = "trial {:<{}}".format(best.number, NAMES - 6)
        lines = textwrap.wrap(
            text, max(20, self._console.width - NAMES - 4), max_lines=2, placeholder=" …"
        )
        return [(head, "bold green")] + [
            ("{:<{}}  {}".format("" if i else first, NAMES, line), "")
            for i, line in enumerate(lines)
        ]

    def _front_rows(self, trials: Sequence[TrialRecord]) -> List[Tuple[str, str]]:
        from vaiopt.study.ranking import front

        by_number = {t.number: t for t in trials}
        cost = "latency_ms" if any("latency_ms" in t.costs for t in trials) else "params"
        numbers = front(trials, self._objective, cost)
        shown = spread(numbers, MOST_ON_FRONT)
        if not shown:
            return []
        metric = self._objective.metric
        width = max(12, len(metric))
        more = "" if len(shown) == len(numbers) else f"  {len(shown)} of {len(numbers)}"
        rows = [
            (
                "{:<{}}  {:>{}}  {:>10}  {:>8}{}".format(
                    "front", NAMES, metric, width, "params", "ms", more
                ),
                "bold",
            )
        ]
        for trial in (by_number[n] for n in shown):
            params, latency = (
                number(trial.costs.get("params")),
                number(trial.costs.get("latency_ms"), 3),
            )
            line = "trial {:<{}}  {:>{}.4f}  {:>10}  {:>8}"
            rows.append(
                (
                    line.format(
                        trial.number, NAMES - 6, trial.metrics[metric], width, params, latency
                    ),
                    "",
                )
            )
        return rows

    def _counts(self, trials: Sequence[TrialRecord]) -> str:
        counts: Dict[str, int] = {}
        for trial in trials:
            counts[trial.status] = counts.get(trial.status, 0) + 1
        parts = [f"{count} {status}" for status, count in sorted(counts.items())]
        rate, left = self._rate(), self._seconds_left()
        parts += (
            []
            if rate is None or left is None
            else [f"{60 * rate:.3g} a minute", f"{clock(left)} left"]
        )
        return (
            "{}/{} done: {}".format(len(trials), self._wanted, ", ".join(parts))
            if parts
            else f"0/{self._wanted} done"
        )

    def _varying(
        self, trials: Sequence[TrialRecord], running: Mapping[int, Any]
    ) -> Optional[List[str]]:
        """Return the names of the hyperparameters that are not the same in all trials; None, which
        is any, with one trial.
        """
        points = [t.hyperparameters for t in trials] + [
            hyperparameters for hyperparameters, _ in running.values()
        ]
        if len(points) < 2:
            return None
        names = [name for point in points for name in point]
        return [
            name
            for name in dict.fromkeys(names)
            if len({repr(p[name]) for p in points if name in p}) > 1
        ]


def hyperparameters_text(values: Mapping[str, Value], names: Optional[Sequence[str]] = None) -> str:
    """Return a point in one line: of these names only, or of all."""
    return " ".join(
        f"{name}={short(value)}" for name, value in values.items() if names is None or name in names
    )


def costs_text(costs: Mapping[str, float]) -> str:
    """Return parameters and latency in a few words."""
    return "{} params, {} ms".format(
        number(costs.get("params")), number(costs.get("latency_ms"), 3)
    )


def clock(seconds: float) -> str:
    """Return ``m:ss``, or ``h:mm:ss`` from an hour on."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def spread(items: Sequence[int], most: int) -> List[int]:
    """Return ``items``, or ``most`` of them, evenly spread from the first to the last."""
    if len(items) <= most:
        return list(items)
    return [items[round(i * (len(items) - 1) / (most - 1))] for i in range(most)]
