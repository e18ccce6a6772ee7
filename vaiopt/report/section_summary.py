"""The first section: what was chosen, why, what it gained, and how it fares from float to the
target.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, List, Optional, Tuple

from vaiopt.next_step import VENDOR
from vaiopt.present import words
from vaiopt.present.html import Markup, heading, join, note, paragraph, tag, tiles, to_do
from vaiopt.present.table import Table
from vaiopt.present.uncertainty import interval, sure
from vaiopt.report.data import ReportData
from vaiopt.report.figures_model import stages
from vaiopt.report.section import Block, Section
from vaiopt.runs.records import CandidateMetrics, Measured
from vaiopt.sheets.trials import hyperparameter_table
from vaiopt.study.ranking import first_trial
from vaiopt.study.record import INFEASIBLE, TrialRecord
from vaiopt.tasks import Evaluation

CHEAPER = {"latency_ms": "faster", "fps": "faster", "params": "smaller"}
"""What a model is that costs less."""


def summary(data: ReportData) -> Section:
    """Return the summary section; before a model is chosen it says how far the search is."""
    blocks: List[Block] = [*_doubts(data), _tiles(data)]
    if data.chosen is not None:
        blocks += [heading("Why this model"), why(data)]
        gained = gain(data)
        blocks += [gained] if gained is not None else []
        alike = data.alike and not (data.choice and data.choice.reason)
        blocks += [paragraph(f"But {data.alike}.")] if alike else []
        blocks += [heading("From float to the target"), flow_table(data)]
        figure, latency = stages(data), latency_table(data)
        blocks += [figure] if figure is not None else []
        if latency.rows:
            blocks += [heading("Predicted and measured latency"), latency]
        table = hyperparameter_table(data.chosen.hyperparameters, data.trials)
        blocks += [heading("Hyperparameters"), table]
    blocks += [to_do(what, command) for what, command in next_steps(data)]
    return Section(blocks=[*blocks, *[note(line) for line in data.notes]])


def _doubts(data: ReportData) -> List[Markup]:
    """Return what speaks against the measurements, which is read before any figure of theirs."""
    return [
        note(tag("strong", f"The measurement on {target} cannot be trusted. "), doubt.line)
        for target, record in data.measured.items()
        for doubt in record.all_doubts
    ]


def _tiles(data: ReportData) -> Markup:
    chosen, found, int8 = data.chosen, data.float_test, data.int8_test
    score_key = data.learned.headline
    items: List[Tuple[str, Optional[str], Any]] = []
    if chosen is not None:
        score = words.metric(data.metric, chosen.metrics.get(data.metric)) or "unknown"
        name = f"trial {data.chosen_number}"
        counted = 0 if data.chosen_trial is None else data.chosen_trial.samples
        within = sure(data.metric, chosen.metrics.get(data.metric), counted)
        remark = f"{words.name(data.metric)} {score}" + (f" ({within})" if within else "")
        items.append(("Chosen", name, remark))
    if found is not None:
        within = sure(score_key, found.headline, found.samples)
        samples = ", ".join(filter(None, (f"{words.count(found.samples)} samples", within)))
        items.append(("Float, test", words.metric(score_key, found.headline), samples))
    if int8 is not None:
        change = _change(score_key, int8.headline, found, "to float")
        within = sure(score_key, int8.headline, int8.samples)
        change = ", ".join(filter(None, (change, within)))
        items.append(("Int8, test", words.metric(score_key, int8.headline), change))
    for target, record in data.measured.items():
        change = _change(score_key, record.headline, int8, "to int8")
        within = sure(score_key, record.headline, record.samples)
        change = change or f"{words.count(record.samples)} samples"
        change = ", ".join(filter(None, (change, within)))
        shown = words.metric(score_key, record.headline)
        items.append((f"Measured on {target}", shown, change))
    if chosen is not None:
        macs = chosen.costs.get("macs")
        remark = f"{words.count(macs)} multiply-accumulates" if macs else ""
        items.append(("Parameters", words.count(chosen.costs.get("params")), remark))
        during = words.milliseconds(chosen.measured_latency_ms)
        items.append(("Latency measured in the search", during, f"on {data.target}"))
    predicted = words.milliseconds(predicted_latency(data))
    items.append(("Predicted latency", predicted, f"on {data.target}"))
    for target, record in data.measured.items():
        p95 = words.milliseconds(record.latency_ms.p95)
        middle = words.milliseconds(record.latency_ms.p50)
        items.append((f"Latency on {target}", middle, "" if p95 is None else f"p95 {p95}"))
    counts = sorted(Counter(t.status for t in data.trials).items(), key=lambda c: (-c[1], c[0]))
    told = ", ".join(f"{number} {status}" for status, number in counts)
    return tiles([*items, ("Trials", words.count(len(data.trials)), told)])


def _change(key: str, score: float, base: Optional[Evaluation], to: str = "") -> str:
    """Return the change against the score of another result; nothing if there is none."""
    return words.change(score, None if base is None else base.headline, key, to)


def predicted_latency(data: ReportData) -> Optional[float]:
    """Return the chosen model's predicted latency on the run's target in milliseconds, if it was
    predicted.
    """
    known = None if data.chosen is None else data.chosen.costs.get("latency_ms")
    if known is None and data.inspection is not None:
        return data.inspection.latency_ms
    return known


def why(data: ReportData) -> Markup:
    """Return in words why the chosen trial was chosen, and on which fronts it lies."""
    objective, name = data.settings.objective, words.name(data.metric)
    what = f"{'lowest' if data.minimise else 'highest'} {name}"
    if data.weighed:
        soft = ", ".join(f"{key}^{weight:g}" for key, weight in sorted(objective.weights.items()))
        what = f"best score ({name} weighed against {soft})"
    chosen = next((t for t in data.complete if t.number == data.chosen_number), None)
    sentences = [
        f"Trial {data.chosen_number} was chosen." if chosen is None else _place(data, chosen, what)
    ]
    if data.choice is not None and data.choice.reason:
        sentences.append(f"It was chosen because {data.choice.reason}.")
    hard = [f"{key} = {bound:g}" for key, (_, bound) in data.objective.limits.items()]
    hard += ["dpu_only"] * objective.dpu_only
    if hard:
        refused = sum(t.status == INFEASIBLE for t in data.trials)
        broke = "no candidate broke them"
        if refused:
            broke = f"{refused} of {len(data.trials)} candidates broke them and were not trained"
        sentences.append(f"It keeps the hard limits ({', '.join(hard)}); {broke}.")
    if data.chosen is not None and data.chosen.measured_latency_ms is not None:
        sentences.append(_measured_sentence(data.chosen))
    costs = [cost for cost in data.objective.told if cost in CHEAPER]
    fronts = [CHEAPER[cost] for cost in costs if data.chosen_number in data.front(cost)]
    fronts = list(dict.fromkeys(fronts))
    if fronts and words.is_share(data.metric):
        sentences.append(f"No trial that is {' or '.join(fronts)} is as accurate.")
    return paragraph(*sentences)


def _measured_sentence(chosen: CandidateMetrics) -> str:
    predicted = words.milliseconds(chosen.costs.get("latency_ms"))
    measured = words.milliseconds(chosen.measured_latency_ms)
    if predicted is None:
        return f"The search measured a latency of {measured}."
    return f"Its latency was predicted as {predicted}; the search measured {measured}."


def _place(data: ReportData, chosen: TrialRecord, what: str) -> str:
    """Return in a sentence where the chosen trial stands among the completed ones."""
    own, number, count = data.loss(chosen), chosen.number, len(data.complete)
    others = [t for t in data.complete if t.number != number]
    better = sum(data.loss(t) < own for t in others)
    equal = [str(t.number) for t in others if data.loss(t) == own]
    first = f"Trial {number} has the {what} of {count} completed trials"
    if not better and not equal:
        return f"{first}."
    if not better:
        names = ", ".join(equal[:5]) + (", \u2026" if len(equal) > 5 else "")
        return f"{first}, as {'has trial' if len(equal) == 1 else 'have trials'} {names}."
    ranked = data.settings.objective.rank_int8
    if ranked:
        return (
            f"Of the {ranked} candidates with the {what}, trial {number} (place {better + 1}) has"
            f" the best int8 validation {words.score_name(data.learned.headline)}."
        )
    return f"Trial {number} is number {better + 1} of {count} completed trials by the {what}."


def gain(data: ReportData) -> Optional[Markup]:
    """Return what the chosen trial gained over the default point, or ``None`` if that is not
    known.
    """
    default, chosen = first_trial(data.trials), data.chosen
    if default is None or chosen is None:
        return None
    before, after = default.metrics.get(data.metric), chosen.metrics.get(data.metric)
    if before is None or after is None:
        return None
    if default.number == data.chosen_number:
        return paragraph("It is the default point itself: no trial did better.")
    change = words.difference(data.metric, after - before)
    point = f"trial {default.number}, {words.name(data.metric)}"
    parts = [
        f"Against the default point ({point} {words.metric(data.metric, before)}) it gains ",
        tag("strong", change),
    ]
    for key, less, name in (
        ("params", "fewer", "parameters"),
        ("latency_ms", "less", "predicted latency"),
    ):
        old, new = default.costs.get(key), chosen.costs.get(key)
        if old and new is not None:
            parts.append(f", {_ratio(new / old, less, name)}")
    return tag("p", join([*parts, "."]))


def _ratio(ratio: float, less: str, name: str) -> str:
    if round(abs(1 - ratio), 3) == 0:
        return f"the same {name}"
    if ratio >= 2:
        return f"{ratio:.1f} × the {name}"
    return f"{abs(1 - ratio) * 100:.0f} % {less if ratio < 1 else 'more'} {name}"


def flow_table(data: ReportData) -> Table:
    """Return the scores on validation and test data of the float, the int8 and the measured
    model.
    """
    chosen, quantized, found, task = data.chosen, data.quantized, data.float_test, data.learned
    key, names = task.headline, list(task.evaluation.score_names)
    names += [] if found is None else list(found.own_scores)
    validated = None if chosen is None else chosen.metrics.get(task.validated)
    rows = [["float", words.metric(key, validated), *_tested(found, names), None]]
    if quantized is not None:
        made = ", ".join(part for part in (quantized.backend, quantized.method) if part)
        name = f"int8 ({made})" if made else "int8"
        validated, int8 = quantized.int8_scores.get(key), data.int8_test
        change = None if int8 is None else _change(key, int8.headline, found) or None
        rows.append([name, words.metric(key, validated), *_tested(int8, names), change])
    for target, record in data.measured.items():
        scores = task.kit_scores(record)
        figures = [words.metric(name, scores.get(name)) for name in names]
        change = _change(key, record.headline, found) or None
        within = interval(key, record.headline, record.samples) or None
        count = words.count(record.samples)
        rows.append([f"measured on {target}", None, *figures, within, count, change])
    kit_names = task.kit_names if data.measured else {}
    titles = [
        f"{words.score_name(name)} (measured: {kit_names[name]})"
        if name in kit_names
        else words.score_name(name)
        for name in names
    ]
    titles[0] = f"test {titles[0]}"
    columns = (
        "model",
        f"validation {words.score_name(key)}",
        *titles,
        "95 % interval",
        "test samples",
    )
    return Table(
        (*columns, "change to float"),
        rows,
        numeric=tuple(range(1, len(columns) + 1)),
        name="float_int8_measured_table",
    )


def _tested(evaluation: Optional[Evaluation], names: List[str]) -> List[Optional[str]]:
    if evaluation is None:
        return [None] * (len(names) + 2)
    scores = [words.metric(name, evaluation.scores.get(name)) for name in names]
    within = interval(names[0], evaluation.headline, evaluation.samples) or None
    return [*scores, within, words.count(evaluation.samples)]


def latency_table(data: ReportData) -> Table:
    """Return predicted and measured latency by target, without rows when neither is known."""
    kits = list(data.measured)
    own = [kit for kit in kits if kit.partition("@")[0] == data.target]
    during = None if data.chosen is None else data.chosen.measured_latency_ms
    rows = []
    for kit in dict.fromkeys([*(own or [data.target]), *kits]):
        is_own = kit in own or not own and kit == data.target
        row = _latencies(
            data.measured.get(kit),
            predicted_latency(data) if is_own else _predicted_elsewhere(data, kit),
            during if is_own else None,
        )
        if row is not None:
            rows.append([kit, *row])
    columns = ["target", "predicted", "measured in the search", "measured, median"]
    columns += ["95th percentile", "99th percentile", "measured / predicted", "frames per second"]
    if during is None:
        columns.pop(2)
        rows = [row[:2] + row[3:] for row in rows]
    return Table(columns, rows, numeric=tuple(range(1, len(columns))), name="latency_table")


def _predicted_elsewhere(data: ReportData, kit: str) -> Optional[float]:
    """Return the chosen model's predicted latency on another target than the run's; None where it
    is not known.
    """
    target, number = kit.partition("@")[0], data.chosen_number
    found = (row for row in data.on_targets if (row.trial, row.target) == (number, target))
    return next((row.predicted_ms for row in found), None)


def _latencies(
    record: Optional[Measured], predicted: Optional[float], during: Optional[float]
) -> Optional[List[Optional[str]]]:
    """Return one row of the latency table after the target; None where nothing is known.

    The ratio is that of the kit's median, before there is one that of the search's measurement.
    """
    latency, fps = (None, None) if record is None else (record.latency_ms, record.fps)
    p50, p95, p99 = (
        (None, None, None) if latency is None else (latency.p50, latency.p95, latency.p99)
    )
    measured = during if p50 is None else p50
    if predicted is None and measured is None:
        return None
    ratio = f"{measured / predicted:.2f}" if predicted and measured is not None else None
    times = map(words.milliseconds, (predicted, during, p50, p95, p99))
    rate = None if fps is None else f"{words.count(fps.value)} ({fps.threads} threads)"
    return [*times, ratio, rate]


OFF_BOARD = (
    "The int8 model was quantized off-board: its accuracy is what the DPU gives, but the vendor's"
    " compiler reads only what its own quantizer made."
)


def next_steps(data: ReportData) -> List[Tuple[str, str]]:
    """Return what the run does not have yet: (what it is, the command that makes it), in the order
    to run them.
    """
    if data.chosen is None:
        going_on = "No model was chosen yet. The search goes on where it stopped with:"
        best = "The best trial so far is chosen with:"
        commands = [(going_on, data.command("search")), (best, data.command("choose"))]
        return commands[: 2 if data.complete else 1]
    target = f" --target {data.settings.hardware.target}"
    off_board = data.quantized is not None and data.quantized.backend != VENDOR
    again = off_board and data.elsewhere and not data.compiled
    has_int8 = data.quantized is not None and not again
    steps = (
        (
            data.float_test is None,
            "The chosen model was not tried on the test split yet.",
            "evaluate",
        ),
        (not has_int8, OFF_BOARD if again else "There is no int8 model yet.", "quantize"),
        (
            has_int8 and data.int8_test is None,
            "The int8 model was not tried on the test split yet.",
            "evaluate",
        ),
        (has_int8 and not data.compiled, "Nothing is compiled yet.", "compile"),
        (bool(data.compiled) and not data.bundles, "There is no bundle for a kit yet.", "bundle"),
        (bool(data.bundles) and not data.measured, "Nothing was measured yet.", "measure"),
    )
    for_target = ("compile", "bundle", "measure")
    return [
        (what, command + (target if stage in for_target and "--to " not in command else ""))
        for is_missing, what, stage in steps
        if is_missing
        for command in (data.command(stage),)
    ]
