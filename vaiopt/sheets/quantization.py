"""Tables of how a model was quantized, and what it lost."""

from __future__ import annotations

from typing import Any, List, Mapping, Optional

from vaiopt.present import words
from vaiopt.present.table import Table
from vaiopt.present.uncertainty import sure
from vaiopt.runs.records import LayerNoise, QuantizedMetrics

UNHURT_DB = 40.0
"""Signal-to-noise ratio from which rounding to 8 bits costs an activation nothing that matters: the
error is a hundredth of the values, and no more than that of rounding a full range.
"""


def activation_name(noise: LayerNoise) -> str:
    """Return the name of an activation: its layer's, with the tensor if that is not the layer's
    output.
    """
    tensor = noise.tensor.replace("_", " ")
    return noise.layer if tensor == "output" else f"{noise.layer} ({tensor})"


def quantization_advice(record: QuantizedMetrics) -> Table:
    """Return the layers that int8 hurts most, the worst first, and what may help; one row that says
    nowhere, where none loses what matters; no row where nothing is known of layers.
    """
    rows: List[List[Any]] = [
        [activation_name(noise), words.decibels(noise.snr_db), noise.suggestion]
        for noise in record.worst_layers()
        if noise.snr_db < UNHURT_DB
    ]
    if record.layers and not rows:
        least = words.decibels(min(noise.snr_db for noise in record.layers))
        rows = [["nowhere", f"at least {least}", None]]
    return Table(("layer", "SNR", "what may help"), rows, numeric=(1,), name="quantization_advice")


def _with_interval(
    record: QuantizedMetrics, shown: Optional[str], scores: Mapping[str, float]
) -> Optional[str]:
    within = sure(record.headline, scores.get(record.headline), record.samples)
    return f"{shown} ({within})" if shown and within else shown


def quantization_facts(record: QuantizedMetrics, scores: bool = True) -> List[List[Any]]:
    """Return how the model was quantized and, with ``scores``, with what result, line by line."""
    key = record.headline
    name, both = words.score_name(key), (record.float_scores, record.int8_scores)
    before, after = (words.metric(key, found.get(key)) if scores else None for found in both)
    on = record.evaluated_on or "validation"
    calibration = f"{record.calibration_size} samples, batches of {record.calib_batch_size}"
    use = record.input
    rows: List[List[Any]] = [
        ["backend", record.backend],
        ["method", record.method],
        ["Vitis-AI release", record.release],
        ["calibration", calibration],
        [f"float, {on} {name}", _with_interval(record, before, record.float_scores)],
        [f"int8, {on} {name}", _with_interval(record, after, record.int8_scores)],
        ["input fix position", use.position if use is not None else None],
        ["input levels used", f"{use.levels_used} of 256" if use is not None else None],
        ["left in float", ", ".join(record.float_layers) or None],
        ["time", words.seconds(record.seconds)],
    ]
    return [row for row in rows if row[1] is not None]
