"""A made-up run folder in the formats that the stages write, real down to the journal and the .h5
file, made without TensorFlow.

Only what the numbers say is invented: the data are scikit-learn's digits, so that misclassified
samples have pictures.
"""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np

from vaiopt.data import load_dataset, load_splits, split_dataset
from vaiopt.data.data_sheet import DataSheet
from vaiopt.data.recipe import data_recipe
from vaiopt.environment import describe
from vaiopt.hardware import load_target
from vaiopt.hardware.inspection import Inspection, LayerReport
from vaiopt.int8.positions import FixPosition, write_positions
from vaiopt.record import write_record
from vaiopt.runs.choice import write_chosen
from vaiopt.runs.layout import Candidate, Run
from vaiopt.runs.lineage import file_sha256
from vaiopt.runs.records import (
    Agreement,
    CandidateMetrics,
    Chosen,
    ClassCount,
    CompiledOperation,
    CompileRecord,
    Expected,
    FileEntry,
    FrameRate,
    GoldenCheck,
    GoldenResult,
    InputUse,
    Latency,
    LayerNoise,
    Manifest,
    Measured,
    MeasuredModel,
    ObjectiveValue,
    OutputTensor,
    QuantizedMetrics,
    Samples,
    Tensor,
)
from vaiopt.settings import load_settings, save_run_settings
from vaiopt.study.initial_weights import Histogram, histogram, write_initial_weights
from vaiopt.study.record import TrialRecord
from vaiopt.study.space import Dimension, Space
from vaiopt.study.space_file import SpaceFile
from vaiopt.study.storage import STUDY_NAME, journal_storage, quiet_optuna
from vaiopt.study.trials import (
    RECORD,
    Measurement,
    distribution,
    note_measurement,
    record_attribute,
)
from vaiopt.tasks.classification import evaluate_outputs

STAGES = ("evaluate", "quantize", "compile", "bundle", "measure")

SPACE = Space(
    (
        Dimension("filters", "int", 16, low=8, high=64, step=8),
        Dimension("kernel_size", "choice", 3, values=(3, 5), ordered=True),
        Dimension("dense_layers", "int", 1, low=1, high=3, step=1),
        Dimension("units_1", "int", 64, low=8, high=512, log=True),
        Dimension(
            "units_2",
            "int",
            64,
            low=8,
            high=512,
            log=True,
            conditions=((("dense_layers", (2, 3)),),),
        ),
        Dimension("activation", "choice", "relu", values=("relu", "sigmoid")),
        Dimension("batch_norm", "choice", False, values=(False, True)),
        Dimension("learning_rate", "float", 2e-2, low=1e-4, high=1e-1, log=True),
    )
)


def make_records(
    count: int, seed: int = 0, epochs: int = 8, workers: int = 2, space: Space = SPACE
) -> List[TrialRecord]:
    """Return ``count`` made-up trials of every status, the default point first; about one in ten is
    not complete.
    """
    rng = np.random.RandomState(seed)
    start = datetime(2026, 1, 5, 9, 0, 0)
    free = [0.0] * workers
    records = []
    for number in range(count):
        point = (
            space.defaults()
            if number == 0
            else space.canonical({d.name: _draw(d, rng) for d in space})
        )
        values = {name: point[name] for name in space.active(point)}
        record = _record(number, values, rng, epochs)
        worker = int(np.argmin(free))
        began = start + timedelta(seconds=free[worker])
        free[worker] += record.seconds + 0.4
        ended = began + timedelta(seconds=record.seconds)
        place = {
            "started": began.isoformat() + "Z",
            "finished": ended.isoformat() + "Z",
            "worker": f"{4000 + worker}@host",
        }
        records.append(TrialRecord(**{**record.__dict__, **place}))
    return records


