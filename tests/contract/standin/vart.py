"""Stand-in for the ``vart`` of Vitis-AI: runners with the checks, and the missing checks, of the
real ones. See ``standin_device``.
"""

from __future__ import annotations

import ctypes
import threading
import time
import weakref
from typing import Any, List, Tuple

import numpy as np
import xir
from standin_device import DEVICE, crash, fatal, wait_until

ACCEPTED = (np.dtype(np.int8), np.dtype(np.int16), np.dtype(np.float32))


class Runner:
    """Executes one DPU subgraph on the device. It keeps neither graph nor subgraph alive."""

    def __init__(self) -> None:
        raise TypeError("vart.Runner: No constructor defined!")

    @staticmethod
    def create_runner(subgraph: Any, mode: str = "") -> "Runner":
        """As the real one: the mode is needed although it has a default."""
        if subgraph is None:
            fatal(
                "dpu_runner.cpp:196",
                "[UNILOG][FATAL][VART_RUNNER_CONSTRUCTION_FAIL][Cannot create runner] Invalid"
                " subgraph!",
            )
        if not isinstance(subgraph, xir.Subgraph) or not isinstance(mode, str):
            raise TypeError(
                xir.TYPES.format(
                    "create_runner",
                    "(subgraph: xir.Subgraph, mode: str = '') -> vart.Runner",
                    f"{subgraph!r}, {mode!r}",
                )
            )
        place, name = (
            "[UNILOG][FATAL][VART_RUNNER_CONSTRUCTION_FAIL][Cannot create runner] ",
            subgraph.get_name(),
        )
        if not subgraph.has_attr("runner"):
            fatal(
                "dpu_runner.cpp:198",
                place
                + "Cannot find runner attr, this subgraph may not be compiled! subgraph name: "
                + name,
            )
        libraries = subgraph.get_attr("runner")
        if mode not in libraries:
            fatal(
                "dpu_runner.cpp:204",
                place + f"Cannot find runner for mode {mode}! subgraph name: {name}",
            )
        if libraries[mode] != "libvart-dpu-runner.so":
            fatal(
                "dpu_runner.cpp:211",
                place + f"cannot open library! lib={libraries[mode]}, error=ERROR CODE",
            )
        runner = object.__new__(Runner)
        runner._start(subgraph)
        return runner

    def _start(self, subgraph: Any) -> None:
        self._data = weakref.ref(subgraph._data)
        self._record = subgraph._record
        self._fingerprint = subgraph.get_attr("dpu_fingerprint")
        view = self._record.get("runner_method_B_batch_1", self._record)
        records = [
            sorted(view[key], key=lambda t: t["name"])
            for key in ("input_tensors", "output_tensors")
        ]
        self._inputs, self._outputs = [
            [xir.Tensor(r, self, DEVICE.batch) for r in group] for group in records
        ]
        self._mutex = threading.Lock()
        self._jobs: dict = {}
        self._next = 1

    def get_input_tensors(self) -> List[xir.Tensor]:
        return list(self._inputs)

    def get_output_tensors(self) -> List[xir.Tensor]:
        return list(self._outputs)

    def execute_async(
        self, inputs: Any, outputs: Any, enable_dynamic_array: bool = False
    ) -> Tuple[int, int]:
        """Take the bytes of the inputs now; outputs are written by :meth:`wait` at the latest, and
        here not before.
        """
        given = time.perf_counter()
        inputs, outputs = _buffers(inputs), _buffers(outputs)
        if self._data() is None:
            crash()
        if not inputs or not outputs:
            fatal(
                "dpu_runner_ddr.cpp:100",
                "[UNILOG][FATAL][VART_SIZE_MISMATCH][Array size not match!] input tensor is empty!",
            )
        for array in inputs + outputs:
            if array.dtype not in ACCEPTED:
                fatal(
                    "runner_py_module.cpp:175",
                    "Check failed: ret.type != xir::DataType::UNKNOWN unsupported data type",
                )
        if len(inputs) != len(self._inputs) or len(outputs) != len(self._outputs):
            crash()
        DEVICE.check_fingerprint(self._fingerprint)
        arrays = [_read(array, tensor) for array, tensor in zip(inputs, self._inputs)]
        for array, tensor in zip(outputs, self._outputs):
            if array.size < tensor.get_element_num():
                crash()  # the real one writes past the end: heap corruption
        with self._mutex:
            sizes = [tensor.get_element_num() // DEVICE.batch for tensor in self._outputs]
            results = DEVICE.compute(self._record.get("standin", {}), arrays, sizes)
            job = self._next
            self._next += 1
            self._jobs[job] = (outputs, results, DEVICE.reserve(given))
        return (job, 0)

    def wait(self, job: Any) -> int:
        """Finish a job. Made-up jobs are answered with 0, as by the real one."""
        valid = (
            isinstance(job, (tuple, list))
            and len(job) == 2
            and all(isinstance(n, int) and n >= 0 for n in job)
        )
        if not valid:
            raise TypeError(
                xir.TYPES.format(
                    "wait", "(self: vart.Runner, arg0: tuple[int, int]) -> int", repr(job)
                )
            )
        outputs, results, ready = self._jobs.pop(job[0], ((), (), 0.0))
        for array, result, tensor in zip(outputs, results, self._outputs):
            _write(array, result.reshape(-1), tensor)
        wait_until(ready)
        return 0


def _buffers(given: Any) -> List[np.ndarray]:
    """Return the arrays of a list, tuple or bare array, as the binding takes them."""
    arrays = [given] if isinstance(given, np.ndarray) else list(given)
    for array in arrays:
        if isinstance(array, bytes):
            raise BufferError("Object is not writable.")
        if not isinstance(array, (np.ndarray, bytearray)):
            raise TypeError(
                xir.TYPES.format(
                    "execute_async",
                    "(self: vart.Runner, inputs: list[Buffer], outputs: list[Buffer], ...)",
                    repr(array)[:60],
                )
            )
        if isinstance(array, np.ndarray) and not array.flags.writeable:
            raise ValueError("buffer source array is read-only")
    return [
        np.frombuffer(array, dtype=np.uint8) if isinstance(array, bytearray) else array
        for array in arrays
    ]


def _memory(array: np.ndarray, count: int) -> np.ndarray:
    """Return ``count`` elements from the address of an array: strides are ignored, and so is where
    the array ends (here: crash).
    """
    root = array
    while isinstance(root.base, np.ndarray):
        root = root.base
    start = array.__array_interface__["data"][0]
    first = root.__array_interface__["data"][0]
    if start + count * array.itemsize > first + root.nbytes or start < first:
        crash()
    pointer = ctypes.cast(start, ctypes.POINTER(ctypes.c_int8))
    return np.ctypeslib.as_array(pointer, (count * array.itemsize,)).view(array.dtype)


def _read(array: np.ndarray, tensor: Any) -> np.ndarray:
    """Return int8 (batch, elements): of int8 the bytes; of float32 the values times 2**fix_point,
    truncated, wrapped.
    """
    count = tensor.get_element_num()
    values = _memory(array, count)
    if array.dtype == np.float32:
        steps = np.trunc(values.astype(np.float64) * 2.0 ** tensor.get_attr("fix_point"))
        values = steps.astype(np.int64).astype(np.int8)
    elif array.dtype == np.int16:
        fatal("device memory", "bounds check")
    return values.astype(np.int8).reshape(DEVICE.batch, -1).copy()


def _write(array: np.ndarray, result: np.ndarray, tensor: Any) -> None:
    memory = _memory(array, result.size)
    if array.dtype == np.float32:
        memory[:] = result * 2.0 ** -tensor.get_attr("fix_point")
    elif array.dtype == np.int16:
        memory.view(np.int8)[: result.size] = result
    else:
        memory[:] = result
