"""The record of several outputs on the test split: that of each output's task."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Dict, List, Mapping, Sequence, Tuple

from vaiopt.present.table import Table
from vaiopt.record import Record, Unfit, part
from vaiopt.tasks.rows import TASKS
from vaiopt.tasks.task import Evaluation

AFTER_OUTPUT = ": "
"""Between the name of an output and that of a class of it; no name of a layer has it."""

MEAN = "mean_score"
"""The mean of what each output's task has as a share of 1."""


@dataclass(frozen=True)
class OutputEvaluation(Record):
    """One output on the test split.

    Attributes:
        output: its name. task: what it learned.
        figures: the record of that task, as a JSON object.
    """

    output: str = part()
    task: str = part()
    figures: Dict[str, Any] = part()

    def check(self) -> None:
        """Raise unless the figures are a record of the task."""
        if self.task not in TASKS:
            raise Unfit("task", f"is {self.task!r}, not one of {', '.join(TASKS)}")
        try:
            self.evaluation  # noqa: B018  reading it is the check
        except Unfit as error:
            raise error.inside("figures") from error

    @property
    def evaluation(self) -> Evaluation:
        """The figures as the record of the task."""
        return TASKS[self.task].evaluation.from_json(self.figures)


@dataclass(frozen=True)
class SeveralEvaluation(Evaluation):
    """``evaluation.json`` of several outputs.

    Attributes:
        mean_score: the mean of a score of each output; see :attr:`Task.share`.
        outputs: each by itself.
        own: metrics of a person's own.
    """

    score_names: ClassVar[Tuple[str, ...]] = (MEAN,)

    mean_score: float = part(high=1)
    outputs: Tuple[OutputEvaluation, ...] = part()
    own: Dict[str, float] = part({})

    @property
    def scores(self) -> Dict[str, float]:
        """The mean, then those of each output, by ``<output>_<score>``, a person's own last."""
        found = {MEAN: self.mean_score}
        for row in self.outputs:
            found.update(named_by(row.output, row.evaluation.scores))
        return {**found, **self.own_scores}

    def tables(self, int8: Any, most: int) -> List[Tuple[str, Table]]:
        """Return the tables of each output, by its name."""
        others = {} if int8 is None else {row.output: row.evaluation for row in int8.outputs}
        return [
            (f"{row.output}: {title}", replace(table, name=f"{row.output}_{table.name}"))
            for row in self.outputs
            for title, table in row.evaluation.tables(others.get(row.output), most)
        ]

    def misfit(self, classes: Sequence[str]) -> str:
        """Return that the figures are of other outputs or classes, if they are."""
        by_output = split_names([row.output for row in self.outputs], classes)
        if sum(map(len, by_output.values())) != len(classes):
            return "outputs are others"
        wrong = ((row.output, row.evaluation.misfit(by_output[row.output])) for row in self.outputs)
        return next((f"outputs.{name}: {text}" for name, text in wrong if text), "")


def split_names(outputs: Sequence[str], classes: Sequence[str]) -> Dict[str, Tuple[str, ...]]:
    """Return the names of each output's classes, without that of the output."""
    found = {}
    for output in outputs:
        start = f"{output}{AFTER_OUTPUT}"
        found[output] = tuple(name[len(start) :] for name in classes if name.startswith(start))
    return found


def named_by(output: str, scores: Mapping[str, float]) -> Dict[str, float]:
    """Return the scores of an output under the names that they have beside those of others."""
    return {f"{output}_{name}": value for name, value in scores.items()}