def _draw(dimension: Dimension, rng: np.random.RandomState) -> Any:
    grid = dimension.grid()
    if dimension.kind == "choice":
        return dimension.values[rng.randint(len(dimension.values))]
    if dimension.log:
        value = math.exp(rng.uniform(math.log(dimension.low), math.log(dimension.high)))
        return int(round(value)) if dimension.kind == "int" else value
    return (
        grid[rng.randint(len(grid))] if grid else float(rng.uniform(dimension.low, dimension.high))
    )


def _record(
    number: int, values: Dict[str, Any], rng: np.random.RandomState, epochs: int
) -> TrialRecord:
    filters, units = float(values.get("filters", 16)), float(values.get("units_1", 64))
    params = int(filters * 26 + filters * units * 16 + units * 10)
    costs = {
        "params": params,
        "macs": params * 12.0,
        "latency_ms": 0.12 + params / 4.0e5,
        "dpu_latency_ms": 0.1 + params / 5.0e5,
        "cpu_layers": 0.0,
    }
    if number and params > 450000:
        reason = "{:.4g} ms is above max_latency_ms = 1.25".format(costs["latency_ms"])
        return TrialRecord(
            number, "infeasible", reason, hyperparameters=values, costs=costs, seconds=0.05
        )
    rate = math.log10(float(values.get("learning_rate", 1e-3)))
    quality = (
        0.985
        - 0.02 * (rate + 2.9) ** 2
        - 0.25 / (filters + units)
        - (0.03 if values.get("activation") == "sigmoid" else 0.0)
    )
    quality = min(0.995, max(0.12, quality + rng.normal(0, 0.004)))
    curve = []
    for epoch in range(1, epochs + 1):
        level = quality * (1 - math.exp(-1.1 * epoch))
        loss = 2.3 * math.exp(-0.8 * epoch) + 3 * (1 - quality)
        curve.append(
            {
                "epoch": epoch,
                "loss": loss * 0.9,
                "accuracy": min(1.0, level + 0.01),
                "val_loss": loss,
                "val_accuracy": level,
                "val_f1": level - 0.004,
                "seconds": 0.4 + params / 1.0e6,
            }
        )
    metrics = {
        key: curve[-1][key] for key in ("val_accuracy", "val_f1", "val_loss", "accuracy", "loss")
    }
    seconds = sum(step["seconds"] for step in curve)
    shared = {
        "hyperparameters": values,
        "costs": costs,
        "seconds": seconds,
        "peak_memory_mb": 610.0 + params / 1.0e4,
    }
    if number and rng.rand() < 0.03:
        return TrialRecord(number, "failed", "the loss became NaN in epoch 1", **shared)
    if number and rng.rand() < 0.06:
        return TrialRecord(
            number, "pruned", "median pruner, epoch 3", metrics=metrics, curve=curve[:3], **shared
        )
    return TrialRecord(
        number, "complete", value=metrics["val_accuracy"], metrics=metrics, curve=curve, **shared
    )


def make_run(
    folder: Path,
    trials: int = 30,
    stages: Sequence[str] = STAGES,
    chosen: bool = True,
    source: str = "digits",
    target: str = "zcu102",
    measured_ms: Optional[float] = None,
    points: int = 1,
) -> Run:
    """Write a run folder with the outputs of the named stages and return it.

    Args:
        points: how many trials are chosen, the best ones.
        measured_ms: latency that a kit measured of the chosen trial during the search.
    """
    run = Run(folder)
    run.folder.mkdir(parents=True)
    overrides = [
        "data.source=" + source,
        "hardware.target=" + target,
        f"search.trials={trials}",
        "objective.max_latency_ms=1.25",
    ]
    save_run_settings(run, load_settings(None, overrides), describe())
    splits = {"train": 1257, "validation": 360, "test": 180}
    sheet = DataSheet(
        "digits", source, "classification", (8, 8, 1), "uint8", splits, compared=False
    )
    write_record(run.space, SpaceFile(SPACE, splits, {"params": 1000.0}, sheet=sheet))
    records = make_records(trials)
    best, *others = sorted(
        (r for r in records if r.value is not None), key=lambda r: r.value, reverse=True
    )[:points]
    write_journal(run, records, measured={} if measured_ms is None else {best.number: measured_ms})
    if chosen:
        write_chosen(run, Chosen((best.number,)))
        write_candidate(run.chosen, best, source, measured_ms)
        write_stages(run.chosen, stages)
    if others:
        write_chosen(run, Chosen((best.number, *(r.number for r in others)), "front"))
    for other in others:
        write_candidate(run.trial(other.number), other, source)
        write_stages(run.trial(other.number), stages)
    return run


