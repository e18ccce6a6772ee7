"""The layer graph: what a Keras model computes, one operation at a time, with shapes,
multiplications, weights and bytes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple, Union

from vaiopt.errors import ModelError
from vaiopt.hardware.calls import Shape, read_calls
from vaiopt.hardware.shapes import elements

Kernel = Tuple[int, int]


class Operation(NamedTuple):
    """One operation. A Keras layer can be several: a convolution with an activation is two, a
    separable convolution is two or three.

    Shapes are without the batch dimension, channels last. ``inputs`` are numbers of earlier
    operations. ``kind`` is one of ``input conv depthwise transposed dense max_pool average_pool
    global_average_pool batch_norm add multiply activation concat pad reshape flatten upsample
    softmax`` or ``other``. ``padding`` is (top, bottom, left, right), in pixels. ``scaling`` is
    (scale, offset) of a Rescaling layer.
    """

    name: str
    layer: str
    layer_type: str
    kind: str
    inputs: Tuple[int, ...]
    input_shapes: Tuple[Shape, ...]
    output_shape: Shape
    kernel: Kernel = (1, 1)
    strides: Kernel = (1, 1)
    dilation: Kernel = (1, 1)
    padding: Tuple[int, int, int, int] = (0, 0, 0, 0)
    groups: int = 1
    multiplier: int = 1
    function: str = ""
    value: Optional[float] = None
    params: int = 0
    weights: int = 0
    macs: int = 0
    scaling: Optional[Tuple[float, float]] = None
    assumed_shape: bool = False

    @property
    def input_size(self) -> int:
        """Number of input values, all inputs together; bytes, at 8 bits each."""
        return sum(elements(shape) for shape in self.input_shapes)


class LayerGraph(NamedTuple):
    """A model as operations in an order in which each follows those it uses.

    ``outputs`` are the operations whose results leave the model. ``nested`` names the nested models
    that were flattened.
    """

    name: str
    operations: Tuple[Operation, ...]
    outputs: Tuple[int, ...]
    nested: Tuple[str, ...] = ()

    @property
    def params(self) -> int:
        """Parameters, trainable or not, each shared layer once."""
        return sum(operation.params for operation in self.operations)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference."""
        return sum(operation.macs for operation in self.operations)

    @property
    def inputs(self) -> Tuple[int, ...]:
        """Numbers of the input operations."""
        return tuple(i for i, operation in enumerate(self.operations) if operation.kind == "input")

    @property
    def consumers(self) -> List[List[int]]:
        """For each operation, the operations that use its result."""
        users: List[List[int]] = [[] for _ in self.operations]
        for number, operation in enumerate(self.operations):
            for source in operation.inputs:
                users[source].append(number)
        return users


def read_graph(model: Any) -> LayerGraph:
    """Return the layer graph of a model, without TensorFlow and without running any code of the
    model.

    Args:
        model: a live Keras 2 model (functional or sequential), its configuration as a dictionary,
            or the path of a Keras 2 ``.h5`` file or of an architecture JSON (``model.to_json()``).

    Raises:
        ModelError: a missing or unreadable file, Keras 3, a subclassed model, an undefined shape,
            or shapes that do not fit.
    """
    from vaiopt.hardware.lowering import lower

    if isinstance(model, LayerGraph):
        return model
    if isinstance(model, (str, Path)):
        path = Path(model)
        return lower(read_calls(read_architecture(path)), path.stem)
    if isinstance(model, Mapping):
        body = model.get("config")
        name = body.get("name") if isinstance(body, Mapping) else model.get("name")
        return lower(read_calls(model), str(name or "model"))
    return lower(read_calls(model), str(getattr(model, "name", "model")))


def read_architecture(path: Union[str, Path]) -> Dict[str, Any]:
    """Return the configuration in an ``.h5`` file or an architecture JSON.

    Raises:
        ModelError: the file is missing, of another kind, or not a Keras 2 model's.
    """
    from vaiopt.keras import read_model_config

    path = Path(path)
    if path.suffix.lower() != ".json":
        return read_model_config(path)
    hint = "Give the output of model.to_json() of a Keras 2 model, or the .h5 file."
    if not path.is_file():
        raise ModelError(f"there is no model file '{path}'", hint)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise ModelError(f"'{path}' is not valid JSON: {error}", hint) from error
    if not isinstance(content, dict) or not ("class_name" in content or "layers" in content):
        raise ModelError(f"'{path}' is not the architecture of a Keras model", hint)
    return content
