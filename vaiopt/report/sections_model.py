"""Sections on the chosen model: mistakes, weights, layers on the target, quantization."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence

import numpy as np

from vaiopt.present import words as labels
from vaiopt.present.figure import Figure
from vaiopt.present.html import Markup, heading, join, note, tag, to_do
from vaiopt.present.table import Table
from vaiopt.report.data import ReportData
from vaiopt.report.examples import MAX_EXAMPLES, Example, class_name, worst
from vaiopt.report.figures_model import (
    activation_name,
    confusion,
    layer_costs,
    quantization_loss,
    shown_kernels,
    weight_distribution,
)
from vaiopt.report.layers import layer_rows
from vaiopt.report.section import Block, Group, Section
from vaiopt.report.weights import WeightTensor


def mistakes(data: ReportData) -> Section:
    """Return confusion matrices, the table by class and the surest mistakes."""
    title, lead = "Test split and mistakes", "The chosen model on data that the search never saw."
    if data.float_test is None:
        blocks: List[Block] = (
            [to_do("Not evaluated yet.", data.command("evaluate"))] if data.chosen else []
        )
        return Section(
            "test", title, lead, blocks, missing=data.command("evaluate") if data.chosen else ""
        )
    matrices = [confusion(data.float_test, "confusion_float", "Float model")]
    if data.int8_test is not None:
        matrices.append(confusion(data.int8_test, "confusion_int8", "Int8 model"))
    shown = [figure for figure in matrices if figure is not None]
    caption = (
        "Rows are true classes, columns what the model said. Colour is the share of the row, by its"
        " square root, so that rare mistakes show."
    )
    blocks = [Group("Confusion matrix", caption, shown, wide=True)] if shown else []
    by_class = class_table(data)
    if by_class.rows:
        blocks += [heading("By class"), by_class]
    wrong = data.float_test.get("misclassified") or []
    if wrong:
        count = "{} of {} test samples are misclassified".format(
            labels.count(len(wrong)), labels.count(data.float_test.get("samples")) or "all"
        )
        blocks += [
            heading("Misclassified samples"),
            tag("p", count + "; the surest mistakes first."),
        ]
        pictures = [example for example in data.examples if example.image]
        blocks.append(gallery(pictures) if pictures else mistake_table(data, wrong))
    return Section("test", title, lead, blocks)


def class_table(data: ReportData) -> Table:
    """Return precision, recall, F1 and support by class, the int8 model's F1 and what each kit got
    right.
    """
    float_rows = (data.float_test or {}).get("per_class") or []
    int8 = {str(row["class"]): row for row in (data.int8_test or {}).get("per_class") or []}
    columns = ["class", "samples", "precision", "recall", "F1"] + (["F1, int8"] if int8 else [])
    measured = {
        t: {str(r["class"]): r for r in m["per_class"]}
        for t, m in data.measured.items()
        if m.get("per_class")
    }
    columns += [f"recall, {target}" for target in measured]
    classes = [str(c) for c in (data.data or {}).get("classes", [])]
    rows = []
    for position, entry in enumerate(float_rows):
        name = str(entry["class"])
        row: List[Any] = [name, labels.count(entry.get("support"))] + [
            labels.percent(entry.get(key)) for key in ("precision", "recall", "f1")
        ]
        if int8:
            row.append(labels.percent(int8.get(name, {}).get("f1")))
        for reported in measured.values():
            # A kit reports classes by name or by number.
            found = (
                reported.get(name)
                or reported.get(str(position))
                or reported.get(class_name(position, classes))
                or {}
            )
            row.append(
                labels.percent(found["correct"] / found["count"]) if found.get("count") else None
            )
        rows.append(row)
    return Table(
        columns, rows, numeric=tuple(range(1, len(columns))), name="by_class", data=class_data(data)
    )


def class_data(data: ReportData) -> List[List[Any]]:
    """Return precision, recall, F1 and support by model and class as plain numbers, a heading
    first: what is exported.
    """
    keys = ("class", "support", "precision", "recall", "f1")
    rows: List[List[Any]] = [["model", *keys]]
    for model, evaluation in (("float", data.float_test), ("int8", data.int8_test)):
        rows += [
            [model, *[entry.get(key) for key in keys]]
            for entry in (evaluation or {}).get("per_class") or []
        ]
    for target, content in data.measured.items():
        entries = [entry for entry in content.get("per_class") or [] if entry.get("count")]
        rows += [
            [
                "measured on " + target,
                e.get("class"),
                e["count"],
                None,
                e["correct"] / e["count"],
                None,
            ]
            for e in entries
        ]
    return rows


def gallery(examples: Sequence[Example]) -> Markup:
    """Return misclassified samples as pictures with true and predicted label."""
    cards = []
    for example in examples:
        label = f"true {example.true}, predicted {example.predicted}"
        image = tag(
            "img", src=example.image, alt=f"Test sample {example.index}: {label}", loading="lazy"
        )
        content = Markup(str(image).replace("></img>", ">"))
        words = [
            tag("div", join(["true ", tag("b", example.true)])),
            tag("div", join(["said ", tag("b", example.predicted, class_="wrong")])),
            tag("div", f"{example.confidence:.0%} sure, sample {example.index}", class_="remark"),
        ]
        cards.append(tag("li", join([content, join(words)])))
    return tag("ul", join(cards), class_="gallery")


def mistake_table(data: ReportData, misclassified: Sequence[Dict[str, Any]]) -> Table:
    """Return the surest mistakes as a table, with their first features if the samples are at hand
    and no pictures.
    """
    spec = data.data or {}
    classes = [str(c) for c in spec.get("classes", [])]
    values = {example.index: example.values for example in data.examples}
    width = max((len(found) for found in values.values()), default=0)
    names = [str(name) for name in spec.get("feature_names") or []]
    features = [names[i] if i < len(names) else f"feature {i}" for i in range(width)]
    rows = []
    for m in worst(misclassified, MAX_EXAMPLES):
        own = [f"{value:.4g}" for value in values.get(int(m["index"]), ())]
        row = [
            m["index"],
            class_name(m["true"], classes),
            class_name(m["predicted"], classes),
            labels.percent(m.get("confidence"), 1),
        ]
        rows.append([*row, *own, *[None] * (width - len(own))])
    columns = ("test sample", "true", "predicted", "confidence", *features)
    return Table(columns, rows, numeric=(0, *range(3, len(columns))), name="misclassified")


def weights(data: ReportData) -> Section:
    """Return the weight distributions of the chosen model before and after training, and their int8
    grid.
    """
    if not data.weights:
        return Section("weights", "Weights")
    lead = "The weights after training (bars) and before it (orange outline)."
    if all(w.before is None for w in data.weights):
        lead = (
            "The weights after training (bars), and what the initializer draws from (dashed): the"
            " run kept no initial weights."
        )
    if any(w.position is not None for w in data.weights):
        lead += " Ticks at the foot are the levels of the int8 grid in use."
    if any(w.changed for w in data.weights):
        lead += (
            " A green outline shows int8 weights that were more than rounded: batch normalisation"
            " folded in, layers equalised, or trained on."
        )
    kernels = shown_kernels(data.weights)
    total = sum(1 for w in data.weights if w.is_kernel)
    caption = "Density of each kernel's weights."
    if len(kernels) < total:
        caption += f" {len(kernels)} of {total} kernels: those that int8 hurts most."
    blocks: List[Block] = []
    if kernels:
        blocks.append(
            Group("Distributions", caption, [weight_distribution(kernel) for kernel in kernels])
        )
    blocks += [heading("All tensors"), weight_table(data)]
    return Section("weights", "Weights", lead, blocks)


def weight_table(data: ReportData) -> Table:
    """Return shape, range, fix position and int8 use of every weight tensor."""
    quantized = any(w.position is not None for w in data.weights)
    columns = ["layer", "tensor", "shape", "min", "max", "deviation", "deviation before training"]
    columns += (
        ["fix position", "int8 step", "levels used", "clipped", "SNR (dB)"] if quantized else []
    )
    rows = [_weight_row(w, quantized) for w in data.weights]
    return Table(columns, rows, numeric=tuple(range(3, len(columns))), name="weights")


def _weight_row(w: WeightTensor, quantized: bool) -> List[Any]:
    values = w.values if w.values.size else np.zeros(1)
    row: List[Any] = [w.layer, w.name, " × ".join(str(n) for n in w.values.shape) or "1"]
    row += [
        f"{float(found):.4g}".replace("-", "\u2212")
        for found in (values.min(), values.max(), values.std())
    ]
    row.append(None if w.before is None else f"{w.before.deviation:.4g}")
    if not quantized:
        return row
    if w.position is None or w.step is None:
        return [*row, None, None, None, None, None]
    codes, ratio = w.quantized(), w.snr_db()
    # Beyond half a step from its code a value was cut off at the end of the grid.
    clipped = (
        None
        if w.changed
        else labels.percent(float(np.mean(np.abs(values / w.step - codes) > 0.5000001)))
    )
    return [
        *row,
        w.position,
        f"{w.step:.5g}",
        len(np.unique(codes)),
        clipped,
        None if ratio is None else f"{ratio:.1f}",
    ]


def hardware(data: ReportData) -> Section:
    """Return what each layer costs on the target, and what would make it cheaper."""
    inspection = data.inspection or {}
    rows = layer_rows(inspection)
    lead = f"What each layer of the chosen model is predicted to cost on {data.target}."
    blocks: List[Block] = []
    figure = layer_costs(rows, data.target)
    if figure is not None:
        blocks.append(figure)
    if rows:
        blocks += _remarks(inspection)
        blocks += [heading("Layers"), layer_table(rows)]
    advice = speed_advice(inspection)
    if advice.rows:
        blocks += [heading("What would make it faster"), advice]
    return Section("layers", "Layers on the target", lead, blocks)


def speed_advice(inspection: Dict[str, Any]) -> Table:
    """Return what would make the most costly layers cheaper."""
    rows = [
        [s.get("layer"), labels.milliseconds(s.get("latency_ms")), s.get("text")]
        for s in inspection.get("suggestions") or []
    ]
    return Table(("layer", "predicted time", "suggestion"), rows, numeric=(1,), name="suggestions")


def layer_table(rows: Sequence[Dict[str, Any]]) -> Table:
    """Return the table of :func:`vaiopt.report.layers.layer_rows`, without remarks if there are
    none.
    """
    columns = [
        "layer",
        "kind",
        "runs on",
        "output",
        "MACs",
        "parameters",
        "predicted time",
        "share",
        "limited by",
        "remark",
    ]
    cells = []
    for r in rows:
        numbers = [
            labels.count(r["macs"]),
            labels.count(r["params"]),
            labels.milliseconds(r["latency_ms"]),
            labels.percent(r["share"], 1),
        ]
        cells.append(
            [
                r["name"],
                r["kind"],
                r["device"],
                r["output"],
                *numbers,
                r["bound"] or None,
                r["remark"] or None,
            ]
        )
    width = len(columns) if any(r["remark"] for r in rows) else len(columns) - 1
    return Table(
        columns[:width], [row[:width] for row in cells], numeric=(4, 5, 6, 7), name="layers"
    )


def _remarks(inspection: Dict[str, Any]) -> List[Block]:
    """Return how far the prediction can be trusted, and what a DPU leaves to the CPU."""
    blocks: List[Block] = []
    validation = str(inspection.get("validation") or "")
    if validation and inspection.get("validated"):
        blocks.append(tag("p", f"The latency model is {validation}."))
    elif validation:
        blocks.append(note(f"Read the times as a guess. {validation[:1].upper()}{validation[1:]}."))
    fallback = [str(name) for name in inspection.get("fallback_layers") or []]
    if fallback:
        blocks.append(
            note(
                "Left to the CPU: {}.".format(
                    ", ".join(fallback[:8]) + (", …" if len(fallback) > 8 else "")
                )
            )
        )
    return blocks + [note(str(warning)) for warning in inspection.get("warnings") or []]


def quantization(data: ReportData) -> Section:
    """Return what int8 cost, layer by layer, and how the calibration went."""
    title, lead = "Quantization", "What 8 bits cost the chosen model."
    quantized = data.quantized
    if quantized is None:
        blocks: List[Block] = (
            [to_do("Not quantized yet.", data.command("quantize"))] if data.chosen else []
        )
        return Section(
            "quantization",
            title,
            lead,
            blocks,
            missing=data.command("quantize") if data.chosen else "",
        )
    figure: Optional[Figure] = quantization_loss(quantized)
    facts = quantization_facts(quantized)
    blocks = [figure] if figure is not None else []
    advice = quantization_advice(quantized)
    if advice.rows:
        blocks += [heading("Where it hurts most"), advice]
    blocks += [note(str(warning)) for warning in quantized.get("warnings") or []]
    blocks += [heading("How"), Table(("", ""), facts, name="quantization")]
    return Section("quantization", title, lead, blocks)


def quantization_advice(quantized: Dict[str, Any]) -> Table:
    """Return the layers that int8 hurts most, the worst first, and what may help."""
    advice = [
        row
        for row in quantized.get("layers") or []
        if row.get("suggestion") and not str(row["suggestion"]).startswith("none")
    ]
    worst_first = sorted(advice, key=lambda row: float(row["snr_db"]))
    rows = [
        [activation_name(row), "{:.1f} dB".format(float(row["snr_db"])), row["suggestion"]]
        for row in worst_first
    ]
    return Table(("layer", "SNR", "what may help"), rows, numeric=(1,), name="quantization_advice")


def quantization_facts(quantized: Dict[str, Any]) -> List[List[Any]]:
    """Return how the model was quantized and with what result on validation data, line by line."""
    float_part, int8_part, input_part = (
        quantized.get(key) or {} for key in ("float", "int8", "input")
    )
    rows: List[List[Any]] = [
        [words, quantized.get(key)]
        for key, words in (
            ("backend", "backend"),
            ("method", "method"),
            ("release", "Vitis-AI release"),
        )
    ]
    if quantized.get("calibration_size") is not None:
        rows.append(
            [
                "calibration",
                "{} samples, batches of {}".format(
                    quantized["calibration_size"], quantized.get("calib_batch_size")
                ),
            ]
        )
    on = str(quantized.get("evaluated_on") or "validation")
    rows.append([f"float, {on} accuracy", labels.percent(float_part.get("accuracy"))])
    rows.append([f"int8, {on} accuracy", labels.percent(int8_part.get("accuracy"))])
    rows.append(["input fix position", input_part.get("position")])
    if input_part.get("levels_used") is not None:
        rows.append(["input levels used", "{} of 256".format(input_part["levels_used"])])
    if quantized.get("float_layers"):
        rows.append(["left in float", ", ".join(str(name) for name in quantized["float_layers"])])
    rows.append(["time", labels.seconds(quantized.get("seconds"))])
    return [row for row in rows if row[1] is not None]