def write_candidate(
    candidate: Candidate, trial: TrialRecord, source: str, measured_ms: Optional[float] = None
) -> None:
    """Write what the search leaves of a candidate."""
    write_h5(candidate.model)
    write_initial_weights(candidate.initial_weights, _initial_weights())
    dataset = load_dataset(source)
    splits = split_dataset(dataset, (7, 2, 1), seed=0)
    write_record(candidate.data, data_recipe(dataset, splits))
    metrics = CandidateMetrics(
        trial=trial.number,
        objective=ObjectiveValue("val_accuracy", "maximize", trial.value),
        hyperparameters=trial.hyperparameters,
        metrics=dict(trial.metrics),
        costs=trial.costs,
        measured_latency_ms=measured_ms,
        curve=tuple(trial.curve),
        seconds=trial.seconds,
    )
    write_record(candidate.metrics, metrics)


def write_stages(candidate: Candidate, stages: Sequence[str]) -> None:
    """Write what the named stages make of a candidate."""
    if "evaluate" in stages:
        write_evaluation(candidate, candidate.evaluation, "float", seed=1, wrong=0.03)
    if "quantize" in stages:
        write_quantized(candidate)
        if "evaluate" in stages:
            path = candidate.quantized_evaluation
            write_evaluation(candidate, path, "int8", seed=2, wrong=0.034)
    if "compile" in stages:
        write_record(candidate.compiled("zcu102") / "compile.json", COMPILED)
    if "bundle" in stages:
        write_record(candidate.bundle("zcu102") / "manifest.json", MANIFEST)
    if "measure" in stages:
        write_record(candidate.measured("zcu102"), MEASURED)


def write_journal(
    run: Run,
    records: Sequence[TrialRecord],
    space: Space = SPACE,
    measured: Optional[Dict[int, float]] = None,
) -> None:
    """Write the trials into the run's journal as Optuna keeps them, and what a kit measured."""
    optuna = quiet_optuna()
    states = {"complete": "COMPLETE", "pruned": "PRUNED", "running": "RUNNING"}
    study = optuna.create_study(
        study_name=STUDY_NAME, storage=journal_storage(run), direction="maximize"
    )
    known = {dimension.name: distribution(dimension) for dimension in space}
    for record in records:
        active = {name: value for name, value in record.hyperparameters.items() if name in known}
        study.add_trial(
            optuna.trial.create_trial(
                state=getattr(optuna.trial.TrialState, states.get(record.status, "FAIL")),
                params=active,
                distributions={name: known[name] for name in active},
                value=record.value,
                user_attrs={RECORD: dict(record_attribute(record))},
            )
        )
        if record.number in (measured or {}):
            found = Measurement((measured or {})[record.number], record.value)
            note_measurement(study, record.number, found)


def _initial_weights() -> Dict[str, Histogram]:
    rng = np.random.RandomState(5)
    shapes = {
        "conv/kernel:0": (3, 3, 1, 8),
        "dense/kernel:0": (288, 32),
        "logits/kernel:0": (32, 10),
    }
    return {name: histogram(rng.uniform(-0.1, 0.1, shape)) for name, shape in shapes.items()}


