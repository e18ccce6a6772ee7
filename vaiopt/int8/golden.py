"""A few inputs and the outputs to expect from the target, as integers: ``golden.npz``."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from vaiopt.errors import ModelError, RunError
from vaiopt.files import PathLike, read_arrays
from vaiopt.int8.model import fix_positions, integer_outputs, output_tensors

SAMPLES = 16

GOLDEN_BATCH = 4

MOST_OUTPUTS = 64
"""Of a model, and inputs, as far as golden ones are read."""

GOLDEN_ARRAYS = ("inputs", "outputs", "input_position", "output_position")
"""Arrays of ``golden.npz`` that the kit compares; the raw inputs beside them stay on the host."""


KINDS = ("input", "output")
"""Of each there is one, and further ones with ``_1``, ``_2``, ... behind the names of arrays."""


_MORE = tuple(
    f"{kind}{part}{end}"
    for kind in KINDS
    for end in ("", *(f"_{number}" for number in range(1, MOST_OUTPUTS)))
    for part in ("s", "_position", "_name")
    if end or part == "_name"
)
"""Arrays that need not be there."""


class GoldenTensor(NamedTuple):
    """What goes into one input, or what to expect of one output: int8, samples first; its fix
    position, and ``<layer>/<tensor>``, empty in files that do not say.
    """

    values: np.ndarray
    position: int
    name: str = ""


@dataclass(frozen=True, eq=False)
class Golden:
    """Inputs, and the outputs to expect, of a model.

    Attributes:
        inputs, outputs: int8, samples first; the outputs are the logits before a softmax.
        input_position, output_position: their fix positions.
        name: of the output. more: further outputs.
        input_name: of the input. more_inputs: further inputs.
    """

    inputs: np.ndarray
    outputs: np.ndarray
    input_position: int
    output_position: int
    name: str = ""
    more: Tuple[GoldenTensor, ...] = ()
    input_name: str = ""
    more_inputs: Tuple[GoldenTensor, ...] = ()

    @property
    def all_outputs(self) -> Tuple[GoldenTensor, ...]:
        """All outputs, in the order of the model's."""
        return (GoldenTensor(self.outputs, self.output_position, self.name), *self.more)

    @property
    def all_inputs(self) -> Tuple[GoldenTensor, ...]:
        """All inputs, in the order of the model's."""
        first = GoldenTensor(self.inputs, self.input_position, self.input_name)
        return (first, *self.more_inputs)

    @property
    def positions(self) -> Tuple[int, ...]:
        """Fix positions of all inputs and of all outputs."""
        return tuple(tensor.position for tensor in (*self.all_inputs, *self.all_outputs))

    @property
    def frames(self) -> np.ndarray:
        """The inputs of each sample; of several all their values in one row, (n, values)."""
        return _in_rows(self.all_inputs)

    @property
    def rows(self) -> np.ndarray:
        """The outputs of each sample; of several all their values in one row, (n, values)."""
        return _in_rows(self.all_outputs)

    def arrays(self) -> Dict[str, np.ndarray]:
        """Return the arrays by their names in the file (:data:`GOLDEN_ARRAYS`)."""
        found = {name: np.asarray(getattr(self, name)) for name in GOLDEN_ARRAYS}
        for kind, more in zip(KINDS, (self.more_inputs, self.more)):
            for number, tensor in enumerate(more, start=1):
                found[f"{kind}s_{number}"] = tensor.values
                found[f"{kind}_position_{number}"] = np.asarray(tensor.position)
        return found


def _in_rows(tensors: Sequence[GoldenTensor]) -> np.ndarray:
    if len(tensors) == 1:
        return tensors[0].values
    return np.concatenate([t.values.reshape(len(t.values), -1) for t in tensors], axis=1)


