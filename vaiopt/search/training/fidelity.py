"""Trainings on few samples before the one on all: a hopeless trial costs a hundredth of that.

The samples of a smaller training are among those of each larger one, and hold the strata in their
shares: any first samples of a part do. Each training begins anew, from the same weights, and takes
as many epochs; it is validated on as few samples, since validation would cost more than it. What a
trial comes to is that of its training on all samples alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Callable, Dict, Iterator, List, NamedTuple

import numpy as np

from vaiopt.data import Splits
from vaiopt.search.training.fit import Metrics, Outcome
from vaiopt.search.training.judges import AnyJudge
from vaiopt.search.training.reports import STEPS, WHOLE, Pruned

LEAST = 10
"""Samples of a stratum in the smallest training, on average."""


class Rung(NamedTuple):
    """A training on few samples: the step of its report, and what it is on."""

    step: int
    splits: Splits


def rungs(splits: Splits) -> Iterator[Rung]:
    """Yield the trainings before that on all samples, the smallest first: none on more than half of
    them.
    """
    train = splits.train
    strata = len(np.unique(splits.task.strata(train.y)))
    last = 0
    for step, share in STEPS.items():
        count = max(int(np.ceil(share * len(train))), LEAST * strata)
        if not last < count <= len(train) // 2:
            continue
        last = count
        few = slice(0, count)
        small = replace(splits, train=train.take(few), validation=splits.validation.take(few))
        yield Rung(step, small)


class Climb:
    """One trial on its way from few samples to all.

    Args:
        judge: told the objective at each rung; may stop the trial.
        score: the objective, of metrics.
    """

    def __init__(self, judge: AnyJudge, score: Callable[[Metrics], float]) -> None:
        self._judge, self._score = judge, score
        self._samples: Dict[int, int] = {}

    def passes(self, rung: Rung, outcome: Outcome) -> str:
        """Return why the trial is stopped after a rung, "" if it goes on."""
        count = len(rung.splits.train)
        self._samples[rung.step] = count
        try:
            self._judge.report(rung.step, self._score(outcome.entry), last=False)
        except Pruned as stop:
            return f"{stop.message}, after a training on {count:,} samples"
        return ""

    def end(self, metrics: Metrics, samples: int) -> None:
        """Take note of what the training on all samples came to."""
        self._samples[WHOLE] = samples
        self._judge.report(WHOLE, self._score(metrics), last=True)

    def samples(self) -> List[List[int]]:
        """Return of how many training samples each report is: pairs of step and samples."""
        return [[step, count] for step, count in self._samples.items()]
