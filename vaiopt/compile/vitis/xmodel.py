"""What the compiler made: read back, and compared with what was quantized and predicted."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from vaiopt.compile.backend import CompileRequest
from vaiopt.environment import has_module
from vaiopt.errors import CompileError
from vaiopt.hardware.inspection import inspect_model
from vaiopt.int8.golden import read_golden
from vaiopt.int8.positions import read_positions
from vaiopt.json_text import parse_json
from vaiopt.record import Record, Unfit, part
from vaiopt.runs.records import Tensor

HARMLESS = frozenset(
    "fix2float float2fix data data-fix const const-fix softmax reshape reshape-fix flatten squeeze"
    " download upload".split()
)
"""Operators that keep the order of the classes; the same as in ``board/kit_dpu.py``."""

COUNTS = re.compile(r"Total device subgraph number (\d{1,9}), DPU subgraph number (\d{1,9})")
ARCHITECTURE = re.compile(r"Target architecture: (\S+)")

DUMP_SECONDS = 300

SIGMOID_THRESHOLD = 0.5
"""Real value above which the DPU's sigmoid says class 1."""


@dataclass(frozen=True)
class XmodelTensor(Record):
    """A tensor of a compiled model; ``position`` is None where it has no fix position."""

    name: str = part()
    shape: Tuple[int, ...] = part(low=0, high=2**31)
    dtype: str = part()
    position: Optional[int] = part(low=-128, high=128)


@dataclass(frozen=True)
class Operator(Record):
    """An operator of a compiled model."""

    name: str = part()
    type: str = part()


@dataclass(frozen=True)
class Subgraph(Record):
    """A part of a compiled model that one device runs: ``DPU``, ``CPU`` or ``USER``; the
    fingerprint in hexadecimal, empty where it has none.
    """

    name: str = part()
    device: str = part()
    fingerprint: str = part()
    dpu: str = part()
    operators: Tuple[Operator, ...] = part()
    inputs: Tuple[XmodelTensor, ...] = part()
    outputs: Tuple[XmodelTensor, ...] = part()

    def check(self) -> None:
        """Raise unless the fingerprint is one."""
        if self.fingerprint and not re.fullmatch("0x[0-9a-f]{1,16}", self.fingerprint):
            raise Unfit("fingerprint", f"is {self.fingerprint!r}")


@dataclass(frozen=True)
class Dump(Record):
    """What ``dump_xmodel.py`` prints: the parts, the tensors that have a fix position, and the
    libraries of operators that the kit needs.
    """

    subgraphs: Tuple[Subgraph, ...] = part()
    tensors: Tuple[XmodelTensor, ...] = part()
    libraries: Tuple[str, ...] = part()


@dataclass(frozen=True)
class XmodelContent:
    """What is known of a compiled model.

    Attributes:
        dpu_count: DPU subgraphs; None if the compiler did not say.
        dpu: name of the DPU's architecture, as the compiler said it.
        subgraphs: None where no ``xir`` could read them.
        tensors: those with a fix position.
        libraries: of operators that the kit needs.
    """

    dpu_count: Optional[int]
    dpu: str
    subgraphs: Optional[Sequence[Subgraph]] = None
    tensors: Sequence[XmodelTensor] = ()
    libraries: Sequence[str] = ()


@dataclass(frozen=True)
class Change:
    """A fix position that the compiler changed."""

    tensor: str
    quantized: int
    compiled: int


@dataclass(frozen=True)
class Positions:
    """How many fix positions were compared, and which differ."""

    compared: int
    different: List[Change]


@dataclass(frozen=True)
class ForeignOperator:
    """An operator that was left to the CPU."""

    subgraph: str
    operator: str
    type: str


@dataclass(frozen=True)
class Part:
    """A subgraph as it is recorded, with the types of its operators."""

    name: str
    device: str
    operators: List[str]


@dataclass(frozen=True)
class Prediction:
    """What ``inspect`` says of the float model."""

    dpu_subgraphs: int
    cpu_layers: List[str]


