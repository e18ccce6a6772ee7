"""The section on a classifier's mistakes."""

from __future__ import annotations

from typing import Any, List, Sequence

from vaiopt.present import words
from vaiopt.present.figure import Figure
from vaiopt.present.html import Markup, heading, join, tag
from vaiopt.report.data import ReportData
from vaiopt.report.examples import SHOWN_EXAMPLES, Example
from vaiopt.report.figures_model import confusion
from vaiopt.report.section import Block, Group, Section, waiting
from vaiopt.tasks.classification import ClassEvaluation, class_table, mistake_table


def mistakes(data: ReportData) -> Section:
    """Return confusion matrices, the table by class and the surest mistakes."""
    lead = "The chosen model on data that the search never saw."
    found = data.float_test
    if not isinstance(found, ClassEvaluation):
        return waiting(data, lead, "Not evaluated yet.", data.command("evaluate"))
    matrices = [confusion(found, "confusion_float", "Float model")]
    int8: Any = data.int8_test
    if int8 is not None:
        matrices.append(confusion(int8, "confusion_int8", "Int8 model"))
    caption = (
        "Rows are true classes, columns what the model said. Colour is the share of the row, by its"
        " square root, so that rare mistakes show."
    )
    blocks: List[Block] = [Group("Confusion matrix", caption, matrices, wide=True)]
    blocks += [heading("By class"), class_table(found, int8, data.measured)]
    if found.misclassified:
        wrong, all_of_them = words.count(len(found.misclassified)), words.count(found.samples)
        text = (
            f"{wrong} of {all_of_them} test samples are misclassified; the surest mistakes first."
        )
        blocks += [heading("Misclassified samples"), tag("p", text)]
        pictures = [example for example in data.examples if example.image]
        values = {example.index: example.values for example in data.examples}
        features = data.data.feature_names if data.data is not None else ()
        names = {example.index: example.name for example in data.examples if example.name}
        table = mistake_table(found, SHOWN_EXAMPLES, values, features, names)
        blocks.append(gallery(pictures) if pictures else table)
    return Section(lead, blocks)


def confusion_figure(evaluation: Any) -> Figure:
    """Return the confusion matrix that stands under the sheet of an evaluation."""
    kind = evaluation.kind
    return confusion(evaluation, f"confusion_{kind}", f"Confusion, {kind} model")


def gallery(examples: Sequence[Example]) -> Markup:
    """Return misclassified samples as pictures with true and predicted label."""
    cards = []
    for example in examples:
        label = f"true {example.true}, predicted {example.predicted}"
        sure = f"{words.percent(example.confidence, 0)} sure"
        told = example.name or f"sample {example.index}"
        image = tag(
            "img", src=example.image, alt=f"Test sample {example.index}: {label}", loading="lazy"
        )
        lines = [
            tag("div", join(["true ", tag("b", example.true)])),
            tag("div", join(["said ", tag("b", example.predicted, class_="wrong")])),
            tag("div", join([sure, told], ", "), class_="remark", title=told),
        ]
        cards.append(tag("li", join([Markup(str(image).replace("></img>", ">")), *lines])))
    return tag("ul", join(cards), class_="gallery")
