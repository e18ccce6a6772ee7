"""The sheet of data: what there is of each class and part, and what is wrong with it."""

from __future__ import annotations

from typing import List, Sequence, Tuple

from vaiopt.data.data_sheet import DataSheet, FileSizes, ValueRow
from vaiopt.present import words
from vaiopt.present.sheet import Fact, Sheet
from vaiopt.present.table import Table


def data(found: DataSheet) -> Sheet:
    """Return the sheet of data."""
    form = f"{'×'.join(map(str, found.shape))} {found.dtype}"
    form = " and ".join(map(str, found.inputs)) or form
    facts: List[Fact] = [
        ("samples", words.count(sum(found.samples.values())), parts_of(found)),
        ("of", form, found.source),
        ("task", found.task, ""),
    ]
    if found.file_sizes is not None:
        facts.append(("size of the files", *size_of(found.file_sizes)))
    notes = [f"WARNING: {line}" for line in found.warnings]
    if not found.compared:
        notes.append("repeated samples were not looked for: the data are too large")
    return Sheet(
        f"Data · {found.name}", facts, tables_of(found), [*notes, *found.remarks, *found.notes]
    )


def parts_of(found: DataSheet) -> str:
    """Return the samples of each part, in words."""
    return ", ".join(f"{name} {count:,}" for name, count in found.samples.items())


def size_of(sizes: FileSizes) -> Tuple[str, str]:
    """Return the median size of images in their files, and what there is besides, in words."""
    small, middle, large = (
        f"{size[0]}×{size[1]}" for size in (sizes.smallest, sizes.median, sizes.largest)
    )
    if sizes.different == 1:
        return small, "width × height, all alike"
    return middle, f"width × height, median of {sizes.different:,} sizes, {small} to {large}"


def tables_of(found: DataSheet) -> List[Tuple[str, Table]]:
    """Return the tables of a data sheet, with titles; those without rows show nothing."""
    repeated = [
        [
            f"{row.second} in {row.first}" if row.first != row.second else f"twice in {row.first}",
            words.count(row.count),
            words.count(row.contradictions),
            ", ".join(row.examples),
        ]
        for row in found.repeated
    ]
    left = [[row.kind, words.count(row.count), ", ".join(row.examples)] for row in found.left_out]
    columns = "Columns" + (f" (and {found.more_columns:,} more)" if found.more_columns else "")
    return [
        ("Classes", class_table(found)),
        ("Quantities", _values(found.quantities, "quantity")),
        (columns, _values(found.columns, "column")),
        (
            "Samples that are there more than once",
            Table(("", "samples", "other label", "such as"), repeated, (1, 2), "repeated_samples"),
        ),
        ("Files left out", Table(("kind", "files", "such as"), left, (1,), "files_left_out")),
    ]


def class_table(found: DataSheet) -> Table:
    """Return samples, or pixels, of each class in each part, and its share of all."""
    totals = [sum(row.counts.values()) for row in found.classes]
    whole = max(1, sum(totals))
    rows = []
    for row, total in zip(found.classes, totals):
        counts = [words.count(row.counts.get(name)) for name in found.samples]
        rows.append([row.name, *counts, words.percent(total / whole)])
    of = "" if found.counted == "samples" else f" ({found.counted})"
    heads = ("class", *(f"{name}{of}" for name in found.samples), "share")
    return Table(heads, rows, tuple(range(1, len(heads))), "classes")


def _values(rows: Sequence[ValueRow], what: str) -> Table:
    shown = [
        [row.name, *(f"{v:.5g}" for v in (row.low, row.median, row.mean, row.high))] for row in rows
    ]
    heads = (what, "lowest", "median", "mean", "highest")
    return Table(heads, shown, (1, 2, 3, 4), "quantities" if what == "quantity" else "columns")
