"""What a search shows while it runs: a line per trial, and on a terminal what is running, the best
so far, the front and the time left.
"""

from __future__ import annotations

import sys
import textwrap
import time
from collections import Counter
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from vaiopt.cli.common import progress
from vaiopt.files import PathLike
from vaiopt.present import words
from vaiopt.runs.layout import Run
from vaiopt.runs.records import Value
from vaiopt.sheets.trial_list import point_text, varying
from vaiopt.study.budget import Budget, forecast
from vaiopt.study.observer import Observer
from vaiopt.study.ranking import Ranking, fronts
from vaiopt.study.record import TrialRecord, trainings
from vaiopt.text import printable

REFRESH = 2
"""Refreshes of the live view in a second; one takes about a millisecond."""
MOST_ON_FRONT = 5
"""Rows of the Pareto front that are shown."""
FRONT_TITLES = {"latency_ms": "predicted", "dpu_latency_ms": "DPU's part"}
"""Of costs whose names are longer than their column."""
LEFT_ABOVE = 4
"""Rows of a terminal that the live view leaves to the lines above it."""
NAMES = 9
"""Columns of the first column of the live view: ``trial 123``."""

Point = Mapping[str, Value]
Line = Tuple[str, str]
"""A line of the live view and its style."""


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

        self._settings = settings
        self._objective = Objective(settings.objective)
        self._wanted = settings.search.trials
        self._tell = tell
        self._trials: List[TrialRecord] = []
        self._ranking = Ranking(self._objective.direction)
        self._before = 0
        self._budget = Budget(settings.search, self._objective)
        self._started = self._ended = time.perf_counter()

    def progress(self, line: str) -> None:
        """Print a line of progress."""
        self._tell(line)

    def search_described(self, settings: Any) -> None:
        """Take note of the metric."""
        from vaiopt.study.objective import Objective

        self._settings, self._objective = settings, Objective(settings.objective)
        self._ranking = Ranking(self._objective.direction)
        self._budget = Budget(settings.search, self._objective)

    def search_started(self, wanted: int, trials: Sequence[TrialRecord]) -> None:
        """Take note of what was done before, and say how long the rest will take by that."""
        self._wanted, self._trials, self._before = wanted, list(trials), len(trials)
        self._ranking = Ranking(self._objective.direction, trials)
        self._budget = Budget(self._settings.search, self._objective, trials)
        self._started = self._ended = time.perf_counter()
        missing = wanted - trainings(trials)
        left = forecast(trials, missing)
        if missing > 0 and left is not None and left >= 1:
            said = f"{missing} of {wanted} trials are left, by the earlier ones about"
            self.progress(f"{said} {words.seconds(self._within_budget(left))}")

    def trial_ended(self, record: TrialRecord) -> None:
        """Print the line of a trial that has ended."""
        before = self._best()
        self._trials = [*self._trials, record]
        self._ranking.add(record)
        self._ended = time.perf_counter()
        self.progress(self._line(record, record.value is not None and self._best() is not before))

    def _line(self, record: TrialRecord, better: bool) -> str:
        """Return all that the line of a trial says; see :meth:`_head`."""
        line, best, left = self._head(record, better), self._best(), self._seconds_left()
        if best is not None and record.value is not None:
            line += f"  best {words.score(best.value)}"
        return line if left is None or left < 1 else f"{line}  {words.seconds(left)} left"

    def _head(self, record: TrialRecord, better: bool) -> str:
        """Return what a trial came to: how many are done, its number, its metric (with a star if
        none was better), costs and seconds.
        """
        head = f"{trainings(self._trials):>3}/{self._wanted}  trial {record.number:<3}"
        if record.value is None:
            return f"{head}  {record.status}: {record.reason}"
        score, star = self._metric(record), "*" if better else " "
        seconds = words.seconds(record.seconds)
        return f"{head}  {self._name} {score} {star}  {costs_text(record)}  {seconds}"

    @property
    def _name(self) -> str:
        return self._objective.metric

    def _metric(self, record: TrialRecord) -> str:
        return str(words.score(record.metrics[self._name]))

    def _best(self) -> Optional[TrialRecord]:
        return next(iter(self._ranking.best(1)), None)

    def _rate(self) -> Optional[float]:
        """Return trials in a second of this search, until the last that ended; None before the
        first has.
        """
        done = len(self._trials) - self._before
        return done / max(self._ended - self._started, 1e-9) if done else None

    def _seconds_left(self) -> Optional[float]:
        rate = self._rate()
        if not rate:
            return None
        since = time.perf_counter() - self._ended
        left = max(0.0, (self._wanted - trainings(self._trials)) / rate - since)
        return self._within_budget(left)

    def _within_budget(self, left: float) -> float:
        """Return no more seconds than ``search.max_hours`` leaves."""
        hours = self._budget.seconds_left(time.perf_counter() - self._started)
        return left if hours is None else min(left, max(0.0, hours))


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
        self._running: Dict[int, Tuple[Point, float]] = {}
        self._front: Tuple[Sequence[TrialRecord], List[int]] = ((), [])

    def progress(self, line: str) -> None:
        """Print a line above the region."""
        self._console.print(printable(line), soft_wrap=True)

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

    def trial_started(self, number: int, hyperparameters: Point) -> None:
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
            lines.append(Text(printable(line), style=style))
            lines[-1].truncate(max(20, self._console.width - 1), overflow="ellipsis")
        return Text("\n").join(lines)

    def _rows(self, room: int) -> List[Line]:
        """Return the lines, at most ``room``: the front gives way first, then trials that run."""
        trials, running = self._trials, self._running
        names = varying(
            [t.hyperparameters for t in trials] + [point for point, _ in running.values()]
        )
        best = self._best_rows(names)
        counts = [(self._counts(trials), "bold")]
        space = room - len(best) - len(counts)
        on_front = self._front_rows(trials)
        on_front = on_front if len(on_front) + min(len(running), 2) + 1 <= space else []
        rows = self._running_rows(running, space - len(on_front), names)
        return (rows + best + on_front + counts)[-room:]

    def _running_rows(
        self, running: Mapping[int, Tuple[Point, float]], room: int, names: Optional[List[str]]
    ) -> List[Line]:
        if not running or room < 2:
            return []
        from vaiopt.search.training.progress import read_progress

        width = max(12, len(self._name))
        head = f"{'running':<{NAMES}}  {'epoch':>8}  {self._name:>{width}}  {'time':>7}"
        rows = [(f"{head}  hyperparameters", "bold")]
        shown = list(running.items())
        if len(shown) + 1 > room:
            shown = shown[: room - 2]
        for trial, (point, started) in shown:
            found = read_progress(self._run.progress(trial))
            epoch = "starting" if found is None else f"{found.epoch}/{found.epochs}"
            value = "-" if found is None or found.value is None else words.score(found.value)
            seconds, text = clock(time.perf_counter() - started), point_text(point, names)
            line = f"{_trial(trial)}  {epoch:>8}  {value:>{width}}  {seconds:>7}  {text}"
            rows.append((line, ""))
        rest = len(running) - len(shown)
        return rows + [(f"and {rest} more", "")] * bool(rest)

    def _best_rows(self, names: Optional[List[str]]) -> List[Line]:
        best = self._best()
        if best is None:
            return []
        is_score = best.value != best.metrics[self._name]
        objective = f"objective {words.score(best.value)}  " if is_score else ""
        head = f"{'best':<{NAMES}}  {self._name} {self._metric(best)}  {objective}"
        text = point_text(best.hyperparameters, names)
        width = max(20, self._console.width - NAMES - 4)
        lines = textwrap.wrap(text, width, max_lines=2, placeholder=" …")
        firsts = [_trial(best.number), ""]
        return [(head + costs_text(best), "bold green")] + [
            (f"{first:<{NAMES}}  {line}", "") for first, line in zip(firsts, lines)
        ]

    def _front_rows(self, trials: Sequence[TrialRecord]) -> List[Line]:
        by_number = {t.number: t for t in trials}
        if self._front[0] is not trials:
            found = fronts(trials, self._objective).values()
            # Without one of its own: against the latency, or parameters where none is predicted.
            self._front = (trials, next((numbers for numbers in found if numbers), []))
        numbers = self._front[1]
        shown = spread(numbers, MOST_ON_FRONT)
        if not shown:
            return []
        width = max(12, len(self._name))
        more = "" if len(shown) == len(numbers) else f"  {len(shown)} of {len(numbers)}"
        titles = [(cost, FRONT_TITLES.get(cost, cost)) for cost in self._objective.told]
        head = "".join(f"  {title:>{max(10, len(title))}}" for _, title in titles)
        rows = [(f"{'front':<{NAMES}}  {self._name:>{width}}{head}{more}", "bold")]
        for trial in (by_number[n] for n in shown):
            cells = "".join(
                f"  {words.bare_amount(cost, trial.costs.get(cost)) or '-':>{max(10, len(title))}}"
                for cost, title in titles
            )
            score = self._metric(trial)
            rows.append((f"{_trial(trial.number)}  {score:>{width}}{cells}", ""))
        return rows

    def _counts(self, trials: Sequence[TrialRecord]) -> str:
        rate, left = self._rate(), self._seconds_left()
        done = f"{trainings(trials)}/{self._wanted} done"
        if not trials:
            return done
        parts = [words.counts(Counter(trial.status for trial in trials))]
        if rate is not None and left is not None:
            parts += [f"{60 * rate:.3g} a minute", f"{clock(left)} left"]
        return f"{done}: {', '.join(parts)}"


def _trial(number: int) -> str:
    """Return the first column of a trial's line in the live view."""
    return f"trial {number:<{NAMES - 6}}"


def costs_text(record: TrialRecord) -> str:
    """Return parameters and latency in a few words, as far as they are known."""
    latency = words.milliseconds(record.costs.get("latency_ms"))
    measured = words.milliseconds(record.measured_latency_ms)
    parts = (
        (words.count(record.costs.get("params")), "params"),
        (latency, "predicted"),
        (measured, "measured"),
    )
    return ", ".join(f"{value} {what}" for value, what in parts if value is not None)


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
