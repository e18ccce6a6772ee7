"""The quantize stage: checks, a quantizer, and the files it leaves."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from vaiopt import releases
from vaiopt.data import calibration_indices, check_data, load_splits
from vaiopt.errors import DataError, MissingToolError, QuantizeError, did_you_mean
from vaiopt.files import PathLike, atomic_folder, check_replaceable, write_arrays
from vaiopt.hardware import host_softmaxes
from vaiopt.int8.feed import fed, in_shape
from vaiopt.int8.golden import golden
from vaiopt.int8.positions import write_positions
from vaiopt.network.file import output_names
from vaiopt.quantize import accuracy, checks
from vaiopt.quantize.backend import (
    METHODS,
    Arrays,
    Labelled,
    Method,
    Quantized,
    Quantizer,
    QuantizeRequest,
)
from vaiopt.quantize.labels import Found, judge_of
from vaiopt.quantize.noise import layer_noise
from vaiopt.quantize.quantizers import choose_backend, choose_quantizer
from vaiopt.quantize.result import QuantizeResult
from vaiopt.quantize.tfmot.backend import prepared_graph
from vaiopt.quantize.tfmot.rules import rules_of
from vaiopt.quantize.told import changes_told, on_the_cpu
from vaiopt.record import write_record
from vaiopt.runs.choice import refresh_links
from vaiopt.runs.layout import Candidate
from vaiopt.runs.lineage import file_sha256
from vaiopt.runs.records import QuantizedMetrics
from vaiopt.runs.work import alone
from vaiopt.settings import Settings
from vaiopt.settings.together import beyond, unused
from vaiopt.study.own_metrics import OwnMetrics, metrics_at_hand
from vaiopt.tasks import AUTO, Targets, is_several
from vaiopt.tasks.several import several_of
from vaiopt.tasks.targets import PLAIN
from vaiopt.text import Progress, silent

JUDGED_MB = 500
"""Megabytes of the preprocessed validation samples that models are judged on, of data that are not
in memory."""

FILES = ("quantized.h5", "fix_positions.json", "metrics.json", "golden.npz", "evaluation.json")
"""What a folder of an int8 model holds; the last is of ``vaiopt evaluate``."""

NOISE_SAMPLES = 100
"""Calibration samples that the signal-to-noise report looks at."""


def quantize_model(
    model: Any,
    calib_x: Arrays,
    calib_y: Any = None,
    *,
    out: PathLike,
    backend: str = "auto",
    release: str = releases.DEFAULT,
    method: str = "ptq",
    calib_batch_size: int = 50,
    qat_epochs: int = 3,
    training: Optional[Labelled] = None,
    validation: Optional[Labelled] = None,
    input_range: Optional[Tuple[float, float]] = None,
    seed: int = 0,
    source: Optional[PathLike] = None,
    task: str = AUTO,
    targets: Targets = PLAIN,
    target: str = "",
    own: Optional[OwnMetrics] = None,
    progress: Optional[Progress] = None,
) -> QuantizeResult:
    """Quantize a float model and write a folder with the int8 model and what is known of it.

    Args:
        model: a Keras 2 model, or the path of its ``.h5`` file.
        calib_x: calibration samples, preprocessed as in training, float32, samples first, in the
            order they are fed; one array, or a list with one per input.
        calib_y, out: their labels (N, ...), if known; the folder to write, replaced as a whole.
        backend: ``auto``, ``tfmot`` or ``vitis``.
        release: of Vitis AI, whose rules ``tfmot`` follows: 1.4, 2.0, 2.5, 3.0 or 3.5.
        method: ``ptq``; ``finetune`` (fast finetuning, without labels); or ``qat``.
        calib_batch_size: samples that one choice of positions is made from; positions depend on it.
        qat_epochs, seed: of quantization-aware training, and of the order of either training.
        source: the file that ``model`` was loaded from, if it is not given as one.
        task, targets: what the model does, and what its outputs are of the labels; see
            :func:`vaiopt.quantize.labels.judge_of`.
        target: whose layers on the CPU are told of; a DPU, else the zcu102 stands for it.
        own: metrics of a person's own, which score both models, too.
        training, validation: labelled samples for it and for the accuracies; the calibration
            samples if not given.
        input_range: lowest and highest value of preprocessed data, if known.
        progress: is told one line at a time what happens.

    Raises:
        ModelError, QuantizeError: the model cannot be quantized; a layer is named.
        DataError: an array is empty, of the wrong shape or scale, or has no labels where they are
            needed.
        MissingToolError: the backend is not installed here.
    """
    quantizer, folder = choose_quantizer(backend), Path(out)
    how = _check_choices(quantizer, method, release, calib_batch_size, folder)
    functional = checks.functional_model(model)
    names, task = _in_order(source or model, task)
    x, found = _calibration(functional, calib_x, calib_y, task, targets, input_range, names)
    learned = _training_data(functional, training, x, found) if how.trains else None
    known, plan = found.task(task), (learned, qat_epochs, seed, progress or silent)
    request = QuantizeRequest(functional, x, release, method, int(calib_batch_size), *plan, known)
    judged = _judged_on(functional, x, found, validation, known, targets, names).with_own(own)
    return _quantize(quantizer, request, folder, judged, input_range, source or model, target)


class _Judged(NamedTuple):
    """Samples that models are judged on, of which split they are, and what judges them."""

    split: str
    samples: Labelled
    found: Found

    def with_own(self, own: Optional[OwnMetrics]) -> "_Judged":
        """Return the same with a person's own metrics, where there are labels."""
        judge = self.found.judge
        if judge is None or own is None:
            return self
        return self._replace(found=self.found._replace(judge=replace(judge, own=own)))


