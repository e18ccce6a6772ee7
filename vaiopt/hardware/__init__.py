"""What a model costs on a target, known before it is trained: targets, layer graph, operator rules,
latency model.

TensorFlow is never imported here; a live model is read through its own methods, a file without
building anything.
"""

from __future__ import annotations

from vaiopt.hardware.inspection import (
    Inspection,
    LayerReport,
    Suggestion,
    costs,
    input_levels,
    inspect_model,
)
from vaiopt.hardware.target import Target, TargetSummary
from vaiopt.hardware.targets import list_targets, load_target
from vaiopt.network.graph import LayerGraph, Operation
from vaiopt.network.read import read_graph

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
