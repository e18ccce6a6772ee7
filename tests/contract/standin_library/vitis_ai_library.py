"""Stand-in for the ``vitis_ai_library`` of a board image: whole graphs, CPU operators included.

Written from the library's headers and published samples, not from a recording: a runner has
buffers of its own (``get_inputs``, ``get_outputs``), each with its tensor; numpy sees their memory.
What the samples never do aborts or crashes here.
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
            [TensorBuffer(xir.Tensor(r, self, DEVICE.batch)) for r in group]
            for group in (sources, ends)
        )
        self._mutex = threading.Lock()
        self._jobs: Dict[int, Any] = {}
        self._next = 1

    def get_inputs(self) -> List[TensorBuffer]:
        return list(self._inputs)

    def get_outputs(self) -> List[TensorBuffer]:
        return list(self._outputs)

    def get_input_tensors(self) -> List[Any]:
        return [buffer.get_tensor() for buffer in self._inputs]

    def get_output_tensors(self) -> List[Any]:
        return [buffer.get_tensor() for buffer in self._outputs]

    def execute_async(self, inputs: Any, outputs: Any) -> Tuple[int, int]:
        """Compute from the inputs as they are now; outputs are written by :meth:`wait`."""
        if self._data() is None:
            crash()
        if list(inputs) != self._inputs or list(outputs) != self._outputs:
            crash()  # of other buffers the library knows nothing
        values = {b.get_tensor().name: np.asarray(b).copy() for b in self._inputs}
        for child in self._children:
            if child["attrs"]["device"] != "USER":
                self._run(child, values)
        with self._mutex:
            job = self._next
            self._next += 1
            self._jobs[job] = values
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
        values = self._jobs.pop(job[0])
        for buffer in self._outputs:
            np.asarray(buffer)[...] = values[buffer.get_tensor().name]
        return 0


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
