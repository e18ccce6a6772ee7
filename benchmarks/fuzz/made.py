"""Whole files to be damaged, made through the project's own records, without TensorFlow."""

from __future__ import annotations

import gzip
import json
import struct
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import numpy as np

from vaiopt.data import data_recipe, load_dataset, split_dataset
from vaiopt.files import write_arrays, write_text
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
    Golden,
    GoldenCheck,
    GoldenResult,
    InputUse,
    Int8Rank,
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
from vaiopt.settings import commented_toml
from vaiopt.study.initial_weights import histogram, write_initial_weights
from vaiopt.study.record import COMPLETE, FAILED, PRUNED, TrialRecord
from vaiopt.study.space import Dimension, Space
from vaiopt.study.space_file import SpaceFile
from vaiopt.study.storage import STUDY_NAME, journal_storage, quiet_optuna
from vaiopt.study.trials import RECORD, distributions, record_attribute
from vaiopt.tasks.classification import ClassEvaluation, ClassScores, Mistake

TARGET = "zcu102"
COMMAND = "vaiopt search"
"""For the hints of readers."""

POSITIONS = (7, 4)
"""Fix positions of input and output."""

UNITS = Dimension("units", "int", 16, low=8, high=64, step=8)
RATE = Dimension("rate", "float", 1e-3, low=1e-4, high=1e-1, log=True)
KIND = Dimension("kind", "choice", "relu", values=("relu", "relu6"))
DEEP = Dimension("deep", "int", 1, low=1, high=3, conditions=((("kind", ("relu6",)),),))
SPACE = Space((UNITS, RATE, KIND, DEEP))


UNSET = {
    "tasks": '{digit = "classification", ink = "regression"}',
    "features": '{x = "image:uint8:8x8x1", y = "label:int64"}',
    "hyperparameters": "{units = {int = [8, 64], step = 8}, dropout = 0.5}",
    "resources": "{gpu = 1.0}",
    "weights": "{latency_ms = 0.1}",
    "references": "{latency_ms = 1.0}",
}
"""What settings without a default may be; all others may be numbers."""


def settings_toml() -> str:
    """A file with every setting, those included that have no default."""
    lines = []
    for line in commented_toml().splitlines():
        if line.startswith("# ") and line.endswith(" ="):
            lines.append(f"{line[2:]} {UNSET.get(line[2:-2], '1.5')}")
        elif not line.startswith("#"):
            lines.append(line)
    return "\n".join(lines) + "\n"


def set_lines() -> str:
    """Texts for ``--set``, one a line."""
    section, lines = "", []
    for line in settings_toml().splitlines():
        key, _, value = line.partition(" = ")
        section = line[1:-1] + "." if line.startswith("[") else section
        lines += [f"{section}{key}={value}"] if value else []
    return "\n".join(lines) + "\n"


def run_toml() -> str:
    """``run.toml`` of a run for a DPU."""
    return f'version = 1\nseed = 1\n[hardware]\ntarget = "{TARGET}"\n[run]\ncores = 2\n'


def trials() -> List[TrialRecord]:
    """A complete, a pruned and a failed trial."""
    points: List[Dict[str, Any]] = [
        {"units": 16, "rate": 0.001, "kind": "relu"},
        {"units": 32, "rate": 0.01, "kind": "relu6", "deep": 2},
    ]
    curve = [
        {"epoch": float(n), "loss": 1 / n, "val_loss": 1 / n, "val_accuracy": 1 - 0.5 / n}
        for n in (1, 2, 3)
    ]
    costs = {"params": 100.0, "macs": 1000.0, "latency_ms": 0.5}
    metrics = {"val_accuracy": 0.8, "val_f1": 0.8, "val_loss": 0.4}
    dates = {"started": "2026-01-01T00:00:00Z", "finished": "2026-01-01T00:00:09Z"}
    same: Dict[str, Any] = {"costs": costs, "metrics": metrics, "curve": curve, **dates}
    return [
        TrialRecord(0, COMPLETE, "", 0.8, points[0], seconds=9.0, **same),
        TrialRecord(1, COMPLETE, "", 0.7, points[1], seconds=9.0, **same),
        TrialRecord(2, PRUNED, "slow", None, points[1], pruning={"reports": [[1, 0.5]]}, **same),
        TrialRecord(3, FAILED, "raised", None, points[0], traceback="Traceback", costs=costs),
    ]


