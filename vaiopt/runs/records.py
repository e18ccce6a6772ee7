"""The files of a run: one record each, which the stage that owns the file writes and all others
read.

The search space (``space.json``), the trials (Optuna's study), the data's recipe (``data.json``)
and evaluations have their records where they are at home: in ``study``, ``data`` and ``tasks``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Iterable, Mapping, Optional, Sequence, Tuple

from vaiopt.record import Record, Unfit, part
from vaiopt.runs.kit_results import Agreement as Agreement
from vaiopt.runs.kit_results import ClassCount as ClassCount
from vaiopt.runs.kit_results import Doubt as Doubt
from vaiopt.runs.kit_results import Expected as Expected
from vaiopt.runs.kit_results import FrameRate as FrameRate
from vaiopt.runs.kit_results import GoldenResult as GoldenResult
from vaiopt.runs.kit_results import KitResult as KitResult
from vaiopt.runs.kit_results import Latency as Latency
from vaiopt.runs.kit_results import Measured as Measured
from vaiopt.runs.kit_results import MeasuredModel as MeasuredModel
from vaiopt.runs.kit_results import Value as Value

HIGHEST_TRIAL = 10**9
"""Numbers of trials are at most this: they become names of folders."""


@dataclass(frozen=True)
class Int8Rank(Record):
    """One row of a ranking after quantization.

    Attributes:
        trial: the candidate's number.
        objective: its float objective.
        int8_val_accuracy: what decided: the int8 model's score on validation data.
    """

    trial: int = part(low=0)
    objective: Optional[float] = part()
    int8_val_accuracy: float = part()


@dataclass(frozen=True)
class Chosen(Record):
    """``chosen.json``: which candidates are chosen.

    Attributes:
        trials: their numbers, best first.
        why: ``objective``, ``int8`` (ranked after quantization), ``person``, or ``front``: points
            of it, spread over it.
        int8_ranking: the table that decided, if the candidates were ranked after quantization.
        reason: what decided among the trials, in one line; empty where ``why`` says it all.
    """

    trials: Tuple[int, ...] = part(low=0, high=HIGHEST_TRIAL)
    why: str = part("objective")
    int8_ranking: Tuple[Int8Rank, ...] = part(())
    reason: str = part("")

    def check(self) -> None:
        """Raise unless there is one."""
        if not self.trials:
            raise Unfit("trials", "is empty")


@dataclass(frozen=True)
class ObjectiveValue(Record):
    """A trial's objective: the metric that it is made of, its direction and its value."""

    metric: str = part()
    direction: str = part(choices=("maximize", "minimize"))
    value: Optional[float] = part(None)


@dataclass(frozen=True)
class CandidateMetrics(Record):
    """``metrics.json`` of a candidate: what its trial gave.

    Attributes:
        trial: its number.
        objective: metric, direction and value.
        hyperparameters: the active ones.
        metrics: on validation data; None where one is not a number.
        costs: as predicted before training.
        measured_latency_ms: of one sample, if a kit measured it during the search.
        curve: one table of figures per epoch.
        epoch: whose weights are kept; None where several trainings make a trial.
        seconds, peak_memory_mb: of the trial.
        family, target: model family and target of the search.
        versions: of the packages it was made with.
    """

    trial: int = part(low=0)
    objective: ObjectiveValue = part()
    hyperparameters: Dict[str, Value] = part()
    metrics: Dict[str, Optional[float]] = part()
    costs: Dict[str, float] = part(low=0)
    measured_latency_ms: Optional[float] = part(None, low=0)
    curve: Sequence[Mapping[str, Optional[float]]] = part([])
    epoch: Optional[float] = part(None, low=0)
    seconds: float = part(0.0, low=0)
    peak_memory_mb: float = part(0.0, low=0)
    family: str = part("")
    target: str = part("")
    versions: Dict[str, str] = part({})


@dataclass(frozen=True)
class LayerNoise(Record):
    """What int8 costs one activation.

    Attributes:
        layer, tensor: where.
        snr_db: signal-to-noise ratio in dB of the int8 against the float values.
        suggestion: what would help, for the worst.
    """

    layer: str = part()
    tensor: str = part()
    snr_db: float = part()
    suggestion: str = part("")


@dataclass(frozen=True)
class InputUse(Record):
    """How the int8 range of the first input is used: its fix position and how many of the 256
    levels.
    """

    layer: str = part()
    position: int = part(low=-128, high=128)
    levels_used: int = part(low=0, high=256)