def _calibration(
    model: Any,
    calib_x: Arrays,
    calib_y: Any,
    task: str,
    targets: Targets,
    input_range: Optional[Tuple[float, float]],
    names: Sequence[str],
) -> Tuple[List[np.ndarray], Found]:
    """Return checked calibration samples, and what judges a model on them."""
    x = checks.calibration_arrays(model, calib_x)
    found = judge_of(model, calib_y, len(x[0]), task, targets, names=names)
    checks.check_scale(model, x, found.judge, input_range)
    return x, found


def _in_order(model: Any, task: str) -> Tuple[Tuple[str, ...], str]:
    """Return the names of a float model's outputs, and the task with its outputs in their order: a
    quantizable form of the model may have other names, but has that order.
    """
    names = _output_names(model)
    return names, several_of(task).ordered(names).name if is_several(task) else task


def _output_names(model: Any) -> Tuple[str, ...]:
    """Return the names of a model's outputs, or of one in a file."""
    if isinstance(model, (str, Path)):
        return output_names(model)
    return tuple(getattr(model, "output_names", None) or ())


def _judged_on(
    model: Any,
    x: Sequence[np.ndarray],
    found: Found,
    validation: Optional[Labelled],
    task: str,
    targets: Targets,
    names: Sequence[str],
) -> _Judged:
    """Return the samples that models are judged on: the validation split's, or else those of the
    calibration.
    """
    if validation is None:
        return _Judged("calibration", Labelled(x, None), found)
    count = len(_arrays(model, validation.x)[0])
    judge = judge_of(model, validation.y, count, task, targets, names=names)
    return _Judged("validation", validation, judge)


def _sha256(source: Any) -> str:
    return file_sha256(source) if isinstance(source, (str, Path)) else ""


def _quantize(
    quantizer: Quantizer,
    request: QuantizeRequest,
    folder: Path,
    judged: _Judged,
    input_range: Optional[Tuple[float, float]],
    source: Any,
    target: str,
) -> QuantizeResult:
    """Run a quantizer, judge what it made, and write the four files."""
    model, x, (split, samples, (judge, why)) = request.model, request.x, judged
    changes, started = changes_told(model, request.progress), time.perf_counter()
    quantized = quantizer.quantize(request)
    seconds = round(time.perf_counter() - started, 3)
    request.progress("measuring what was lost")
    followed = quantized.release or request.release
    arrays = _arrays(model, samples.x)
    graph = prepared_graph(model, rules_of(followed))
    hosts = host_softmaxes(model)
    float_layers = [row for row in quantized.float_layers if row.layer not in hosts]
    use = accuracy.input_use(quantized.positions, x)
    warnings = accuracy.warnings(graph, use, x, input_range, float_layers)
    warnings += [why] * bool(why)
    named = {row.layer for row in float_layers}
    warnings += on_the_cpu(model, target, request.release, named)
    if followed != request.release:
        warnings.append(
            f"the container's quantizer is of release {followed}, asked for was {request.release}"
        )
    record = QuantizedMetrics(
        quantizer.name,
        request.method,
        followed,
        calibration_size=len(x[0]),
        calib_batch_size=request.batch_size,
        seconds=seconds,
        float_scores=accuracy.scores(model, arrays, judge),
        int8_scores=accuracy.scores(quantized.model, arrays, judge),
        evaluated_on="" if judge is None else split,
        samples=0 if judge is None else len(judge.y),
        layers=tuple(layer_noise(graph, quantized.model, [part[:NOISE_SAMPLES] for part in x])),
        input=use,
        float_layers=tuple(row.layer for row in float_layers),
        warnings=tuple(warnings),
        source_sha256=_sha256(source),
        changes=changes,
    )
    _write(folder, record, quantized, golden(quantized.model, arrays, samples.raw))
    return QuantizeResult(folder, record)


