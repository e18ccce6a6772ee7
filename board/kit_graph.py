"""Executing a whole ``.xmodel``, several DPU subgraphs and operators on the CPU between them, with
the board image's own ``vitis_ai_library.GraphRunner``.

It is slower than one DPU subgraph, and results say that it was used. Facts about it:

- buffers are its own; each has its tensor, and numpy sees its memory;
- inputs are int8 as the DPU takes them, outputs mostly float32, since graphs end in ``fix2float``:
  then the int8 values times ``2**-fix_point``;
- a runner keeps no graph alive.
"""

from __future__ import annotations

import importlib
import os
from typing import Any, Dict, Optional, Tuple

import numpy as np

from kit_board import check_fingerprint, release_of
from kit_dpu import CHANGE_MODEL, COMPILE_AGAIN, attribute, load_modules, parts_of
from kit_errors import KitError
from kit_places import look_there_too

LIBRARY = "vitis_ai_library"
ALIVE = "Run 'xdputil query' to see whether the DPU is alive; restart the board."
TYPES = {"xint8": np.dtype(np.int8), "float32": np.dtype(np.float32)}
"""What numpy sees of a tensor's memory."""

Tensor = Tuple[Tuple[int, ...], str, Optional[int]]
"""Dimensions with the batch, type, fix position if it has one."""


def find_runner() -> Any:
    """Return the class ``GraphRunner``; None: it is not installed here."""
    for again in (False, True):
        if again and not look_there_too():
            return None
        try:
            return getattr(importlib.import_module(LIBRARY), "GraphRunner", None)
        except (ImportError, AttributeError):
            continue
    return None


class GraphModel:
    """A checked ``.xmodel`` that is run as a whole.

    Attributes:
        batch: frames that it takes at a time.
        input_shape, output_shape: without batch.
        input_position, output_position: fix positions; of an output in float32 that of the
            manifest, which every value is then held to.
    """

    kind = "xmodel"
    dpu_only = False

    def __init__(self, path: str, manifest: Any, factory: Any) -> None:
        xir, _ = load_modules()
        self._path, self._manifest, self._factory = path, manifest, factory
        self._graph = xir.Graph.deserialize(os.path.abspath(path))
        self._parts = parts_of(self._graph, path)
        prints = [
            attribute(part, "dpu_fingerprint", (int,), path)
            for part, device in self._parts
            if device == "DPU"
        ]
        if not prints:
            raise KitError(f"'{path}' has no part for the DPU", COMPILE_AGAIN)
        self._fingerprint = prints[0]
        for value in prints:
            self._board = check_fingerprint(value, path)
        self._first: Optional[GraphRunner] = self.make_runner()
        self.batch = self._first.batch
        self.input_shape = tuple(self._first.input.shape[1:])
        self.output_shape = tuple(self._first.output.shape[1:])
        self.input_position, self.output_position = self._first.positions

    def make_runner(self) -> "GraphRunner":
        """Return a runner for one thread. Raises KitError: its tensors are of no use."""
        runner, self._first = getattr(self, "_first", None), None
        if runner is not None:
            return runner
        made = self._factory.create_graph_runner(self._graph)
        return GraphRunner(made, self._graph, self._manifest, self._path)

    def describe(self) -> Dict[str, Any]:
        """Return what ran: the library, the parts, fingerprint and tool versions."""
        version = str(self._board.get("versions", {}).get("libvart-runner.so", "unknown"))
        devices = [device for _, device in self._parts]
        return {
            "runtime": f"{LIBRARY}.GraphRunner",
            "runtime_version": version,
            "release": release_of(version),
            "whole_graph": True,
            "dpu_subgraphs": devices.count("DPU"),
            "cpu_subgraphs": devices.count("CPU"),
            "fingerprint": hex(self._fingerprint),
            "board": self._board,
            "batch": self.batch,
        }


