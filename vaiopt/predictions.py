"""What a model of a run says of samples that nobody labelled: of files of a person's own."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import gettempdir
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import numpy as np

from vaiopt.data.batches import evaluation_batch
from vaiopt.data.recipe import DataRecipe, read_recipe
from vaiopt.data.unlabelled import Given, Unlabelled, read_unlabelled
from vaiopt.deploy.local import run_local
from vaiopt.errors import BoardError, RunError, SettingsError, did_you_mean
from vaiopt.files import PathLike, scratch, write_arrays
from vaiopt.int8.feed import fed
from vaiopt.int8.model import load_quantized
from vaiopt.keras import load_model
from vaiopt.models.probabilities import (
    activation_of_file,
    missing_of,
    names_of_outputs,
    probabilities,
    said,
)
from vaiopt.npz import NpzError, load_npz
from vaiopt.present.shown import Shown
from vaiopt.record import read_record
from vaiopt.runs.layout import Candidate
from vaiopt.runs.lineage import stale_parts
from vaiopt.runs.records import Manifest
from vaiopt.tasks import task_of
from vaiopt.tasks.joined import joined, parts_of
from vaiopt.tasks.several_record import split_names
from vaiopt.text import Progress, silent

AUTO = "auto"
ENTRY = "kit_predict.py"
FEW = 20
"""Samples that are predicted one by one, for the time of one."""


@dataclass(frozen=True)
class Prediction:
    """What a model says of one sample.

    Attributes:
        name: of the sample: a file, a line, a place in an array.
        label: what it is said to be: a class, several, a number; in words for what is larger.
        confidence: the probability that the model gives to the class, 0 to 1; None where the task
            has no such thing.
        second: the next most probable class, and its probability; empty and None without one.
    """

    name: str
    label: str
    confidence: Optional[float] = None
    second: str = ""
    second_confidence: Optional[float] = None


@dataclass(frozen=True)
class Predictions(Shown):
    """What a model says of samples.

    Attributes:
        run, trial: whose model it is.
        model: ``float``, ``int8`` or ``bundle``.
        where: what computed it.
        rows: of the samples, in order.
        ms: milliseconds that one sample took, the median of several; the model alone.
        notes: what a person should know of the samples.
        outputs: real outputs of the model (N, ...), float32, of quantities float64; of classes and
            labels probabilities. predicted: in the form of the labels (N, ...). Of several outputs
            structured, by their names. Neither stands in the JSON object.
    """

    run: str
    trial: int
    model: str
    where: str
    rows: Tuple[Prediction, ...]
    ms: float
    notes: Tuple[str, ...] = ()
    outputs: Any = field(default=None, repr=False, compare=False)
    predicted: Any = field(default=None, repr=False, compare=False)

    def to_json(self) -> Dict[str, Any]:
        """Return it as a JSON object, without the arrays."""
        told = ("run", "trial", "model", "where", "ms", "notes")
        content = {name: getattr(self, name) for name in told}
        return {**content, "rows": [vars(row) for row in self.rows]}

    def save(self, path: PathLike) -> None:
        """Write ``names``, ``outputs`` and ``predicted`` into an ``.npz`` file; of several outputs
        ``outputs_<output>`` and ``predicted_<output>``.
        """
        arrays = {"names": np.asarray([row.name for row in self.rows])}
        for name, array in (("outputs", self.outputs), ("predicted", self.predicted)):
            parts = parts_of(array) or {"": array}
            arrays.update({f"{name}_{of}" if of else name: part for of, part in parts.items()})
        write_arrays(Path(path), arrays)


@dataclass(frozen=True)
class _Computed:
    """Real outputs (N, ...), what they say as labels, the time of one in ms, and by what."""

    outputs: np.ndarray
    predicted: np.ndarray
    ms: float
    where: str


def predict_candidate(
    candidate: Candidate,
    given: Given,
    *,
    model: str = AUTO,
    target: str = "",
    progress: Progress = silent,
) -> Predictions:
    """Return what a model says of samples.

    Args:
        candidate: whose model.
        given: an image file, a folder of images, a ``.csv``, an ``.npz``, or an array; raw, as the
            data that the run was trained on.
        model: ``float``; ``int8``, the quantized model in Keras; ``bundle``, the compiled model
            with the kit's scripts, on this machine; ``auto``: int8 if there is one, else float.
        target: of the bundle; the only one if it is empty.
        progress: told one line at a time.

    Raises:
        SettingsError: there is no such kind of model.
        RunError: the candidate has none of this kind.
        DataError: the samples cannot be read, or have another form than the run's data.
        BoardError: the kit's scripts failed.
    """
    kinds = (AUTO, *KINDS)
    if model not in kinds:
        raise SettingsError(f"there is no kind of model '{model}'", did_you_mean(model, kinds))
    kind = _best(candidate) if model == AUTO else model
    recipe = read_recipe(candidate)
    samples = read_unlabelled(given, recipe)
    count = len(samples.names)
    progress(f"predicting {count} sample{'s' * (count != 1)} with the {kind} model")
    found = KINDS[kind](candidate, samples, recipe, target)
    rows = _rows_of(recipe, samples.names, found)
    return Predictions(
        str(candidate.run.folder),
        candidate.number,
        kind,
        found.where,
        tuple(rows),
        round(found.ms, 4),
        samples.notes,
        found.outputs,
        found.predicted,
    )


def _best(candidate: Candidate) -> str:
    has_int8 = candidate.quantized_model.is_file() and "quantized" not in stale_parts(candidate)
    return "int8" if has_int8 else "float"


def _float(candidate: Candidate, samples: Unlabelled, recipe: DataRecipe, _: str) -> _Computed:
    return _keras(load_model(candidate.kept_model()), "float", candidate, samples, recipe)


def _int8(candidate: Candidate, samples: Unlabelled, recipe: DataRecipe, _: str) -> _Computed:
    if not candidate.quantized_model.is_file():
        raise RunError(
            f"trial {candidate.number} of '{candidate.run.folder}' has no int8 model",
            f"Make it first with: {candidate.command('quantize')}",
        )
    return _keras(load_quantized(candidate.quantized_model), "int8", candidate, samples, recipe)


def _keras(
    model: Any, kind: str, candidate: Candidate, samples: Unlabelled, recipe: DataRecipe
) -> _Computed:
    """Predict with a Keras model, and time single samples after a first one."""
    activation = missing_of(kind, activation_of_file(model, candidate.model))
    names = names_of_outputs(model, candidate.model)
    parts: List[np.ndarray] = []
    times: List[float] = []
    for raw in samples.batches(evaluation_batch(recipe.shape)):
        x = recipe.preprocessing.apply(raw)
        if not times:
            times = _times(lambda one: model.predict_on_batch(fed(model, one)), x[:FEW])
        outputs = said(model.predict_on_batch(fed(model, x)), names, activation)
        parts.append(recipe.targets.decode(outputs))
    outputs = np.concatenate(parts)
    predicted = task_of(recipe.task).predict(outputs)
    return _Computed(outputs, predicted, 1000 * float(np.median(times)), "Keras, on this computer")


def _times(run: Callable[[np.ndarray], Any], x: np.ndarray) -> List[float]:
    """Return seconds of single samples; the first run, which makes the graph, is left out."""
    run(x[:1])
    times = []
    for place in range(len(x)):
        started = time.perf_counter()
        run(x[place : place + 1])
        times.append(time.perf_counter() - started)
    return times


def _bundle(
    candidate: Candidate, samples: Unlabelled, recipe: DataRecipe, target: str
) -> _Computed:
    """Predict with the kit's own scripts, in a process of its own on this machine."""
    folder = _bundle_folder(candidate, target)
    again = f"{candidate.command('bundle')} --target {folder.name}"
    manifest = read_record(folder / "manifest.json", Manifest, again)
    if not (folder / ENTRY).is_file():
        raise RunError(f"the bundle '{folder}' is of an older vaiopt", f"Make it again: {again}")
    x = np.concatenate(list(samples.batches(evaluation_batch(recipe.shape))))
    # A run of somebody else may be there for reading only.
    is_ours = os.access(str(folder.parent), os.W_OK)
    with scratch(folder.parent if is_ours else Path(gettempdir()), folder.name) as temporary:
        given, made = temporary.resolve() / "inputs.npz", temporary.resolve() / "outputs.npz"
        write_arrays(given, {"x": x})
        words = [manifest.model.file, "--data", str(given), "--outputs", str(made)]
        text = run_local(folder, ENTRY, [*words, "--tensorflow"], silent)
        try:
            ms = float(json.loads(text)["latency_ms"]["p50"])
            outputs, predicted = _of_kit(made, manifest)
        except (NpzError, KeyError, TypeError, ValueError) as error:
            raise BoardError(f"the scripts' result cannot be read ({error})", again) from error
    if len(outputs) != len(x) or len(predicted) != len(x):
        raise BoardError(f"the scripts predicted {len(outputs)} of {len(x)} samples", again)
    outputs = recipe.targets.decode(outputs)
    where = f"the bundle for {folder.name}, on this computer"
    return _Computed(outputs, predicted, ms, where)


