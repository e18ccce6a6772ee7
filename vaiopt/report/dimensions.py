"""The hyperparameters as the completed trials show them, and rank correlations.

A hyperparameter that is not active in a trial (its condition does not hold) has no value there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from vaiopt.study.record import TrialRecord
from vaiopt.study.space import Dimension as Declared
from vaiopt.study.space import Space

LOGARITHMIC_RATIO = 30.0
"""Values that span this much are drawn on a logarithmic axis."""


@dataclass(frozen=True)
class Dimension:
    """One hyperparameter as the trials show it.

    Attributes:
        name: its name. values: one a trial, ``None`` where it is not active.
        choices: the distinct values of a categorical one (texts and truth values), in order; empty
            for numbers.
        log: whether its numbers span so much that a logarithmic axis shows them better.
    """

    name: str
    values: Tuple[Any, ...]
    choices: Tuple[Any, ...] = ()
    log: bool = False

    @property
    def varies(self) -> bool:
        """Whether it has two values or more."""
        return len({repr(v) for v in self.values if v is not None}) > 1

    def only(self, positions: Sequence[int]) -> "Dimension":
        """Return the dimension over some of the trials; its choices and scale stay."""
        return replace(self, values=tuple(self.values[i] for i in positions))

    @property
    def whole(self) -> bool:
        """Whether all of its values are whole numbers."""
        return not self.choices and all(isinstance(v, int) for v in self.values if v is not None)

    def codes(self) -> np.ndarray:
        """Return float64 (trials,): the number or its decimal logarithm, or the position of the
        choice; NaN where it is not active.
        """
        return np.array([math.nan if v is None else self.code(v) for v in self.values], np.float64)

    def code(self, value: Any) -> float:
        """Return the number that stands for ``value``."""
        if self.choices:
            return float(self.choices.index(told_apart(value)))
        return math.log10(float(value)) if self.log else float(value)

    def decode(self, code: float) -> Any:
        """Return the value that a code stands for."""
        if self.choices:
            return self.choices[int(code)]
        value = 10.0**code if self.log else code
        return int(round(value)) if self.whole else value


def dimensions(trials: Sequence[TrialRecord], space: Space) -> List[Dimension]:
    """Return the hyperparameters of the trials, in the order in which they first appear.

    Args:
        trials: of a search.
        space: its search space; may be empty.
    """
    declared = {dimension.name: dimension for dimension in space}
    names = dict.fromkeys(name for trial in trials for name in trial.hyperparameters)
    return [
        _dimension(name, tuple(_value(t.hyperparameters, name) for t in trials), declared.get(name))
        for name in names
    ]


def _value(hyperparameters: Mapping[str, Any], name: str) -> Any:
    """Return a value, ``None`` where it is not active."""
    return told_apart(hyperparameters[name]) if name in hyperparameters else None


def told_apart(value: Any) -> Any:
    """Return a value that is active; a choice may itself be ``None``, which is told apart as a
    text.
    """
    return "None" if value is None else value


def _dimension(name: str, values: Tuple[Any, ...], declared: Optional[Declared]) -> Dimension:
    present = [v for v in values if v is not None]
    if any(isinstance(v, (bool, str)) or not isinstance(v, (int, float)) for v in present):
        order = {repr(v): i for i, v in enumerate(declared.values if declared is not None else ())}
        distinct = {repr(v): v for v in present}
        keys = sorted(distinct, key=lambda key: (order.get(key, len(order)), key))
        return Dimension(name, values, choices=tuple(distinct[key] for key in keys))
    positive = bool(present) and min(present) > 0
    log = positive and (
        (declared is not None and declared.log) or max(present) / min(present) >= LOGARITHMIC_RATIO
    )
    return Dimension(name, values, log=log)


def rank_correlation(first: np.ndarray, second: np.ndarray) -> Optional[float]:
    """Return Spearman's rank correlation of two series over the places where both have a value;
    ``None`` if undefined.
    """
    from scipy.stats import spearmanr

    both = np.isfinite(first) & np.isfinite(second)
    first, second = first[both], second[both]
    if len(first) < 4 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return None
    return float(spearmanr(first, second)[0])