def write_evaluation(candidate: Candidate, path: Path, kind: str, seed: int, wrong: float) -> None:
    """Write an evaluation of made-up outputs, of which a share is wrong."""
    splits = load_splits(candidate)
    true, rng = splits.test.y, np.random.RandomState(seed)
    classes = len(splits.classes)
    predicted = np.where(rng.rand(len(true)) < wrong, rng.randint(0, classes, len(true)), true)
    sure = 0.5 + rng.rand(len(true), 1) / 2
    outputs = np.eye(classes)[predicted] * sure + (1 - sure) / classes
    found = evaluate_outputs(
        outputs / outputs.sum(axis=1, keepdims=True),
        true,
        splits.classes,
        kind=kind,
        trial=candidate.number,
    )
    write_record(path, found)


def write_quantized(candidate: Candidate) -> None:
    """Write a quantized model, rounded to the grid of its fix positions."""
    positions = {
        ("conv", "kernel"): 8,
        ("conv", "bias"): 9,
        ("dense", "kernel"): 8,
        ("dense", "bias"): 9,
        ("logits", "kernel"): 7,
    }
    rows = [FixPosition(*name, bits=8, position=position) for name, position in positions.items()]
    write_positions(candidate.fix_positions, rows)
    write_h5(candidate.quantized_model, positions=positions)
    write_record(
        candidate.quantized_metrics, replace(QUANTIZED, source_sha256=file_sha256(candidate.model))
    )


QUANTIZED = QuantizedMetrics(
    backend="tfmot",
    method="ptq",
    release="3.0",
    calibration_size=200,
    calib_batch_size=50,
    seconds=4.2,
    evaluated_on="validation",
    float_scores={"accuracy": 0.975, "macro_f1": 0.9748},
    int8_scores={"accuracy": 0.9722, "macro_f1": 0.9719},
    layers=(
        LayerNoise("input", "input", 44.2),
        LayerNoise("conv", "output", 38.4),
        LayerNoise("dense", "output", 33.1, "quantization-aware training (--method qat)"),
        LayerNoise("logits", "pre_activation", 35.0),
    ),
    input=InputUse("input", 7, 17),
    warnings=("the input uses 17 of 256 levels",),
)
INPUT = Tensor.at("input", (1, 8, 8, 1), 7)
OUTPUT = OutputTensor.at("logits", (1, 10), 3)
COMPILED = CompileRecord(
    target="zcu102",
    release="3.0",
    backend="vitis",
    file="model.xmodel",
    input=INPUT,
    output=OUTPUT,
    left_out=("the softmax",),
    operations=(CompiledOperation("conv2d-fix", "conv"),),
    golden=GoldenCheck(compared=False, reason="needs a board"),
    sha256="0" * 64,
    bytes=4321,
    seconds=1.5,
)
MANIFEST = Manifest(
    target="zcu102",
    release="3.0",
    backend="vitis",
    model=FileEntry("model.xmodel", "0" * 64, 4321),
    samples=Samples("samples.npz", 179),
    preprocessing={},
    classes=tuple("0123456789"),
    input=INPUT,
    output=OUTPUT,
    entry="run_model.py",
    files={"model.xmodel": "0" * 64, "run_model.py": "1" * 64},
    expected=Expected(0.9669, "int8 Keras model"),
)
MEASURED = Measured(
    model=MeasuredModel("0" * 64, "model.xmodel", "xmodel"),
    accuracy=170 / 179,
    samples=179,
    per_class=tuple(ClassCount(str(i), 17, 18 if i < 9 else 17) for i in range(10)),
    latency_ms=Latency(p50=0.41, mean=0.42, p95=0.47, p99=0.62),
    fps=FrameRate(4210.0, 2),
    golden=GoldenResult(compared=True, equal=640, elements=640, different=0, max_difference=0),
    agreement=Agreement(178, 179),
    machine={"name": "kit", "processor": "aarch64", "system": "Linux"},
    target="zcu102",
    host="local",
)


