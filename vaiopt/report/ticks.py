"""Axes of hyperparameters: one numeric code for every value, and ticks that say what the codes
stand for.
"""

from __future__ import annotations

import math
import sys
from typing import Any, Dict, List, Tuple

import numpy as np

from vaiopt.present import words
from vaiopt.present.figure import text
from vaiopt.report.dimensions import Dimension

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
TICKED_VALUES = 6
"""A hyperparameter of so few values has a tick at each."""


def number(value: float) -> str:
    """Return a number as short as it can be read: ``0.05``, ``256``, ``20k``, ``1.5M``, ``10⁻⁴``,
    ``2·10⁻⁴``.
    """
    size = abs(value)
    if not math.isfinite(size):
        return str(value)
    if size >= 1e4 and size < 1e9:
        unit, suffix = (1e6, "M") if size >= 1e6 else (1e3, "k")
        return f"{value / unit:.4g}{suffix}"
    if value == 0 or 0.001 <= size < 1e4:
        return f"{value:.4g}"
    mantissa, exponent = f"{value:.1e}".split("e")
    power = "10" + str(int(exponent)).translate(_SUPERSCRIPT)
    factor = f"{float(mantissa):g}"
    return power if factor == "1" else f"{factor}·{power}"


def linear_ticks(low: float, high: float, most: int = 5) -> List[float]:
    """Return at most ``most`` round numbers between two bounds, evenly spaced."""
    if not high > low or not math.isfinite(high - low):
        return [low]
    raw = (high - low) / most
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(k * step, 12) for k in range(first, int(math.floor(high / step + 1e-9)) + 1)]


def log_ticks(low: float, high: float, most: int = 5) -> List[float]:
    """Return round numbers between two positive bounds for a logarithmic axis: the finest of 1-2-5,
    1-3 and 1 times powers of ten.
    """
    first, last = int(math.floor(math.log10(low))), int(math.ceil(math.log10(high)))
    powers = [10.0**k for k in range(first, min(last, sys.float_info.max_10_exp) + 1)]
    within: List[float] = []
    for factors in ((1, 2, 5), (1, 3), (1,)):
        within = [
            f * power
            for power in powers
            for f in factors
            if low * 0.999 <= f * power <= high * 1.001
        ]
        if len(within) <= most:
            break
    if len(within) < 2:
        return linear_ticks(low, high, most)
    return within[:: int(math.ceil(len(within) / most))]


def ticks(dim: Dimension) -> Tuple[List[float], List[str]]:
    """Return the places (codes of ``dim``) and the texts of the ticks of its axis, texts escaped
    for plotly.
    """
    if dim.choices:
        return [float(i) for i in range(len(dim.choices))], [
            text(short(words.value(choice), 18)) for choice in dim.choices
        ]
    distinct = sorted({v for v in dim.values if v is not None})
    span = dim.code(distinct[-1]) - dim.code(distinct[0]) or 1.0
    gaps = [dim.code(b) - dim.code(a) for a, b in zip(distinct, distinct[1:])]
    if len(distinct) <= TICKED_VALUES and all(gap > 0.09 * span for gap in gaps):
        values: List[Any] = distinct
    else:
        values = (log_ticks if dim.log else linear_ticks)(distinct[0], distinct[-1])
    return [dim.code(value) for value in values], [number(float(value)) for value in values]


def code_axis(dim: Dimension) -> Dict[str, Any]:
    """Return plotly's axis for the codes of a hyperparameter, with a little room at both ends."""
    places, texts = ticks(dim)
    codes = dim.codes()
    finite = codes[np.isfinite(codes)]
    low, high = float(finite.min()), float(finite.max())
    room = 0.5 if dim.choices else 0.06 * ((high - low) or 1.0)
    return {
        "type": "linear",
        "tickvals": places,
        "ticktext": texts,
        "range": [low - room, high + room],
        "tickangle": 0,
        "zeroline": False,
    }


def short(name: str, most: int) -> str:
    """Return a name of at most ``most`` characters, cut with an ellipsis."""
    return name if len(name) <= most else name[: most - 1] + "…"
