"""The section on hyperparameters: which matter, and how."""

from __future__ import annotations

from typing import List, Optional, Sequence, Tuple

from vaiopt.present import words
from vaiopt.present.html import note
from vaiopt.report.data import ReportData
from vaiopt.report.dependence import EXPLAINERS, MIN_TRIALS, Dependence
from vaiopt.report.dimensions import Dimension, dimensions
from vaiopt.report.figures_hyperparameter import dependences, dependences_2d, distributions, slices
from vaiopt.report.figures_space import (
    SHOWN_DIMENSIONS,
    correlations,
    importance,
    objective_name,
    of_all,
    parallel_coordinates,
)
from vaiopt.report.section import Block, Group, Section
from vaiopt.study.surrogate import usable

ENOUGH = 15
"""Completed trials from which statistics over them are shown unfolded: a correlation of fewer than
that is hardly told from none (0.5 is just significant at 5 %).
"""

GOOD_FIT = 0.3
"""A surrogate that predicts less of the variance than this is called a guess."""


def hyperparameters(data: ReportData) -> Section:
    """Return which hyperparameters matter and how, over the completed trials and by the search's
    surrogate.
    """
    dims = dimensions(data.complete, data.space)
    lead = (
        f"Which choices mattered, over {len(data.complete)} completed trials. The objective is the"
        f" {objective_name(data)}."
    )
    varying = [d for d in dims if d.varies]
    if not varying:
        return Section(lead)
    why = _unexplained(data, varying)
    surrogate = None if why else _surrogate(data, varying)
    shares = surrogate.importances() if surrogate is not None and len(surrogate.names) > 1 else {}
    ranked = sorted(varying, key=lambda d: -shares.get(d.name, 0.0))
    blocks: List[Optional[Block]] = [parallel_coordinates(data, ranked), importance(data, shares)]
    if why:
        blocks.append(note(why))
    elif len(varying) == 1:
        only = f"Only '{varying[0].name}' varied: there is nothing to compare its importance with."
        blocks.append(note(only))
    few = _few(data)
    pairs = correlations(data, ranked)
    blocks.append(Group("", "", [pairs], wide=True, folded=few[0]) if pairs and few else pairs)
    kept = f", the {SHOWN_DIMENSIONS} most important" if len(varying) > SHOWN_DIMENSIONS else ""
    caption = (
        f"The {objective_name(data)} over each hyperparameter{kept}; the stronger the colour, the"
        " later the trial."
    )
    found = slices(data, ranked)
    blocks.append(Group("Slices" + of_all(data), caption, found, folded=few[1] if few else ""))
    shown = distributions(data, ranked)
    if shown:
        caption = "What was tried (grey), and what the best quarter of the trials chose (blue)."
        blocks.append(Group("Distributions", caption, shown, folded=few[2] if few else ""))
    blocks += _dependence_blocks(data, surrogate, ranked) if surrogate is not None else []
    return Section(lead, [block for block in blocks if block is not None])


def _few(data: ReportData) -> Tuple[str, ...]:
    """Return the lines behind which correlations, slices and distributions of few trials are
    folded away; none where there are enough.
    """
    count = len(data.complete)
    if count >= ENOUGH:
        return ()
    why = f"of {count} completed trials; they say something from {ENOUGH} on"
    return tuple(f"{name} {why}" for name in ("Correlations", "Slices", "Distributions"))


def _unexplained(data: ReportData, varying: Sequence[Dimension]) -> str:
    """Return in a sentence why there are no importance and no partial dependence, or nothing if
    there can be.
    """
    searched = {d.name for d in data.space.searched()}
    complete = usable(data.space, data.complete)
    if len(complete) < MIN_TRIALS:
        return f"Importance and partial dependence need at least {MIN_TRIALS} completed trials."
    if len({t.value for t in complete}) == 1:
        return (
            "All completed trials have the same objective: importance and partial dependence have"
            " nothing to explain."
        )
    if not any(d.name in searched for d in varying):
        return "The run has no search space on file: importance and partial dependence need it."
    return ""


def _surrogate(data: ReportData, varying: Sequence[Dimension]) -> Dependence:
    sampler = data.settings.search.sampler
    return Dependence(
        data.space,
        data.trials,
        varying,
        model=sampler if sampler in EXPLAINERS else "gp",
        direction=data.direction,
        seed=data.settings.seed,
    )


def _dependence_blocks(
    data: ReportData, surrogate: Dependence, ranked: Sequence[Dimension]
) -> List[Block]:
    curves = dependences(data, surrogate, ranked)
    blocks: List[Block] = [Group("Partial dependence", _explained(data, surrogate), curves)]
    pairs = dependences_2d(data, surrogate, ranked)
    if pairs:
        caption = (
            "The same for two at a time, of the three most important; empty where one is not"
            " active."
        )
        blocks.append(Group("Partial dependence of pairs", caption, pairs))
    if surrogate.fit < GOOD_FIT:
        warning = (
            "The surrogate hardly predicts these trials: read the partial dependence below as a"
            " guess. More trials would help."
        )
        blocks.insert(0, note(warning))
    return blocks


def _explained(data: ReportData, surrogate: Dependence) -> str:
    """Return what the surrogate is, what it was fitted to, and how well it predicts."""
    sampler = data.settings.search.sampler
    what = (
        "a Gaussian process, as the sampler gp fits it (this search proposed its points with"
        f" {sampler}),"
    )
    if sampler in EXPLAINERS:
        what = f"{EXPLAINERS[sampler].name} that the search proposed its points with"
    trials = f"{surrogate.fitted} trials"
    if surrogate.fitted < surrogate.known:
        trials = f"{surrogate.fitted} of the {surrogate.known} trials, evenly spaced"
    return (
        f"What {what} expects on average as one hyperparameter moves, over the trials in which it"
        " is active; the band is one standard deviation of that average. It is fitted to the ranks"
        f" of {trials}: what failed or broke a limit ranks last. It predicts"
        f" {words.coefficient(surrogate.fit)} of the variance of trials that it has not seen (R²)."
    )
