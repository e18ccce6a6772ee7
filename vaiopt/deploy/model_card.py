"""The model card of a bundle: what the model is, how good it is, and what is not known of it.

The headings are those of Mitchell et al., "Model Cards for Model Reporting" (2019), as far as a run
knows of them; what only a person knows is left for them to fill in.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import Any, List, Optional, Sequence, Tuple

from vaiopt._version import __version__
from vaiopt.data.recipe import DataRecipe, read_recipe
from vaiopt.present import words
from vaiopt.present.uncertainty import interval
from vaiopt.record import read_optional
from vaiopt.runs.layout import Candidate
from vaiopt.runs.records import CandidateMetrics, Manifest, QuantizedMetrics
from vaiopt.settings.choices import RESIZES
from vaiopt.tasks import task_of

MOST_CLASSES = 20
"""Classes that are named; of more only their number is told."""

TO_FILL_IN = "*(to be filled in by whoever passes the model on)*"


def model_card(candidate: Candidate, manifest: Manifest) -> str:
    """Return the card as Markdown.

    Args:
        candidate: with its metrics, evaluations and the recipe of its data, as far as they are
            there.
        manifest: of the bundle.

    Raises:
        RunError: a file of the run is damaged.
    """
    metrics = read_optional(candidate.metrics, CandidateMetrics, candidate.command("choose"))
    quantized = read_optional(
        candidate.quantized_metrics, QuantizedMetrics, candidate.command("quantize")
    )
    recipe = read_recipe(candidate)
    parts = [
        f"# {_cell(recipe.name)}: {_cell(manifest.model.file)} for {_cell(manifest.target)}",
        _model(metrics, manifest, recipe),
        f"## Intended use\n\n{TO_FILL_IN}",
        _scores(candidate, metrics, recipe),
        _data(recipe),
        _made(metrics, quantized, manifest),
        _limits(recipe, manifest),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _rows(rows: Sequence[Tuple[str, Optional[Any]]], heads: Tuple[str, str] = ("", "")) -> str:
    """Return a table of two columns; rows without a value are left out."""
    lines = [f"| {heads[0]} | {heads[1]} |", "| --- | --- |"]
    lines += [f"| {_cell(name)} | {_cell(value)} |" for name, value in rows if value is not None]
    return "\n".join(lines)


def _cell(value: Any) -> str:
    """Return a value as it may stand in a cell: names of classes and files can hold anything."""
    text = " ".join(str(value).split())
    return "".join(f"\\{c}" if c in "|\\`*_<>[]" else c for c in text)


def _model(metrics: Optional[CandidateMetrics], manifest: Manifest, recipe: DataRecipe) -> str:
    costs = {} if metrics is None else metrics.costs
    family = "" if metrics is None else metrics.family
    name, _, function = family.rpartition(":")  # a file is named without its folder
    rows = [
        ("does", f"{recipe.task}: {task_of(recipe.task).doc}"),
        ("family", ":".join(filter(None, (PurePath(name).name, function))) or None),
        ("parameters", words.count(costs.get("params"))),
        ("multiply-accumulates", words.count(costs.get("macs"))),
        *_inputs(recipe),
        ("images brought to it by", _resized(recipe)),
        ("preprocessing", "(x - offset) / scale, in manifest.json"),
        (task_of(recipe.task).outputs, _classes(manifest.classes)),
        ("compiled for", f"{manifest.target}, Vitis-AI release {manifest.release}"),
        ("SHA-256", manifest.model.sha256),
        ("made with", f"vaiopt {__version__}"),
    ]
    return f"## Model\n\n{_rows(rows)}"


def _inputs(recipe: DataRecipe) -> List[Tuple[str, str]]:
    """Return a row for each input."""
    ways = {f"input '{one.name}'": one.way for one in recipe.preprocessing.inputs}
    return [
        (name, f"{'×'.join(map(str, way.shape))}, {way.raw_dtype}, raw")
        for name, way in (ways or {"input": recipe.preprocessing}).items()
    ]


def _resized(recipe: DataRecipe) -> Optional[str]:
    """Return how images came to the size of the input, for whoever feeds the model; None if they
    had it.
    """
    told = {row.name: row.doc for row in RESIZES}[recipe.resize]
    return f"{recipe.resize}: {told}; bilinear" if recipe.image_size else None


def _classes(names: Sequence[str]) -> Optional[str]:
    if not names:
        return None
    return ", ".join(names) if len(names) <= MOST_CLASSES else f"{len(names)}, in manifest.json"


def _scores(candidate: Candidate, metrics: Optional[CandidateMetrics], recipe: DataRecipe) -> str:
    """Return the scores on the test split, and the predicted cost."""
    task, again = task_of(recipe.task), candidate.command("evaluate")
    rows: List[Tuple[str, Optional[Any]]] = []
    for kind, path in (
        ("float", candidate.evaluation),
        ("int8", candidate.quantized_evaluation),
    ):
        found = read_optional(path, task.evaluation, again)
        for key, score in ({} if found is None else found.scores).items():
            assert found is not None
            within = interval(key, score, found.samples)
            told = f"{words.metric(key, score)} on {found.samples:,} test samples"
            label = f"{kind} {words.score_name(key)}"
            rows.append((label, told + (f", 95 %: {within}" if within else "")))
    latency = None if metrics is None else metrics.costs.get("latency_ms")
    rows.append(("predicted latency", words.milliseconds(latency)))
    if not rows[:-1]:
        rows.append(("test split", "not evaluated yet: vaiopt evaluate RUN"))
    return f"## How good it is\n\n{_rows(rows)}"


def _data(recipe: DataRecipe) -> str:
    source = recipe.source if recipe.source == recipe.name else PurePath(recipe.source).name
    rows = [
        ("data", recipe.name if source == recipe.name else f"{recipe.name} ({source})"),
        *((name, f"{count:,} samples") for name, count in recipe.samples.items()),
        ("split", f"{':'.join(f'{share:g}' for share in recipe.split)}, seed {recipe.seed}"),
        ("SHA-256", recipe.sha256),
        ("origin, licence, consent", TO_FILL_IN.strip("*()")),
    ]
    return f"## Data\n\n{_rows(rows)}"


def _made(
    metrics: Optional[CandidateMetrics], quantized: Optional[QuantizedMetrics], manifest: Manifest
) -> str:
    rows: List[Tuple[str, Optional[Any]]] = []
    if metrics is not None:
        objective = f"{words.name(metrics.objective.metric)}, {metrics.objective.direction}d"
        rows += [("searched for", objective)]
        rows += [(name, words.value(value)) for name, value in metrics.hyperparameters.items()]
    if quantized is not None:
        how = f"{quantized.backend}, {quantized.method}, {quantized.calibration_size} samples"
        rows.append(("quantized by", how))
    rows.append(("compiled by", manifest.backend))
    return f"## How it was made\n\n{_rows(rows)}"


def _limits(recipe: DataRecipe, manifest: Manifest) -> str:
    lines = [
        "The scores are of the test split of these data alone; of other cameras, sensors, places or"
        " groups of people nothing is known.",
        "Values outside the range of the training data saturate at int8.",
    ]
    if task_of(recipe.task).has_classes:
        lines.append(
            "Whatever it is given, it names one of its classes: there is no 'none of"
            " these', and its confidence is not calibrated."
        )
    if manifest.left_out:
        lines.append(f"Left to the host: {'; '.join(manifest.left_out)}.")
    return "## Limits\n\n" + "\n".join(f"- {line}" for line in lines)
