"""Executing an ``.xmodel`` on the DPU with ``xir`` and ``vart``.

Most mistakes make these libraries abort the process or compute silently wrong, so everything is
checked here first: the devices of the subgraphs, the fingerprint, names, shapes and types of
tensors. Facts they leave to their user:

- an attribute must be asked for with ``has_attr`` before ``get_attr``, which aborts when it is
  missing;
- a runner keeps neither graph nor subgraph alive, so the graph is kept here as long as a runner is;
- the batch is the first dimension of the *runner's* tensors and belongs to the device, not to the
  model;
- arrays are taken by their bytes: strides are ignored, other types are converted without saturation
  or abort the process.
"""

from __future__ import annotations

import importlib
import os
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np

from kit_board import check_fingerprint, release_of
from kit_errors import KitError
from kit_inputs import pour, row_for
from kit_places import look_there_too
from kit_targets import as_row

HARMLESS = frozenset(
    [
        "fix2float",
        "float2fix",
        "data",
        "data-fix",
        "const",
        "const-fix",
        "softmax",
        "reshape",
        "reshape-fix",
        "flatten",
        "squeeze",
        "download",
        "upload",
    ]
)
"""Operators before or after the DPU that do not change which class is largest, so that the DPU's
own output decides.
"""

COMPILE_AGAIN = "Compile the model again: vaiopt compile RUN --target TARGET"
CHANGE_MODEL = (
    "Use only layers that the DPU runs ('vaiopt inspect' names the others), then quantize and"
    " compile again."
)
WHOLE = "Or use a board image with vitis_ai_library, whose GraphRunner runs all parts."
IMAGE = "Run this on a board with its Vitis-AI image, where python3 has xir and vart."


def load_modules() -> Tuple[Any, Any]:
    """Return ``xir`` and ``vart``.

    Raises:
        KitError: one is missing, or ``xir`` is the unrelated package of that name.
    """
    try:
        vart, xir = _import("vart"), _import("xir")
    except ImportError as error:
        raise KitError(f"the runtime of the DPU cannot be imported ({error})", IMAGE) from error
    if not hasattr(getattr(xir, "Graph", None), "deserialize") or not hasattr(
        getattr(vart, "Runner", None), "create_runner"
    ):
        raise KitError(
            f"'{getattr(xir, '__file__', 'xir')}' is not the xir of Vitis-AI",
            "Uninstall it (pip uninstall xir). " + IMAGE,
        )
    return xir, vart


def _import(name: str) -> Any:
    """Import a module, if need be from where images have it and their Python does not look."""
    try:
        return importlib.import_module(name)
    except ImportError:
        if not look_there_too():
            raise
        importlib.invalidate_caches()
        return importlib.import_module(name)


class SeveralParts(KitError):
    """A compiled model of which the DPU's one subgraph would be only a part."""


