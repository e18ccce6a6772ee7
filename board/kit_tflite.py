"""Executing an int8 ``.tflite`` with a TFLite interpreter, on any CPU: a workstation's or a kit's
ARM cores.
"""

from __future__ import annotations

import importlib
import math
from typing import Any, Dict, List, Tuple

import numpy as np

from kit_errors import KitError
from kit_inputs import pour, row_for
from kit_targets import as_row

INTERPRETERS = ("ai_edge_litert.interpreter", "tflite_runtime.interpreter")
"""Modules with an ``Interpreter``, in the order tried. TensorFlow has one too, and is used only
when asked for.
"""

MAKE_AGAIN = "Make the bundle again with: vaiopt bundle RUN --target cpu"


def find_interpreter(allow_tensorflow: bool = False) -> Tuple[str, Any]:
    """Return the name and the ``Interpreter`` class of the first interpreter package that is
    installed.

    Raises:
        KitError: there is none.
    """
    names = INTERPRETERS + (("tensorflow.lite",) if allow_tensorflow else ())
    for name in names:
        try:
            return name.split(".")[0], importlib.import_module(name).Interpreter
        except (ImportError, AttributeError):
            continue
    raise KitError(
        "no TFLite interpreter is installed",
        "Install one: pip install ai-edge-litert (Python 3.9 and later) or pip install"
        " tflite-runtime; with TensorFlow installed, add --tensorflow.",
    )


class TfliteModel:
    """A checked int8 ``.tflite`` file.

    Attributes:
        batch: 1.
        input_shape, output_shape: without batch.
        input_position, output_position: fix positions; a scale in the file is ``2**-position``.
            Several inputs or outputs are one row of values, with a position each.
    """

    kind = "tflite"

    def __init__(
        self, path: str, allow_tensorflow: bool = False, outputs: int = 1, inputs: int = 1
    ) -> None:
        self._path = path
        self._package, self._interpreter = find_interpreter(allow_tensorflow)
        interpreter = self._open()
        self.input_shape, self.input_position = _tensors(
            interpreter.get_input_details(), path, "input", inputs
        )
        self.output_shape, self.output_position = _tensors(
            interpreter.get_output_details(), path, "output", outputs
        )
        self.batch = 1

    def _open(self) -> Any:
        try:
            interpreter = self._interpreter(model_path=self._path, num_threads=1)
            interpreter.allocate_tensors()
        except (ValueError, RuntimeError, TypeError, MemoryError) as error:
            raise KitError(
                f"'{self._path}' is not a model that {self._package} can load ({error})", MAKE_AGAIN
            ) from error
        return interpreter

    def make_runner(self) -> "TfliteRunner":
        """Return a runner for one thread."""
        return TfliteRunner(self._open(), self._path)

    def describe(self) -> Dict[str, Any]:
        """Return what ran: package and version."""
        module = importlib.import_module(self._package)
        return {
            "runtime": self._package,
            "runtime_version": _version(self._package, module),
            "device": "CPU",
        }


def _version(package: str, module: Any) -> str:
    version = getattr(module, "__version__", None)
    if isinstance(version, str):
        return version
    # Python 3.7 has no importlib.metadata, and a package may lack its record.
    try:
        metadata = importlib.import_module("importlib.metadata")
        return str(metadata.version(package.replace("_", "-")))
    except Exception:  # noqa: BLE001 - a version is only reported
        return "unknown"


def _tensors(
    details: List[Dict[str, Any]], path: str, what: str, count: int
) -> Tuple[Tuple[int, ...], Any]:
    """Return shape and fix position of the inputs or outputs, of which there are so many."""
    if count == 1:
        return _tensor(details, path, what)
    if len(details) != count:
        raise KitError(
            f"'{path}' has {len(details)} {what}s, the manifest says {count}", MAKE_AGAIN
        )
    found = [_tensor([detail], path, what) for detail in details]
    sizes = (int(np.prod(shape, dtype=np.int64)) for shape, _ in found)
    return (sum(sizes),), tuple(position for _, position in found)


def _tensor(details: List[Dict[str, Any]], path: str, what: str) -> Tuple[Tuple[int, ...], int]:
    if len(details) != 1:
        names = ", ".join(str(d.get("name")) for d in details) or "none"
        raise KitError(
            f"'{path}' has {len(details)} {what} tensors ({names}); one is needed", MAKE_AGAIN
        )
    detail = details[0]
    shape = tuple(int(n) for n in detail["shape"])
    if detail["dtype"] != np.int8:
        raise KitError(
            f"'{path}': the {what} is {np.dtype(detail['dtype']).name}, not int8",
            MAKE_AGAIN,
        )
    if len(shape) < 2 or shape[0] != 1 or min(shape) < 1:
        raise KitError(
            f"'{path}': the {what} has shape {shape}; one sample at a time is needed", MAKE_AGAIN
        )
    scale, zero = detail["quantization"]
    position = -math.log2(scale) if scale > 0 and math.isfinite(scale) else 0.5
    if zero != 0 or position != int(position):
        raise KitError(
            f"'{path}': the {what} has scale {scale} and zero point {zero}, not a power of two"
            " and 0",
            MAKE_AGAIN,
        )
    return shape[1:], int(position)


class TfliteRunner:
    """One interpreter with its own arrays, for one thread."""

    batch = 1

    def __init__(self, interpreter: Any, path: str) -> None:
        self._interpreter = interpreter
        self._path = path
        sources, targets = interpreter.get_input_details(), interpreter.get_output_details()
        self._sources = [source["index"] for source in sources]
        self._targets = [target["index"] for target in targets]
        self._inputs = [np.zeros(tuple(map(int, source["shape"])), np.int8) for source in sources]
        self.input = row_for(self._inputs)
        outputs = [np.zeros(tuple(map(int, target["shape"])), np.int8) for target in targets]
        self.output = as_row(outputs)

    def execute(self) -> None:
        """Run the model on ``input`` and put the result into ``output``."""
        try:
            pour(self.input, self._inputs)
            for source, array in zip(self._sources, self._inputs):
                self._interpreter.set_tensor(source, array)
            self._interpreter.invoke()
            self.output = as_row([self._interpreter.get_tensor(t) for t in self._targets])
        except (ValueError, RuntimeError) as error:
            raise KitError(f"'{self._path}' cannot be executed ({error})", MAKE_AGAIN) from error


def load(options: Any, manifest: Any) -> TfliteModel:
    """Return the model that the options name, checked. Raises KitError: it is of no use."""
    counts = (max(1, len(ends)) for ends in (manifest.outputs, manifest.inputs))
    return TfliteModel(options.model, options.tensorflow, *counts)
