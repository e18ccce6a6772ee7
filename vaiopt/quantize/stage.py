"""The quantize stage: checks, a backend, and the files it leaves."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from vaiopt.data import calibration_indices, load_splits
from vaiopt.environment import has_vitis_quantizer
from vaiopt.errors import DataError, QuantizeError, RunError, did_you_mean
from vaiopt.files import PathLike, atomic_folder, require, write_json
from vaiopt.int8.golden import golden
from vaiopt.int8.positions import write_positions
from vaiopt.quantize.accuracy import input_report, layer_noise, scores, warnings
from vaiopt.quantize.backend import Quantized
from vaiopt.quantize.checks import (
    Arrays,
    calibration_arrays,
    check_labels,
    check_scale,
    functional_model,
)
from vaiopt.quantize.result import QuantizeResult
from vaiopt.quantize.tfmot.backend import prepared_graph, quantize_tfmot
from vaiopt.quantize.tfmot.rules import rules_of
from vaiopt.runs.choice import refresh_links
from vaiopt.runs.layout import Candidate
from vaiopt.runs.lineage import file_sha256
from vaiopt.settings import METHODS, QUANTIZERS, Settings
from vaiopt.text import Progress, silent

NOISE_SAMPLES = 100
"""Calibration samples that the signal-to-noise report looks at."""


class Labelled(NamedTuple):
    """Samples with class numbers: preprocessed ``x`` (one array, or one per input), ``y`` (N,), and
    ``raw`` before preprocessing if known.
    """

    x: Arrays
    y: Optional[np.ndarray]
    raw: Optional[np.ndarray] = None


def choose_backend(backend: str) -> str:
    """Return ``tfmot`` or ``vitis``: what was asked for, or for ``auto`` the vendor's quantizer
    where it is installed.

    Raises:
        QuantizeError: there is no such backend.
    """
    if backend not in QUANTIZERS:
        raise QuantizeError(f"there is no backend '{backend}'", did_you_mean(backend, QUANTIZERS))
    if backend != "auto":
        return backend
    return "vitis" if has_vitis_quantizer() else "tfmot"


def quantize_model(
    model: Any,
    calib_x: Arrays,
    calib_y: Any = None,
    *,
    out: PathLike,
    backend: str = "auto",
    release: str = "3.0",
    method: str = "ptq",
    calib_batch_size: int = 50,
    qat_epochs: int = 3,
    training: Optional[Labelled] = None,
    validation: Optional[Labelled] = None,
    input_range: Optional[Tuple[float, float]] = None,
    seed: int = 0,
    source: Optional[PathLike] = None,
    progress: Optional[Progress] = None,
) -> QuantizeResult:
    """Quantize a float model and write ``quantized.h5``, ``fix_positions.json``, ``metrics.json``
    and ``golden.npz``.

    Args:
        model: a Keras 2 model, or the path of its ``.h5`` file.
        calib_x: calibration samples, preprocessed as in training, float32, samples first, in the
            order they are to be fed; one array, or a list with one per input of the model.
        calib_y: their class numbers (N,), if known.
        out: folder to write; replaced as a whole.
        backend: ``auto``, ``tfmot`` or ``vitis``.
        release: of Vitis AI, whose rules ``tfmot`` follows: 2.5, 3.0 or 3.5.
        method: ``ptq``; ``finetune`` (the vendor's fast finetuning, ``vitis`` only); or ``qat``.
        calib_batch_size: samples that one choice of positions is made from; positions depend on it.
        qat_epochs, seed: of quantization-aware training, and of its order.
        source: the file that ``model`` was loaded from, if it is not given as one.
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
    tell = progress or silent
    backend = choose_backend(backend)
    _check_choices(backend, method, release, calib_batch_size, Path(out))
    functional = functional_model(model)
    x = calibration_arrays(functional, calib_x)
    y = check_labels(calib_y, len(x[0]))
    check_scale(functional, x, y, input_range)
    trained_on = _training_data(functional, training, x, y) if method == "qat" else None
    started = time.perf_counter()
    quantized = _run_backend(
        backend,
        functional,
        x,
        release,
        method,
        calib_batch_size,
        trained_on,
        qat_epochs,
        seed,
        tell,
    )
    seconds = round(time.perf_counter() - started, 3)
    tell("measuring what was lost")
    report = _report(functional, quantized, x, y, validation, input_range, release)
    report["source_sha256"] = _source_sha256(model if source is None else source)
    result = QuantizeResult(
        Path(out),
        backend,
        method,
        calib_batch_size=int(calib_batch_size),
        seconds=seconds,
        **report,
    )
    samples = validation if validation is not None else Labelled(x, y)
    _write(result, quantized, golden(quantized.model, _arrays(functional, samples.x), samples.raw))
    return result


def _source_sha256(model: Any) -> str:
    return file_sha256(model) if isinstance(model, (str, Path)) else ""


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
    require(candidate.model, candidate.command("search --run"))
    choose_backend(settings.quantize.backend)
    functional = functional_model(candidate.model)
    splits = load_splits(candidate)
    train, validation = splits.train, splits.validation
    size = settings.quantize.calibration_size
    drawn = train.take(calibration_indices(train.y, size, settings.seed))
    result = quantize_model(
        functional,
        drawn.x,
        drawn.y,
        out=candidate.quantized_folder,
        backend=settings.quantize.backend,
        release=settings.hardware.release,
        method=settings.quantize.method,
        calib_batch_size=settings.quantize.calib_batch_size,
        qat_epochs=settings.quantize.qat_epochs,
        training=Labelled(train.x, train.y) if settings.quantize.method == "qat" else None,
        validation=Labelled(validation.x, validation.y, validation.raw),
        input_range=splits.preprocessing.input_range,
        seed=settings.seed,
        source=candidate.model,
        progress=progress,
    )
    refresh_links(candidate)
    return result


def _check_choices(backend: str, method: str, release: str, batch_size: int, out: Path) -> None:
    rules_of(release)
    if out.exists() and not out.is_dir():
        raise RunError(f"'{out}' is a file", "Give a folder for the result: --out DIR")
    if method not in METHODS:
        raise QuantizeError(f"there is no method '{method}'", did_you_mean(method, METHODS))
    if method == "finetune" and backend != "vitis":
        raise QuantizeError(
            f"fast finetuning is the vendor's; the backend '{backend}' has none",
            "Use --method qat.",
        )
    if isinstance(batch_size, bool) or int(batch_size) != batch_size or batch_size < 1:
        raise DataError(
            f"the calibration batch size is {batch_size}",
            "Give a whole number from 1: --calib-batch-size 50",
        )


def _arrays(model: Any, x: Arrays) -> List[np.ndarray]:
    """Return samples as one array per input of the model."""
    return [
        np.asarray(array, np.float32)
        for array in (x if isinstance(x, (list, tuple)) and len(model.inputs) > 1 else _only(x))
    ]


def _only(x: Any) -> List[np.ndarray]:
    return list(x) if isinstance(x, list) and len(x) == 1 else [x]


def _training_data(
    model: Any, training: Optional[Labelled], x: Sequence[np.ndarray], y: Optional[np.ndarray]
) -> Tuple[List[np.ndarray], np.ndarray]:
    """Return what quantization-aware training learns from."""
    arrays, labels = (
        (list(x), y)
        if training is None
        else (calibration_arrays(model, training.x, "training"), training.y)
    )
    labels = check_labels(labels, len(arrays[0]))
    if labels is None:
        raise DataError(
            "quantization-aware training needs class numbers, and there is no array 'y'",
            "Add y to the calibration file, or use --method ptq.",
        )
    if len(model.outputs) != 1 or len(model.output_shape) != 2:
        raise QuantizeError(
            f"model '{model.name}' is not a classifier of one output, which training needs",
            "Use --method ptq.",
        )
    return arrays, labels


def _run_backend(
    backend: str,
    model: Any,
    x: Sequence[np.ndarray],
    release: str,
    method: str,
    batch_size: int,
    training: Optional[Tuple[Sequence[np.ndarray], np.ndarray]],
    epochs: int,
    seed: int,
    tell: Progress,
) -> Quantized:
    common: Dict[str, Any] = {
        "batch_size": int(batch_size),
        "training": training,
        "epochs": epochs,
        "seed": seed,
        "progress": tell,
    }
    if backend == "vitis":
        from vaiopt.quantize.vitis import quantize_vitis

        return quantize_vitis(model, x, method=method, **common)
    return quantize_tfmot(model, x, release=release, **common)


def _report(
    model: Any,
    quantized: Quantized,
    x: Sequence[np.ndarray],
    y: Optional[np.ndarray],
    validation: Optional[Labelled],
    input_range: Optional[Tuple[float, float]],
    release: str,
) -> Dict[str, Any]:
    """Return the fields of the result that tell release, accuracies, noise per layer and
    warnings.
    """
    samples = validation if validation is not None else Labelled(x, y)
    name = "" if samples.y is None else ("validation" if validation is not None else "calibration")
    followed = quantized.release or release
    graph = prepared_graph(model, rules_of(followed))
    arrays = _arrays(model, samples.x) if name else []
    report = input_report(quantized.positions, x)
    lines = warnings(graph, report, x, input_range, quantized.float_layers)
    if followed != release:
        lines.append(f"the container's quantizer is of release {followed}, asked for was {release}")
    return {
        "release": followed,
        "calibration_size": len(x[0]),
        "float_scores": scores(model, arrays, np.asarray(samples.y)) if name else {},
        "int8_scores": scores(quantized.model, arrays, np.asarray(samples.y)) if name else {},
        "evaluated_on": name,
        "layers": layer_noise(graph, quantized.model, [array[:NOISE_SAMPLES] for array in x]),
        "input": report,
        "float_layers": [layer for layer, _ in quantized.float_layers],
        "warnings": lines,
    }


def _write(result: QuantizeResult, quantized: Quantized, arrays: Dict[str, np.ndarray]) -> None:
    """Write the four files, whole."""
    with atomic_folder(result.folder) as temporary:
        quantized.save(temporary / "quantized.h5")
        write_positions(temporary / "fix_positions.json", quantized.positions)
        write_json(temporary / "metrics.json", result.to_json())
        save_arrays: Any = np.savez_compressed  # NumPy's types take no dictionary of arrays
        save_arrays(str(temporary / "golden.npz"), **arrays)