@dataclass(frozen=True)
class XmodelFacts:
    """What ``compile.json`` has of an ``.xmodel`` beside what all compilers tell.

    Attributes:
        fingerprint, dpu: of the DPU it was compiled for.
        subgraphs: None where no ``xir`` could read them.
        cpu_operators: left to the CPU, beside the harmless ones.
        libraries: of operators that the kit needs.
        positions: compared with the quantized model's; None where they could not be.
        prediction: None without a float model.
        runnable: whether the kit's scripts can run it.
        warnings: everything that a person must know before going to the kit.
    """

    fingerprint: str
    dpu: str
    subgraphs: Optional[List[Part]]
    cpu_operators: List[ForeignOperator]
    libraries: List[str]
    positions: Optional[Positions]
    prediction: Optional[Prediction]
    runnable: bool
    warnings: List[str]

    def to_json(self) -> Dict[str, Any]:
        """Return it as a JSON object."""
        content = asdict(self)
        if self.positions is None:
            del content["positions"]
        return {**content, "prediction": content["prediction"] or {}}


class Ends(NamedTuple):
    """The tensors that go into a model and come out of it; names only where they are compiled."""

    inputs: Tuple[Tensor, ...]
    outputs: Tuple[Tensor, ...]


def read_xmodel(path: Path, lines: List[str]) -> XmodelContent:
    """Return what is in a compiled model: with ``xir`` where it is installed, else only what the
    compiler said.

    Args:
        path: of the ``.xmodel``.
        lines: what the compiler said.

    Raises:
        CompileError: ``xir`` cannot read what the compiler wrote.
    """
    counts, architecture = (
        next(filter(None, map(pattern.search, lines)), None) for pattern in (COUNTS, ARCHITECTURE)
    )
    dpu = architecture.group(1) if architecture else ""
    if not has_module("xir"):
        return XmodelContent(int(counts.group(2)) if counts else None, dpu)
    dump = _dump(path)
    count = sum(child.device == "DPU" for child in dump.subgraphs)
    return XmodelContent(count, dpu, dump.subgraphs, dump.tensors, dump.libraries)


def _dump(path: Path) -> Dump:
    command = [sys.executable, str(Path(__file__).with_name("dump_xmodel.py")), str(path)]
    pipe = subprocess.PIPE
    done = subprocess.run(command, stdout=pipe, stderr=pipe, timeout=DUMP_SECONDS)
    if done.returncode == 0:
        return parse_dump(done.stdout, path.name)
    said = done.stderr.decode("utf-8", "replace").splitlines()
    said = [line for line in said if line.strip() and "stack trace" not in line]
    raise _unreadable(path.name, said[-1][:300] if said else "no message")


def parse_dump(text: bytes, name: str) -> Dump:
    """Return what ``dump_xmodel.py`` printed of the model of this name.

    Raises:
        CompileError: it is something else.
    """
    try:
        return Dump.from_json(parse_json(text))
    except ValueError as error:
        raise _unreadable(name, str(error)) from error


def _unreadable(name: str, reason: str) -> CompileError:
    return CompileError(f"xir cannot read '{name}': {reason}", "Compile again; is the disk full?")


def examine(
    content: XmodelContent, request: CompileRequest, fingerprint: str
) -> Tuple[Ends, XmodelFacts]:
    """Return input and outputs of a compiled model, and what else was found in it.

    Args:
        content: from :func:`read_xmodel`.
        request: that it was compiled for.
        fingerprint: of the DPU it is for; empty if unknown.

    Raises:
        CompileError: it has no DPU part or other fix positions than were quantized.
    """
    warnings: List[str] = []
    quantized, foreign = _quantized_ends(request), _foreign(content, warnings)
    parts = positions = None
    if content.subgraphs is None:
        if quantized is None:
            raise CompileError(
                "neither xir nor golden outputs tell the fix positions of the compiled model",
                "Quantize again, or compile where xir is installed.",
            )
        ends = quantized
        warnings.append(
            "xir is not installed here: fix positions and fingerprint are those that were asked"
            " for, not read back"
        )
        found, dpu = fingerprint, content.dpu
    else:
        first, ends = _read_back(content.subgraphs, quantized, bool(foreign))
        found, dpu = first.fingerprint, first.dpu
        positions = compare_positions(content.tensors, request, warnings)
        parts = [
            Part(child.name, child.device, sorted({op.type for op in child.operators}))
            for child in content.subgraphs
        ]
        _check_fingerprint(found, fingerprint, warnings)
    prediction = _prediction(request, content.dpu_count, warnings)
    if content.dpu_count not in (1, None):
        warnings.append(
            f"the model needs {content.dpu_count} DPU subgraphs, with CPU work between them, so it"
            " cannot be run on the kit as one, only as a whole graph where the board image has"
            " vitis_ai_library; 'vaiopt inspect' names the layers"
        )
    return (
        ends,
        XmodelFacts(
            fingerprint=found,
            dpu=dpu,
            subgraphs=parts,
            cpu_operators=foreign,
            libraries=list(content.libraries),
            positions=positions,
            prediction=prediction,
            runnable=content.dpu_count in (1, None) and not foreign,
            warnings=warnings,
        ),
    )


