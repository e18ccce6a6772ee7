"""The variants that settings choose among by name, each with what it is in one line.

These rows are what the settings, help and reference pages are made from; what carries a variant out
stands in a table of the same names above this package, such as
:data:`vaiopt.search.samplers.SAMPLERS`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, Tuple, TypeVar

from vaiopt.errors import SettingsError, did_you_mean

Row = TypeVar("Row")


@dataclass(frozen=True)
class Choice:
    """One variant.

    Attributes:
        name: as it stands in the settings.
        doc: what it is, in one line.
        package: the module that it needs beyond those that are always installed, if any.
        pip: what ``pip install`` is given to get that.
    """

    name: str
    doc: str
    package: str = ""
    pip: str = ""


SAMPLERS: Tuple[Choice, ...] = (
    Choice("gp", "Gaussian process (scikit-optimize)"),
    Choice("forest", "extremely randomised trees (scikit-optimize)"),
    Choice("tpe", "tree-structured Parzen estimator (Optuna)"),
    Choice("optuna_gp", "Gaussian process of Optuna's own", "torch", "torch"),
    Choice(
        "cmaes", "covariance matrix adaptation, an evolution strategy (Optuna)", "cmaes", "cmaes"
    ),
    Choice("nsga2", "genetic algorithm NSGA-II (Optuna)"),
    Choice("random", "points at random"),
    Choice("grid", "all points of a grid, whatever search.trials says"),
)

ACQUISITIONS: Tuple[Choice, ...] = (
    Choice("EI", "expected improvement"),
    Choice("LCB", "lower confidence bound"),
    Choice("PI", "probability of improvement"),
    Choice("gp_hedge", "a hedge among EI, LCB and PI, by what each has gained"),
)

PRUNERS: Tuple[Choice, ...] = (
    Choice("none", "no trial is stopped early"),
    Choice("median", "stops what is worse than the median of the trials before"),
    Choice("halving", "asynchronous successive halving"),
    Choice("hyperband", "several brackets of successive halving"),
)

SCHEDULES: Tuple[Choice, ...] = (
    Choice("constant", "the learning rate stays"),
    Choice(
        "cosine", "down to 0 over the epochs along half a cosine, so that few epochs reach more"
    ),
)


def row_of(key: str, name: str, table: Mapping[str, Row]) -> Row:
    """Return the row of a table that a setting names.

    Args:
        key: of the setting, for the message.
        name: its value.
        table: the rows by name.

    Raises:
        SettingsError: there is no such row.
    """
    if name not in table:
        raise SettingsError(f"{key} is '{name}'", did_you_mean(name, table))
    return table[name]