def write_study(run: Run, space: Space) -> None:
    """Write the journal, as Optuna does."""
    optuna = quiet_optuna()
    study = optuna.create_study(
        study_name=STUDY_NAME, storage=journal_storage(run), direction="maximize"
    )
    states = {COMPLETE: "COMPLETE", PRUNED: "PRUNED", FAILED: "FAIL"}
    known = distributions(space)
    for record in trials():
        trial = optuna.trial.create_trial(
            state=getattr(optuna.trial.TrialState, states[record.status]),
            value=record.value,
            params=dict(record.hyperparameters),
            distributions={name: known[name] for name in record.hyperparameters},
            user_attrs={RECORD: dict(record_attribute(record))},
        )
        study.add_trial(trial)


def architecture() -> Dict[str, Any]:
    """The Keras 2 configuration of a small classifier of digits."""

    def layer(kind: str, name: str, *before: str, **config: Any) -> Dict[str, Any]:
        inbound = [[[other, 0, 0, {}] for other in before]] if before else []
        config = {"name": name, "dtype": "float32", "trainable": True, **config}
        return {"class_name": kind, "config": config, "name": name, "inbound_nodes": inbound}

    conv: Dict[str, Any] = {"strides": [1, 1], "padding": "same", "data_format": "channels_last"}
    conv.update(dilation_rate=[1, 1], groups=1, use_bias=True, kernel_size=[3, 3])
    init = {"class_name": "GlorotUniform", "config": {"seed": None}}
    pool = {"pool_size": [2, 2], "strides": [2, 2], "padding": "valid"}
    last = {"units": 10, "activation": "softmax", "use_bias": True}
    layers = [
        layer("InputLayer", "image", batch_input_shape=[None, 8, 8, 1], sparse=False),
        layer("Conv2D", "c1", "image", filters=4, activation="linear", **conv),
        layer("BatchNormalization", "n1", "c1", axis=[3], epsilon=0.001, momentum=0.99),
        layer("ReLU", "r1", "n1", max_value=6.0, negative_slope=0.0, threshold=0.0),
        layer("Conv2D", "c2", "r1", filters=4, activation="relu", kernel_initializer=init, **conv),
        layer("Add", "a1", "r1", "c2"),
        layer("MaxPooling2D", "p1", "a1", data_format="channels_last", **pool),
        layer("Flatten", "f1", "p1", data_format="channels_last"),
        layer("Dense", "d1", "f1", **last),
    ]
    ends = {"input_layers": [["image", 0, 0]], "output_layers": [["d1", 0, 0]]}
    return {
        "class_name": "Functional",
        "config": {"name": "small", "layers": layers, **ends},
        "keras_version": "2.10.0",
        "backend": "tensorflow",
    }


WEIGHTS: Dict[str, Dict[str, Tuple[int, ...]]] = {
    "c1": {"kernel": (3, 3, 1, 4), "bias": (4,)},
    "n1": {"gamma": (4,), "beta": (4,), "moving_mean": (4,), "moving_variance": (4,)},
    "c2": {"kernel": (3, 3, 4, 4), "bias": (4,)},
    "d1": {"kernel": (64, 10), "bias": (10,)},
}


def write_model(path: Path) -> None:
    """Write the classifier as Keras 2 writes an ``.h5`` file."""
    import h5py

    random = np.random.RandomState(0)
    with h5py.File(str(path), "w") as file:
        file.attrs["model_config"] = json.dumps(architecture()).encode()
        file.attrs["keras_version"] = b"2.10.0"
        file.attrs["backend"] = b"tensorflow"
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = [name.encode() for name in WEIGHTS]
        for name, tensors in WEIGHTS.items():
            own = group.create_group(name)
            full = [f"{name}/{tensor}:0" for tensor in tensors]
            own.attrs["weight_names"] = [text.encode() for text in full]
            for text, shape in zip(full, tensors.values()):
                own[text] = random.normal(0, 0.3, shape).astype(np.float32)


def golden_arrays() -> Dict[str, Any]:
    """The arrays of ``golden.npz``."""
    return {
        "inputs": np.zeros((2, 8, 8, 1), np.int8),
        "outputs": np.zeros((2, 10), np.int8),
        "input_position": np.array(POSITIONS[0], np.int32),
        "output_position": np.array(POSITIONS[1], np.int32),
    }