class DpuModel:
    """A checked ``.xmodel`` with exactly one DPU subgraph and nothing beside it that changes its
    result.

    Attributes:
        batch: frames that the device takes at a time.
        input_shape, output_shape: without batch.
        input_position, output_position: ``fix_point`` of the tensors. Several inputs or outputs
            are one row of values, with a position each.

    Args:
        path: of the file. wanted: names of the outputs that count; one alone may be empty.
        given: names of the inputs, in the order of a row; () of one.
    """

    kind = "xmodel"
    dpu_only = True
    """An execution is the DPU's own time and one call of the runtime."""

    def __init__(self, path: str, wanted: Sequence[str] = ("",), given: Sequence[str] = ()) -> None:
        xir, self._vart = load_modules()
        check_looks_like_xmodel(path)
        self._first: Optional[DpuRunner] = None
        self._graph = xir.Graph.deserialize(os.path.abspath(path))
        self._subgraph = find_dpu_subgraph(self._graph, path)
        self._fingerprint = attribute(self._subgraph, "dpu_fingerprint", (int,), path)
        self._board = check_fingerprint(self._fingerprint, path)
        self._path, self._wanted, self._given = path, tuple(wanted), tuple(given)
        self._first = self._make()
        found = self._first.tensors
        self.batch = found.batch
        self.input_shape, self.output_shape = found.input_shape, found.output_shape
        self.input_position, self.output_position = found.positions
        self.input_name, self.output_name = found.names

    def _make(self) -> "DpuRunner":
        runner = self._vart.Runner.create_runner(self._subgraph, "run")
        tensors = RunnerTensors(runner, self._wanted, self._path, self._given)
        return DpuRunner(runner, (self._graph, self._subgraph), tensors)

    def make_runner(self) -> "DpuRunner":
        """Return a runner for one thread. Its batch may be another than that of the first, since
        the cores of a device need not be alike; all else must be the same.

        Raises:
            KitError: it is not.
        """
        runner, self._first = self._first, None
        if runner is not None:
            return runner
        runner = self._make()
        if runner.tensors.alike != (
            *(self.input_shape, self.output_shape),
            *((self.input_position, self.output_position), (self.input_name, self.output_name)),
        ):
            raise KitError(
                f"'{self._path}': the DPU's cores take this model in different ways",
                "Measure with one core: --threads 1.",
            )
        return runner

    def describe(self) -> Dict[str, Any]:
        """Return what ran: fingerprints, the DPU's name, tensors, tool versions."""
        graph_libraries = (
            self._graph.get_attr("libs_info") if self._graph.has_attr("libs_info") else {}
        )
        version = str(self._board.get("versions", {}).get("libvart-runner.so", "unknown"))
        return {
            "runtime": "vart",
            "runtime_version": version,
            "release": release_of(version),
            "device": attribute(self._subgraph, "dpu_name", (str,), "", "unknown"),
            "fingerprint": hex(self._fingerprint),
            "board": self._board,
            "batch": self.batch,
            "input_name": self.input_name,
            "output_name": self.output_name,
            "compiled_with": (
                sorted(str(name) for name in graph_libraries)
                if isinstance(graph_libraries, dict)
                else []
            ),
        }


def _names(things: Any) -> str:
    return ", ".join(sorted(str(thing.name) for thing in things)) or "none"


def attribute(
    owner: Any, name: str, kinds: Tuple[type, ...], path: str, default: Any = None
) -> Any:
    """Return an attribute of a subgraph or tensor, asking first whether it is there."""
    if owner.has_attr(name):
        value = owner.get_attr(name)
        if isinstance(value, kinds) and not isinstance(value, bool):
            return value
    if default is not None:
        return default
    raise KitError(f"'{path}': '{_name(owner)}' has no usable attribute '{name}'", COMPILE_AGAIN)


def _name(owner: Any) -> str:
    get_name = getattr(owner, "get_name", None)
    return str(get_name() if get_name is not None else owner.name)


def check_looks_like_xmodel(path: str) -> None:
    """Raise unless the file is a whole sequence of protobuf fields, as an ``.xmodel`` is.

    ``xir`` aborts on a truncated or foreign file, and takes an empty one for a graph without
    operators.
    """
    try:
        size = os.path.getsize(path)
        with open(path, "rb") as file:
            fields = 0
            while file.tell() < size:
                key = _varint(file)
                kind, number = key & 7, key >> 3
                if kind not in (0, 1, 2, 5) or not 0 < number < 1 << 12:
                    raise ValueError(f"field {number} of wire type {kind}")
                step = {1: 8, 5: 4}.get(kind, 0)
                if kind == 0:
                    _varint(file)
                elif kind == 2:
                    step = _varint(file)
                if file.tell() + step > size:
                    raise ValueError(f"the file ends {file.tell() + step - size} bytes early")
                file.seek(step, os.SEEK_CUR)
                fields += 1
            if fields < 2:
                raise ValueError("it holds no graph")
    except (OSError, ValueError) as error:
        raise KitError(
            f"'{path}' is not a compiled model ({error})",
            "Copy the .xmodel again, or compile it again.",
        ) from error


def _varint(file: Any) -> int:
    value = 0
    for shift in range(0, 70, 7):
        byte = file.read(1)
        if not byte:
            raise ValueError("the file ends within a number")
        value |= (byte[0] & 127) << shift
        if byte[0] < 128:
            return value
    raise ValueError("a number of more than 10 bytes")


