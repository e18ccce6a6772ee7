"""Reading a bundle: its manifest, its samples and its golden outputs, all checked before anything
is executed.

A bundle is the folder made by ``vaiopt bundle``. ``manifest.json`` names every file with its
SHA-256, so a file that was cut off or changed on the way to the kit is found here and not by a
wrong accuracy.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import tokenize
import zipfile
import zlib
from typing import Any, Dict, List, Optional, Tuple, Union

import numpy as np

import kit_several
from kit_errors import MAKE_AGAIN, KitError
from kit_inputs import Input
from kit_tasks import task_of

MANIFEST_VERSION = 1
COPY_AGAIN = "Copy the whole bundle folder to the kit again."
Numbers = Union[float, np.ndarray]

LARGEST = 3.4e38
"""Of float32, up or down."""

NPZ_ERRORS = (
    *(ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, MemoryError),
    *(OSError, RuntimeError, SyntaxError, TypeError, ValueError),
    *(struct.error, tokenize.TokenError, zipfile.BadZipFile, zlib.error),
)
"""What numpy, and the modules that it reads archives and heads of arrays with, raise for a file
that is damaged or something else.
"""


class Output:
    """One of several outputs of a model; for its task it stands in the place of the manifest.

    Attributes:
        name: of the output.
        task, classes, threshold, targets, output_position: as of :class:`Manifest`.
        shape: of a sample. tensor_shape: of the output, without batch. width: its values.
        tensor_name: in the compiled model; may be empty.
    """

    def __init__(self, entry: Any, shape: Tuple[int, ...], path: str) -> None:
        tensor = entry.get("tensor") if isinstance(entry, dict) else None
        names = entry.get("classes") if isinstance(entry, dict) else None
        if not isinstance(tensor, dict) or not isinstance(names, list) or not names:
            raise KitError(f"'{path}': an output is not described", MAKE_AGAIN)
        self.name, self.classes, self.shape = str(entry.get("name")), list(map(str, names)), shape
        self.task = task_of(entry.get("task"), path)
        self.tensor_shape = _shape(tensor, "shape", path)[1:] or (1,)
        self.width = int(np.prod(self.tensor_shape, dtype=np.int64))
        self.output_position = _position(tensor, f"output '{self.name}'", path)
        self.tensor_name = str(tensor.get("name", ""))
        self.threshold = _threshold(tensor, path)
        self.targets = _targets(entry.get("targets"), len(names), path)


class Manifest:
    """What ``manifest.json`` says, checked.

    Attributes:
        folder: where the bundle is.
        classes: class names, by label.
        task: the module of what was learned.
        offset, scale: of the preprocessing ``(x - offset) / scale``: numbers, or one per feature.
        shape: of one sample, without batch.
        raw_dtype: numpy dtype of a raw sample (``samples.npz`` holds raw samples), as text.
        input_position, output_position: fix positions of the int8 input and output; of several
            one each.
        output_name: tensor to read when a model has several outputs; may be empty.
        targets: offset and scale of the labels, one number each or one per output; None if the
            outputs are the labels themselves.
        own_metrics: name of a person's own function in ``own_metrics.py``; may be empty.
        outputs: each of several outputs, in the order of the model's; empty of one.
        inputs: each of several inputs, in the order in which they lie in a sample; empty of one.
        content: the whole file.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.folder = os.path.dirname(os.path.abspath(path))
        self.content = _read_json(path)
        version = self.content.get("version")
        if version != MANIFEST_VERSION:
            raise KitError(
                f"'{path}' has version {version!r}, this script reads {MANIFEST_VERSION}",
                MAKE_AGAIN,
            )
        self.classes = [str(name) for name in self._get(self.content, "classes", list)]
        if not self.classes:
            raise KitError(f"'{path}' names no class", MAKE_AGAIN)
        preprocessing = self._get(self.content, "preprocessing", dict)
        self.shape = _shape(preprocessing, "shape", path)
        self.raw_dtype = str(preprocessing.get("raw_dtype", ""))
        self.inputs = self._inputs(preprocessing)
        self.offset: Numbers
        self.scale: Numbers
        self.input_position: Any
        if self.inputs:
            self.offset, self.scale = (
                np.concatenate(numbers)
                for numbers in zip(*((one.offset, one.scale) for one in self.inputs))
            )
            self.input_position = tuple(one.position for one in self.inputs)
        else:
            self.offset = self._numbers(preprocessing, "offset", self.shape)
            self.scale = self._numbers(preprocessing, "scale", self.shape)
            self.input_position = _position(self._get(self.content, "input", dict), "input", path)
        output = self._get(self.content, "output", dict)
        entries = self._get(self.content, "outputs", list) if "outputs" in self.content else []
        self.outputs = tuple(Output(entry, self.shape, path) for entry in entries)
        self.task: Any = kit_several
        self.output_position: Any = tuple(output.output_position for output in self.outputs)
        self.output_name = output["name"] if isinstance(output.get("name"), str) else ""
        self.targets, self.threshold = None, None
        if not self.outputs:
            self.task = task_of(self.content.get("task", "classification"), path)
            self.output_position = _position(output, "output", path)
            self.targets = _targets(self.content.get("targets"), len(self.classes), path)
            self.threshold = _threshold(output, path)
        self.own_metrics = str(self.content.get("own_metrics") or "")
        self.files = self._files()

    def real(self, outputs: np.ndarray) -> np.ndarray:
        """Return int8 outputs (N, …) as real numbers, float64; of several outputs (N, values)."""
        if not self.outputs:
            return outputs.astype(np.float64) * 2.0**-self.output_position
        steps = [np.full(out.width, 2.0**-out.output_position) for out in self.outputs]
        return outputs.reshape(len(outputs), -1).astype(np.float64) * np.concatenate(steps)

    def _files(self) -> Dict[str, str]:
        files = {}
        for name, digest in self._get(self.content, "files", dict).items():
            if not isinstance(digest, str) or len(digest) != 64 or os.path.basename(name) != name:
                raise KitError(
                    f"'{self.path}': files[{name!r}] is not a file name with its SHA-256",
                    MAKE_AGAIN,
                )
            files[name] = digest
        return files

    def _get(self, where: Dict[str, Any], key: str, kind: type) -> Any:
        value = where.get(key)
        if not isinstance(value, kind):
            raise KitError(
                f"'{self.path}': '{key}' is missing or not a {_JSON_NAMES[kind]}", MAKE_AGAIN
            )
        return value

    def _inputs(self, preprocessing: Dict[str, Any]) -> Tuple[Input, ...]:
        """Return each of several inputs, in the order in which they lie in a sample; () of one."""
        if "inputs" not in preprocessing:
            return ()
        ways = self._get(preprocessing, "inputs", list)
        tensors = self._get(self.content, "inputs", list)
        if len(ways) != len(tensors) or not all(isinstance(w, dict) for w in [*ways, *tensors]):
            raise KitError(f"'{self.path}': an input is not described", MAKE_AGAIN)
        found: List[Input] = []
        widths: List[int] = []
        for way, tensor in zip(ways, tensors):
            shape = _shape(way, "shape", self.path)
            numbers = [self._numbers(way, key, shape) for key in ("offset", "scale")]
            name = str(tensor.get("name", ""))
            position = _position(tensor, f"input '{name}'", self.path)
            found.append(Input(name, position, shape, *numbers))
            widths.append(int(np.prod(_shape(tensor, "shape", self.path), dtype=np.int64)))
        alike = widths == [one.width for one in found]
        if not found or not alike or (sum(widths),) != self.shape:
            raise KitError(
                f"'{self.path}': the inputs are not those of a sample {self.shape}", MAKE_AGAIN
            )
        return tuple(found)

    def _numbers(self, where: Dict[str, Any], key: str, shape: Tuple[int, ...]) -> Numbers:
        value = where.get(key)
        values = value if isinstance(value, list) else [value]
        if not values or not all(_is_number(v) for v in values):
            raise KitError(
                f"'{self.path}': preprocessing.{key} is not a number or a list of numbers",
                MAKE_AGAIN,
            )
        if key == "scale" and not all(np.float32(v) for v in values):
            raise KitError(f"'{self.path}': preprocessing.scale is 0", MAKE_AGAIN)
        if not isinstance(value, list):
            return float(value)  # type: ignore[arg-type]
        if len(value) != shape[-1]:
            raise KitError(
                f"'{self.path}': preprocessing.{key} has {len(value)} numbers for {shape[-1]}"
                " features",
                MAKE_AGAIN,
            )
        return np.asarray(value, dtype=np.float32)

    def check_file(self, path: str) -> str:
        """Return the SHA-256 of ``path`` if it is the one in the manifest.

        Raises:
            KitError: the file is missing or unreadable, not named in the manifest, or another one.
        """
        name = os.path.basename(path)
        digest = file_sha256(path)
        if name not in self.files:
            raise KitError(
                f"'{path}' is not a file of the bundle in '{self.path}'",
                "Give a file that the manifest names: " + ", ".join(sorted(self.files)),
            )
        if digest != self.files[name]:
            raise KitError(
                f"'{path}' is not the file that '{self.path}' describes: its SHA-256 differs",
                COPY_AGAIN,
            )
        return digest


