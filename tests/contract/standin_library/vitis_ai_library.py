"""Stand-in for the ``vitis_ai_library`` of a board image: whole graphs, CPU operators included.

Held against the real one of release 3.5, built from its public sources: each call of
``get_inputs`` and ``get_outputs`` makes buffers anew, each with its tensor, and numpy sees their
memory; a runner takes any such buffers. What the kit never does aborts or crashes here.
"""

from __future__ import annotations

import threading
import weakref
from typing import Any, Dict, List, Tuple

import numpy as np
import xir
from standin_device import DEVICE, crash, fatal

TYPES = {"xint8": np.int8, "float32": np.float32}


class TensorBuffer:
    """Memory of a runner; the real one has numpy's buffer protocol."""

    def __init__(self, tensor: Any) -> None:
        self._tensor = tensor
        self._array = np.zeros(tensor.dims, dtype=TYPES[tensor.dtype])

    def get_tensor(self) -> Any:
        return self._tensor

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return self._array


class GraphRunner:
    """Executes all subgraphs of a graph in their order. It does not keep the graph alive."""

    def __init__(self) -> None:
        raise TypeError("vitis_ai_library.GraphRunner: No constructor defined!")

    @staticmethod
    def create_graph_runner(graph: Any) -> "GraphRunner":
        if graph is None:
            crash()
        if not isinstance(graph, xir.Graph):
            raise TypeError(
                xir.TYPES.format(
                    "create_graph_runner", "(graph: xir.Graph) -> vart.RunnerExt", repr(graph)
                )
            )
        runner = object.__new__(GraphRunner)
        runner._start(graph)
        return runner

    def _start(self, graph: Any) -> None:
        self._data = weakref.ref(graph._data)
        self._children = graph._data.content["children"]
        made = {t["name"] for child in self._children for t in child["output_tensors"]}
        used = {t["name"] for child in self._children for t in child["input_tensors"]}
        sources = [
            t
            for child in self._children
            if child["attrs"]["device"] == "USER"
            for t in child["output_tensors"]
        ]
        records = {t["name"]: t for child in self._children for t in child["output_tensors"]}
        ends = [records[name] for name in sorted(made - used)]
        self._inputs, self._outputs = (
            [xir.Tensor(r, self, DEVICE.batch) for r in group] for group in (sources, ends)
        )
        self._mutex = threading.Lock()
        self._jobs: Dict[int, Any] = {}
        self._next = 1

    def get_inputs(self) -> List[TensorBuffer]:
        return [TensorBuffer(tensor) for tensor in self._inputs]

    def get_outputs(self) -> List[TensorBuffer]:
        return [TensorBuffer(tensor) for tensor in self._outputs]

    def get_input_tensors(self) -> List[Any]:
        return list(self._inputs)

    def get_output_tensors(self) -> List[Any]:
        return list(self._outputs)

    def execute_async(self, inputs: Any, outputs: Any) -> Tuple[int, int]:
        """Compute from the inputs as they are now; outputs are written by :meth:`wait`."""
        if self._data() is None:
            crash()
        if not inputs or not outputs:
            fatal("graph_runner_imp.cpp:549", "Check failed: !input.empty() ")
        given = _memories(inputs, self._inputs)
        targets = _memories(outputs, self._outputs)
        values = {name: array.copy() for name, array in given.items()}
        for child in self._children:
            if child["attrs"]["device"] != "USER":
                self._run(child, values)
        with self._mutex:
            job = self._next
            self._next += 1
            self._jobs[job] = [(array, values[name]) for name, array in targets.items()]
        return (job, 0)

    def _run(self, child: Any, values: Dict[str, np.ndarray]) -> None:
        sources = [values[t["name"]] for t in child["input_tensors"]]
        targets = child["output_tensors"]
        if child["attrs"]["device"] == "DPU":
            DEVICE.check_fingerprint(child["attrs"]["dpu_fingerprint"])
            rows = [source.reshape(DEVICE.batch, -1) for source in sources]
            sizes = [int(np.prod(t["dims"])) for t in targets]
            found = DEVICE.compute(child.get("standin", {}), rows, sizes)
        else:
            found = [_on_the_cpu(child, sources[0]) for _ in targets]
        for tensor, value in zip(targets, found):
            values[tensor["name"]] = value.reshape((DEVICE.batch, *tensor["dims"][1:]))

    def wait(self, job: Any) -> int:
        """Finish a job. Made-up jobs are answered with 0, as by the real one."""
        for array, value in self._jobs.pop(job[0], ()):
            array[...] = value
        return 0


def _memories(buffers: Any, tensors: List[Any]) -> Dict[str, np.ndarray]:
    """Return the memory of buffers or arrays by the names of the tensors that they are for."""
    arrays = [np.asarray(buffer) for buffer in buffers]
    if len(arrays) > len(tensors):
        crash()
    if len(arrays) < len(tensors):
        sizes = f"({len(tensors)} vs. {len(arrays)}) "
        fatal("graph_runner_imp.cpp:568", "Check failed: size == tbs2.size() " + sizes)
    for array, tensor in zip(arrays, tensors):
        if array.dtype != TYPES[tensor.dtype] or array.size != tensor.get_element_num():
            crash()  # the real one converts some, and reads past the end of others
    return {t.name: array.reshape(t.dims) for array, t in zip(arrays, tensors)}


def _on_the_cpu(child: Any, x: np.ndarray) -> np.ndarray:
    """What a CPU subgraph of the tests does, by its program."""
    program = child.get("standin", {})
    kind = program.get("kind", "fix2float")
    if kind == "halve negative":
        return np.where(x < 0, x >> 1, x).astype(np.int8)
    position = next(t["attrs"]["fix_point"] for t in child["input_tensors"])
    real = (x * 2.0**-position).astype(np.float32)
    if kind == "softmax":
        powers = np.exp(real - real.max(axis=-1, keepdims=True))
        return (powers / powers.sum(axis=-1, keepdims=True)).astype(np.float32)
    if kind != "fix2float":
        fatal("cpu_runner.cpp:90", f"Check failed: op {kind} is not registered")
    return real