def find_dpu_subgraph(graph: Any, path: str) -> Any:
    """Return the one DPU subgraph of a compiled model.

    Raises:
        KitError: the model is not compiled, or has no DPU subgraph.
        SeveralParts: it has several DPU subgraphs, or operators outside the DPU that change the
            result; named.
    """
    parts = parts_of(graph, path)
    dpu = [child for child, device in parts if device == "DPU"]
    others = [_foreign_operators(child) for child, device in parts if device == "CPU"]
    foreign = [text for texts in others for text in texts]
    if not dpu:
        raise KitError(f"'{path}' has no part for the DPU", CHANGE_MODEL)
    if len(dpu) > 1:
        between = f" with {', '.join(foreign)} on the CPU between them" if foreign else ""
        names = ", ".join(child.get_name() for child in dpu)
        raise SeveralParts(
            f"'{path}' needs {len(dpu)} DPU subgraphs ({names}){between}; running one would be half"
            " a model",
            f"{CHANGE_MODEL} {WHOLE}",
        )
    if foreign:
        raise SeveralParts(
            f"'{path}' needs operators on the CPU that would be left out: {', '.join(foreign)}",
            f"{CHANGE_MODEL} {WHOLE}",
        )
    return dpu[0]


def parts_of(graph: Any, path: str) -> List[Tuple[Any, str]]:
    """Return the subgraphs of a compiled model, each with its device, in the order of execution.

    Raises:
        KitError: it is not compiled, or for a device that is not known.
    """
    root = graph.get_root_subgraph()
    if graph.get_op_num() < 1 or root.is_leaf:
        raise KitError(f"'{path}' is not compiled: it has no subgraphs for devices", COMPILE_AGAIN)
    parts = []
    for child in root.toposort_child_subgraph():
        device = attribute(child, "device", (str,), path)
        if device not in ("USER", "DPU", "CPU"):
            raise KitError(
                f"'{path}': subgraph '{child.get_name()}' is for an unknown device '{device}'",
                COMPILE_AGAIN,
            )
        parts.append((child, device))
    return parts


def _foreign_operators(subgraph: Any) -> List[str]:
    found = [
        f"'{op.get_name()}' ({op.get_type()})"
        for op in subgraph.get_ops()
        if op.get_type() not in HARMLESS
    ]
    return sorted(found)


def _choose_outputs(outputs: Any, wanted: Sequence[str], path: str) -> List[int]:
    """Return the places of the outputs that count, in the order of their names."""
    names = [str(tensor.name) for tensor in outputs]
    if len(names) == len(wanted) == 1:
        return [0]
    if all(name in names for name in wanted):
        return [names.index(name) for name in wanted]
    raise KitError(
        f"'{path}' has {len(names)} outputs ({', '.join(names)}) and the manifest does not say"
        " which decides",
        CHANGE_MODEL,
    )


def _check_tensor(tensor: Any, path: str) -> Tuple[Tuple[int, ...], int]:
    """Return dims and fix position of a runner's tensor, checked."""
    dims = tuple(tensor.dims)
    if len(dims) < 2 or not all(isinstance(n, int) and 0 < n < 1 << 24 for n in dims):
        raise KitError(f"'{path}': tensor '{tensor.name}' has shape {list(dims)}", COMPILE_AGAIN)
    if tensor.dtype != "xint8":
        raise KitError(
            f"'{path}': tensor '{tensor.name}' is {tensor.dtype}, not xint8", COMPILE_AGAIN
        )
    if int(tensor.get_element_num()) != int(np.prod(dims, dtype=np.int64)):
        raise KitError(
            f"'{path}': tensor '{tensor.name}' does not hold as many elements as its shape says",
            COMPILE_AGAIN,
        )
    position = attribute(tensor, "fix_point", (int,), path)
    if not -64 <= position <= 64:
        raise KitError(f"'{path}': tensor '{tensor.name}' has fix_point {position}", COMPILE_AGAIN)
    return dims, position