def _of_kit(path: Path, manifest: Manifest) -> Tuple[np.ndarray, np.ndarray]:
    """Return real outputs, probabilities of classifiers, and what they say, as the kit's scripts
    wrote them. Raises as :func:`vaiopt.npz.load_npz`, KeyError, ValueError.
    """
    if not manifest.outputs:
        arrays = load_npz(path, ("outputs", "predicted"))
        outputs = np.asarray(arrays["outputs"])
        lacking = task_of(manifest.task).left_to_host(outputs, manifest.output.threshold)
        return probabilities(outputs, lacking), np.asarray(arrays["predicted"])
    said_by = {part.name: f"predicted_{part.name}" for part in manifest.outputs}
    arrays, start = load_npz(path, ("outputs", *said_by.values())), 0
    found: Dict[str, np.ndarray] = {}
    for part in manifest.outputs:
        width = int(np.prod(part.tensor.shape[1:], dtype=np.int64))
        own = arrays["outputs"][:, start : start + width].reshape(-1, *part.tensor.shape[1:])
        lacking = task_of(part.task).left_to_host(own, part.tensor.threshold)
        found[part.name] = probabilities(own, lacking)
        start += width
    return joined(found), joined({name: arrays[key] for name, key in said_by.items()})


def _bundle_folder(candidate: Candidate, target: str) -> Path:
    found = sorted(path.parent for path in candidate.folder.glob("bundle/[!.]*/manifest.json"))
    names = [folder.name for folder in found]
    if target and target not in names or not names:
        raise RunError(
            f"trial {candidate.number} of '{candidate.run.folder}' has no bundle"
            + (f" for '{target}'" if target else ""),
            f"Make it first with: {candidate.command('bundle')}",
        )
    if not target and len(names) > 1:
        raise SettingsError("there are several bundles", f"Name one: --target {names[0]}")
    return found[names.index(target) if target else 0]


