"""Sections on the run itself: all trials, the kit's figures, and how to repeat it."""

from __future__ import annotations

from typing import Any, Dict, List, Sequence

from vaiopt.present import words as labels
from vaiopt.present.html import chip, details, heading, paragraph, table, tag, to_do
from vaiopt.present.table import Table
from vaiopt.report.data import ReportData
from vaiopt.report.section import Block, Section
from vaiopt.study.ranking import best_first
from vaiopt.study.record import TrialRecord

MAX_TRIALS = 300


def trials(data: ReportData) -> Section:
    """Return the table of all trials, best first."""
    if not data.trials:
        return Section("trials", "Trials")
    lead = "Best first. A click on a heading sorts by it."
    if len(data.trials) > MAX_TRIALS:
        lead += (
            f" The first {MAX_TRIALS} of {len(data.trials)}; all are in the export and in 'vaiopt"
            f" trials {data.folder}'."
        )
    return Section(
        "trials",
        "Trials",
        lead,
        [trial_table(data, best_first(data.trials, data.direction)[:MAX_TRIALS])],
    )


def trial_table(data: ReportData, records: Sequence[TrialRecord]) -> Table:
    """Return one row a trial: status, metrics, costs, time, hyperparameters, and the reason if it
    has one.
    """
    metrics = [
        m
        for m in dict.fromkeys([data.metric, "val_accuracy", "val_f1", "val_loss"])
        if any(m in t.metrics for t in data.trials)
    ]
    costs = [c for c in ("params", "latency_ms") if any(c in t.costs for t in data.trials)]
    names = list(dict.fromkeys(name for t in data.trials for name in t.hyperparameters))
    weighed = ["score"] if data.settings.objective.weights else []
    columns = [
        "trial",
        "status",
        *weighed,
        *[labels.name(m) for m in metrics],
        *[labels.name(c) for c in costs],
        "time",
        *names,
        "remark",
    ]
    rows: List[List[Any]] = []
    for t in records:
        row: List[Any] = [t.number, chip(t.status)]
        row += [f"{t.value:.4f}" if t.value is not None else None] if weighed else []
        row += [labels.metric(m, t.metrics.get(m)) for m in metrics]
        row += [
            labels.count(t.costs.get(c)) if c == "params" else _plain(t.costs.get(c)) for c in costs
        ]
        row += [labels.seconds(t.seconds)]
        row += [
            labels.value(t.hyperparameters[n]) if n in t.hyperparameters else None for n in names
        ]
        rows.append([*row, t.reason or None])
    chosen = [i for i, t in enumerate(records) if t.number == data.chosen_number]
    numeric = tuple(i for i in range(len(columns) - 1) if i != 1)
    return Table(
        columns,
        rows,
        numeric=numeric,
        name="trials",
        highlight=chosen[0] if chosen else -1,
        data=trial_data(data),
    )


def trial_data(data: ReportData) -> List[List[Any]]:
    """Return all trials as plain values, a heading first: what is exported."""
    metrics, costs, names = (
        list(dict.fromkeys(key for t in data.trials for key in source(t)))
        for source in (lambda t: t.metrics, lambda t: t.costs, lambda t: t.hyperparameters)
    )
    heading = [
        "trial",
        "status",
        "value",
        *metrics,
        *costs,
        "seconds",
        "peak_memory_mb",
        "started",
        "finished",
        "worker",
        *names,
        "reason",
    ]
    rows: List[List[Any]] = [heading]
    for t in data.trials:
        row: List[Any] = [
            t.number,
            t.status,
            t.value,
            *[t.metrics.get(m) for m in metrics],
            *[t.costs.get(c) for c in costs],
        ]
        row += [
            t.seconds,
            t.peak_memory_mb,
            t.started,
            t.finished,
            t.worker,
            *[t.hyperparameters.get(n) for n in names],
            t.reason,
        ]
        rows.append(row)
    return rows


def _plain(value: Any) -> Any:
    return None if value is None else f"{float(value):.3g}"