def _check_fingerprint(found: str, asked: str, warnings: List[str]) -> None:
    if asked and found and int(found, 16) != int(asked, 16):
        warnings.append(
            f"the model was compiled for fingerprint {found}, the target has {asked}: it will not"
            " run there"
        )


def _quantized_ends(request: CompileRequest) -> Optional[Ends]:
    """Return input and outputs as the quantizer had them, by the names of its layers; None without
    golden outputs.
    """
    if not request.golden.exists():
        return None
    golden = read_golden(request.golden, request.quantize_command)
    inputs, outputs = (
        tuple(
            Tensor.at(one.name if len(ends) > 1 else "", (1, *one.values.shape[1:]), one.position)
            for one in ends
        )
        for ends in (golden.all_inputs, golden.all_outputs)
    )
    return Ends(inputs, outputs)


def _foreign(content: XmodelContent, warnings: List[str]) -> List[ForeignOperator]:
    """Return the operators left to the CPU, and warn of them."""
    foreign = [
        ForeignOperator(child.name, op.name, op.type)
        for child in content.subgraphs or []
        if child.device == "CPU"
        for op in child.operators
        if op.type not in HARMLESS
    ]
    if foreign:
        named = ", ".join(f"'{op.operator}' ({op.type})" for op in foreign[:5])
        more = ", ..." if len(foreign) > 5 else ""
        warnings.append(f"{len(foreign)} operators were left to the CPU: {named}{more}")
    return foreign


def _read_back(
    subgraphs: Sequence[Subgraph], quantized: Optional[Ends], has_foreign: bool
) -> Tuple[Subgraph, Ends]:
    """Return the first part for the DPU, and input and output of the whole."""
    dpu = [child for child in subgraphs if child.device == "DPU"]
    if not dpu:
        raise CompileError(
            "no layer of the model was compiled for the DPU",
            "'vaiopt inspect RUN --target TARGET' says why; change the model.",
        )
    apart = has_foreign or len(dpu) > 1
    known = quantized or Ends((), ())
    given = [child.outputs for child in subgraphs if child.device == "USER"]
    inputs = _all_of([*(child.inputs for child in dpu), *given], "input", known.inputs, apart)
    outputs = _all_of([child.outputs for child in dpu[::-1]], "output", known.outputs, apart)
    return dpu[0], Ends(inputs, outputs)


def _all_of(
    tensors: Sequence[Sequence[XmodelTensor]], what: str, known: Sequence[Tensor], apart: bool
) -> Tuple[Tensor, ...]:
    """Return inputs or outputs in the order of those that were quantized; several are those that
    any part has of their layers.

    Args:
        tensors: of each part, those of the nearest to the end first.
        what: ``input`` or ``output``. known: as they were quantized, if that is known.
        apart: there is work for the CPU before or behind the DPU, so that the one end of a DPU part
            need not be that of the model.
    """
    if len(known) > 1:
        every = list({one.name: one for part in tensors for one in part}.values())
        return tuple(_of_layer(every, what, wanted) for wanted in known)
    return (_end(tensors[0], what, None if apart or not known else known[0]),)


def _of_layer(tensors: Sequence[XmodelTensor], what: str, wanted: Tensor) -> Tensor:
    """Return the end of a DPU part that belongs to the layer of a quantized one."""
    layer = wanted.name.partition("/")[0]
    own = [tensor for tensor in tensors if layer_of(tensor.name)[0] == layer]
    if len(own) != 1:
        names = ", ".join(tensor.name for tensor in tensors) or "none"
        raise CompileError(
            f"no {what} of the compiled model ({names}) is that of layer '{layer}'",
            "'vaiopt inspect RUN --target TARGET' says which layers are left to the CPU.",
        )
    return _end(own, what, wanted)


