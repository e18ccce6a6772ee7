"""Sections on the search: accuracy and cost, convergence, learning curves."""

from __future__ import annotations

from typing import List, Optional, Sequence

from vaiopt.present.figure import Figure
from vaiopt.present.html import to_do
from vaiopt.present.uncertainty import is_accuracy
from vaiopt.report.data import ReportData
from vaiopt.report.figures_front import trade_off
from vaiopt.report.figures_search import DRAWN_POINTS, convergence, learning_curves, time_line
from vaiopt.report.section import Block, Group, Section


def trade_offs(data: ReportData) -> Section:
    """Return accuracy against the costs of the front that was searched; else against latency, or
    multiply-accumulates where none is known, and parameters; and against those that are bounded.
    """
    objective = data.objective
    timed = any("latency_ms" in trial.costs for trial in data.trials)
    costs = [*objective.front] or ["latency_ms" if timed else "macs", "params"]
    costs += [limit.cost for limit, _ in objective.limits.values()]
    bars = ", their bars are 95 % intervals" if is_accuracy(data.metric) else ""
    lead = (
        f"Each point is a trial. No trial beats those on the line in both{bars}. The star is the"
        " chosen one, the diamond the knee of the front."
    )
    if objective.limited:
        lead += " What is shaded breaks a limit, and is not trained."
    figures = [trade_off(data, cost) for cost in dict.fromkeys(costs)]
    return Section(lead + _thinned(data), _side_by_side(figures))


def search(data: ReportData) -> Section:
    """Return convergence and the time line."""
    figures = (convergence(data), time_line(data))
    blocks: List[Block] = [figure for figure in figures if figure is not None]
    if not blocks:
        command = data.command("search")
        blocks = [to_do("No trial has completed yet.", command)]
    lead = "How the objective rose from trial to trial, and where the time went."
    return Section(lead + _thinned(data), blocks)


def curves(data: ReportData) -> Section:
    """Return the learning curves of all trials: the headline, what was searched for where that is
    another score, and the loss.
    """
    task = data.learned
    names = [n for n in task.validation if n in (task.validated, data.metric)]
    quantities = [name.replace("val_", "", 1) for name in (*names, "val_loss")]
    lead = "How each trial learned, on validation data; the chosen one stands out."
    return Section(lead, _side_by_side([learning_curves(data, name) for name in quantities]))


def _side_by_side(figures: Sequence[Optional[Figure]]) -> Sequence[Group]:
    known = [figure for figure in figures if figure is not None]
    return (Group("", "", known, wide=True),) if known else ()


def _thinned(data: ReportData) -> str:
    """Return a sentence that says so if there are more trials than points."""
    if len(data.trials) <= DRAWN_POINTS:
        return ""
    return f" Of more than {DRAWN_POINTS:,} trials of a kind so many are drawn, evenly spaced."