def make_run(folder: Path) -> Candidate:
    """Write a whole run: search, quantized, compiled, bundled and measured. Returns its chosen
    candidate.
    """
    run = Run(folder / "run")
    write_text(run.settings, run_toml())
    costs = {"params": 100.0, "macs": 1000.0, "latency_ms": 0.5}
    write_record(run.space, SpaceFile(SPACE, {"train": 200, "validation": 60, "test": 40}, costs))
    write_study(run, SPACE)
    candidate = run.trial(0)
    candidate.quantized_folder.mkdir(parents=True)
    write_model(candidate.model)
    _write_trial(candidate, costs)
    write_model(candidate.quantized_model)
    _write_quantized(candidate)
    _write_kit(candidate)
    ranks = (Int8Rank(0, 0.8, 0.79), Int8Rank(1, 0.7, 0.7))
    write_chosen(run, Chosen((0, 1), "int8", ranks))
    return candidate


def _write_trial(candidate: Candidate, costs: Dict[str, float]) -> None:
    record = trials()[0]
    objective = ObjectiveValue("val_accuracy", "maximize", 0.8)
    more: Dict[str, Any] = {"curve": record.curve, "seconds": 9.0, "versions": {"numpy": "1"}}
    points = record.hyperparameters
    metrics: Dict[str, Optional[float]] = dict(record.metrics)
    write_record(candidate.metrics, CandidateMetrics(0, objective, points, metrics, costs, **more))
    dataset = load_dataset("digits", limit=300, seed=0)
    splits = split_dataset(dataset, (7, 2, 1), seed=0)
    write_record(candidate.data, data_recipe(dataset, splits))
    for kind, path in (
        ("float", candidate.evaluation),
        ("int8", candidate.quantized_evaluation),
    ):
        write_record(path, evaluation(kind, len(splits.test)))
    tensors = {
        f"{layer}/{name}:0": histogram(np.random.RandomState(0).normal(0, 1, shape))
        for layer, own in WEIGHTS.items()
        for name, shape in own.items()
    }
    write_initial_weights(candidate.initial_weights, tensors)
    write_text(candidate.run.progress(4), '{"version": 1, "epoch": 1, "epochs": 9, "value": 0.5}')


def evaluation(kind: str, samples: int) -> ClassEvaluation:
    """``evaluation.json`` of a classifier of the digits."""
    confusion = tuple(tuple(3 * (i == j) for j in range(10)) for i in range(10))
    scores = tuple(ClassScores(str(n), 1.0, 0.5, 0.6, 3) for n in range(10))
    mistakes = tuple(Mistake(n, n, n + 1, 0.9) for n in range(4))
    return ClassEvaluation(kind, 0, samples, 0.9, 0.9, 0.3, scores, confusion, mistakes)


def _write_quantized(candidate: Candidate) -> None:
    how = ("tfmot", "ptq", "3.0", 100, 50, 1.5, "validation")
    noise = LayerNoise("c1", "output", 20.5, "wider"), LayerNoise("c2", "output", 30.5)
    own = file_sha256(candidate.model)
    record = QuantizedMetrics(
        *how,
        {"accuracy": 0.9},
        {"accuracy": 0.88},
        noise,
        InputUse("image", 7, 200),
        (),
        ("w",),
        own,
    )
    write_record(candidate.quantized_metrics, record)
    entries = [("image", "input", 7), ("c1", "kernel", 7), ("c1", "output", 4), ("d1", "output", 4)]
    positions = [FixPosition(layer, tensor, 8, position) for layer, tensor, position in entries]
    write_positions(candidate.fix_positions, positions)
    write_arrays(candidate.golden, golden_arrays())


