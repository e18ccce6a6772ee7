"""Run folders made without a search: what stages read is written through the stages' own
records.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.quantized_models import MODELS, Maker
from vaiopt.data import Splits, data_recipe, load_dataset, split_dataset
from vaiopt.files import write_arrays, write_text
from vaiopt.int8.golden import golden
from vaiopt.int8.model import load_quantized
from vaiopt.int8.positions import write_positions
from vaiopt.record import write_record
from vaiopt.runs.choice import write_chosen
from vaiopt.runs.layout import Candidate, Run
from vaiopt.runs.records import (
    CandidateMetrics,
    Chosen,
    CompileRecord,
    FileEntry,
    FrameRate,
    GoldenResult,
    Latency,
    Manifest,
    Measured,
    MeasuredModel,
    ObjectiveValue,
    OutputTensor,
    QuantizedMetrics,
    Samples,
    Tensor,
)
from vaiopt.settings import Settings

RUN_TOML = "version = 1\n"
TENSOR = Tensor.at("image", (1, 8, 8, 1), 7)


def metrics_of(number: int, value: float = 0.9, **more: Any) -> CandidateMetrics:
    """``metrics.json`` of a trial; ``more`` are further fields."""
    fields = {
        "hyperparameters": {"units": 16},
        "metrics": {"val_accuracy": value},
        "costs": {"params": 100.0, "macs": 1000.0, "latency_ms": 0.5},
        **more,
    }
    return CandidateMetrics(number, ObjectiveValue("val_accuracy", "maximize", value), **fields)


def made_candidate(folder: Path, number: int = 0, settings: str = RUN_TOML) -> Candidate:
    """A trial of a run, which is the chosen one; it has no model yet."""
    run = Run(folder)
    write_text(run.settings, settings)
    candidate = run.trial(number)
    write_record(candidate.metrics, metrics_of(number))
    write_chosen(run, Chosen((number,)))
    return candidate


def write_data(candidate: Candidate, limit: int) -> Splits:
    """Give a candidate the digits for its data."""
    dataset = load_dataset("digits", limit=limit, seed=0)
    splits = split_dataset(dataset, (7, 2, 1), seed=0)
    write_record(candidate.data, data_recipe(dataset, splits))
    return splits


def quantized_candidate(folder: Path, limit: int = 300, model: str = "lab_cnn") -> Candidate:
    """A candidate with data, ``quantized.h5`` and golden outputs; the weights are random."""
    candidate = made_candidate(folder)
    splits = write_data(candidate, limit)
    maker = Maker(seed=3)
    candidate.quantized_folder.mkdir()
    maker.save(*MODELS[model](maker), candidate.quantized_model)
    write_positions(candidate.fix_positions, maker.positions)
    few = splits.train.take(slice(0, 16))
    model_again = load_quantized(candidate.quantized_model)
    write_arrays(candidate.golden, golden(model_again, [few.x], few.raw))
    return candidate


def on(target: str, host: str = "local", threads: int = 1, samples: int = 0) -> Settings:
    """Settings for a target and a kit."""
    settings = Settings()
    return replace(
        settings,
        hardware=replace(settings.hardware, target=target),
        deploy=replace(settings.deploy, host=host, threads=threads, samples=samples),
    )


def quantized_record(source_sha256: str = "") -> QuantizedMetrics:
    """``quantized/metrics.json``."""
    scores = {"accuracy": 0.9}
    how = "tfmot", "ptq", "3.0", 100, 50, 1.5, "validation"
    return QuantizedMetrics(*how, scores, {"accuracy": 0.88}, source_sha256=source_sha256)


def compile_record(target: str, sha256: str = "", source_sha256: str = "") -> CompileRecord:
    """``compile.json``."""
    made = {"sha256": sha256, "source_sha256": source_sha256}
    return CompileRecord(target, "3.0", "vitis", "model.xmodel", TENSOR, TENSOR, **made)


def manifest_record(target: str, sha256: str = "") -> Manifest:
    """``manifest.json`` of a bundle, whose files are not there."""
    return Manifest(
        target=target,
        release="3.0",
        backend="vitis",
        model=FileEntry("model.xmodel", sha256),
        samples=Samples("samples.npz", 40),
        preprocessing={},
        classes=("a", "b"),
        input=TENSOR,
        output=OutputTensor.at("logits", (1, 2), 4),
        entry="run_model.py",
        files={},
    )


def measured_record(
    target: str, sha256: str = "0" * 64, latency_ms: float = 1.0, **more: Any
) -> Measured:
    """``measured/<target>.json``; ``more`` are further fields."""
    fields = {
        "model": MeasuredModel(sha256, "model.xmodel"),
        "accuracy": 0.9,
        "samples": 40,
        "per_class": (),
        "latency_ms": Latency(latency_ms),
        "fps": FrameRate(100.0, 2),
        "golden": GoldenResult(),
        "host": "root@kit",
        "release": "3.0",
        **more,
    }
    return Measured(target=target, **fields)
