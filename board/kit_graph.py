"""Executing a whole ``.xmodel``, several DPU subgraphs and operators on the CPU between them, with
the board image's own ``vitis_ai_library.GraphRunner``.

It is slower than one DPU subgraph, and results say that it was used. Facts about it:

- buffers are its own; each has its tensor, and numpy sees its memory;
- its inputs are the tensors of the graph's ``USER`` parts, its outputs those that no part takes;
  several are told apart by their names, whatever their order;
- inputs are int8 as the DPU takes them, outputs mostly float32, since graphs end in ``fix2float``:
  then the int8 values times ``2**-fix_point``;
- a runner keeps no graph alive.
"""

from __future__ import annotations

import importlib
import os
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

import numpy as np

from kit_board import check_fingerprint, release_of
from kit_dpu import COMPILE_AGAIN, as_one, attribute, load_modules, parts_of, places_of_inputs
from kit_errors import KitError
from kit_inputs import row_for
from kit_places import look_there_too
from kit_targets import as_row

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
            manifest, which every value is then held to. Several inputs or outputs are one row of
            values, with a position each.
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
        self.input_shape, self.input_position, _ = self._first.source
        self.output_shape, self.output_position, _ = self._first.target

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
    """One runner of the whole graph with its own int8 arrays, for one thread.

    Attributes:
        batch: frames that it takes at a time.
        source, target: shape, position and name of what goes in and comes out, as
            :func:`kit_dpu.as_one` gives them.
        input: int8, what is to be computed. output: int8, what came of it.
    """

    def __init__(self, runner: Any, graph: Any, manifest: Any, path: str) -> None:
        self._runner, self._graph, self._path = runner, graph, path
        self._inputs, self._outputs = runner.get_inputs(), runner.get_outputs()
        given = [one.tensor_name for one in manifest.inputs]
        wanted = [one.tensor_name for one in manifest.outputs] or [manifest.output_name]
        fed = places_of_inputs([buffer.get_tensor() for buffer in self._inputs], given, path)
        sources = [self._inputs[place] for place in fed]
        targets = [self._outputs[place] for place in self._choose(wanted)]
        self._sources = _ends(sources, manifest.input_position, path)
        self._targets = _ends(targets, manifest.output_position, path)
        self.batch = len(self._sources[0].memory)
        if any(len(end.memory) != self.batch for end in (*self._sources, *self._targets)):
            raise KitError(f"'{path}': input and output differ in their batch", COMPILE_AGAIN)
        self.source, self.target = _told(self._sources), _told(self._targets)
        self.input = row_for([np.zeros(end.memory.shape, np.int8) for end in self._sources])
        self._found = [np.zeros(end.memory.shape, np.int8) for end in self._targets]
        self.output = as_row(self._found)

    def _choose(self, wanted: Sequence[str]) -> List[int]:
        """Return which outputs decide: a graph's name for one may have a ``_`` more."""
        names = [str(buffer.get_tensor().name) for buffer in self._outputs]
        if len(names) == len(wanted) == 1:
            return [0]
        known = [name if name in names else name + "_" for name in wanted]
        if all(name in names for name in known):
            return [names.index(name) for name in known]
        raise KitError(
            f"'{self._path}' has {len(names)} outputs ({', '.join(names)}) and the manifest does"
            f" not say which decides: {', '.join(wanted)}",
            COMPILE_AGAIN,
        )

    def execute(self) -> None:
        """Run the graph on ``input``; ``output`` holds the result afterwards.

        Raises:
            KitError: the runtime reports an error, or the outputs are not int8 values of the
                manifest's fix position: something runs behind them.
        """
        for end, values in _apart(self.input, self._sources):
            if end.memory.dtype == np.int8:
                end.memory[...] = values
            else:
                np.multiply(values, np.float32(2.0**-end.position), out=end.memory)
        status = self._runner.wait(self._runner.execute_async(self._inputs, self._outputs))
        if status != 0:
            raise KitError(f"the runtime answered {status} to a job", ALIVE)
        for end, found in zip(self._targets, self._found):
            found[...] = self._integers(end)
        self.output = as_row(self._found)

    def _integers(self, end: "_End") -> np.ndarray:
        """Return the values of an output as int8 numbers. Raises KitError: they are none."""
        if end.memory.dtype == np.int8:
            return end.memory
        steps = end.memory * np.float32(2.0**end.position)
        if not ((steps >= -128) & (steps <= 127) & (steps == np.rint(steps))).all():
            raise KitError(
                f"'{self._path}': the outputs of the whole graph are not int8 values of fix"
                f" position {end.position}: an operator runs on the CPU behind '{end.tensor.name}'",
                "Let the model end in the layer whose outputs count, then quantize and compile"
                " again.",
            )
        return np.asarray(steps)


class _End:
    """An input or output of a runner: its tensor, its memory, its fix position."""

    def __init__(self, buffer: Any, wanted: int, path: str) -> None:
        described = _tensor(buffer, path)
        self.tensor, self.memory = buffer.get_tensor(), _memory(buffer, described, path)
        self.position = wanted if described[2] is None else described[2]


def _ends(buffers: Sequence[Any], positions: Any, path: str) -> List[_End]:
    """Return inputs or outputs; what has no position gets that of the manifest."""
    wanted = positions if isinstance(positions, tuple) else (positions,)
    return [_End(buffer, position, path) for buffer, position in zip(buffers, wanted)]


def _told(ends: Sequence[_End]) -> Tuple[Any, Any, Any]:
    return as_one([(tuple(end.memory.shape), end.position, end.tensor) for end in ends])


def _apart(rows: np.ndarray, ends: Sequence[_End]) -> Iterator[Tuple[_End, np.ndarray]]:
    """Yield each input with its values, of frames (batch, ...)."""
    start, rows = 0, rows.reshape(len(rows), -1)
    for end in ends:
        width = end.memory[0].size
        yield end, rows[:, start : start + width].reshape(end.memory.shape)
        start += width


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
    """Return the model as a whole graph. Raises ``error`` where nothing here runs that."""
    factory = find_runner()
    if factory is None:
        raise error
    return GraphModel(options.model, manifest, factory)