def _write_kit(candidate: Candidate) -> None:
    digest, source = "0" * 64, file_sha256(candidate.quantized_model)
    ends = Tensor.at("image", (1, 8, 8, 1), 7), Tensor.at("logits", (1, 10), 4)
    compiled = CompileRecord(
        *(TARGET, "3.0", "vitis", "model.xmodel", *ends, None, ("a softmax",)),
        operations=(CompiledOperation("conv", "c1"),),
        golden=GoldenCheck(2, 20, 0, 0, 2),
        warnings=("a warning",),
        fingerprint="0x101000056010407",
        source_sha256=source,
        sha256=digest,
        versions={"numpy": "1"},
        more={"positions": {"compared": 3, "different": []}, "cpu_operators": []},
    )
    write_record(candidate.compiled(TARGET) / "compile.json", compiled)
    expected = Expected(0.88, "the int8 model")
    manifest = Manifest(
        *(TARGET, "3.0", "vitis", FileEntry("model.xmodel", digest), Samples("samples.npz", 40)),
        preprocessing={"offset": 8.0, "scale": 8.0, "shape": [8, 8, 1], "raw_dtype": "uint8"},
        classes=tuple(map(str, range(10))),
        input=ends[0],
        output=OutputTensor("logits", (1, 10), 2.0**-4, 4),
        entry="run_model.py",
        files={},
        golden=Golden("golden.npz"),
        expected=expected,
    )
    write_record(candidate.bundle(TARGET) / "manifest.json", manifest)
    write_record(candidate.measured(TARGET), measured(digest, expected))


def measured(digest: str, expected: Expected) -> Measured:
    """``measured/<target>.json``."""
    return Measured(
        MeasuredModel(digest, "model.xmodel", "xmodel"),
        40,
        Latency(1.0, 1.1, 1.2, 1.3, 0.9, 2.0),
        FrameRate(100.0, 2, 90.0),
        GoldenResult(True, 20, 20, 0, 0, True),
        0.9,
        tuple(ClassCount(str(n), 3, 4) for n in range(10)),
        agreement=Agreement(38, 40, 0.95),
        release="3.0",
        machine={"name": "kit", "cores": 4},
        started="2026-01-01T00:00:00Z",
        modules=("numpy",),
        warnings=("warm",),
        more={"runtime": {"runtime": "vart", "device": "DPU"}},
        target=TARGET,
        host="root@kit",
        measured="2026-01-01T00:00:00Z",
        expected=expected,
    )


def kit_result() -> Dict[str, Any]:
    """``result.json`` of a kit."""
    content = measured("0" * 64, Expected()).to_json()
    return {"version": 1, **{k: v for k, v in content.items() if k not in ("expected", "host")}}


def target_file() -> Dict[str, Any]:
    """What ``vaiopt calibrate`` writes: an ``arch.json`` with a fit."""
    constants = {"efficiency": 1.5, "bandwidth": 8.0, "overhead": 1000.0}
    return {
        "fingerprint": "0x101000056010407",
        "board": TARGET,
        "clock_mhz": 287.0,
        "cores": 3,
        "latency": {
            "release": "3.0",
            "single": {**constants, "constant_ms": 0.2},
            "dpu": constants,
            "busy": constants,
            "error": {"single": {"networks": 5, "mean_percent": 3.0, "max_percent": 7.0}},
            "source": "calibrated",
        },
    }


def idx_file() -> bytes:
    """Two images of 2 by 3 as MNIST's files have them."""
    head = bytes([0, 0, 8, 3]) + struct.pack(">III", 2, 2, 3)
    return gzip.compress(head + bytes(range(12)))


def xmodel_dump() -> Dict[str, Any]:
    """What ``dump_xmodel.py`` prints of a compiled model."""

    def tensor(name: str, shape: List[int], position: int) -> Dict[str, Any]:
        return {"name": name, "shape": shape, "dtype": "xint8", "position": position}

    ends = tensor("quant_image_fix", [1, 8, 8, 1], 7), tensor("quant_d1_fix", [1, 10], 4)
    none: Dict[str, Any] = {"fingerprint": "", "dpu": "", "inputs": [], "outputs": []}
    name = "subgraph_c1"
    ops = [{"name": "c1", "type": "conv2d-fix"}]
    dpu = {"fingerprint": "0x101000056010407", "dpu": "DPUCZDX8G_ISA1_B4096", "operators": ops}
    ends_of_dpu = {"inputs": [ends[0]], "outputs": [ends[1]]}
    user, cpu = [{"name": "image", "type": "data"}], [{"name": "soft", "type": "softmax"}]
    return {
        "graph": "small",
        "subgraphs": [
            {**none, "name": "root", "device": "USER", "operators": user},
            {**dpu, **ends_of_dpu, "name": name, "device": "DPU"},
            {**none, "name": "end", "device": "CPU", "operators": cpu},
        ],
        "tensors": [tensor("quant_c1_weights_fixneuron", [4, 3, 3, 1], 7), *ends],
        "libraries": ["libvart_op_imp_fix.so"],
    }