def _shape(where: Dict[str, Any], key: str, path: str) -> Tuple[int, ...]:
    values = where.get(key)
    if not isinstance(values, list):
        raise KitError(f"'{path}': '{key}' is missing or not a list", MAKE_AGAIN)
    if not values or not all(
        isinstance(v, int) and not isinstance(v, bool) and 0 < v < 1 << 20 for v in values
    ):
        raise KitError(f"'{path}': '{key}' is not a list of positive integers", MAKE_AGAIN)
    return tuple(values)


def _position(tensor: Dict[str, Any], what: str, path: str) -> int:
    value = tensor.get("position")
    if not isinstance(value, int) or isinstance(value, bool) or not -64 <= value <= 64:
        raise KitError(
            f"'{path}': {what}.position is not an integer between -64 and 64", MAKE_AGAIN
        )
    return value


def _threshold(tensor: Dict[str, Any], path: str) -> Optional[float]:
    threshold = tensor.get("threshold")
    if threshold is not None and not _is_number(threshold):
        raise KitError(f"'{path}': output.threshold is not a number", MAKE_AGAIN)
    return threshold


def _targets(targets: Any, count: int, path: str) -> Optional[Tuple[np.ndarray, np.ndarray]]:
    if targets is None:
        return None
    numbers = []
    for key in ("offset", "scale"):
        values = targets.get(key) if isinstance(targets, dict) else None
        known = isinstance(values, list) and len(values) in (1, count)
        if not known or not all(_is_number(value) for value in values or ()):
            raise KitError(
                f"'{path}': targets.{key} is not one number, or one per output", MAKE_AGAIN
            )
        numbers.append(np.asarray(values, dtype=np.float64))
    return numbers[0], numbers[1]


