"""Carrying several points of the front through the steps after the search. Part of
:mod:`vaiopt.flow`.
"""

from __future__ import annotations

import contextlib
import json
import shlex
from dataclasses import dataclass, fields, replace
from typing import Any, Callable, ContextManager, Dict, Iterator, List

from vaiopt.compile import compile_candidate
from vaiopt.delivered import Failure, delivered
from vaiopt.deploy import bundle_candidate, measure_candidate, open_kit
from vaiopt.deploy.measure import launch_of, ssh_config_of
from vaiopt.errors import UnreachableError, VaioptError
from vaiopt.evaluate import evaluate_candidate
from vaiopt.quantize import quantize_candidate
from vaiopt.runs.choice import write_chosen
from vaiopt.runs.layout import Candidate, Run
from vaiopt.runs.records import Chosen
from vaiopt.search import prepare_candidate
from vaiopt.settings import Settings, settings_from_run
from vaiopt.study.front_points import FrontPoints, pick_front
from vaiopt.study.ranking import cheap_cost
from vaiopt.study.trials import load_trials
from vaiopt.summary import Summary
from vaiopt.text import Progress

Stage = Callable[[Candidate, Progress], Any]
"""Does one step for one candidate."""

FRONT = "front"
"""Why candidates are chosen that were picked from the front."""

HOPELESS = 2
"""Candidates in a row for which the board cannot be reached, before the others are given up."""

LATER = ("quantize", "hardware", "deploy")
"""Sections of settings that the steps after a search read."""

MOST_NAMED = 5
"""Trials that a note names; the others are left out."""


@dataclass(frozen=True)
class EachStep:
    """A step that is done for one candidate after another.

    Attributes:
        opened: yields the step; what the candidates share is open as long.
        refuses: whether a candidate for which it fails is no longer one of the chosen. A kit that
            does not answer says nothing of the candidate.
    """

    opened: Callable[[Settings, Progress], ContextManager[Stage]]
    refuses: bool = True


@contextlib.contextmanager
def _quantized(settings: Settings, progress: Progress) -> Iterator[Stage]:
    yield lambda candidate, tell: quantize_candidate(candidate, settings, progress=tell)


@contextlib.contextmanager
def _evaluated(settings: Settings, progress: Progress) -> Iterator[Stage]:
    yield evaluate_candidate


@contextlib.contextmanager
def _compiled(settings: Settings, progress: Progress) -> Iterator[Stage]:
    yield lambda candidate, tell: compile_candidate(candidate, settings, progress=tell)


@contextlib.contextmanager
def _bundled(settings: Settings, progress: Progress) -> Iterator[Stage]:
    yield lambda candidate, tell: bundle_candidate(candidate, settings, progress=tell)


@contextlib.contextmanager
def _measured(settings: Settings, progress: Progress) -> Iterator[Stage]:
    config, launch = ssh_config_of(settings), launch_of(settings)
    with open_kit(settings.deploy.host, config, progress, launch) as kit:
        yield lambda candidate, tell: measure_candidate(candidate, settings, kit=kit, progress=tell)


EACH: Dict[str, EachStep] = {
    "quantize": EachStep(_quantized),
    "evaluate": EachStep(_evaluated),
    "compile": EachStep(_compiled),
    "bundle": EachStep(_bundled),
    "measure": EachStep(_measured, refuses=False),
}
"""Steps of :data:`vaiopt.flow.FLOW` that are done for each candidate; others are for the run."""


def choose_front(run: Run, settings: Settings, count: int, progress: Progress) -> List[Candidate]:
    """Make points of the front, spread over it, the chosen ones, the best first.

    Args:
        run: of a search that has complete trials.
        settings: whose objective counts; all else is the run's own, so that a later command for
            another target picks the same.
        count: how many points; fewer if the front has fewer.
        progress: told what was picked.

    Raises:
        RunError: no model of a complete trial is kept.
    """
    own = replace(settings_from_run(run), objective=settings.objective)
    trials = load_trials(run)
    found = pick_front(run, own, trials, cheap_cost(trials), count)
    # The candidates' own files come first: a choice without them would be damaged.
    candidates = [prepare_candidate(run, own, trial) for trial in found.trials]
    write_chosen(run, Chosen(tuple(c.number for c in candidates), FRONT))
    for line in _told(found, count):
        progress(line)
    return candidates


