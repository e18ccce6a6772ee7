"""Positions and integers of a model that the vendor's quantizer made.

There a quantized layer is wrapped (``QuantizeWrapper``), inputs are rounded by ``VitisQuantize``,
and every position is a variable ``<tensor>_pos``. The vendor splits fused activations (``conv1``
with relu becomes ``conv1`` and ``conv1_relu``), so its layers are mapped back to those of the float
model here.
"""

from __future__ import annotations

import re
from typing import (
    Any,
    Callable,
    Collection,
    Dict,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
    Union,
)

import numpy as np

from vaiopt.int8.arithmetic import BITS, quantize_activations
from vaiopt.int8.positions import FixPosition
from vaiopt.keras import load_keras

_ACTIVATIONS = ("post_activation", "pre_activation", "output_0")
WEIGHTS = ("kernel", "depthwise_kernel", "bias", "alpha")
"""Tensors of a layer that are weights."""
_DEPTHWISE = "_depthwise_conv"
_SPLIT_FUNCTIONS = "relu relu6 sigmoid swish softmax tanh linear elu selu gelu".split()
"""Activations that the vendor splits off, into a layer named after both."""


Nameless = Mapping[str, Sequence[str]]
"""Names of layers of the float model, in order, that the vendor counts in the process instead
(``vitis_sigmoid_3``), by what it calls them."""


class Slot(NamedTuple):
    """One position in a vendor model: its layer, the variable's tensor, the position, and the names
    in the float model.
    """

    layer: Any
    variable: str
    position: int
    float_layer: str
    tensor: str

    @property
    def name(self) -> str:
        """``<layer>/<tensor>`` in the float model."""
        return f"{self.float_layer}/{self.tensor}"


def is_vitis_model(model: Any) -> bool:
    """Tell whether the vendor's quantizer made a model."""
    return any(_is_vitis(layer) for layer in model.layers)


def _is_vitis(layer: Any) -> bool:
    registered = type(layer).__name__ in ("VitisQuantize", "QuantizeWrapper")
    return registered and hasattr(layer, "get_quantize_info")


def vitis_positions(
    model: Any, float_names: Optional[Collection[str]] = None, nameless: Optional[Nameless] = None
) -> List[FixPosition]:
    """Return the fix positions of a vendor model.

    Args:
        model: the quantized model.
        float_names: the names of the float model's layers; guessed from the vendor's naming if not
            given.
        nameless: what the vendor gives names of its own.
    """
    return [
        FixPosition(slot.float_layer, slot.tensor, BITS, slot.position)
        for slot in slots(model, float_names, nameless)
    ]


def vitis_integer_outputs(
    model: Any,
    x: Union[np.ndarray, Sequence[np.ndarray]],
    batch_size: int = 64,
    known: Optional[Sequence[FixPosition]] = None,
    wanted: Optional[Collection[str]] = None,
) -> Dict[str, np.ndarray]:
    """Return ``{"<layer>/<tensor>": int8 array}`` of every activation of a vendor model, or of the
    ``wanted``, for preprocessed samples, by the names of its positions where these are ``known``.
    """
    kinds = (*_ACTIVATIONS, "input")
    found = [slot for slot in named_slots(model, known) if slot.variable in kinds]
    points = [slot for slot in found if wanted is None or slot.name in wanted]
    tensors = [
        slot.layer.input if slot.variable == "pre_activation" else slot.layer.output
        for slot in points
    ]

    def rounded(output: np.ndarray, number: int) -> np.ndarray:
        return quantize_activations(output, points[number].position)

    parts = computed(load_keras().Model(model.inputs, tensors), x, batch_size, rounded)
    return dict(zip((slot.name for slot in points), parts))


def computed(
    model: Any,
    x: Union[np.ndarray, Sequence[np.ndarray]],
    batch_size: int,
    rounded: Callable[[np.ndarray, int], np.ndarray],
) -> List[np.ndarray]:
    """Return each output of a model for preprocessed samples, float32, a batch at a time;
    ``rounded`` takes a batch of an output and its number.
    """
    arrays = list(x) if isinstance(x, (list, tuple)) else [x]
    arrays = [np.asarray(array, np.float32) for array in arrays]
    parts: List[List[np.ndarray]] = [[] for _ in model.outputs]
    for start in range(0, len(arrays[0]), batch_size):
        batch = [array[start : start + batch_size] for array in arrays]
        outputs = model(batch[0] if len(batch) == 1 else batch, training=False)
        outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
        for number, output in enumerate(outputs):
            parts[number].append(rounded(output.numpy(), number))
    return [np.concatenate(part) for part in parts]


def named_slots(model: Any, known: Optional[Sequence[FixPosition]]) -> List[Slot]:
    """Return every position of a vendor model, by the names that its file has, if it has them."""
    if not known:
        return slots(model)
    found = slots(model, {entry.layer for entry in known})
    if len(found) != len(known):
        return found
    return [
        slot._replace(float_layer=entry.layer, tensor=entry.tensor)
        for slot, entry in zip(found, known)
    ]


