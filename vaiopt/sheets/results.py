"""What each result shows: one function a class, and the table of them.

Terminal and notebook print what these return. Classes are imported for their types only: a sheet
must not load the stage that makes its result.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, List, Optional, Tuple

from vaiopt.errors import VaioptError
from vaiopt.present import words
from vaiopt.present.sheet import Fact, Sheet
from vaiopt.present.shown import add_sheets
from vaiopt.present.table import Table, flatten
from vaiopt.present.uncertainty import interval, sure
from vaiopt.runs.layout import Run
from vaiopt.sheets.comparison import comparison
from vaiopt.sheets.compilation import compile_facts, operation_table
from vaiopt.sheets.data import data as data_sheet
from vaiopt.sheets.front import failures, front_table
from vaiopt.sheets.inspection import layer_table, speed_advice
from vaiopt.sheets.measurement import measured_facts, verdict
from vaiopt.sheets.predictions import predictions
from vaiopt.sheets.quantization import quantization_advice, quantization_facts
from vaiopt.sheets.run_list import one_run, run_list
from vaiopt.sheets.trial_list import trial_list
from vaiopt.sheets.trials import hyperparameter_table
from vaiopt.study.record import TrialRecord
from vaiopt.tasks import validation_metrics

if TYPE_CHECKING:
    from vaiopt.compile import CompileResult
    from vaiopt.container import ContainerFolder
    from vaiopt.deploy import BundleResult, MeasureResult
    from vaiopt.deploy.calibrate import CalibrateResult
    from vaiopt.deploy.kit_check import KitCheck
    from vaiopt.evaluate import Evaluations
    from vaiopt.export import ExportResult
    from vaiopt.hardware import Inspection, Target, TargetSummary
    from vaiopt.quantize import QuantizeResult
    from vaiopt.search import SearchResult
    from vaiopt.summary import RankedTrials, Summary
    from vaiopt.tasks import Evaluation

MOST_ROWS = 10
"""Rows of a table of trials or mistakes; the rest is in :func:`vaiopt.trials` and in the report."""

MOST_CHANGES = 5
"""Exact changes of a model that are told one by one."""

LAYER_COLUMNS = ("layer", "runs on", "predicted time", "share", "remark", "limited by", "kind")
"""Of a layer, the columns that come first: a narrow terminal shows no more."""


def _search(result: SearchResult) -> Sheet:
    """The chosen trial beside the default point, and the best trials."""
    from vaiopt.settings import settings_from_run
    from vaiopt.study.alike import alike_text, cheaper_alike
    from vaiopt.study.objective import Objective
    from vaiopt.study.ranking import best_first
    from vaiopt.study.trials import load_trials

    facts: List[Fact] = [("chosen", f"trial {result.chosen.number}", "")]
    tables: List[Tuple[str, Table]] = []
    notes: List[str] = []
    run, chosen = Run(result.folder), result.chosen
    try:
        objective, trials = Objective(settings_from_run(run).objective), load_trials(run)
    except VaioptError:  # the folder is gone: what the result itself knows is shown
        pass
    else:
        metric = objective.metric
        first = result.default.metrics.get(metric) if result.default is not None else None
        score = chosen.metrics.get(metric)
        remarks = [sure(metric, score, chosen.samples)]
        remarks += [] if first is None else [f"default point: {words.metric(metric, first)}"]
        facts.append((words.name(metric), words.metric(metric, score), _joined(*remarks)))
        why = _reason(run, chosen)
        notes = [why or alike_text(chosen, cheaper_alike(run, chosen, trials, metric))]
        best = best_first(trials, objective.direction)[:MOST_ROWS]
        few = f"The best {len(best)} of {len(trials)} trials"
        tables = [
            ("Hyperparameters", hyperparameter_table(chosen.hyperparameters, trials)),
            (
                few if len(best) < len(trials) else "Trials",
                trial_list(best, metric, chosen.number, objective.told),
            ),
        ]
    facts += [
        ("kept epoch", chosen.kept_epoch or None, ""),
        *_costs(chosen),
        ("trials", str(sum(result.trials.values())), words.counts(result.trials)),
        ("time", words.seconds(result.seconds), ""),
    ]
    return Sheet(f"Search · {result.folder}", facts, tables, list(filter(None, notes)))


def _reason(run: Run, chosen: TrialRecord) -> str:
    """Return in one line what decided for a trial, as long as it is the chosen one."""
    if not run.chosen_file.is_file():
        return ""
    choice = run.read_chosen()
    return choice.reason if choice.trials[0] == chosen.number else ""


def _costs(record: TrialRecord) -> List[Fact]:
    return [
        ("parameters", words.count(record.costs.get("params")), ""),
        ("predicted latency", words.milliseconds(record.costs.get("latency_ms")), ""),
        ("measured latency", words.milliseconds(record.measured_latency_ms), "in the search"),
    ]


def _trial(record: TrialRecord) -> Sheet:
    """Metrics, costs and hyperparameters of a trial."""
    facts: List[Fact] = [("status", record.status, record.reason)]
    facts.append(("objective", words.score(record.value), ""))
    for key in validation_metrics():
        score = record.metrics.get(key)
        facts.append((words.name(key), words.metric(key, score), sure(key, score, record.samples)))
    facts.append(("kept epoch", record.kept_epoch or None, ""))
    facts += [*_costs(record), ("time", words.seconds(record.seconds), "")]
    rows = [[name, words.value(value)] for name, value in record.hyperparameters.items()]
    table = Table(("hyperparameter", "value"), rows, numeric=(1,))
    return Sheet(f"Trial {record.number}", facts, [("Hyperparameters", table)])


def _trials(result: RankedTrials) -> Sheet:
    """The trials of a run, best first."""
    front = [
        ("front", _numbers(found), f"against {' and '.join(map(words.name, costs.split(', ')))}")
        for costs, found in result.pareto.items()
    ]
    table = trial_list(result.trials, result.metric, costs=result.costs, curves=True)
    return Sheet(f"Trials · {result.folder}", front, [("", table)])


def _numbers(numbers: List[int]) -> Optional[str]:
    few = ", ".join(map(str, numbers[:MOST_ROWS])) + ", …" * (len(numbers) > MOST_ROWS)
    return few or None


def _evaluations(result: Evaluations) -> Sheet:
    """The scores, and what the task shows: for a classifier classes, confusion and mistakes."""
    found, int8 = result.float_test, result.int8_test
    (key, before), *others = found.scores.items()
    remark = _joined(sure(key, before, found.samples), _more(others))
    facts: List[Fact] = [(f"float {words.score_name(key)}", words.metric(key, before), remark)]
    if int8 is not None:
        (_, after), *others = int8.scores.items()
        within = sure(key, after, int8.samples)
        gained = _joined(words.change(after, before, key), within, _more(others))
        facts.append((f"int8 {words.score_name(key)}", words.metric(key, after), gained))
    facts.append(("test samples", words.count(found.samples), found.remark))
    return Sheet(f"Test split · trial {found.trial}", facts, found.tables(int8, MOST_ROWS))


def _joined(*remarks: str) -> str:
    return ", ".join(filter(None, remarks))


def _more(scores: List[Tuple[str, float]]) -> str:
    """Return scores that are not the headline in words."""
    return ", ".join(f"{words.score_name(name)} {value:.4f}" for name, value in scores)


def _several_evaluations(results: List[Evaluation]) -> Sheet:
    """Several trials on the test split."""
    key, *others = results[0].scores
    losses = [getattr(result, "loss", None) for result in results]
    within = [interval(key, result.headline, result.samples) for result in results]
    rows = [
        [r.trial, words.metric(key, r.headline)]
        + [interval(key, r.headline, r.samples)] * any(within)
        + [words.score(r.scores.get(name)) for name in others]
        + [words.score(loss)] * (loss is not None)
        for r, loss in zip(results, losses)
    ]
    columns = ["trial", f"test {words.score_name(key)}", *["95 % interval"] * any(within)]
    columns += map(words.score_name, others)
    columns += ["loss"] * (losses[0] is not None)
    table = Table(columns, rows, numeric=tuple(range(len(columns))))
    return Sheet("Test split", tables=[("", table)])


def _quantization(result: QuantizeResult) -> Sheet:
    """Scores, how it was quantized, and the layers that int8 hurts most."""
    record = result.record
    key = record.headline or "accuracy"
    before, after = (s.get(key) for s in (record.float_scores, record.int8_scores))
    name = words.score_name(key)
    facts: List[Fact] = [
        (
            f"float {name}",
            words.metric(key, before),
            _joined(f"on {record.evaluated_on} samples", sure(key, before, record.samples)),
        ),
        (
            f"int8 {name}",
            words.metric(key, after),
            _joined(words.change(after, before, key), sure(key, after, record.samples)),
        ),
    ]
    how = quantization_facts(record, scores=False)
    tables = [("How", Table(("", ""), how)), ("Where it hurts most", quantization_advice(record))]
    return Sheet(f"Int8 · {result.folder}", facts, tables, record.warnings)


def _compilation(result: CompileResult) -> Sheet:
    """The file, and all that its record says."""
    record = result.record
    facts: List[Fact] = [
        ("file", str(result.file), words.size(record.bytes)),
        ("backend", record.backend, ""),
        ("time", words.seconds(record.seconds), ""),
    ]
    tables = [
        ("Operations", operation_table(record)),
        ("Record", Table(("", ""), [row for row in compile_facts(record) if row[1] != ""])),
    ]
    return Sheet(f"Compiled for {record.target}", facts, tables, record.warnings)


def _compilations(results: List[CompileResult]) -> Sheet:
    """What was compiled for several targets."""
    rows = [
        [r.record.target, r.record.backend, str(r.file), words.size(r.record.bytes)]
        for r in results
    ]
    table = Table(("target", "backend", "file", "size"), rows, numeric=(3,))
    notes = [f"{r.record.target}: {line}" for r in results for line in r.record.warnings]
    return Sheet("Compiled", tables=[("", table)], notes=notes)


def _bundle(result: BundleResult) -> Sheet:
    """Where the bundle is and what is in it."""
    manifest = result.manifest
    expected = manifest.expected
    key, score = next(iter(expected.all_scores.items()), ("accuracy", None))
    facts: List[Fact] = [
        ("samples", words.count(manifest.samples.count), ""),
        (f"{words.score_name(key)} to expect", words.metric(key, score), expected.of),
        ("archive", str(result.archive), ""),
    ]
    paths = [result.folder / name for name in sorted([*manifest.files, "manifest.json"])]
    files = [[path.name, words.size(path.stat().st_size)] for path in paths if path.is_file()]
    table = Table(("file", "size"), files, numeric=(1,))
    return Sheet(f"Bundle · {result.folder}", facts, [("", table)])


def _measurement(result: MeasureResult) -> Sheet:
    """Accuracy and latency, and the rest as a table."""
    record = result.record
    key, fps = next(iter(record.all_scores)), record.fps
    name, expected = words.score_name(key), words.metric(key, record.expected.all_scores.get(key))
    told = f"int8 in Keras: {expected}" if expected else ""
    remark = _joined(sure(key, record.headline, record.samples), told)
    facts: List[Fact] = [
        (name, words.metric(key, record.headline), remark),
        ("measured latency", words.milliseconds(record.latency_ms.p50), "median, one thread"),
        ("frames per second", words.count(fps.value), f"{fps.threads} threads"),
        ("verdict", *verdict(record)),
    ]
    shown = (name, "verdict", "95 % interval", "latency, median", "frames per second", "threads")
    rows = [[word, value] for word, value in measured_facts(record).items() if word not in shown]
    title = f"Measured on {record.target} ({record.host})"
    notes = [f"warning: {doubt.line}" for doubt in record.all_doubts]
    notes += [line for line in record.warnings if not any(line in told for told in notes)]
    return Sheet(title, facts, [("", Table(("", ""), rows))], notes)


def _inspection(result: Inspection) -> Sheet:
    """The totals, the layers, and what would make the model faster."""
    target = result.target
    predicted = words.milliseconds(result.latency_ms)
    how = "end to end, one thread"
    sure = result.interval
    if sure is not None:
        predicted = f"{predicted} ± {words.percent(sure.percent / 100, 0)}"
        how += f"; {sure.remark}" if sure.remark else ""
    facts: List[Fact] = [("predicted latency", predicted, how)]
    if target.device.accelerator:
        parts = f"{result.dpu_subgraphs} subgraph(s)"
        facts.append(("on the DPU", words.milliseconds(result.dpu_latency_ms), parts))
    threads = f"{words.count(result.fps)} at {result.threads} thread(s)"
    macs = f"{words.count(result.macs)} multiply-accumulates"
    facts += [
        ("frames per second", words.count(result.fps_all_cores), f"all cores; {threads}"),
        ("parameters", words.count(result.params), macs),
    ]
    if target.device.accelerator:
        left = result.fallback_layers
        few = ", ".join(left[:3]) + ", …" * (len(left) > 3)
        facts.append(("layers left to the CPU", str(len(left)), few))
    tables = [
        ("Layers", _layers(result).first(LAYER_COLUMNS)),
        ("What would make it faster", speed_advice(result)),
    ]
    title = f"{result.model} on {target.name}, release {target.release}"
    changes = [f"quantize changes {change}" for change in result.changes[:MOST_CHANGES]]
    more = len(result.changes) - MOST_CHANGES
    changes += [f"and {more} more changes, all exact"] if more > 0 else []
    notes = [f"the prediction is {result.validation}", *result.warnings, *changes]
    return Sheet(title, facts, tables, notes)


def _layers(result: Inspection) -> Table:
    table, count = layer_table(result), len(layer_table(result).columns)
    # The last row may be the fixed part, which no cycles are of.
    more: List[List[Optional[str]]] = [
        [words.count(layer.cycles), words.percent(layer.utilization, 0)] for layer in result.layers
    ]
    rows = [[*row, *(own or (None, None))] for row, own in zip_longest(table.rows, more)]
    columns = [*table.columns, "cycles", "DPU used"]
    return replace(table, columns=columns, rows=rows, numeric=(*table.numeric, count, count + 1))


def _summary(result: Summary) -> Sheet:
    """Accuracies, costs and times of a run."""
    from pathlib import Path

    from vaiopt.present.sheet import link

    before, after, key = result.float_score, result.int8_score, result.headline
    name, measured = words.score_name(key), words.metric(key, result.measured_score)
    facts: List[Fact] = [
        (
            f"float {name}",
            words.metric(key, before),
            _joined(f"test split, trial {result.trial}", sure(key, before, result.test_samples)),
        ),
        (
            f"int8 {name}",
            words.metric(key, after),
            _joined(words.change(after, before, key), sure(key, after, result.test_samples)),
        ),
        (
            f"measured {name}",
            measured,
            _joined(
                f"on {result.target}", sure(key, result.measured_score, result.measured_samples)
            ),
        ),
        ("parameters", words.count(result.params), ""),
        ("predicted latency", words.milliseconds(result.predicted_latency_ms), ""),
        ("measured latency", words.milliseconds(result.measured_latency_ms), "median, one thread"),
        ("report", None if result.report is None else link(Path(result.report)), ""),
    ]
    rows = [[step, words.seconds(seconds)] for step, seconds in result.seconds.items()]
    times = Table(("step", "time"), rows, numeric=(1,))
    notes = [result.stale, *failures(result.front)]
    notes += [f"go on with: {result.go_on}"] * bool(result.go_on)
    tables = [("The front on the target", front_table(result.front)), ("", times)]
    return Sheet(f"Run · {result.run}", facts, tables, list(filter(None, notes)))


def _targets(found: List[TargetSummary]) -> Sheet:
    """One row a target."""
    rows = [
        [
            t.name,
            t.architecture,
            t.cores,
            f"{t.clock_mhz:g}" if t.clock_mhz else None,
            "validated" if t.validated else "extrapolated",
            t.title,
        ]
        for t in found
    ]
    columns = ("target", "architecture", "cores", "MHz", "predicted latency", "board")
    return Sheet("Targets", tables=[("", Table(columns, rows, numeric=(2, 3)))])


def _target(found: Target) -> Sheet:
    """A target with its numbers and their sources."""
    rows = [row for row in flatten(found.to_json()) if row[1] is not None]
    return Sheet(f"Target {found.name}", tables=[("", Table(("", ""), rows))])


def _calibration(result: CalibrateResult) -> Sheet:
    """How well a fit predicts what it was fitted to, before and after."""
    content = result.to_json()
    keys = ("measured_ms", "before_ms", "left_out_ms", "predicted_ms")
    rows = [
        [m["run"], *[words.milliseconds(m[key]) for key in keys]] for m in content["measurements"]
    ]
    columns = ("run", "measured", "predicted before", "fitted without it", "fitted")
    error = content["error"]
    facts: List[Fact] = [
        (f"{word} error", f"{error['single'][key]} %", f"before: {error['before'][key]} %")
        for word, key in (("mean", "mean_percent"), ("largest", "max_percent"))
    ]
    facts += _sureness(content.get("uncertainty"))
    title = f"Latency model {result.target}, fitted to {result.base}"
    table = Table(columns, rows, numeric=(1, 2, 3, 4))
    return Sheet(title, [*facts, ("file", str(result.path), "")], [("", table)])


def _sureness(found: Any) -> List[Fact]:
    """How sure a fit is, of so many models."""
    if not isinstance(found, dict):
        return []
    parts = [f"{name} ± {percent:g} %" for name, percent in found["constants_percent"].items()]
    models = f"{found['models']} models"
    return [
        ("nine of ten other models within", f"{found['new_model_percent']} %", f"from {models}"),
        *([("fitted constants, 95 %", ", ".join(parts), "")] if parts else []),
    ]


def _export(result: ExportResult) -> Sheet:
    """The file, and whether another runtime computes the same."""
    same = None if result.compared is None else f"equal on {result.compared} random inputs"
    facts: List[Fact] = [
        ("file", str(result.path), words.size(result.size)),
        ("ONNX opset", str(result.opset), "QDQ, power-of-two scales"),
        ("onnxruntime and Keras", same, ""),
    ]
    notes = ["onnxruntime is not installed: the file was not compared"] * (same is None)
    return Sheet("Export", facts, notes=notes)


def _container(result: ContainerFolder) -> Sheet:
    """Where the container's scripts are, and what each is for."""
    rows = [
        [result.build, "builds the image, once; it downloads some 10 GB from the vendor"],
        [f"{result.run} vaiopt ...", "runs a command there, on the files of this folder"],
    ]
    notes = [f"kept, as it was: {', '.join(result.kept)}"] if result.kept else []
    table = Table(("command", ""), rows)
    return Sheet(f"Container · {result.folder}", tables=[("", table)], notes=notes)


