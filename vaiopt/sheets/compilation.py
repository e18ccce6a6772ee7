"""Tables of a compiled model."""

from __future__ import annotations

from typing import Any, List

from vaiopt.present.table import Table, flatten
from vaiopt.runs.records import CompileRecord

_APART = ("target", "backend", "file", "bytes", "seconds", "versions", "operations", "warnings")
"""Fields that are shown elsewhere than in the list of facts."""


def operation_table(record: CompileRecord) -> Table:
    """Return the operations, and the layer that each came from."""
    rows = [[operation.layer, operation.kind] for operation in record.operations]
    return Table(("layer", "operation"), rows)


def compile_facts(record: CompileRecord) -> List[List[Any]]:
    """Return what the record says besides file, backend, time and operations, line by line."""
    content = record.to_json()
    kept = {key: value for key, value in content.items() if key not in _APART}
    return flatten({key: value for key, value in kept.items() if value not in (None, "", [])})
