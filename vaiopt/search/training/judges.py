"""Who decides whether a trial goes on."""

from __future__ import annotations

from functools import partial
from typing import Callable, Dict, Optional, Sequence, Union

from vaiopt.search.training.front_pruning import FrontJudge
from vaiopt.search.training.pruning import PRUNERS, Judge
from vaiopt.search.training.reports import AUTO, FRONT, NONE, Pruning
from vaiopt.settings.choices import row_of

AnyJudge = Union[Judge, FrontJudge]

JUDGES: Dict[str, Optional[Callable[[Pruning, Sequence[float]], AnyJudge]]] = {
    AUTO: None,
    NONE: None,
    FRONT: FrontJudge,
    **{name: partial(Judge, make=make) for name, make in PRUNERS.items()},
}
"""By the names of :data:`vaiopt.settings.choices.PRUNERS`; None where nobody does, or the objective
says who.
"""


def make_judge(pruning: Optional[Pruning], prices: Sequence[float]) -> Optional[AnyJudge]:
    """Return who decides on a trial, or None where nobody does.

    Args:
        pruning: what is known of the others; None where nothing is stopped.
        prices: of the trial, as :meth:`vaiopt.study.objective.Objective.prices` gives them.

    Raises:
        SettingsError: there is no such pruner.
    """
    if pruning is None:
        return None
    make = row_of("search.pruner", pruning.pruner, JUDGES)
    return make(pruning, prices) if make else None
