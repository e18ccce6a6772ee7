"""What the quantizers of the vendor's releases do with each layer class and function: one table,
``verdicts.csv``, with the source of each row.

``inspect``, the search, ``quantize``, ``compile`` and the docs take it from here.
"""

from __future__ import annotations

import csv
import functools
from pathlib import Path
from typing import Dict, FrozenSet, List, NamedTuple, Tuple

from vaiopt.releases import RELEASES

TABLE = Path(__file__).with_name("verdicts.csv")

KINDS = ("layer", "function", "operation")
VERDICTS = (
    "int8",
    "fused",
    "moved",
    "folded",
    "changed",
    "left out",
    "input",
    "float",
    "refused",
    "function",
)

ON_INTEGERS = frozenset(["int8", "fused", "moved"])
"""Verdicts after which integers go on being integers."""

ON_THE_CPU = frozenset(["input", "float"])
"""Verdicts after which the CPU computes in float."""


NO_OPERAND = "sum or product of a layer in float"
NO_SIGMOID_INPUT = "sigmoid or swish of a layer in float that others read"
"""Rows of what some releases fail on, since a number that they compare has no position."""

MULTIPLIED_NORM = "batch normalisation behind a DepthwiseConv2D of depth_multiplier above 1"
MULTIPLIED_PAIR = "convolution behind a DepthwiseConv2D of depth_multiplier above 1"
MULTIPLIED_RELU = "convolution behind a ReLU layer of a DepthwiseConv2D of depth_multiplier above 1"
"""Rows of what releases fail on, since they take such a layer to have as many outputs as inputs:
the fold into its weights, and its equalisation with the convolution that it feeds.
"""


class Verdict(NamedTuple):
    """One row; the fields are the columns that ``verdicts.csv`` explains."""

    kind: str
    name: str
    behind: Tuple[str, ...]
    releases: Tuple[str, ...]
    verdict: str
    cure: str
    source: str

    @property
    def on_the_cpu(self) -> bool:
        """True where the CPU computes it in float."""
        return self.verdict in ON_THE_CPU


@functools.lru_cache(maxsize=None)
def verdict_table() -> Tuple[Verdict, ...]:
    """Return all rows, in order."""
    lines = [line for line in TABLE.read_text("utf-8").splitlines() if not line.startswith("#")]
    return tuple(_row(fields) for fields in csv.DictReader(lines))


def _row(fields: Dict[str, str]) -> Verdict:
    return Verdict(
        fields["kind"],
        fields["name"],
        tuple(fields["behind"].split()),
        _releases(fields["releases"]),
        fields["verdict"],
        fields["cure"],
        fields["source"],
    )


def _releases(text: str) -> Tuple[str, ...]:
    """Return the releases in ``from-to``; an end left out is open."""
    names: List[str] = list(RELEASES)
    first, dash, last = text.partition("-")
    last = last if dash else first
    start = names.index(first) if first else 0
    return tuple(names[start : names.index(last) + 1 if last else None])


@functools.lru_cache(maxsize=None)
def verdict_of(kind: str, name: str, release: str, behind: str = "") -> Verdict:
    """Return the first row that fits.

    Args:
        kind: one of :data:`KINDS`.
        name: of the layer class, function or operation; those without a row of their own have the
            verdict of ``*``.
        release: of Vitis AI.
        behind: class of the layer before a function, if nothing else reads that; else empty.

    Raises:
        LookupError: no row fits, which is a gap in the table.
    """
    for wanted in (name, "*"):
        for row in verdict_table():
            if row.kind == kind and row.name == wanted and release in row.releases:
                if not row.behind or behind in row.behind:
                    return row
    raise LookupError(f"verdicts.csv has no row for the {kind} '{name}' in release {release}")


def quantized_layers(release: str) -> FrozenSet[str]:
    """Return the layer classes that a release quantizes, or moves the integers of, wherever they
    stand.
    """
    rows = (row for row in verdict_table() if row.kind == "layer" and release in row.releases)
    return frozenset(row.name for row in rows if row.verdict in ON_INTEGERS)


def fused_behind(function: str, release: str) -> FrozenSet[str]:
    """Return the layer classes on whose exact sums a release computes a function."""
    rows = (row for row in verdict_table() if (row.kind, row.name) == ("function", function))
    fused = (row for row in rows if release in row.releases and row.verdict == "fused")
    return frozenset(name for row in fused for name in row.behind)
