"""Sections on the search: accuracy and cost, convergence, hyperparameters, learning curves."""

from __future__ import annotations

from typing import List, Optional, Sequence

from vaiopt.present.html import note, to_do
from vaiopt.report.data import ReportData
from vaiopt.report.dependence import MIN_TRIALS, Dependence
from vaiopt.report.dimensions import Dimension, dimensions
from vaiopt.report.figures_hyperparameter import dependences, dependences_2d, distributions, slices
from vaiopt.report.figures_search import (
    MAX_POINTS,
    convergence,
    learning_curves,
    time_line,
    trade_off,
)
from vaiopt.report.figures_space import (
    MAX_DIMENSIONS,
    correlations,
    importance,
    objective_name,
    of_all,
    parallel_coordinates,
)
from vaiopt.report.section import Block, Group, Section
from vaiopt.study.surrogate import usable

_GOOD_FIT = 0.3


def trade_offs(data: ReportData) -> Section:
    """Return accuracy against the costs that the trials know: latency and parameters, or
    multiply-accumulates where no latency is known.
    """
    latency, parameters, macs = (trade_off(data, cost) for cost in ("latency_ms", "params", "macs"))
    figures = [figure for figure in (latency or macs, parameters) if figure is not None]
    lead = (
        "Each point is a trial. No trial beats those on the line in both; the star is the chosen"
        " one." + _thinned(data)
    )
    return Section(
        "cost", "Accuracy and cost", lead, (Group("", "", figures, wide=True),) if figures else ()
    )


def search(data: ReportData) -> Section:
    """Return convergence and the time line."""
    blocks: List[Block] = [
        figure for figure in (convergence(data), time_line(data)) if figure is not None
    ]
    if not blocks:
        blocks = [
            to_do(
                "No trial has completed yet.",
                f"vaiopt search {data.folder}/run.toml --run {data.folder}",
            )
        ]
    return Section(
        "search",
        "The search",
        "How the objective rose from trial to trial, and where the time went." + _thinned(data),
        blocks,
    )


def _thinned(data: ReportData) -> str:
    """Return a sentence that says so if there are more trials than points."""
    return (
        ""
        if len(data.trials) <= MAX_POINTS
        else f" Of more than {MAX_POINTS:,} trials of a kind so many are drawn, evenly spaced."
    )


def curves(data: ReportData) -> Section:
    """Return the learning curves of all trials: accuracy, loss, and macro F1 where that is what was
    searched for.
    """
    quantities = ("accuracy", "f1", "loss") if data.metric == "val_f1" else ("accuracy", "loss")
    figures = [
        figure
        for figure in (learning_curves(data, quantity) for quantity in quantities)
        if figure is not None
    ]
    lead = "How each trial learned, on validation data; the chosen one stands out."
    return Section(
        "curves", "Learning curves", lead, (Group("", "", figures, wide=True),) if figures else ()
    )


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
        return Section("hyperparameters", "Hyperparameters", lead, ())
    why = _unexplained(data, varying)
    surrogate = None if why else _surrogate(data, varying)
    shares = surrogate.importances() if surrogate is not None and len(surrogate.names) > 1 else {}
    ranked = sorted(varying, key=lambda d: -shares.get(d.name, 0.0))
    blocks: List[Optional[Block]] = [parallel_coordinates(data, ranked), importance(data, shares)]
    if why:
        blocks.append(note(why))
    elif len(varying) == 1:
        blocks.append(
            note(
                f"Only '{varying[0].name}' varied: there is nothing to compare its importance with."
            )
        )
    blocks.append(correlations(data, ranked))
    kept = f", the {MAX_DIMENSIONS} most important" if len(varying) > MAX_DIMENSIONS else ""
    blocks.append(
        Group(
            "Slices" + of_all(data),
            f"The {objective_name(data)} over each hyperparameter{kept}; the stronger the colour,"
            " the later the trial.",
            slices(data, ranked),
        )
    )
    shown = distributions(data, ranked)
    if shown:
        blocks.append(
            Group(
                "Distributions",
                "What was tried (grey), and what the best quarter of the trials chose (blue).",
                shown,
            )
        )
    blocks += _dependence_blocks(data, surrogate, ranked) if surrogate is not None else []
    return Section(
        "hyperparameters", "Hyperparameters", lead, [block for block in blocks if block is not None]
    )


def _unexplained(data: ReportData, varying: Sequence[Dimension]) -> str:
    """Return in a sentence why there are no importance and no partial dependence, or nothing if
    there can be.
    """
    searched = {d.name for d in data.search_space.searched()}
    complete = usable(data.search_space, data.complete)
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
    return Dependence(
        data.search_space,
        data.trials,
        varying,
        model="forest" if data.settings.search.sampler == "forest" else "gp",
        direction=data.direction,
        seed=data.settings.seed,
    )


def _dependence_blocks(
    data: ReportData, surrogate: Dependence, ranked: Sequence[Dimension]
) -> List[Block]:
    blocks: List[Block] = [
        Group(
            "Partial dependence", _explained(data, surrogate), dependences(data, surrogate, ranked)
        )
    ]
    pairs = dependences_2d(data, surrogate, ranked)
    if pairs:
        words = (
            "The same for two at a time, of the three most important; empty where one is not"
            " active."
        )
        blocks.append(Group("Partial dependence of pairs", words, pairs))
    if surrogate.fit < _GOOD_FIT:
        warning = (
            "The surrogate hardly predicts these trials: read the partial dependence below as a"
            " guess. More trials would help."
        )
        blocks.insert(0, note(warning))
    return blocks


def _explained(data: ReportData, surrogate: Dependence) -> str:
    """Return what the surrogate is, what it was fitted to, and how well it predicts."""
    sampler = data.settings.search.sampler
    what = {
        "gp": "the Gaussian process that the search proposed its points with",
        "forest": "the forest of random trees that the search proposed its points with",
    }.get(
        sampler,
        "a Gaussian process, as the sampler gp fits it (this search proposed its points with"
        f" {sampler}),",
    )
    trials = f"{surrogate.fitted} trials"
    if surrogate.fitted < surrogate.known:
        trials = f"{surrogate.fitted} of the {surrogate.known} trials, evenly spaced"
    return (
        "What {} expects on average as one hyperparameter moves, over the trials in which it is"
        " active; the band is one standard deviation of that average. It is fitted to the ranks of"
        " {}: what failed or broke a limit ranks last. It predicts {} of the variance of trials"
        " that it has not seen (R²)."
    ).format(what, trials, f"{surrogate.fit:.2f}".replace("-", "\u2212"))