class GraphRunner:
    """One runner of the whole graph with its own int8 arrays, for one thread."""

    def __init__(self, runner: Any, graph: Any, manifest: Any, path: str) -> None:
        self._runner, self._graph, self._path = runner, graph, path
        self._inputs, self._outputs = runner.get_inputs(), runner.get_outputs()
        if len(self._inputs) != 1:
            raise KitError(f"'{path}' has {len(self._inputs)} inputs; one is needed", CHANGE_MODEL)
        index = self._choose(manifest.output_name)
        source = _tensor(self._inputs[0], path)
        target = _tensor(self._outputs[index], path)
        self._source = _memory(self._inputs[0], source, path)
        self._target = _memory(self._outputs[index], target, path)
        self.batch = source[0][0]
        if target[0][0] != self.batch:
            raise KitError(f"'{path}': input and output differ in their batch", COMPILE_AGAIN)
        told = (manifest.input_position, manifest.output_position)
        self.positions = tuple(
            wanted if tensor[2] is None else tensor[2]
            for tensor, wanted in zip((source, target), told)
        )
        self.input = np.zeros(source[0], dtype=np.int8)
        self.output = np.zeros(target[0], dtype=np.int8)

    def _choose(self, wanted: str) -> int:
        """Return which output decides: a graph's name for it may have a ``_`` more."""
        names = [str(buffer.get_tensor().name) for buffer in self._outputs]
        if len(names) == 1:
            return 0
        for name in (wanted, wanted + "_"):
            if wanted and name in names:
                return names.index(name)
        raise KitError(
            f"'{self._path}' has {len(names)} outputs ({', '.join(names)}) and the manifest does"
            " not say which decides",
            COMPILE_AGAIN,
        )

    def execute(self) -> None:
        """Run the graph on ``input``; ``output`` holds the result afterwards.

        Raises:
            KitError: the runtime reports an error, or the outputs are not int8 values of the
                manifest's fix position: something runs behind them.
        """
        if self._source.dtype == np.int8:
            self._source[...] = self.input
        else:
            np.multiply(self.input, np.float32(2.0 ** -self.positions[0]), out=self._source)
        status = self._runner.wait(self._runner.execute_async(self._inputs, self._outputs))
        if status != 0:
            raise KitError(f"the runtime answered {status} to a job", ALIVE)
        if self._target.dtype == np.int8:
            self.output[...] = self._target
            return
        steps = self._target * np.float32(2.0 ** self.positions[1])
        if not ((steps >= -128) & (steps <= 127) & (steps == np.rint(steps))).all():
            raise KitError(
                f"'{self._path}': the outputs of the whole graph are not int8 values of fix"
                f" position {self.positions[1]}: an operator runs on the CPU behind them",
                "Let the model end in the layer whose outputs count, then quantize and compile"
                " again.",
            )
        self.output[...] = steps


def _tensor(buffer: Any, path: str) -> Tensor:
    """Return what is known of a buffer's tensor, checked."""
    tensor = buffer.get_tensor()
    dims = tuple(tensor.dims)
    if len(dims) < 2 or not all(isinstance(n, int) and 0 < n < 1 << 24 for n in dims):
        raise KitError(f"'{path}': tensor '{tensor.name}' has shape {list(dims)}", COMPILE_AGAIN)
    if tensor.dtype.lower() not in TYPES:
        raise KitError(
            f"'{path}': tensor '{tensor.name}' is {tensor.dtype}, neither int8 nor float32",
            COMPILE_AGAIN,
        )
    position = None
    if tensor.dtype.lower() == "xint8":
        position = attribute(tensor, "fix_point", (int,), path)
        if not -64 <= position <= 64:
            raise KitError(f"'{path}': '{tensor.name}' has fix_point {position}", COMPILE_AGAIN)
    return dims, tensor.dtype.lower(), position


def _memory(buffer: Any, tensor: Tensor, path: str) -> np.ndarray:
    """Return a buffer's memory as an array of its tensor's shape; nothing is copied."""
    dims, kind, _ = tensor
    array = np.asarray(buffer)
    if array.dtype != TYPES[kind] or array.size != int(np.prod(dims, dtype=np.int64)):
        raise KitError(
            f"'{path}': a buffer of the runtime has {array.size} values of {array.dtype}, its"
            f" tensor {list(dims)} of {kind}",
            "Install all packages of one Vitis-AI release on the board.",
        )
    if not array.flags.writeable or not array.flags.c_contiguous:
        raise KitError(f"'{path}': a buffer of the runtime cannot be written", ALIVE)
    return array.reshape(dims)


def load(options: Any, manifest: Any, error: KitError) -> GraphModel:
    """Return the model as a whole graph. Raises ``error`` where nothing here runs that, and a
    KitError of its own where no board's image would.
    """
    inputs, outputs = (max(1, len(ends)) for ends in (manifest.inputs, manifest.outputs))
    if (inputs, outputs) != (1, 1):
        raise KitError(
            f"{error.message}; as a whole graph a kit runs models of one input and one output,"
            f" this has {inputs} and {outputs}",
            CHANGE_MODEL,
        )
    factory = find_runner()
    if factory is None:
        raise error
    return GraphModel(options.model, manifest, factory)
