"""The first section: what was chosen, why, what it gained, and how it fares from float to the
target.
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

from vaiopt.present import words as labels
from vaiopt.present.html import Markup, heading, join, note, paragraph, tag, tiles, to_do
from vaiopt.present.table import Table
from vaiopt.report.data import ReportData
from vaiopt.report.figures_model import stages
from vaiopt.report.section import Block, Section
from vaiopt.study.ranking import pareto_front
from vaiopt.study.record import TrialRecord


def summary(data: ReportData) -> Section:
    """Return the summary section; before a model is chosen it says how far the search is."""
    blocks: List[Block] = [_tiles(data)]
    if data.chosen is not None:
        blocks += [heading("Why this model"), why(data)]
        gained = gain(data)
        if gained is not None:
            blocks.append(gained)
        blocks += [heading("From float to the target"), flow_table(data)]
        figure = stages(data)
        if figure is not None:
            blocks.append(figure)
        latency = latency_table(data)
        if latency is not None:
            blocks += [heading("Predicted and measured latency"), latency]
        blocks += [heading("Hyperparameters"), hyperparameter_table(data)]
    blocks += [to_do(what, command) for what, command in next_steps(data)]
    blocks += [note(line) for line in data.notes]
    return Section("summary", "Summary", blocks=blocks)


def _tiles(data: ReportData) -> Markup:
    metrics, costs = (data.chosen or {}).get("metrics", {}), (data.chosen or {}).get("costs", {})
    items: List[Tuple[str, Optional[str], Any]] = []
    float_accuracy = (data.float_test or {}).get("accuracy")
    if data.chosen is not None:
        items.append(
            (
                "Chosen",
                f"trial {data.chosen_number}",
                f"{labels.name(data.metric)} {_metric(data, metrics)}",
            )
        )
    items.append(("Float, test", labels.percent(float_accuracy), _samples(data.float_test)))
    int8 = (data.int8_test or {}).get("accuracy")
    items.append(
        ("Int8, test", labels.percent(int8), _difference(int8, float_accuracy, "to float"))
    )
    for target, measured in data.measured.items():
        accuracy = measured.get("accuracy")
        items.append(
            (
                f"Measured on {target}",
                labels.percent(accuracy),
                _difference(accuracy, int8, "to int8") or _samples(measured),
            )
        )
    items.append(("Parameters", labels.count(costs.get("params")), _macs(costs)))
    predicted = predicted_latency(data)
    items.append(("Predicted latency", labels.milliseconds(predicted), f"on {data.target}"))
    for target, measured in data.measured.items():
        latency = measured.get("latency_ms") or {}
        tail = (
            "p95 {}".format(labels.milliseconds(latency["p95"]))
            if latency.get("p95") is not None
            else ""
        )
        items.append((f"Latency on {target}", labels.milliseconds(latency.get("p50")), tail))
    items.append(("Trials", labels.count(len(data.trials)), _counts(data)))
    return tiles(items)


def _metric(data: ReportData, metrics: Dict[str, Any]) -> str:
    return labels.metric(data.metric, metrics.get(data.metric)) or "unknown"


def _samples(content: Optional[Dict[str, Any]]) -> str:
    count = (content or {}).get("samples")
    return f"{labels.count(count)} samples" if count is not None else ""


def _difference(value: Optional[float], base: Optional[float], words: str) -> str:
    return (
        ""
        if value is None or base is None
        else f"{labels.points(float(value) - float(base))} {words}"
    )


def _macs(costs: Dict[str, Any]) -> str:
    return (
        "{} multiply-accumulates".format(labels.count(costs["macs"])) if costs.get("macs") else ""
    )


def _counts(data: ReportData) -> str:
    kinds: Dict[str, int] = {}
    for trial in data.trials:
        kinds[trial.status] = kinds.get(trial.status, 0) + 1
    return ", ".join(
        f"{kinds[kind]} {kind}" for kind in sorted(kinds, key=lambda k: (-kinds[k], k))
    )


def predicted_latency(data: ReportData) -> Optional[float]:
    """Return the chosen model's predicted latency on the run's target in milliseconds, if it was
    predicted.
    """
    value = ((data.chosen or {}).get("costs") or {}).get("latency_ms")
    if value is None:
        value = (data.inspection or {}).get("latency_ms")
    return None if value is None else float(value)


def why(data: ReportData) -> Markup:
    """Return in words why the chosen trial was chosen, and on which fronts it lies."""
    objective = data.settings.objective
    complete = data.complete
    number = data.chosen_number
    extreme = "lowest" if data.minimise else "highest"
    sentences: List[Any] = []
    chosen = next((t for t in complete if t.number == number), None)
    if objective.weights:
        soft = ", ".join(f"{name}^{weight:g}" for name, weight in sorted(objective.weights.items()))
        what = f"best score ({labels.name(data.metric)} weighed against {soft})"
    else:
        what = f"{extreme} {labels.name(data.metric)}"
    sentences.append(
        _place(data, chosen, what) if chosen is not None else f"Trial {number} was chosen."
    )
    limits = [(k, getattr(objective, k)) for k in ("max_latency_ms", "max_params", "max_macs")]
    hard = [f"{key} = {value:g}" for key, value in limits if value is not None] + (
        ["dpu_only"] if objective.dpu_only else []
    )
    refused = sum(1 for t in data.trials if t.status == "infeasible")
    if hard:
        broke = (
            f"{refused} of {len(data.trials)} candidates broke them and were not trained"
            if refused
            else "no candidate broke them"
        )
        sentences.append("It keeps the hard limits ({}); {}.".format(", ".join(hard), broke))
    fronts = [
        word
        for cost, word in (("latency_ms", "faster"), ("params", "smaller"))
        if on_front(data, cost)
    ]
    if fronts and labels.is_share(data.metric):
        sentences.append("No trial that is {} is as accurate.".format(" or ".join(fronts)))
    return paragraph(*sentences)


def _place(data: ReportData, chosen: TrialRecord, what: str) -> str:
    """Return in a sentence where the chosen trial stands among the completed ones."""
    sign = 1.0 if data.minimise else -1.0
    own = sign * float(chosen.value or 0.0)
    others = [
        (sign * float(t.value or 0.0), t.number) for t in data.complete if t.number != chosen.number
    ]
    better, equal = [n for v, n in others if v < own], [n for v, n in others if v == own]
    if not better and not equal:
        return f"Trial {chosen.number} has the {what} of {len(data.complete)} completed trials."
    if not better:
        names = ", ".join(str(n) for n in equal[:5]) + (", \u2026" if len(equal) > 5 else "")
        words = "Trial {} has the {} of {} completed trials, as {} trial{} {}."
        return words.format(
            chosen.number,
            what,
            len(data.complete),
            "has" if len(equal) == 1 else "have",
            "" if len(equal) == 1 else "s",
            names,
        )
    if data.settings.objective.rank_int8:
        words = (
            "Of the {} candidates with the {}, trial {} (place {}) has the best int8 validation"
            " accuracy."
        )
        return words.format(data.settings.objective.rank_int8, what, chosen.number, len(better) + 1)
    return (
        f"Trial {chosen.number} is number {len(better) + 1} of {len(data.complete)} completed"
        f" trials by the {what}."
    )


def on_front(data: ReportData, cost: str) -> bool:
    """Return whether the chosen trial lies on the Pareto front of the metric against a cost."""
    known = [
        (t.number, float(t.costs[cost]), data.score(t)) for t in data.complete if cost in t.costs
    ]
    usable = [(number, x, y) for number, x, y in known if y is not None]
    front = pareto_front([(x, y) for _, x, y in usable], data.direction)
    return data.chosen_number in [usable[i][0] for i in front]


def gain(data: ReportData) -> Optional[Markup]:
    """Return what the chosen trial gained over the default point, or ``None`` if that is not
    known.
    """
    chosen = data.chosen or {}
    default = chosen.get("default_trial") or {}
    before, after = (
        (default.get("metrics") or {}).get(data.metric),
        (chosen.get("metrics") or {}).get(data.metric),
    )
    if before is None or after is None:
        return None
    if default.get("number") == data.chosen_number:
        return paragraph("It is the default point itself: no trial did better.")
    if labels.is_share(data.metric):
        change = labels.points(float(after) - float(before))
    else:
        change = f"{float(after) - float(before):+.4g}".replace("-", "\u2212")
    parts = [
        "Against the default point (trial {}, {} {}) it gains ".format(
            default.get("number"), labels.name(data.metric), labels.metric(data.metric, before)
        ),
        tag("strong", change),
    ]
    for key, word in (("params", "parameters"), ("latency_ms", "predicted latency")):
        old, new = (default.get("costs") or {}).get(key), (chosen.get("costs") or {}).get(key)
        if old and new is not None:
            ratio = float(new) / float(old)
            words = (
                "{:.0f} % {} {}".format(abs(1 - ratio) * 100, "less" if ratio < 1 else "more", word)
                if ratio < 2
                else f"{ratio:.1f} × the {word}"
            )
            parts.append(
                ", "
                + (
                    "the same " + word
                    if round(abs(1 - ratio), 3) == 0
                    else words.replace("less parameters", "fewer parameters")
                )
            )
    return tag("p", join([*parts, "."]))


def flow_table(data: ReportData) -> Table:
    """Return accuracy on validation and test data of the float, the int8 and the measured model."""
    quantized = data.quantized or {}
    metrics = (data.chosen or {}).get("metrics", {})
    float_test, int8_test = data.float_test or {}, data.int8_test or {}
    rows: List[List[Any]] = [
        [
            "float",
            labels.percent(metrics.get("val_accuracy")),
            labels.percent(float_test.get("accuracy")),
            labels.percent(float_test.get("macro_f1")),
            labels.count(float_test.get("samples")),
            None,
        ],
        [
            _int8_name(quantized),
            labels.percent((quantized.get("int8") or {}).get("accuracy")),
            labels.percent(int8_test.get("accuracy")),
            labels.percent(int8_test.get("macro_f1")),
            labels.count(int8_test.get("samples")),
            _difference(int8_test.get("accuracy"), float_test.get("accuracy"), "") or None,
        ],
    ]
    if data.quantized is None:
        del rows[1]
    for target, measured in data.measured.items():
        accuracy = measured.get("accuracy")
        rows.append(
            [
                f"measured on {target}",
                None,
                labels.percent(accuracy),
                labels.percent(_macro_recall(measured)),
                labels.count(measured.get("samples")),
                _difference(accuracy, float_test.get("accuracy"), "") or None,
            ]
        )
    columns = (
        "model",
        "validation accuracy",
        "test accuracy",
        "macro F1",
        "test samples",
        "change to float",
    )
    if data.measured:
        columns = columns[:3] + ("macro F1 (measured: macro recall)",) + columns[4:]
    return Table(columns, rows, numeric=(1, 2, 3, 4, 5), name="float_int8_measured_table")


def _int8_name(quantized: Dict[str, Any]) -> str:
    made = [str(quantized[key]) for key in ("backend", "method") if quantized.get(key)]
    return "int8 ({})".format(", ".join(made)) if made else "int8"


def _macro_recall(measured: Dict[str, Any]) -> Optional[float]:
    """Return the mean recall over the classes that a kit reported, if it did."""
    recalls = [
        entry["correct"] / entry["count"]
        for entry in measured.get("per_class") or []
        if entry.get("count")
    ]
    return sum(recalls) / len(recalls) if recalls else None


def latency_table(data: ReportData) -> Optional[Table]:
    """Return predicted and measured latency by target, or ``None`` when neither is known."""
    predicted = predicted_latency(data)
    own = data.target
    targets = list(dict.fromkeys([own, *data.measured]))
    rows: List[List[Any]] = []
    for target in targets:
        latency = (data.measured.get(target) or {}).get("latency_ms") or {}
        fps = (data.measured.get(target) or {}).get("fps") or {}
        guess = predicted if target == own else None
        middle = latency.get("p50")
        ratio = f"{float(middle) / guess:.2f}" if guess and middle is not None else None
        if guess is None and middle is None:
            continue
        rows.append(
            [
                target,
                labels.milliseconds(guess),
                labels.milliseconds(middle),
                labels.milliseconds(latency.get("p95")),
                labels.milliseconds(latency.get("p99")),
                ratio,
                (
                    "{:,.0f} ({} threads)".format(float(fps["value"]), fps.get("threads"))
                    if fps.get("value") is not None
                    else None
                ),
            ]
        )
    columns = (
        "target",
        "predicted",
        "measured, median",
        "95th percentile",
        "99th percentile",
        "measured / predicted",
        "frames per second",
    )
    return Table(columns, rows, numeric=(1, 2, 3, 4, 5, 6), name="latency_table") if rows else None


def hyperparameter_table(data: ReportData) -> Table:
    """Return the chosen hyperparameters beside the default point's and the range that the trials
    tried.
    """
    chosen = (data.chosen or {}).get("hyperparameters", {})
    number = ((data.chosen or {}).get("default_trial") or {}).get("number")
    default = next((t.hyperparameters for t in data.trials if t.number == number), {})
    names = list(dict.fromkeys([*chosen, *default]))
    rows = [
        [
            name,
            labels.value(chosen[name]) if name in chosen else "not active",
            (labels.value(default[name]) if name in default else "not active") if default else None,
            _range(data, name),
        ]
        for name in names
    ]
    return Table(
        ("hyperparameter", "chosen", "default", "tried"),
        rows,
        numeric=(1, 2, 3),
        name="hyperparameters",
    )


def _range(data: ReportData, name: str) -> Optional[str]:
    values = [t.hyperparameters[name] for t in data.trials if name in t.hyperparameters]
    distinct = {repr(v): v for v in values}
    if not values:
        return None
    if len(distinct) == 1:
        return "only " + labels.value(values[0])
    numbers = [v for v in values if isinstance(v, (int, float)) and not isinstance(v, bool)]
    if len(numbers) == len(values):
        return f"{labels.value(min(numbers))} to {labels.value(max(numbers))}"
    return ", ".join(labels.value(distinct[key]) for key in sorted(distinct))


def next_steps(data: ReportData) -> List[Tuple[str, str]]:
    """Return what the run does not have yet: (what it is, the command that makes it), in the order
    to run them.
    """
    target = data.settings.hardware.target
    if data.chosen is None:
        return [
            (
                "No model was chosen yet. The search goes on where it stopped with:",
                f"vaiopt search {data.folder}/run.toml --run {data.folder}",
            )
        ]
    steps = []
    if data.float_test is None:
        steps.append(
            ("The chosen model was not tried on the test split yet.", data.command("evaluate"))
        )
    if data.quantized is None:
        steps.append(("There is no int8 model yet.", data.command("quantize")))
    elif data.int8_test is None:
        steps.append(
            ("The int8 model was not tried on the test split yet.", data.command("evaluate"))
        )
    if data.quantized is not None and not data.compiled:
        steps.append(("Nothing is compiled yet.", data.command("compile") + " --target " + target))
    if data.compiled and not data.bundles:
        steps.append(
            ("There is no bundle for a kit yet.", data.command("bundle") + " --target " + target)
        )
    if data.bundles and not data.measured:
        steps.append(("Nothing was measured yet.", data.command("measure") + " --target " + target))
    return steps