def _diagnosis(found: Any) -> Sheet:
    """What is installed, and what each stage could use here."""
    where = f"Vitis-AI {found.container}" if found.container else "none"
    remark = "" if found.container else "this is a workstation or a kit"
    stages = [[s.stage, "ready" if s.ready else "missing", s.uses, s.hint] for s in found.stages]
    versions: List[Any] = [list(item) for item in found.versions.items()]
    tables = [
        ("", Table(("stage", "", "uses", "otherwise"), stages)),
        ("", Table(("package", "version"), versions)),
    ]
    return Sheet("What is here", [("container", where, remark)], tables)


def _kit(found: KitCheck) -> Sheet:
    """What a kit has, and the cure beside each fault."""
    if found.cleaned is not None:
        facts: List[Fact] = [("measurements ended", words.count(found.cleaned), "")]
        return Sheet(f"{found.host} is clean", facts)
    rows = [[r.name, "ok" if r.ok else "WRONG", r.told, r.cure] for r in found.rows]
    can = ", ".join(found.measures) or "nothing"
    return Sheet(found.host, [("can measure", can, "")], [("", Table(("", "", "", "cure"), rows))])


add_sheets(
    {
        "List[]": lambda result: Sheet("nothing to show"),
        "DataSheet": data_sheet,
        "SearchResult": _search,
        "TrialRecord": _trial,
        "RankedTrials": _trials,
        "Evaluations": _evaluations,
        "List[Evaluation]": _several_evaluations,
        "QuantizeResult": _quantization,
        "CompileResult": _compilation,
        "List[CompileResult]": _compilations,
        "BundleResult": _bundle,
        "MeasureResult": _measurement,
        "Inspection": _inspection,
        "Summary": _summary,
        "List[TargetSummary]": _targets,
        "Target": _target,
        "CalibrateResult": _calibration,
        "ExportResult": _export,
        "Predictions": predictions,
        "Comparison": comparison,
        "RunState": one_run,
        "List[RunState]": run_list,
        "ContainerFolder": _container,
        "Diagnosis": _diagnosis,
        "KitCheck": _kit,
    }
)
