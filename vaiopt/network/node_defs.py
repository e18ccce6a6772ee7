"""Operations as Keras of TensorFlow 2.3 writes them (release 1.4): a ``TensorFlowOpLayer`` holds
the node of TensorFlow's graph, and the numbers that it was given by their place.
"""

from __future__ import annotations

import json
from typing import Any, Dict, Mapping, Tuple

FUNCTIONS = {
    "Add": "math.add",
    "AddV2": "math.add",
    "Sub": "math.subtract",
    "Mul": "math.multiply",
    "RealDiv": "math.divide",
    "Neg": "math.negative",
    "Maximum": "math.maximum",
    "Minimum": "math.minimum",
    "Relu": "nn.relu",
    "Relu6": "nn.relu6",
    "Sigmoid": "nn.sigmoid",
    "Tanh": "nn.tanh",
    "Softplus": "nn.softplus",
    "Softsign": "nn.softsign",
    "Elu": "nn.elu",
    "Selu": "nn.selu",
    "Exp": "exp",
    "Identity": "identity",
}
"""The functions that make these nodes, as later Keras names them."""

_OPERANDS = ("x", "y")


def operation_of(config: Mapping[str, Any]) -> str:
    """Return the name of the node's operation; empty if it cannot be read."""
    node = config.get("node_def", "")
    try:
        node = node if isinstance(node, Mapping) else json.loads(node)
        return str(node["op"])
    except (LookupError, TypeError, ValueError, RecursionError):
        return ""


def as_function(config: Mapping[str, Any]) -> Tuple[str, Dict[str, Any]]:
    """Return the function that a layer's node stands for, and its numbers by the names of the
    function's arguments; the operation and nothing where it has no row in :data:`FUNCTIONS`.
    """
    operation = operation_of(config)
    if operation not in FUNCTIONS:
        return operation, {}
    constants = config.get("constants")
    numbers = constants if isinstance(constants, Mapping) else {}
    arguments = {}
    for place, value in numbers.items():
        plain = value.tolist() if hasattr(value, "tolist") else value
        arguments[_OPERANDS[int(place)]] = plain
    return FUNCTIONS[operation], arguments