def measured(data: ReportData) -> Section:
    """Return what the bundle reported from where it ran: accuracy, agreement, latency, throughput,
    golden outputs.
    """
    title, lead = "Measured", "What the bundle's own scripts reported from where they ran."
    if not data.measured:
        known = data.chosen is not None and data.bundles
        command = data.command("measure") + " --target " + data.settings.hardware.target
        return Section(
            "measured",
            title,
            lead,
            [to_do("Nothing was measured yet.", command)] if known else (),
            missing=command if known else "",
        )
    facts = {target: measured_facts(content) for target, content in data.measured.items()}
    words = list(dict.fromkeys(word for found in facts.values() for word in found))
    rows = [[word, *[found.get(word) for found in facts.values()]] for word in words]
    blocks: List[Block] = [
        Table(("", *facts), rows, name="measured", numeric=tuple(range(1, len(facts) + 1)))
    ]
    for target, content in data.measured.items():
        all_of_it = flatten(
            {k: v for k, v in content.items() if k not in ("version", "per_class", "modules")}
        )
        blocks.append(
            details(
                f"everything that {target} reported", table(Table(("quantity", "value"), all_of_it))
            )
        )
    return Section("measured", title, lead, blocks)


def measured_facts(content: Dict[str, Any]) -> Dict[str, Any]:
    """Return what matters of a ``measured/<target>.json``, in words."""
    latency, fps, golden, agreement, machine, model = (
        content.get(key) or {}
        for key in ("latency_ms", "fps", "golden", "agreement", "machine", "model")
    )
    facts = {
        "accuracy": labels.percent(content.get("accuracy")),
        "samples": labels.count(content.get("samples")),
        "same class as the int8 Keras model": _of(
            agreement.get("equal"), agreement.get("samples"), "samples"
        ),
        "golden outputs equal": _of(golden.get("equal"), golden.get("elements"), "values"),
        "largest golden difference": golden.get("max_difference"),
        "latency, median": labels.milliseconds(latency.get("p50")),
        "latency, mean": labels.milliseconds(latency.get("mean")),
        "latency, 95th percentile": labels.milliseconds(latency.get("p95")),
        "latency, 99th percentile": labels.milliseconds(latency.get("p99")),
        "frames per second": labels.count(fps.get("value")),
        "with preprocessing": labels.count(fps.get("value_with_preprocessing")),
        "threads": fps.get("threads"),
        "model file": model.get("file"),
        "machine": (
            " ".join(
                str(machine[key]) for key in ("name", "processor", "system") if machine.get(key)
            )
            or None
        ),
        "started": content.get("started"),
    }
    return {word: value for word, value in facts.items() if value is not None}


def _of(part: Any, whole: Any, words: str) -> Any:
    if part is None:
        return None
    return (
        f"{labels.count(part)} of {labels.count(whole)} {words}"
        if whole is not None
        else labels.count(part)
    )


def flatten(content: Dict[str, Any], prefix: str = "") -> List[List[Any]]:
    """Return nested values as (dotted key, value), long lists by their length only."""
    rows: List[List[Any]] = []
    for key, value in content.items():
        if isinstance(value, dict):
            rows += flatten(value, prefix + str(key) + ".")
        elif isinstance(value, list):
            rows.append(
                [
                    prefix + str(key),
                    (
                        ", ".join(str(v) for v in value)
                        if len(value) <= 6
                        else f"{len(value)} entries"
                    ),
                ]
            )
        else:
            rows.append([prefix + str(key), f"{value:.6g}" if isinstance(value, float) else value])
    return rows


def repeat(data: ReportData) -> Section:
    """Return the environment, the data, and the commands that make the run again."""
    started = data.environment.get("command")
    blocks: List[Block] = (
        [paragraph("It was started with:"), tag("pre", tag("code", started))] if started else []
    )
    blocks += [
        paragraph("The settings below, filled in as they ran, make the run again from nothing:"),
        tag("pre", tag("code", f"vaiopt run {data.folder}/run.toml --run NEW_FOLDER")),
    ]
    environment = [
        [key, value] for key, value in flatten(data.environment) if key != "command" and value != ""
    ]
    if environment:
        blocks += [
            heading("Environment of the search"),
            Table(("", ""), environment, name="environment"),
        ]
    if data.data:
        kept = {k: v for k, v in data.data.items() if k != "version"}
        blocks += [heading("Data"), Table(("", ""), flatten(kept), name="data")]
    blocks += [heading("Settings"), details("run.toml", tag("pre", tag("code", data.toml)))]
    return Section(
        "repeat",
        "Repeat it",
        "With the same versions, seed and data, one worker proposes the same trials.",
        blocks,
    )