def slots(
    model: Any, float_names: Optional[Collection[str]] = None, nameless: Optional[Nameless] = None
) -> List[Slot]:
    """Return every position of a vendor model in the order of its layers."""
    names = _Names(model, float_names, nameless)
    found = []
    for layer in model.layers:
        if not _is_vitis(layer):
            continue
        values = {
            variable.name.split(":")[0].split("/")[-1]: variable for variable in layer.weights
        }
        if type(layer).__name__ == "VitisQuantize":
            wanted = [("input", layer.name + "_pos")]
        else:
            wanted = [(tensor, tensor + "_pos") for tensor in WEIGHTS + _ACTIVATIONS]
        for tensor, variable in wanted:
            if variable in values:
                float_layer, name = names.of(layer, tensor)
                found.append(Slot(layer, tensor, int(values[variable].numpy()), float_layer, name))
    return found


def _inner(layer: Any) -> Any:
    return getattr(layer, "layer", layer)


def input_layers(layer: Any) -> List[Any]:
    """Return the layers that a layer reads."""
    inbound = layer.inbound_nodes[0].inbound_layers if layer.inbound_nodes else []
    return list(inbound) if isinstance(inbound, (list, tuple)) else [inbound]


class _Names:
    """Names in the float model for the layers and tensors of a vendor model."""

    def __init__(
        self, model: Any, float_names: Optional[Collection[str]], nameless: Optional[Nameless]
    ) -> None:
        self.model = model
        self.known = set(float_names) if float_names is not None else None
        own = [layer for layer in model.layers if self._may_be_part(layer)]
        self.fused = {layer.name for layer in own if self._is_fused(layer, self.known)}
        self.named: Dict[str, str] = {}
        for stem, names in (nameless or {}).items():
            counted = re.compile(rf"vitis_{stem}(_\d+)?")
            found = [it.name for it in own if counted.fullmatch(str(_inner(it).name))]
            self.named.update(zip(found, names) if len(found) == len(names) else ())

    def _may_be_part(self, layer: Any) -> bool:
        """Tell whether the vendor may have made a layer: a rounded one, or where the names of the
        float model are known any, such as a softmax that it leaves outside.
        """
        is_input = type(layer).__name__ == "InputLayer"
        return _is_vitis(layer) or (self.known is not None and not is_input)

    @staticmethod
    def _is_fused(layer: Any, known: Optional[Collection[str]]) -> bool:
        """Tell whether the vendor made this layer from a part of another."""
        name = _inner(layer).name
        if known is not None:
            return name not in known
        kind = type(_inner(layer)).__name__
        sources = [_inner(source).name for source in input_layers(layer)]
        if kind in ("Activation", "VitisSigmoid"):
            return any(name == f"{source}_{f}" for source in sources for f in _SPLIT_FUNCTIONS)
        return kind == "Multiply" and any(name == source + "_mul" for source in sources)

    def of(self, layer: Any, tensor: str) -> Tuple[str, str]:
        """Return the float layer and the tensor's name."""
        if type(layer).__name__ == "VitisQuantize":
            source = input_layers(layer)[0]
            is_input = type(source).__name__ == "InputLayer"
            return self._float_layer(source), "input" if is_input else "output"
        name = self._float_layer(layer)
        if name.endswith(_DEPTHWISE) and layer.name in self.fused:
            name, part = name[: -len(_DEPTHWISE)], "depthwise_output"
        else:
            part = "output"
        if tensor in WEIGHTS or tensor == "pre_activation":
            return name, tensor
        readers = [
            reader
            for reader in self.model.layers
            if reader.name in self.fused and layer in input_layers(reader)
        ]
        if type(_inner(layer)).__name__ == "VitisSigmoid":
            return name, "sigmoid" if any(self._is_swish(layer, it) for it in readers) else part
        if tensor == "post_activation" and any(self._is_split_off(it, name) for it in readers):
            return name, "pre_activation"
        return name, part

    @staticmethod
    def _is_swish(sigmoid: Any, reader: Any) -> bool:
        """Tell whether the vendor made a product of a sigmoid and what that reads."""
        both = input_layers(sigmoid) + [sigmoid]
        is_product = type(_inner(reader)).__name__ == "Multiply"
        return is_product and all(layer in input_layers(reader) for layer in both)

    def _is_split_off(self, reader: Any, name: str) -> bool:
        """Tell whether a layer computes a function that the float layer ``name`` has inside."""
        if type(_inner(reader)).__name__ == "VitisSigmoid":
            return self._float_layer(reader) == name
        plain = not _is_vitis(reader) and type(reader).__name__ == "Activation"
        return plain and reader.name.startswith(name + "_")

    def _float_layer(self, layer: Any) -> str:
        """Return the float layer that a vendor layer is, or is a part of."""
        name = str(_inner(layer).name)
        if layer.name not in self.fused or name.endswith(_DEPTHWISE):
            return name
        own = [it for it in input_layers(layer) if name.startswith(_inner(it).name + "_")]
        longest = max(own, key=lambda source: len(_inner(source).name)) if own else None
        if longest is not None:
            return self._float_layer(longest)
        # A separate swish is split into layers named after it, which is no layer any more.
        after = [known for known in self.known or () if name.startswith(known + "_")]
        return self.named.get(layer.name) or max(after, key=len, default=name)
