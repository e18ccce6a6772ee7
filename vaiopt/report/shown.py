"""What the report gives to results that show themselves: its own sheet, and the figures that stand
under the sheets of others.
"""

from __future__ import annotations

import html
from typing import Any, Dict, List, Optional

from vaiopt.errors import VaioptError
from vaiopt.evaluate import Evaluations
from vaiopt.hardware import Inspection
from vaiopt.present import words
from vaiopt.present.figure import Figure
from vaiopt.present.sheet import Fact, Sheet, link
from vaiopt.present.shown import Shown, add_figures, add_sheets
from vaiopt.present.table import Table
from vaiopt.quantize import QuantizeResult
from vaiopt.report.data import gather_search
from vaiopt.report.figures_delivered import front_figure
from vaiopt.report.figures_model import layer_costs, quantization_loss
from vaiopt.report.figures_search import convergence
from vaiopt.report.write import SECTIONS, ReportResult
from vaiopt.runs.layout import Run
from vaiopt.search import SearchResult
from vaiopt.summary import Summary
from vaiopt.tasks import task_of


class Figures(Shown, Dict[str, Any]):
    """Plotly figures by name."""


def _report(result: ReportResult) -> Sheet:
    """A link to the report, and what it waits for."""
    made = f"{words.size(result.size)}, {len(result.figures)} figures"
    facts: List[Fact] = [("report", link(result.path), made)]
    facts += [("exported", str(len(result.exported)), "files")] * bool(result.exported)
    missing = Table(("missing", "made by"), [list(item) for item in result.missing.items()])
    return Sheet("Report", facts, [("", missing)], result.remarks)


def _figures(found: Figures) -> Sheet:
    """The names and titles of figures; a figure shows itself."""
    rows = [[name, html.unescape(figure.layout.title.text or "")] for name, figure in found.items()]
    return Sheet(f"{len(found)} figures", tables=[("", Table(("name", "shows"), rows))])


def _convergence(result: SearchResult) -> List[Optional[Figure]]:
    try:
        return [convergence(gather_search(Run(result.folder)))]
    except VaioptError:  # the folder is gone
        return []


def _evaluated(result: Evaluations) -> List[Optional[Figure]]:
    """Return the task's figure of the int8 model, or of the float model before there is one."""
    last = result.int8_test if result.int8_test is not None else result.float_test
    return [
        row.figure(last)
        for row in SECTIONS
        if row.figure is not None and task_of(row.task).evaluation is type(last)
    ]


def _quantization_loss(result: QuantizeResult) -> List[Optional[Figure]]:
    return [quantization_loss(result.record)]


def _layer_costs(result: Inspection) -> List[Optional[Figure]]:
    return [layer_costs(result)]


def _front(result: Summary) -> List[Optional[Figure]]:
    return [front_figure(result.front)]


add_sheets({"ReportResult": _report, "Figures": _figures})
add_figures(
    {
        "SearchResult": _convergence,
        "Evaluations": _evaluated,
        "QuantizeResult": _quantization_loss,
        "Inspection": _layer_costs,
        "Summary": _front,
    }
)