def read_golden(path: PathLike, command: str) -> Golden:
    """Read the arrays of ``golden.npz`` that are compared.

    Args:
        path: the file.
        command: the command that makes it, for the hint.

    Raises:
        RunError: it is missing or damaged, lacks one of the arrays, or one is not what it must be.
    """
    arrays = read_arrays(path, GOLDEN_ARRAYS, command, optional=_MORE)
    problem = _problem(arrays)
    more: Dict[str, Tuple[GoldenTensor, ...]] = {}
    for kind in KINDS:
        found = []
        for end in (f"_{number}" for number in range(1, MOST_OUTPUTS)):
            if f"{kind}s{end}" not in arrays:
                continue
            values, position = arrays[f"{kind}s{end}"], arrays.get(f"{kind}_position{end}")
            problem = problem or _problem_of(values, position, kind, len(arrays["inputs"]))
            if not problem and position is not None:
                name = _text(arrays.get(f"{kind}_name{end}"))
                found.append(GoldenTensor(values, int(position), name))
        more[kind] = tuple(found)
    if problem:
        raise RunError(f"'{path}' is damaged: {problem}", f"Make it again with: {command}")
    return Golden(
        arrays["inputs"],
        arrays["outputs"],
        int(arrays["input_position"]),
        int(arrays["output_position"]),
        name=_text(arrays.get("output_name")),
        more=more["output"],
        input_name=_text(arrays.get("input_name")),
        more_inputs=more["input"],
    )


def _problem_of(values: np.ndarray, position: Optional[np.ndarray], kind: str, count: int) -> str:
    """Return what is wrong with a further input or output; empty if nothing is."""
    if position is None:
        return f"there is no position of an {kind}"
    if values.dtype != np.int8 or values.ndim < 2:
        return f"'{kind}s' is no int8 array of samples"
    if position.shape != () or not np.issubdtype(position.dtype, np.integer):
        return f"'{kind}_position' is no integer"
    return "" if len(values) == count else f"{count} inputs, {len(values)} {kind}s"


def _text(array: Optional[np.ndarray]) -> str:
    return str(array) if array is not None and array.shape == () else ""


def _problem(arrays: Mapping[str, np.ndarray]) -> str:
    """Return what is wrong with the arrays; empty if nothing is."""
    for name in GOLDEN_ARRAYS[:2]:
        if arrays[name].dtype != np.int8 or arrays[name].ndim < 2:
            return f"'{name}' is no int8 array of samples"
    for name in GOLDEN_ARRAYS[2:]:
        if arrays[name].shape != () or not np.issubdtype(arrays[name].dtype, np.integer):
            return f"'{name}' is no integer"
    counts = len(arrays["inputs"]), len(arrays["outputs"])
    return "" if counts[0] == counts[1] else f"{counts[0]} inputs, {counts[1]} outputs"


def golden(
    model: Any, x: Sequence[np.ndarray], raw: Optional[np.ndarray] = None
) -> Dict[str, np.ndarray]:
    """Return the arrays of ``golden.npz``.

    Args:
        model: a quantized model of either backend.
        x: preprocessed samples, one array per input of the model; the first :data:`SAMPLES` are
            used.
        raw: the same samples before preprocessing, if known.

    Returns:
        ``inputs`` and ``outputs`` (int8, samples first; the outputs are the logits before a
        softmax), ``input_position``, ``output_position``, ``input_name`` and ``output_name``
        (``<layer>/<tensor>``), and ``raw``. Those of a further input or output have ``_1``, ``_2``,
        ... behind their name. A model whose output is joined from several rounded tensors on the
        CPU has no ``outputs``.
    """
    few = [array[:SAMPLES] for array in x]
    positions = {entry.name: entry.position for entry in fix_positions(model)}
    inputs = [name for name in positions if name.endswith("/input")]
    outputs: List[str] = []
    # joined from several rounded tensors on the CPU: there is no int8 output to expect
    with contextlib.suppress(ModelError):
        outputs = output_tensors(model)
    # In float64, and the maps of a large model are large: a few samples at a time, and no others.
    integers = integer_outputs(model, few, GOLDEN_BATCH, (*inputs, *outputs))
    arrays: Dict[str, np.ndarray] = {}

    def add(kind: str, names: Iterable[str]) -> None:
        for number, name in enumerate(names):
            suffix = f"_{number}" if number else ""
            arrays[f"{kind}s{suffix}"] = integers[name]
            arrays[f"{kind}_position{suffix}"] = np.array(positions[name], np.int32)
            arrays[f"{kind}_name{suffix}"] = np.array(name)

    order = {name: place for place, name in enumerate(model.input_names)}
    add("input", sorted(inputs, key=lambda name: order.get(name.rpartition("/")[0], len(order))))
    add("output", outputs)
    if raw is not None:
        arrays["raw"] = raw[:SAMPLES]
    return arrays
