"""A made-up run folder in the formats that the stages write, real down to the journal and the .h5
file, made without TensorFlow.

Only what the numbers say is invented: the data are scikit-learn's digits, so that misclassified
samples have pictures.
"""

from __future__ import annotations

import json
import math
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np

from vaiopt.data import data_spec, load_dataset, split_dataset
from vaiopt.files import write_json
from vaiopt.int8.positions import write_positions
from vaiopt.runs.layout import Run
from vaiopt.settings import load_settings, save_run_settings
from vaiopt.study.initial_weights import Histogram, histogram, write_initial_weights
from vaiopt.study.record import TrialRecord
from vaiopt.study.space import Dimension, Space
from vaiopt.study.storage import STUDY_NAME, journal_storage, quiet_optuna
from vaiopt.study.trials import distribution, record_attribute
from vaiopt.tasks.classification import summary

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
) -> Run:
    """Write a run folder with the outputs of the named stages and return it."""
    run = Run(folder)
    run.folder.mkdir(parents=True)
    overrides = [
        "data.source=" + source,
        "hardware.target=" + target,
        f"search.trials={trials}",
        "objective.max_latency_ms=1.25",
    ]
    environment = {
        "versions": {"vaiopt": "0.1.0", "python": "3.11.7", "tensorflow": "2.21.0"},
        "commit": "0123abc",
        "system": "Linux x86_64",
    }
    save_run_settings(run, load_settings(None, overrides), environment)
    write_json(run.space, {"space": SPACE.to_json(), "splits": {}, "costs": {}})
    records = make_records(trials)
    write_journal(run, records)
    if chosen:
        _write_float(run, records, source)
    if "evaluate" in stages:
        _write_evaluation(run, run.float_evaluation, "float", seed=1, wrong=0.03)
    if "quantize" in stages:
        _write_quantized(run)
        if "evaluate" in stages:
            _write_evaluation(run, run.quantized_evaluation, "int8", seed=2, wrong=0.034)
    if "compile" in stages:
        content = {
            "target": "cpu",
            "backend": "tflite",
            "file": "model.tflite",
            "sha256": "0" * 64,
            "seconds": 1.5,
        }
        write_json(run.compiled("cpu") / "compile.json", content)
    if "bundle" in stages:
        write_json(
            run.bundle("cpu") / "manifest.json",
            {"target": "cpu", "release": "3.0", "samples": {"file": "samples.npz", "count": 181}},
        )
    if "measure" in stages:
        write_json(run.measured("zcu102"), _measured())
    return run


def write_journal(run: Run, records: Sequence[TrialRecord], space: Space = SPACE) -> None:
    """Write the trials into the run's journal as Optuna keeps them."""
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
                user_attrs={"vaiopt": dict(record_attribute(record))},
            )
        )


def _write_float(run: Run, records: Sequence[TrialRecord], source: str) -> None:
    best = max((r for r in records if r.value is not None), key=lambda r: r.value)
    first = records[0]
    write_h5(run.float_model)
    write_initial_weights(run.initial_weights, _initial_weights())
    dataset = load_dataset(source)
    write_json(run.data_spec, data_spec(dataset, split_dataset(dataset, (7, 2, 1), seed=0)))
    write_json(
        run.float_metrics,
        {
            "trial": best.number,
            "objective": {"metric": "val_accuracy", "direction": "maximize", "value": best.value},
            "hyperparameters": best.hyperparameters,
            "metrics": best.metrics,
            "costs": best.costs,
            "curve": best.curve,
            "default_trial": {
                "number": 0,
                "value": first.value,
                "metrics": first.metrics,
                "costs": first.costs,
            },
        },
    )


def _initial_weights() -> Dict[str, Histogram]:
    rng = np.random.RandomState(5)
    shapes = {
        "conv/kernel:0": (3, 3, 1, 8),
        "dense/kernel:0": (288, 32),
        "logits/kernel:0": (32, 10),
    }
    return {name: histogram(rng.uniform(-0.1, 0.1, shape)) for name, shape in shapes.items()}


def _write_evaluation(run: Run, path: Path, kind: str, seed: int, wrong: float) -> None:
    from vaiopt.data import load_run_splits

    splits = load_run_splits(run)
    true, rng = splits.test.y, np.random.RandomState(seed)
    predicted = np.where(
        rng.rand(len(true)) < wrong, rng.randint(0, len(splits.classes), len(true)), true
    )
    mistakes = [
        {
            "index": int(i),
            "true": int(true[i]),
            "predicted": int(predicted[i]),
            "confidence": float(0.5 + rng.rand() / 2),
        }
        for i in np.flatnonzero(true != predicted)
    ]
    content = {
        "split": "test",
        "kind": kind,
        "trial": 0,
        "samples": len(true),
        "loss": 0.1,
        "misclassified": mistakes,
    }
    write_json(path, {**content, **summary(true, predicted, splits.classes)})


def _write_quantized(run: Run) -> None:
    positions = [
        {"layer": layer, "tensor": tensor, "bits": 8, "position": position}
        for layer, tensor, position in (
            ("conv", "kernel", 8),
            ("conv", "bias", 9),
            ("dense", "kernel", 8),
            ("dense", "bias", 9),
            ("logits", "kernel", 7),
        )
    ]
    write_positions(run.fix_positions, positions)
    write_h5(
        run.quantized_model, positions={(p["layer"], p["tensor"]): p["position"] for p in positions}
    )
    write_json(
        run.quantized_metrics,
        {
            "backend": "tfmot",
            "method": "ptq",
            "release": "3.0",
            "calibration_size": 200,
            "calib_batch_size": 50,
            "seconds": 4.2,
            "float": {"accuracy": 0.975, "macro_f1": 0.9748},
            "int8": {"accuracy": 0.9722, "macro_f1": 0.9719},
            "layers": [
                {"layer": "input", "tensor": "input", "snr_db": 44.2, "suggestion": ""},
                {"layer": "conv", "tensor": "output", "snr_db": 38.4, "suggestion": ""},
                {
                    "layer": "dense",
                    "tensor": "output",
                    "snr_db": 33.1,
                    "suggestion": "quantization-aware training (--method qat)",
                },
                {"layer": "logits", "tensor": "pre_activation", "snr_db": 35.0, "suggestion": ""},
            ],
            "input": {"position": 7, "levels_used": 17},
            "warnings": ["the input uses 17 of 256 levels"],
        },
    )


def _measured() -> Dict[str, Any]:
    return {
        "accuracy": 0.9669,
        "samples": 181,
        "per_class": [{"class": str(i), "count": 18, "correct": 17 + i % 2} for i in range(10)],
        "latency_ms": {"p50": 0.41, "p95": 0.47, "p99": 0.62, "mean": 0.42},
        "fps": {"threads": 2, "value": 4210.0},
        "golden": {"compared": True, "equal": 640, "different": 0, "max_difference": 0},
        "host": "local",
    }


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
