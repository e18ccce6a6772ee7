"""What quantization returns."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict

from vaiopt.present.shown import Shown
from vaiopt.runs.records import QuantizedMetrics


@dataclass(frozen=True)
class QuantizeResult(Shown):
    """The outcome of one quantization.

    Attributes:
        folder: where ``quantized.h5``, ``fix_positions.json``, ``metrics.json`` and ``golden.npz``
            are.
        record: content of ``metrics.json``.
    """

    folder: Path
    record: QuantizedMetrics

    def to_json(self) -> Dict[str, Any]:
        """Return the record, with the folder."""
        return {**self.record.to_json(), "folder": str(self.folder)}
