"""A few inputs and the outputs to expect from the target, as integers."""

from __future__ import annotations

import contextlib
from typing import Any, Dict, List, Optional, Sequence

import numpy as np

from vaiopt.errors import ModelError
from vaiopt.int8.model import fix_positions, integer_outputs, output_tensors

SAMPLES = 16


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
    integers = integer_outputs(model, few if len(few) > 1 else few[0])
    positions = {
        "{layer}/{tensor}".format(**entry): entry["position"] for entry in fix_positions(model)
    }
    arrays: Dict[str, np.ndarray] = {}
    _add(
        arrays, "input", [name for name in integers if name.endswith("/input")], integers, positions
    )
    with contextlib.suppress(
        ModelError
    ):  # the CPU joins several rounded tensors at the end: there is no int8 output to expect
        _add(arrays, "output", output_tensors(model), integers, positions)
    if raw is not None:
        arrays["raw"] = raw[:SAMPLES]
    return arrays


def _add(
    arrays: Dict[str, np.ndarray],
    kind: str,
    names: List[str],
    integers: Dict[str, np.ndarray],
    positions: Dict[str, int],
) -> None:
    for number, name in enumerate(names):
        suffix = f"_{number}" if number else ""
        arrays[kind + "s" + suffix] = integers[name]
        arrays[kind + "_position" + suffix] = np.array(positions[name], np.int32)
        arrays[kind + "_name" + suffix] = np.array(name)
