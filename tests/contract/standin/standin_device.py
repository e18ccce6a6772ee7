"""What the stand-ins for ``xir`` and ``vart`` share: the file format, how they abort, and the
device that they pretend to drive.

Written from recordings of the real modules (``tests/contract/data``). Where the real runtime aborts
or crashes, so does this; where it silently computes something wrong, this computes the same wrong
thing, or, where that would be undefined, crashes. The device is described by environment variables:

- ``STANDIN_FINGERPRINT``: of the device, hex; not set: the model's own; 0: not known;
- ``STANDIN_BATCH``: frames that it takes at a time (1);
- ``STANDIN_CORES``: cores, so executions at the same time (1);
- ``STANDIN_LATENCY_MS``: from ``execute_async`` to the end of ``wait`` on a free core (0); it is
  slept, so it costs no CPU.
"""

from __future__ import annotations

import base64
import contextlib
import ctypes
import json
import os
import signal
import sys
import threading
import time
import zlib
from typing import Any, Dict, List, Tuple

import numpy as np

MAGIC = b"stand-in xmodel"


def fatal(place: str, message: str) -> None:
    """End the process as glog does on a FATAL message: the text, a stack trace, SIGABRT."""
    sys.stderr.write(
        f"F1121 00:00:00.000000  1 {place}] {message}\n*** Check failure stack trace: ***\n"
    )
    sys.stderr.flush()
    os.abort()


def crash() -> None:
    """End the process as a wild pointer does."""
    sys.stderr.flush()
    os.kill(os.getpid(), signal.SIGSEGV)
    time.sleep(5)


def write_model(path: Any, content: Dict[str, Any]) -> None:
    """Write a stand-in ``.xmodel``: three protobuf fields (magic, content, checksum), as the
    outside of a real one.
    """
    packed = zlib.compress(json.dumps(content).encode("utf-8"))
    checksum = zlib.crc32(packed).to_bytes(4, "little")
    with open(str(path), "wb") as file:
        for number, value in ((1, MAGIC), (2, packed), (3, checksum)):
            file.write(bytes([number << 3 | 2]) + _varint(len(value)) + value)


def _varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def read_model(path: str) -> Dict[str, Any]:
    """Return the content of a stand-in ``.xmodel``. An empty file is a graph without operators;
    anything else that is not one aborts.
    """
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError:
        data = b"?"
    if not data:
        return {
            "graph": {"name": "", "op_num": 0, "attrs": {}},
            "root": {"name": "root", "attrs": {}},
            "children": [],
            "ops": [],
        }
    try:
        fields = _fields(data)
        if fields[1] != MAGIC or zlib.crc32(fields[2]).to_bytes(4, "little") != fields[3]:
            raise ValueError
        return json.loads(zlib.decompress(fields[2]).decode("utf-8"))
    except (ValueError, KeyError, IndexError, zlib.error):
        fatal(
            "serialize_v2.cpp:705",
            "[UNILOG][FATAL][XIR_READ_PB_FAILURE][failed to read pb file] file = " + path,
        )
        raise


def _fields(data: bytes) -> Dict[int, bytes]:
    """Return the fields of bytes by their number. As in protobuf, fields that nobody knows are no
    error.
    """
    fields, at = {}, 0
    while at < len(data):
        number, kind = data[at] >> 3, data[at] & 7
        if kind not in (0, 2):
            raise ValueError
        value, at = _number(data, at + 1)
        if kind == 2:
            if at + value > len(data):
                raise ValueError
            fields[number] = data[at : at + value]
            at += value
    return fields


def _number(data: bytes, at: int) -> Tuple[int, int]:
    """Return the number that starts at a place, and the place behind it."""
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        shift += 7
        at += 1
        if data[at - 1] < 128:
            return value, at


def attribute_value(record: Any) -> Any:
    """Return a recorded attribute; of byte strings only the length was recorded."""
    if isinstance(record, dict) and "type" in record:
        return b"\0" * record["length"] if record["type"] == "bytes" else record.get("value")
    return record


