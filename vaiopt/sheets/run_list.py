"""The runs of a folder, one a row."""

from __future__ import annotations

from typing import Any, List

from vaiopt.present import words
from vaiopt.present.sheet import Sheet
from vaiopt.present.table import Table


def run_list(found: List[Any]) -> Sheet:
    """One row a run: how far it is, its trials and the best of them, and the command that leads on.

    Args:
        found: :class:`vaiopt.run_list.RunState`, in order.
    """
    rows = []
    for state in found:
        best = words.metric(state.metric, state.best)
        rows.append(
            [
                state.folder,
                f"{state.status} {state.detail}".strip(),
                f"{state.trials} of {state.wanted}" if state.wanted else None,
                None if best is None else f"{words.name(state.metric)} {best}",
                state.chosen,
                state.target or None,
                state.changed.replace("T", " ").replace("Z", ""),
                state.next or None,
            ]
        )
    columns = ("run", "status", "trials", "best", "chosen", "target", "written (UTC)", "next")
    return Sheet("Runs", tables=[("", Table(columns, rows, numeric=(4,)))])


def one_run(state: Any) -> Sheet:
    """The same of a single run."""
    return run_list([state])