def _is_number(value: Any) -> bool:
    """Tell whether a JSON value is a number that float32 has."""
    is_one = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_one and -LARGEST <= value <= LARGEST


_JSON_NAMES: Dict[type, str] = {list: "list", dict: "object", str: "text"}


def _read_json(path: str) -> Dict[str, Any]:
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
    except FileNotFoundError:
        raise KitError(
            f"there is no '{path}'",
            "Run this from a bundle: its manifest.json lies beside the model.",
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise KitError(f"'{path}' cannot be read ({error})", COPY_AGAIN) from error
    if not isinstance(content, dict):
        raise KitError(f"'{path}' does not hold a JSON object", MAKE_AGAIN)
    return content


def file_sha256(path: str) -> str:
    """Return the SHA-256 of a file as hex. Raises KitError when it cannot be read or is empty."""
    digest = hashlib.sha256()
    size = 0
    try:
        with open(path, "rb") as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                digest.update(block)
                size += len(block)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise KitError(f"'{path}' cannot be read ({reason})", COPY_AGAIN) from error
    if not size:
        raise KitError(f"'{path}' is empty", COPY_AGAIN)
    return digest.hexdigest()


def read_arrays(
    path: str, names: List[str], optional: Tuple[str, ...] = ()
) -> Dict[str, np.ndarray]:
    """Return arrays of an ``.npz`` file, never unpickling anything.

    Raises:
        KitError: the file cannot be read, or lacks one of ``names``.
    """
    arrays = {}
    try:
        with np.load(path, allow_pickle=False) as file:
            if not hasattr(file, "files"):
                raise KitError(f"'{path}' is not an .npz file", MAKE_AGAIN)
            present = list(file.files)
            for name in list(names) + [n for n in optional if n in present]:
                if name not in present:
                    raise KitError(
                        f"'{path}' has no array '{name}'",
                        "It has: " + (", ".join(present) or "nothing") + ". " + MAKE_AGAIN,
                    )
                arrays[name] = file[name]
                if not isinstance(arrays[name], np.ndarray):
                    raise KitError(f"'{path}': '{name}' is no array", COPY_AGAIN)
    except NPZ_ERRORS as error:
        said = str(error)[:200]  # zipfile repeats what stands in the place of a name
        raise KitError(f"'{path}' cannot be read as .npz ({said})", COPY_AGAIN) from error
    return arrays


class Samples:
    """Raw samples ``x`` (N, …), labels ``y`` (N, …) and what the int8 Keras model says of them,
    ``expected`` (N, …), or None. Of several outputs, ``outputs``, both are structured; in the file
    they are ``y_<output>`` and ``expected_<output>``.
    """

    def __init__(self, path: str, manifest: Manifest) -> None:
        self.outputs = manifest.outputs
        ends: Any = {f"_{output.name}": output for output in self.outputs} or {"": manifest}
        expected = tuple(f"expected{end}" for end in ends)
        arrays = read_arrays(path, ["x", *(f"y{end}" for end in ends)], expected)
        self.x = _numeric(arrays["x"], path, "x")

        def labels_of(kind: str) -> Any:
            found = {
                end: one.task.check_labels(arrays[kind + end], path, kind + end, len(one.classes))
                for end, one in ends.items()
            }
            if len({len(array) for array in found.values()}) > 1:
                raise KitError(f"'{path}': '{kind}' of outputs have other lengths", MAKE_AGAIN)
            if not self.outputs:
                return found[""]
            return kit_several.joined({end[1:]: array for end, array in found.items()})

        self.y = labels_of("y")
        self.expected = labels_of("expected") if all(name in arrays for name in expected) else None
        if self.x.ndim < 2 or len(self.x) == 0:
            raise KitError(
                f"'{path}': array 'x' holds no samples (shape {self.x.shape})", MAKE_AGAIN
            )
        if tuple(self.x.shape[1:]) != manifest.shape:
            raise KitError(
                f"'{path}': array 'x' has samples of shape {tuple(self.x.shape[1:])}, the model"
                f" takes {manifest.shape}",
                MAKE_AGAIN,
            )
        for name, labels in (("y", self.y), ("expected", self.expected)):
            if labels is not None and len(labels) != len(self.x):
                raise KitError(
                    f"'{path}': {len(self.x)} samples but {len(labels)} values in '{name}'",
                    MAKE_AGAIN,
                )

    def __len__(self) -> int:
        return len(self.x)


class Golden:
    """int8 inputs (M, …) and the int8 outputs (M, classes) that the target must give for them, with
    their fix positions; several inputs or outputs are one row (M, values) with a position each.
    """

    def __init__(self, path: str, outputs: int = 1, inputs: int = 1) -> None:
        self.inputs, self.input_position = _golden(path, "input", inputs)
        self.outputs, self.output_position = _golden(path, "output", outputs)
        shapes = self.inputs.shape, self.outputs.shape
        if min(map(len, shapes)) < 2 or 0 in shapes[0] + shapes[1] or shapes[0][0] != shapes[1][0]:
            raise KitError(
                f"'{path}': golden inputs of shape {shapes[0]}, outputs of {shapes[1]}", MAKE_AGAIN
            )


def _golden(path: str, kind: str, count: int) -> Tuple[np.ndarray, Any]:
    """Return the golden inputs or outputs, as many as there are, with their fix positions."""
    ends = ["", *(f"_{number}" for number in range(1, count))]
    arrays = read_arrays(
        path, [f"{kind}{what}{end}" for end in ends for what in ("s", "_position")]
    )
    parts = [_int8(arrays[f"{kind}s{end}"], path, f"{kind}s{end}") for end in ends]
    positions = [
        _whole(arrays[f"{kind}_position{end}"], path, f"{kind}_position{end}") for end in ends
    ]
    if count == 1:
        return parts[0], positions[0]
    if len({part.shape[:1] for part in parts}) > 1 or not parts[0].ndim:
        raise KitError(f"'{path}': golden {kind}s have other lengths", MAKE_AGAIN)
    flat = [part.reshape(len(part), -1) for part in parts]
    return np.concatenate(flat, axis=1), tuple(positions)


def _numeric(array: np.ndarray, path: str, name: str) -> np.ndarray:
    if array.dtype.kind not in "uif" or array.dtype.itemsize > 8:
        raise KitError(f"'{path}': array '{name}' is {array.dtype}, not numbers", MAKE_AGAIN)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise KitError(f"'{path}': array '{name}' holds NaN or infinity", MAKE_AGAIN)
    return np.ascontiguousarray(array)


def _int8(array: np.ndarray, path: str, name: str) -> np.ndarray:
    if array.dtype != np.int8:
        raise KitError(f"'{path}': array '{name}' is {array.dtype}, not int8", MAKE_AGAIN)
    return np.ascontiguousarray(array) if array.ndim else array


def _whole(array: np.ndarray, path: str, name: str) -> int:
    if array.size != 1 or array.dtype.kind not in "ui":
        raise KitError(f"'{path}': '{name}' is not one whole number", MAKE_AGAIN)
    return int(array.reshape(-1)[0])