def _sleep_exactly() -> None:
    """Ask Linux for sleeps without its usual 50 microseconds of slack, so that a latency of 1 ms is
    1 ms; threads inherit it.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(29, 1, 0, 0, 0)


WAKING = 0.00006
"""Seconds by which a machine may be late to wake a thread: so long before its end a wait looks at
the clock instead of sleeping.
"""


def wait_until(ready: float) -> None:
    """Return at a time of ``time.perf_counter``; other threads have their turn meanwhile."""
    left = ready - time.perf_counter()
    if left > WAKING:
        time.sleep(left - WAKING)
    while time.perf_counter() < ready:
        time.sleep(0)


class Device:
    """The DPU: a number of cores, and what a subgraph computes."""

    def __init__(self) -> None:
        _sleep_exactly()
        self.batch = int(os.environ.get("STANDIN_BATCH", "1"))
        self.latency = float(os.environ.get("STANDIN_LATENCY_MS", "0")) / 1000.0
        self._busy_until = [0.0] * int(os.environ.get("STANDIN_CORES", "1"))
        self._lock = threading.Lock()

    def check_fingerprint(self, model: int) -> None:
        text = os.environ.get("STANDIN_FINGERPRINT", "")
        device = int(text, 16) if text else model
        if device in (0, model) or os.environ.get("XLNX_ENABLE_FINGERPRINT_CHECK") == "0":
            return
        sys.stderr.write(
            "W1121 00:00:00.000000  1 dpu_runner_base_imp.cpp:733] CHECK fingerprint fail!"
            f" model_fingerprint 0x{model:x} is un-matched with actual dpu_fingerprint"
            f" 0x{device:x}. Please re-compile xmodel with dpu_fingerprint 0x{device:x} and try"
            " again.\n"
        )
        fatal("dpu_runner_base_imp.cpp:695", "fingerprint check failure.")

    def reserve(self, now: float) -> float:
        """Take the core that is free first, and return when it will have finished a job that was
        given at ``now``.
        """
        with self._lock:
            core = min(range(len(self._busy_until)), key=self._busy_until.__getitem__)
            self._busy_until[core] = max(now, self._busy_until[core]) + self.latency
            return self._busy_until[core]

    def compute(
        self, program: Dict[str, Any], inputs: List[np.ndarray], sizes: List[int]
    ) -> List[np.ndarray]:
        """Return int8 outputs, one row of ``sizes[i]`` elements per frame for each, for int8 inputs
        of (batch, elements): of all inputs, one after the other.
        """
        x = np.concatenate([array.reshape(len(array), -1) for array in inputs], axis=1)
        return [_output(program, x, index, size) for index, size in enumerate(sizes)]


def _output(program: Dict[str, Any], x: np.ndarray, index: int, size: int) -> np.ndarray:
    if program.get("kind") == "dense":
        weights = np.frombuffer(base64.b64decode(program["weights"]), dtype=np.int8).reshape(
            x.shape[1], size
        )
        shift = program["shift"]
        total = x.astype(np.int64).dot(weights.astype(np.int64)) + np.asarray(
            program["bias"], dtype=np.int64
        )
        return np.clip((total + (1 << shift >> 1)) >> shift, -128, 127).astype(np.int8)
    rows = []
    for row in x:  # any function that depends on every input byte and tells outputs apart
        seed = zlib.crc32(row.tobytes(), index)
        rows.append(np.random.RandomState(seed).randint(-128, 128, size).astype(np.int8))
    known = program.get("known", {})
    return np.stack([_known(known, row, index, default) for row, default in zip(x, rows)])


def _known(known: Dict[str, Any], row: np.ndarray, index: int, default: np.ndarray) -> np.ndarray:
    text = known.get(base64.b64encode(row.tobytes()).decode("ascii"))
    return default if text is None else np.frombuffer(base64.b64decode(text), dtype=np.int8)


DEVICE = Device()
