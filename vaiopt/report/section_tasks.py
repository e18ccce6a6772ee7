"""The sections on the test split of what is no classifier: quantities, labels, masks, images."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Sequence

from vaiopt.present.figure import Figure
from vaiopt.present.html import heading
from vaiopt.report.data import ReportData
from vaiopt.report.figures_model import confusion
from vaiopt.report.figures_tasks import error_histogram, true_and_predicted
from vaiopt.report.gallery import picture_gallery
from vaiopt.report.pictures import Picture
from vaiopt.report.section import Block, Group, Section, waiting

LEAD = "The chosen model on data that the search never saw."
SHOWN_ROWS = 12
"""Samples of a table at most."""


def test_split(data: ReportData) -> Section:
    """Return figures, tables and pictures of the chosen model on the test split."""
    found = data.float_test
    if found is None:
        return waiting(data, LEAD, "Not evaluated yet.", data.command("evaluate"))
    both = [evaluation for evaluation in (found, data.int8_test) if evaluation is not None]
    figures = FIGURES.get(data.task)
    blocks: List[Block] = [*(figures(both) if figures is not None else ())]
    for title, table in found.tables(data.int8_test, SHOWN_ROWS):
        blocks += [heading(title), table]
    pictures = [example for example in data.examples if isinstance(example, Picture)]
    if pictures:
        blocks += [heading("The worst samples"), picture_gallery(pictures)]
    return Section(LEAD, blocks)


def _of_quantities(both: Sequence[Any]) -> List[Group]:
    """Return true against predicted values and the errors of each quantity."""
    groups = []
    for number, quantity in enumerate(both[0].per_quantity):
        figures: List[Figure] = [true_and_predicted(e, number) for e in both]
        caption = "A point a sample; on the line it would be right."
        title = f"{quantity.name}: true and predicted"
        groups.append(Group(title, caption, [*figures, error_histogram(both, number)]))
    return groups


def _of_pixels(both: Sequence[Any]) -> List[Group]:
    """Return the confusion of pixels."""
    matrices = [
        confusion(e, f"confusion_{e.kind}", f"{e.kind.title()} model", "pixels") for e in both
    ]
    caption = "Percent of the pixels: rows are true classes, columns what the model said."
    return [Group("Confusion of pixels", caption, matrices, wide=True)]


FIGURES: Dict[str, Callable[[Sequence[Any]], List[Group]]] = {
    "regression": _of_quantities,
    "segmentation": _of_pixels,
}
"""Figures of the evaluations of a float model and, if there is one, its int8 form, by the task."""