@dataclass(frozen=True)
class QuantizedMetrics(Record):
    """``quantized/metrics.json``: how a model was quantized, and what it lost.

    Attributes:
        backend, method, release: how; see :mod:`vaiopt.quantize`.
        calibration_size, calib_batch_size: samples that positions were chosen on, and at once.
        seconds: that it took.
        evaluated_on: ``validation``, ``calibration`` or empty.
        samples: of it that were scored; 0 where that is not known.
        float_scores, int8_scores: by name, the one that counts first, on these samples; empty
            without labels.
        layers: of every activation.
        input: of the first input; None if unknown.
        float_layers: layers that stay in float on the CPU.
        warnings: what a person should know.
        source_sha256: of the float model's file, empty if it came from none.
        changes: what was changed first, exactly: layer and what became of it.
    """

    backend: str = part()
    method: str = part()
    release: str = part()
    calibration_size: int = part(low=0)
    calib_batch_size: int = part(low=1)
    seconds: float = part(low=0)
    evaluated_on: str = part("")
    float_scores: Dict[str, float] = part({}, key="float")
    int8_scores: Dict[str, float] = part({}, key="int8")
    layers: Tuple[LayerNoise, ...] = part(())
    input: Optional[InputUse] = part(None)
    float_layers: Tuple[str, ...] = part(())
    warnings: Tuple[str, ...] = part(())
    source_sha256: str = part("")
    samples: int = part(0, low=0)
    changes: Tuple[str, ...] = part(())

    def check(self) -> None:
        """Raise unless both models were scored alike."""
        if set(self.float_scores) != set(self.int8_scores):
            raise Unfit("int8", "has other scores than float")

    @property
    def headline(self) -> str:
        """The score that is compared, such as ``accuracy``; empty without labels."""
        return next(iter(self.float_scores), "")

    def worst_layers(self) -> Tuple[LayerNoise, ...]:
        """Return the activations that have a suggestion, worst first."""
        worst = (noise for noise in self.layers if noise.suggestion)
        return tuple(sorted(worst, key=lambda noise: noise.snr_db))


@dataclass(frozen=True)
class Tensor(Record):
    """Input or output of a compiled model: int8, ``real = scale * (q - zero_point)``.

    Attributes:
        name: in the compiled model.
        shape: with the batch first.
        scale, position, zero_point: ``scale`` is ``2^-position``.
        dtype: ``int8``.
    """

    name: str = part()
    shape: Tuple[int, ...] = part(low=1)
    scale: float = part(low=0)
    position: int = part(low=-128, high=128)
    dtype: str = part("int8")
    zero_point: int = part(0)

    @classmethod
    def at(cls, name: str, shape: Iterable[int], position: int) -> Tensor:
        """Return a tensor at a fix position."""
        return cls(name, tuple(shape), 2.0**-position, position)


@dataclass(frozen=True)
class OutputTensor(Tensor):
    """The output as the manifest has it.

    Attributes:
        threshold: of an output that stands alone, one label or one of two classes, the real value
            above which it says yes.
    """

    threshold: Optional[float] = part(None)


@dataclass(frozen=True)
class CompiledOperation(Record):
    """One operation of a compiled model, and the layer that it came from."""

    kind: str = part()
    layer: str = part()


@dataclass(frozen=True)
class GoldenCheck(Record):
    """How a compiled model's outputs compare with the int8 Keras model's on the golden inputs.

    Attributes:
        compared: whether they were; if not, ``reason`` says why.
        samples, elements: compared. different: elements that differ. max_difference: in int8 steps.
        same_top1: samples with the same class.
    """

    samples: int = part(0, low=0)
    elements: int = part(0, low=0)
    different: int = part(0, low=0)
    max_difference: int = part(0, low=0)
    same_top1: int = part(0, low=0)
    compared: bool = part(True)
    reason: str = part("")


@dataclass(frozen=True)
class CompileRecord(Record):
    """``compile.json``: a model compiled for a target.

    Attributes:
        target, release, backend: what for and by what.
        file: name of the compiled model in the folder.
        input, output: its tensors.
        threshold: see :class:`OutputTensor`.
        left_out: what the kit need not compute, one sentence each.
        operations: of a ``.tflite``.
        golden: comparison on the golden inputs, where it can run here.
        warnings: what a person must know before going to the kit.
        fingerprint: of the DPU it was compiled for; empty for a CPU.
        source_sha256, sha256, bytes: of the quantized and of the compiled model's file.
        seconds: that it took.
        versions: of the packages.
        more: what one backend alone records.
        outputs, inputs: all of them, where there are several, in the order of the float model's.
    """

    target: str = part()
    release: str = part()
    backend: str = part()
    file: str = part()
    input: Tensor = part()
    output: Tensor = part()
    threshold: Optional[float] = part(None)
    left_out: Tuple[str, ...] = part(())
    operations: Tuple[CompiledOperation, ...] = part(())
    golden: Optional[GoldenCheck] = part(None)
    warnings: Tuple[str, ...] = part(())
    fingerprint: str = part("")
    source_sha256: str = part("")
    sha256: str = part("")
    bytes: int = part(0, low=0)
    seconds: float = part(0.0, low=0)
    versions: Dict[str, str] = part({})
    outputs: Tuple[OutputTensor, ...] = part(())
    inputs: Tuple[Tensor, ...] = part(())
    more: Dict[str, Any] = part(rest=True)

    def to_json(self) -> Dict[str, Any]:
        """Return a JSON object, without ``inputs`` and ``outputs`` where there is one."""
        return {k: v for k, v in super().to_json().items() if k not in ("inputs", "outputs") or v}

    def check(self) -> None:
        """Raise unless the file's name is a plain one, which cannot lead out of the folder."""
        _plain_name("file", self.file)