KINDS: Dict[str, Callable[[Candidate, Unlabelled, DataRecipe, str], _Computed]] = {
    "float": _float,
    "int8": _int8,
    "bundle": _bundle,
}
"""What computes, by the kind of model."""


def _rows_of(recipe: DataRecipe, names: Sequence[str], found: _Computed) -> List[Prediction]:
    """Return a row a sample; of several outputs with what each says."""
    said_by, real = parts_of(found.predicted), parts_of(found.outputs)
    if not said_by:
        return prediction_rows(names, found.predicted, found.outputs, recipe.classes)
    classes = split_names(list(said_by), recipe.classes)
    of_each = {
        output: prediction_rows(names, said_by[output], real[output], classes[output])
        for output in said_by
    }
    labels = zip(*([f"{o}: {row.label}" for row in rows] for o, rows in of_each.items()))
    return [Prediction(name, "; ".join(told)) for name, told in zip(names, labels)]


def prediction_rows(
    names: Sequence[str], predicted: np.ndarray, outputs: np.ndarray, classes: Sequence[str]
) -> List[Prediction]:
    """Return a row a sample, whatever the task.

    Args:
        names: of the N samples.
        predicted: what the task decodes of the outputs (N, ...): a class, classes that are set, a
            number, a map.
        outputs: real (N, ...). A class has a probability where they are one for each class.
        classes: names, of quantities too; empty where the task has none.
    """
    of_classes = predicted.ndim == 1 and predicted.dtype.kind in "iu" and len(classes) > 0
    if not of_classes:
        return [Prediction(n, _words(p, classes)) for n, p in zip(names, predicted)]
    shares = _shares(outputs.reshape(len(outputs), -1), len(classes))
    rows = []
    for place, (name, number) in enumerate(zip(names, predicted)):
        label = classes[number] if 0 <= number < len(classes) else str(number)
        if shares is None or not 0 <= number < len(classes):
            rows.append(Prediction(name, label))
            continue
        others = np.delete(np.arange(len(classes)), number)
        second = int(others[np.argmax(shares[place][others])]) if len(others) else number
        sure, next_sure = float(shares[place][number]), float(shares[place][second])
        rows.append(Prediction(name, label, sure, classes[second], next_sure))
    return rows


def _shares(outputs: np.ndarray, classes: int) -> Optional[np.ndarray]:
    """Return probabilities (N, classes), if outputs are some."""
    if outputs.shape[1] == 1 and classes == 2:
        outputs = np.concatenate([1 - outputs, outputs], axis=1)
    is_share = outputs.shape[1] == classes and np.all((outputs >= -1e-3) & (outputs <= 1.001))
    return np.clip(outputs, 0.0, 1.0) if is_share else None


def _words(value: Any, classes: Sequence[str]) -> str:
    """Return what is predicted of one sample in words: a number, several by their names, the
    classes that are set, or of a map of classes the share of each.
    """
    array = np.asarray(value)
    if array.size == 1:
        return f"{float(array.reshape(-1)[0]):.6g}"
    if array.dtype.kind in "iub" and array.ndim == 1 and len(array) == len(classes):
        return ", ".join(name for name, is_set in zip(classes, array) if is_set) or "none"
    if array.dtype.kind in "iu" and len(classes):
        counts = np.bincount(np.clip(array, 0, None).reshape(-1), minlength=len(classes))
        order = [i for i in np.argsort(-counts) if counts[i] and i < len(classes)]
        return ", ".join(f"{classes[i]} {100 * counts[i] / array.size:.0f} %" for i in order[:4])
    if array.size <= 8:
        of = [f"{name} " for name in classes] if array.size == len(classes) else [""] * array.size
        return ", ".join(f"{name}{float(n):.6g}" for name, n in zip(of, array.reshape(-1)))
    low, high = float(array.min()), float(array.max())
    return f"{'×'.join(map(str, array.shape))}, {low:.4g} to {high:.4g}"
