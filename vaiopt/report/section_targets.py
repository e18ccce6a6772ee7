"""The section on all candidates and all targets."""

from __future__ import annotations

from typing import Any, Callable, List, Optional, Sequence, Tuple

from vaiopt.present import words
from vaiopt.present.html import details, table
from vaiopt.present.table import Table
from vaiopt.report.data import ReportData
from vaiopt.report.on_targets import MOST_CANDIDATES, OnTarget
from vaiopt.report.section import Block, Section

Column = Tuple[str, Callable[[OnTarget], Any]]


def candidates_on_targets(data: ReportData) -> Section:
    """Return each candidate on the targets of the run, and folded away on every other board."""
    lead = (
        "Every candidate whose model is kept, on every target that something was made for. Times"
        " are predicted where nothing was measured."
    )
    if not data.on_targets:
        return Section(lead)
    if len({row.trial for row in data.on_targets}) == MOST_CANDIDATES:
        lead += f" The best {MOST_CANDIDATES} are shown."
    made = [row for row in data.on_targets if row.made]
    others = [row for row in data.on_targets if not row.made]
    blocks: List[Block] = [targets_table(made, "targets", data.chosen_number)]
    if others:
        told = "predicted on every other board: the same int8 model, other times"
        blocks.append(details(told, table(targets_table(others, "boards"))))
    return Section(lead, blocks)


def targets_table(rows: Sequence[OnTarget], name: str, chosen: Optional[int] = None) -> Table:
    """Return one row a candidate and target; columns that are empty for all are left out.

    Args:
        name: stem of its CSV. chosen: number of the trial to set off.
    """
    score = words.score_name(rows[0].headline)
    columns: List[Column] = [
        (f"int8 test {score}", lambda r: words.metric(r.headline, r.int8_test)),
        (f"int8 validation {score}", lambda r: words.metric(r.headline, r.int8_validation)),
        ("predicted latency", lambda r: words.milliseconds(r.predicted_ms)),
        ("measured latency", lambda r: words.milliseconds(r.measured_ms)),
        ("predicted frames/s", lambda r: words.count(r.predicted_fps)),
        ("measured frames/s", lambda r: words.count(r.measured_fps)),
        ("layers on the CPU", lambda r: r.cpu_layers),
    ]
    known = [column for column in columns if any(column[1](row) is not None for row in rows)]
    head: List[Column] = [("trial", lambda r: r.trial), ("target", lambda r: r.target)]
    places = [i for i, row in enumerate(rows) if row.trial == chosen]
    return Table(
        [title for title, _ in [*head, *known]],
        [[show(row) for _, show in [*head, *known]] for row in rows],
        numeric=(0, *range(2, 2 + len(known))),
        name=name,
        highlight=places[0] if places else -1,
    )