def _end(tensors: Sequence[XmodelTensor], what: str, expected: Optional[Tensor]) -> Tensor:
    """Return the only input or output of a DPU part, at the position that is expected if any is."""
    if len(tensors) != 1:
        names = ", ".join(tensor.name for tensor in tensors) or "none"
        raise CompileError(
            f"the compiled model has {len(tensors)} {what} tensors ({names}); one is needed",
            "Build a model with one input and one output.",
        )
    name, shape, position = tensors[0].name, tensors[0].shape, tensors[0].position
    if not shape or min(shape) < 1:
        raise CompileError(
            f"the {what} '{name}' of the compiled model has shape {list(shape)}",
            "Quantize and compile again.",
        )
    if position is None:
        raise CompileError(
            f"the {what} '{name}' of the compiled model has no fix position",
            "Quantize and compile again.",
        )
    if expected is not None and position != expected.position:
        raise CompileError(
            f"the {what} '{name}' was compiled at fix position {position}, but quantized at"
            f" {expected.position}",
            "Quantize and compile again with the same release.",
        )
    return Tensor.at(name, shape, position)


def threshold(content: XmodelContent, output: str = "") -> float:
    """Return the real value above which an output that stands alone, one label or one of two
    classes, says yes.

    Args:
        content: of the model.
        output: name of the tensor, of several outputs.
    """
    dpu = [child for child in content.subgraphs or [] if child.device == "DPU"]
    types = {op.type for child in dpu for op in child.operators if output in ("", op.name)}
    return SIGMOID_THRESHOLD if "hard-sigmoid-fix" in types else 0.0


_ENDINGS = {"_weights_fixneuron": "weights", "_bias_fixneuron": "bias", "_fix": "output"}
_WEIGHTS = {"kernel": "weights", "depthwise_kernel": "weights", "bias": "bias"}
"""Tensors of a layer as the quantizer and as the compiler name them; all others are its output."""


def compare_positions(
    tensors: Sequence[XmodelTensor], request: CompileRequest, warnings: List[str]
) -> Positions:
    """Return how many fix positions of the compiled model were found in ``fix_positions.json``, and
    which differ.

    The compiler names a tensor after its layer (``quant_conv1_fix``,
    ``quant_conv1_weights_fixneuron``); what it merged or moved has another name and cannot be
    compared.
    """
    known = {
        (entry.layer, _WEIGHTS.get(entry.tensor, "output")): entry.position
        for entry in read_positions(request.fix_positions, request.quantize_command)
    }
    found = [(tensor, known.get(layer_of(tensor.name))) for tensor in tensors]
    compared = [(tensor, expected) for tensor, expected in found if expected is not None]
    different = [
        Change(tensor.name, expected, int(tensor.position or 0))
        for tensor, expected in compared
        if expected != tensor.position
    ]
    if different:
        named = ", ".join(f"{d.tensor} ({d.quantized} became {d.compiled})" for d in different[:3])
        warnings.append(
            f"{len(different)} fix positions differ from the quantized model's: {named}"
        )
    return Positions(len(compared), different)


def layer_of(name: str) -> Tuple[str, str]:
    """Return the layer that a compiled tensor is named after, and which of its tensors it is."""
    name = name[len("quant_") :] if name.startswith("quant_") else name
    for ending, kind in _ENDINGS.items():
        if name.endswith(ending):
            return name[: -len(ending)], kind
    return name, "output"


def _prediction(
    request: CompileRequest, dpu_count: Optional[int], warnings: List[str]
) -> Optional[Prediction]:
    """Return what ``inspect`` says of the float model, and warn where the compiler differs."""
    if not request.float_model.exists():
        return None
    inspection = inspect_model(request.float_model, request.target)
    if dpu_count is not None and dpu_count != inspection.dpu_subgraphs:
        warnings.append(
            f"'vaiopt inspect' predicted {inspection.dpu_subgraphs} DPU subgraphs, the compiler"
            f" made {dpu_count}"
        )
    return Prediction(inspection.dpu_subgraphs, list(inspection.fallback_layers))
