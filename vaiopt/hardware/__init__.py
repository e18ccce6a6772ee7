"""What a model costs on a target, known before it is trained: targets, layer graph, operator rules,
latency model.

TensorFlow is never imported here; a live model is read through its own methods, a file without
building anything.
"""

from __future__ import annotations

from vaiopt.hardware.graph import LayerGraph, Operation, read_graph
from vaiopt.hardware.inspection import (
    Inspection,
    LayerReport,
    Suggestion,
    costs,
    input_levels,
    inspect_model,
)
from vaiopt.hardware.targets import Target, TargetSummary, list_targets, load_target

__all__ = [
    "Inspection",
    "LayerGraph",
    "LayerReport",
    "Operation",
    "Suggestion",
    "Target",
    "TargetSummary",
    "costs",
    "input_levels",
    "inspect_model",
    "list_targets",
    "load_target",
    "read_graph",
]