def layer(name: str, kind: str, device: str, latency_ms: float, fused: Any = ()) -> LayerReport:
    """Return what a made-up layer costs."""
    return LayerReport(
        name=name,
        type=kind,
        fused=fused,
        device=device,
        reason="",
        output_shape=(2, 2),
        params=5,
        macs=10 if kind == "Conv2D" else 0,
        bytes=0,
        cycles=0.0,
        latency_ms=latency_ms,
        share=0.1,
        utilization=None,
        bound="memory",
        output_function=False,
        subgraph=None,
    )


def inspection(layers: List[LayerReport], latency_ms: float = 0.7) -> Inspection:
    """Return what a made-up model of these layers costs on zcu102."""
    return Inspection(
        model="m",
        target=load_target("zcu102", "3.0"),
        threads=1,
        latency_ms=latency_ms,
        dpu_latency_ms=latency_ms,
        fps=1.0,
        fps_all_cores=1.0,
        params=5,
        macs=10,
        dpu_subgraphs=1,
        layers=tuple(layers),
        suggestions=(),
        warnings=(),
    )


def write_h5(
    path: Path, seed: int = 0, positions: Optional[Dict[Tuple[str, str], int]] = None
) -> None:
    """Write a small Keras 2 model file (convolution, flatten, two dense layers) as Keras lays it
    out, without Keras.

    With ``positions`` by layer and tensor, these weights are rounded to their int8 grid.
    """
    import h5py

    rng = np.random.RandomState(seed)
    glorot = {"class_name": "GlorotUniform", "config": {"seed": None}}
    he = {"class_name": "HeNormal", "config": {"seed": None}}
    shapes = {
        "conv": [(3, 3, 1, 8), (8,)],
        "dense": [(288, 32), (32,)],
        "logits": [(32, 10), (10,)],
    }
    layers: List[Dict[str, Any]] = [
        {
            "class_name": "InputLayer",
            "config": {"name": "input", "batch_input_shape": [None, 8, 8, 1], "dtype": "float32"},
        }
    ]
    window = {
        "filters": 8,
        "kernel_size": [3, 3],
        "strides": [1, 1],
        "padding": "valid",
        "dilation_rate": [1, 1],
        "groups": 1,
    }
    layers.append(
        {
            "class_name": "Conv2D",
            "config": {
                "name": "conv",
                **window,
                "activation": "relu",
                "use_bias": True,
                "kernel_initializer": he,
            },
        }
    )
    layers.append({"class_name": "Flatten", "config": {"name": "flatten"}})
    for name, units, activation in (("dense", 32, "relu"), ("logits", 10, "softmax")):
        config = {
            "name": name,
            "units": units,
            "activation": activation,
            "use_bias": True,
            "kernel_initializer": glorot,
        }
        layers.append({"class_name": "Dense", "config": config})
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(str(path), "w") as file:
        file.attrs["keras_version"] = "2.12.0"
        file.attrs["model_config"] = json.dumps(
            {"class_name": "Sequential", "config": {"name": "model", "layers": layers}}
        ).encode("utf-8")
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = [layer["config"]["name"].encode("utf-8") for layer in layers]
        for layer in layers:
            name = layer["config"]["name"]
            own = group.create_group(name)
            names = (
                [f"{name}/{tensor}:0" for tensor in ("kernel", "bias")] if name in shapes else []
            )
            own.attrs["weight_names"] = [full.encode("utf-8") for full in names]
            for full, shape in zip(names, shapes.get(name, [])):
                spread = 0.25 if len(shape) == 4 else 0.12
                values = rng.normal(0, spread, shape).astype(np.float32)
                position = (positions or {}).get((name, full.split("/")[1].split(":")[0]))
                if position is not None:
                    values = (
                        np.clip(np.rint(values * 2.0**position), -128, 127) * 2.0**-position
                    ).astype(np.float32)
                own.create_dataset(full, data=values)