def places_of_inputs(inputs: Any, given: Sequence[str], path: str) -> List[int]:
    """Return the places of the inputs, in the order of their names in the manifest."""
    names = [str(tensor.name) for tensor in inputs]
    if len(names) == max(1, len(given)):
        if not given:
            return [0]
        if sorted(names) == sorted(given):
            return [names.index(name) for name in given]
    told = ", ".join(given)
    raise KitError(
        f"'{path}' has {len(names)} inputs ({_names(inputs)});"
        f" {f'the manifest says {told}' if given else 'one is needed'}",
        COMPILE_AGAIN,
    )


def as_one(tensors: Sequence[Tuple[Tuple[int, ...], int, Any]]) -> Tuple[Any, Any, Any]:
    """Return shape, position and name of a tensor; of several the shape of one row of all values,
    and a position and a name each.

    Args:
        tensors: dims with the batch, position, and the runner's tensor.
    """
    if len(tensors) == 1:
        dims, position, tensor = tensors[0]
        return dims[1:], position, str(tensor.name)
    size = sum(int(np.prod(dims[1:], dtype=np.int64)) for dims, _, _ in tensors)
    positions, names = zip(*((position, str(tensor.name)) for _, position, tensor in tensors))
    return (size,), positions, names


class RunnerTensors:
    """The tensors of one runner, checked.

    Attributes:
        batch: frames that this runner takes at a time.
        input_shape, output_shape: without batch.
        positions, names: of input and output.
        input_dims, output_dims: with the batch, of all.
        fed: which input each part of a row is for. chosen: which outputs decide.
    """

    def __init__(
        self, runner: Any, wanted: Sequence[str], path: str, given: Sequence[str] = ()
    ) -> None:
        inputs, outputs = runner.get_input_tensors(), runner.get_output_tensors()
        self.fed = places_of_inputs(inputs, given, path)
        self.chosen = _choose_outputs(outputs, wanted, path)
        sources = [_check_tensor(tensor, path) for tensor in inputs]
        self.input_dims = [dims for dims, _ in sources]
        checked = [_check_tensor(tensor, path) for tensor in outputs]
        self.output_dims = [dims for dims, _ in checked]
        self.batch = self.input_dims[0][0]
        if any(dims[0] != self.batch for dims in (*self.input_dims, *self.output_dims)):
            raise KitError(f"'{path}': input and output differ in their batch", COMPILE_AGAIN)
        self.input_shape, position, name = as_one([(*sources[i], inputs[i]) for i in self.fed])
        self.output_shape, positions, names = as_one(
            [(*checked[i], outputs[i]) for i in self.chosen]
        )
        self.positions, self.names = (position, positions), (name, names)

    @property
    def alike(self) -> Tuple[Any, ...]:
        """What all runners of a model must share."""
        return self.input_shape, self.output_shape, self.positions, self.names


class DpuRunner:
    """One VART runner with its own int8, C-contiguous arrays, for one thread."""

    def __init__(self, runner: Any, keep_alive: Any, tensors: RunnerTensors) -> None:
        self._keep_alive = keep_alive
        self._runner = runner
        self.tensors = tensors
        self.batch = tensors.batch
        inputs = [np.zeros(dims, dtype=np.int8, order="C") for dims in tensors.input_dims]
        self._fed = [inputs[place] for place in tensors.fed]
        self.input = row_for(self._fed)
        outputs = [np.zeros(dims, dtype=np.int8, order="C") for dims in tensors.output_dims]
        self._chosen = [outputs[place] for place in tensors.chosen]
        self.output = as_row(self._chosen)
        self._inputs, self._outputs = inputs, outputs

    def execute(self) -> None:
        """Run the model on ``input``; ``output`` holds the result afterwards."""
        pour(self.input, self._fed)
        job = self._runner.execute_async(self._inputs, self._outputs)
        status = self._runner.wait(job)
        if status != 0:
            raise KitError(
                f"the DPU answered {status} to a job",
                "Run 'xdputil query' to see whether the DPU is alive; restart the board.",
            )
        self.output = as_row(self._chosen)


def load(options: Any, manifest: Any) -> DpuModel:
    """Return the model that the options name, checked. Raises KitError: it is of no use."""
    names = [output.tensor_name for output in manifest.outputs] or [manifest.output_name]
    return DpuModel(options.model, names, [one.tensor_name for one in manifest.inputs])
