"""The section on the test split of several outputs: each by itself."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Sequence

from vaiopt.present.html import heading
from vaiopt.report.data import ReportData
from vaiopt.report.figures_model import confusion
from vaiopt.report.section import Block, Group, Section, waiting
from vaiopt.report.section_tasks import FIGURES, LEAD, SHOWN_ROWS
from vaiopt.tasks import task_of
from vaiopt.tasks.several_record import SeveralEvaluation


def outputs(data: ReportData) -> Section:
    """Return figures and tables of each output on the test split."""
    found, int8 = data.float_test, data.int8_test
    if not isinstance(found, SeveralEvaluation):
        return waiting(data, LEAD, "Not evaluated yet.", data.command("evaluate"))
    after = int8.outputs if isinstance(int8, SeveralEvaluation) else ()
    quantized = {row.output: row.evaluation for row in after}
    blocks: List[Block] = []
    for row in found.outputs:
        own, other = row.evaluation, quantized.get(row.output)
        blocks.append(heading(f"Output '{row.output}': {task_of(row.task).doc}"))
        figures = OF_TASK.get(row.task)
        both = [evaluation for evaluation in (own, other) if evaluation is not None]
        blocks += figures(both) if figures is not None else []
        for title, table in own.tables(other, SHOWN_ROWS):
            blocks += [heading(f"{row.output}: {title}"), table]
    return Section(LEAD, blocks)


def _of_classes(both: Sequence[Any]) -> List[Group]:
    """Return the confusion of classes."""
    matrices = [confusion(e, f"confusion_{e.kind}", f"{e.kind.title()} model") for e in both]
    caption = "Rows are true classes, columns what the model said."
    return [Group("Confusion matrix", caption, matrices, wide=True)]


OF_TASK: Dict[str, Callable[[Sequence[Any]], List[Group]]] = {
    "classification": _of_classes,
    "binary": _of_classes,
    **FIGURES,
}
"""Figures of the evaluations of one output, by its task."""
