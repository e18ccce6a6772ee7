"""A few inputs and the outputs to expect from the target, as integers: ``golden.npz``."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any, Dict, Iterable, Mapping, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from vaiopt.errors import ModelError, RunError
from vaiopt.files import PathLike, read_arrays
from vaiopt.int8.model import fix_positions, integer_outputs, output_tensors

SAMPLES = 16

GOLDEN_BATCH = 4

MOST_OUTPUTS = 64
"""Of a model, as far as golden outputs are read."""

GOLDEN_ARRAYS = ("inputs", "outputs", "input_position", "output_position")
"""Arrays of ``golden.npz`` that the kit compares; the raw inputs beside them stay on the host."""


FURTHER = ("outputs", "output_position")
"""Those of which there is one a further output, with ``_1``, ``_2``, ... behind its name."""


_MORE = (
    "output_name",
    *(f"{n}_{i}" for n in (*FURTHER, "output_name") for i in range(1, MOST_OUTPUTS)),
)


class GoldenOutput(NamedTuple):
    """What to expect of one output: int8, samples first; its fix position, and
    ``<layer>/<tensor>``, empty in files that do not say.
    """

    values: np.ndarray
    position: int
    name: str = ""


@dataclass(frozen=True, eq=False)
class Golden:
    """Inputs, and the outputs to expect, of a model with one input.

    Attributes:
        inputs, outputs: int8, samples first; the outputs are the logits before a softmax.
        input_position, output_position: their fix positions.
        name: of the output. more: further outputs.
    """

    inputs: np.ndarray
    outputs: np.ndarray
    input_position: int
    output_position: int
    name: str = ""
    more: Tuple[GoldenOutput, ...] = ()

    @property
    def all_outputs(self) -> Tuple[GoldenOutput, ...]:
        """All outputs, in the order of the model's."""
        return (GoldenOutput(self.outputs, self.output_position, self.name), *self.more)

    @property
    def positions(self) -> Tuple[int, ...]:
        """Fix positions of the input and of all outputs."""
        return (self.input_position, *(output.position for output in self.all_outputs))

    @property
    def rows(self) -> np.ndarray:
        """The outputs of each sample; of several all their values in one row, (n, values)."""
        if not self.more:
            return self.outputs
        flat = [output.values.reshape(len(self.inputs), -1) for output in self.all_outputs]
        return np.concatenate(flat, axis=1)

    def arrays(self) -> Dict[str, np.ndarray]:
        """Return the arrays by their names in the file (:data:`GOLDEN_ARRAYS`)."""
        found = {name: np.asarray(getattr(self, name)) for name in GOLDEN_ARRAYS}
        for number, output in enumerate(self.more, start=1):
            found[f"outputs_{number}"] = output.values
            found[f"output_position_{number}"] = np.asarray(output.position)
        return found


def read_golden(path: PathLike, command: str) -> Golden:
    """Read the arrays of ``golden.npz`` that are compared.

    Args:
        path: the file.
        command: the command that makes it, for the hint.

    Raises:
        RunError: it is missing or damaged, lacks one of the arrays, or one is not what it must be.
    """
    arrays = read_arrays(path, GOLDEN_ARRAYS, command, optional=_MORE)
    further = [n for n in range(1, MOST_OUTPUTS) if f"outputs_{n}" in arrays]
    problem = _problem(arrays)
    for number in further:
        of_it = {**arrays, **{name: arrays.get(f"{name}_{number}") for name in FURTHER}}
        missing = of_it["output_position"] is None
        problem = problem or ("there is no position of an output" if missing else _problem(of_it))
    if problem:
        raise RunError(f"'{path}' is damaged: {problem}", f"Make it again with: {command}")
    return Golden(
        arrays["inputs"],
        arrays["outputs"],
        int(arrays["input_position"]),
        int(arrays["output_position"]),
        name=_text(arrays.get("output_name")),
        more=tuple(
            GoldenOutput(
                arrays[f"outputs_{n}"],
                int(arrays[f"output_position_{n}"]),
                _text(arrays.get(f"output_name_{n}")),
            )
            for n in further
        ),
    )


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
    # In float64, and a large model's activations together are many: a few samples at a time.
    integers = integer_outputs(model, few, batch_size=GOLDEN_BATCH)
    positions = {entry.name: entry.position for entry in fix_positions(model)}
    arrays: Dict[str, np.ndarray] = {}

    def add(kind: str, names: Iterable[str]) -> None:
        for number, name in enumerate(names):
            suffix = f"_{number}" if number else ""
            arrays[f"{kind}s{suffix}"] = integers[name]
            arrays[f"{kind}_position{suffix}"] = np.array(positions[name], np.int32)
            arrays[f"{kind}_name{suffix}"] = np.array(name)

    add("input", (name for name in integers if name.endswith("/input")))
    # joined from several rounded tensors on the CPU: there is no int8 output to expect
    with contextlib.suppress(ModelError):
        add("output", output_tensors(model))
    if raw is not None:
        arrays["raw"] = raw[:SAMPLES]
    return arrays