@dataclass(frozen=True)
class FileEntry(Record):
    """A file of a bundle, and what belongs to it."""

    file: str = part()
    sha256: str = part("")
    bytes: int = part(0, low=0)


@dataclass(frozen=True)
class Samples(Record):
    """The file of test samples in a bundle, and how many it holds."""

    file: str = part()
    count: int = part(low=1)


@dataclass(frozen=True)
class Golden(Record):
    """The file of golden inputs and outputs in a bundle."""

    file: str = part()


OWN_METRICS = "own_metrics.py"
"""The file of a person's own metrics in a bundle."""


@dataclass(frozen=True)
class OutputPart(Record):
    """One of several outputs as the manifest has it.

    Attributes:
        name: of the output. task: what it learned. classes: names, without that of the output.
        tensor: of the compiled model.
        targets: as of the whole.
    """

    name: str = part()
    task: str = part()
    classes: Tuple[str, ...] = part()
    tensor: OutputTensor = part()
    targets: Optional[Dict[str, Tuple[float, ...]]] = part(None)


@dataclass(frozen=True)
class Manifest(Record):
    """``manifest.json`` of a bundle: what is in it and what the kit needs to know.

    Attributes:
        target, release, backend, fingerprint, left_out: as in :class:`CompileRecord`.
        model, samples, golden: files of the bundle.
        preprocessing: as in ``data.json``.
        classes: names.
        input, output: tensors of the compiled model.
        expected: of the int8 Keras model on the samples.
        entry: the script that is run.
        files: SHA-256 of every file.
        task: what was learned, which decides how outputs are read.
        targets: offset and scale of what the outputs are of the labels; None for the labels
            themselves.
        clock_mhz, cores: of the target's DPU, which the kit's must be; None: nothing is meant.
        resize: how image files are brought to the size of a sample, as ``data.resize``.
        outputs: each of several, in the order of the compiled model's; then ``output``, ``classes``
            and ``targets`` say nothing more.
        inputs: tensors of each of several, in the order in which they lie in a row of samples.
        own_metrics: name of a person's own function in :data:`OWN_METRICS`; empty without one.
    """

    target: str = part()
    release: str = part()
    backend: str = part()
    model: FileEntry = part()
    samples: Samples = part()
    preprocessing: Dict[str, Any] = part()
    classes: Tuple[str, ...] = part()
    input: Tensor = part()
    output: OutputTensor = part()
    entry: str = part()
    files: Dict[str, str] = part()
    fingerprint: str = part("")
    golden: Optional[Golden] = part(None)
    left_out: Tuple[str, ...] = part(())
    expected: Expected = part(Expected())
    task: str = part("classification")
    targets: Optional[Dict[str, Tuple[float, ...]]] = part(None)
    clock_mhz: Optional[float] = part(None, low=0)
    cores: Optional[int] = part(None, low=1)
    resize: str = part("stretch")
    outputs: Tuple[OutputPart, ...] = part(())
    own_metrics: str = part("")
    inputs: Tuple[Tensor, ...] = part(())

    def to_json(self) -> Dict[str, Any]:
        """Return a JSON object, without inputs and outputs of one and without no metrics."""
        optional = ("inputs", "outputs", "own_metrics")
        return {k: v for k, v in super().to_json().items() if k not in optional or v}

    def check(self) -> None:
        """Raise unless the names of files are plain ones, which cannot lead out of the bundle."""
        named = {"entry": self.entry, "model.file": self.model.file}
        named.update({f"files.{name}": name for name in self.files})
        for where, name in [*named.items(), ("samples.file", self.samples.file)]:
            _plain_name(where, name)


def _plain_name(where: str, name: str) -> None:
    if not name or name in (".", "..") or "/" in name or "\\" in name or "\0" in name:
        raise Unfit(where, f"is {name!r}, which is no name of a file")