def _told(found: FrontPoints, count: int) -> List[str]:
    numbers = ", ".join(str(trial.number) for trial in found.trials)
    lines = [f"of the front against {' and '.join(found.costs)}, best first: trial {numbers}"]
    if len(found.trials) < count:
        lines.append(f"note: {count} points were asked for, there are {len(found.trials)}")
    if found.gone:
        few = ", ".join(map(str, found.gone[:MOST_NAMED])) + ", …" * (len(found.gone) > MOST_NAMED)
        lines.append(
            f"note: the front has points whose models are not kept any more (trial {few}); a search"
            f' with objective.front = ["{found.costs[0]}"] keeps them'
        )
    return lines


class Convoy:
    """Points of the front that go through the steps together.

    Args:
        run: theirs.
        settings: of it, with those for the steps.
        count: how many points.
        progress: told one line at a time.
    """

    def __init__(self, run: Run, settings: Settings, count: int, progress: Progress) -> None:
        self._run, self._settings, self._count, self._progress = run, settings, count, progress
        self._chosen: List[Candidate] = []
        self._going: List[Candidate] = []
        self._failures: Dict[int, Failure] = {}

    def gather(self) -> None:
        """Choose the points, once. Raises as :func:`choose_front`."""
        if not self._chosen:
            self._chosen = choose_front(self._run, self._settings, self._count, self._progress)
            self._going = list(self._chosen)

    def takes(self, name: str) -> bool:
        """Return whether a step is done for each of the points; they are chosen by then."""
        if name != "search":
            self.gather()
        return name in EACH

    def do(self, name: str, check: Callable[[], None]) -> None:
        """Do a step for each of those that no earlier one has refused.

        Args:
            name: of the step.
            check: raises if the end of the command was asked for.

        Raises:
            VaioptError: it failed for all of them; the first error.
        """
        try:
            errors = self._try_each(name, check)
            if len(errors) == len(self._going):
                raise errors[0]
        except (KeyboardInterrupt, SystemExit, VaioptError):
            self._progress(f"what was made is kept; go on with: {self._go_on(name)}")
            raise
        self._going = [c for c in self._going if c.number not in self._failures]
        if errors and EACH[name].refuses:
            write_chosen(self._run, Chosen(tuple(c.number for c in self._going), FRONT))

    def _try_each(self, name: str, check: Callable[[], None]) -> List[VaioptError]:
        """Do a step for each; return the errors of those for which it failed."""
        errors: List[VaioptError] = []
        lost = 0
        with EACH[name].opened(self._settings, self._progress) as stage:
            for candidate in self._going:
                check()
                try:
                    if lost >= HOPELESS:
                        raise errors[-1]
                    stage(candidate, self._prefixed(candidate))
                    lost = 0
                except VaioptError as error:
                    lost = lost + 1 if isinstance(error, UnreachableError) else 0
                    errors.append(error)
                    self._failures[candidate.number] = Failure(name, error.message, error.hint)
                    self._progress(f"WARNING: trial {candidate.number}, {name}: {error.message}")
                    self._progress(f"  {error.hint}")
        return errors

    def _prefixed(self, candidate: Candidate) -> Progress:
        return lambda line: self._progress(f"trial {candidate.number}: {line}")

    def _go_on(self, name: str) -> str:
        return go_on_command(self._run, self._settings, self._count, name)

    def told(self, summary: Summary) -> Summary:
        """Return the summary with what became of each point, and the command that goes on."""
        numbers = [candidate.number for candidate in self._chosen]
        rows = delivered(self._run, numbers, summary.target, self._failures)
        found = replace(summary, front=rows)
        return replace(found, go_on=self._go_on("measure")) if found.unmeasured else found


def go_on_command(run: Run, settings: Settings, count: int, step: str) -> str:
    """Return the command that goes on with points of the front from a step, with the settings that
    are not the run's own.
    """
    own, changed = settings_from_run(run), []
    for section in LATER:
        before, after = getattr(own, section), getattr(settings, section)
        for field in fields(after):
            value = getattr(after, field.name)
            if value is not None and value != getattr(before, field.name):
                text = f"{section}.{field.name}={json.dumps(value)}"
                changed.append(f"--set {shlex.quote(text)}")
    words = [f"vaiopt run --front {count} --from {step} --run {shlex.quote(str(run.folder))}"]
    return " ".join([*words, *changed])