@alone
def quantize_candidate(
    candidate: Candidate, settings: Settings, *, progress: Progress = silent
) -> QuantizeResult:
    """Quantize a candidate into its ``quantized/``.

    Calibration data are drawn from the training split, every class equally often, by
    ``settings.seed``; accuracies are on the validation split.

    Args:
        candidate: with a model and ``data.json``.
        settings: ``.quantize``, ``.hardware.release`` and ``.seed`` are read.
        progress: told one line at a time.

    Raises:
        RunError: its model or its data's recipe is missing.
        VaioptError: as :func:`quantize_model` and :func:`vaiopt.data.load_splits` do.
    """
    candidate.kept_model()
    check_data(candidate)  # before TensorFlow is loaded for the model
    choose_backend(settings.quantize.backend)
    functional = checks.functional_model(candidate.model)
    splits = load_splits(candidate)
    train, validation = splits.train, splits.validation.within(JUDGED_MB)
    if len(validation) < len(splits.validation):
        progress(f"note: scores are of the first {len(validation):,} validation samples")
    for line in (*unused(settings, "quantize"), *beyond(settings, splits.sizes(), "quantize")):
        progress(f"note: {line}")
    size = settings.quantize.calibration_size
    drawn = train.take(calibration_indices(splits.task.strata(train.y), size, settings.seed))
    result = quantize_model(
        functional,
        fed(functional, drawn.x),
        drawn.y,
        out=candidate.quantized_folder,
        backend=settings.quantize.backend,
        release=settings.hardware.release,
        method=settings.quantize.method,
        calib_batch_size=settings.quantize.calib_batch_size,
        qat_epochs=settings.quantize.qat_epochs,
        training=Labelled(fed(functional, train.x), train.y)
        if settings.quantize.method == "qat"
        else None,
        validation=Labelled(fed(functional, validation.x), validation.y, validation.values),
        input_range=splits.preprocessing.input_range,
        seed=settings.seed,
        target=settings.hardware.target,
        own=metrics_at_hand(settings.objective.metrics, progress),
        source=candidate.model,
        task=splits.dataset.task,
        targets=splits.targets,
        progress=progress,
    )
    refresh_links(candidate)
    return result


def check_quantize(settings: Settings) -> None:
    """Check that a model can be quantized here as the settings ask, before there is one.

    Raises:
        QuantizeError: there is no such backend or method, or not that method of that backend.
        MissingToolError: the backend is not installed here.
    """
    quantizer = choose_quantizer(settings.quantize.backend)
    _check_method(quantizer, settings.quantize.method)
    found = quantizer.available()
    if not found.ready:
        raise MissingToolError(
            f"the backend '{quantizer.name}' needs {quantizer.package}, which is not installed"
            " here",
            f"{found.hint}; or choose another: --set quantize.backend=auto",
        )


def _check_choices(
    quantizer: Quantizer, method: str, release: str, batch_size: int, out: Path
) -> Method:
    """Return the method, after all that can be refused without looking at model and data."""
    rules_of(release)
    check_replaceable(out, FILES, "--out")
    row = _check_method(quantizer, method)
    if isinstance(batch_size, bool) or int(batch_size) != batch_size or batch_size < 1:
        raise DataError(
            f"the calibration batch size is {batch_size}",
            "Give a whole number from 1: --calib-batch-size 50",
        )
    return row


def _check_method(quantizer: Quantizer, method: str) -> Method:
    """Return a method, if it is one of the quantizer's. Raises QuantizeError."""
    rows = {row.name: row for row in METHODS}
    if method not in rows:
        raise QuantizeError(f"there is no method '{method}'", did_you_mean(method, rows))
    if method not in quantizer.methods:
        raise QuantizeError(
            f"the backend '{quantizer.name}' has no {rows[method].doc}",
            f"Use --method {quantizer.methods[-1]}.",
        )
    return rows[method]


def _arrays(model: Any, x: Arrays) -> List[np.ndarray]:
    """Return samples as one float32 array per input of the model, as it takes them."""
    several = isinstance(x, (list, tuple)) and (len(model.inputs) > 1 or len(x) == 1)
    arrays = [np.asarray(array, np.float32) for array in (x if several else [x])]
    shapes = [tuple(tensor.shape)[1:] for tensor in model.inputs]
    return [in_shape(array, shape) for array, shape in zip(arrays, shapes)]


def _training_data(
    model: Any,
    training: Optional[Labelled],
    x: Sequence[np.ndarray],
    found: Found,
) -> Tuple[Sequence[np.ndarray], np.ndarray]:
    """Return what quantization-aware training learns from: samples, and labels in the form that the
    loss of the task wants.
    """
    judge = found.judge
    if judge is None:
        raise DataError(
            f"quantization-aware training needs labels that it understands; {found.why}"
            if found.why
            else "quantization-aware training needs labels, and there is no array 'y'",
            "Add y to the calibration file, or use --method ptq.",
        )
    y = judge.y
    if training is not None:
        x = checks.calibration_arrays(model, training.x, "training")
        y = judge.task.calibration_labels(training.y, len(x[0]), "training")
    return x, judge.targets.encode(y)


def _write(
    folder: Path, record: QuantizedMetrics, quantized: Quantized, arrays: Dict[str, np.ndarray]
) -> None:
    """Write the four files, whole."""
    with atomic_folder(folder) as temporary:
        quantized.save(temporary / "quantized.h5")
        write_positions(temporary / "fix_positions.json", quantized.positions)
        write_record(temporary / "metrics.json", record)
        write_arrays(temporary / "golden.npz", arrays)
