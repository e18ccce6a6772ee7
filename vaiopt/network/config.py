"""The layer calls of a Keras 2 model, read from its configuration.

Nothing is built and nothing is executed: a Lambda layer is a name, a class and, if the caller is
lucky, an output shape. TensorFlow is never imported.
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from vaiopt.errors import ModelError
from vaiopt.network.calls import (
    SUBCLASSED_HINT,
    Config,
    RawCall,
    RawModel,
    Reference,
    class_of,
    ordered,
    unwrapped,
)

Coordinates = Tuple[str, int, int]
"""A tensor in a configuration: name of the layer, number of the call, number of the output."""


def from_config(config: Config) -> RawModel:
    """Read ``{"class_name": "Functional", "config": {...}}`` (or only the inner dictionary).

    Raises:
        ModelError: it is not the configuration of a functional or sequential Keras 2 model.
    """
    if "class_name" in config and "config" in config:
        class_name, body = str(config["class_name"]), config["config"]
    else:
        class_name, body = ("Functional" if "input_layers" in config else "Sequential"), config
    if _is_keras_3(config, class_name, body):
        raise ModelError(
            "this is the architecture of a Keras 3 model, which no Vitis-AI tool reads",
            "Build and save it with Keras 2 (tf_keras): model.save('model.h5',"
            " include_optimizer=False)",
        )
    kind = class_name.split(">")[-1]
    if kind == "Sequential":
        return _sequential(body)
    if kind in ("Functional", "Model") and "layers" in _mapping(body) and "output_layers" in body:
        return _functional(body)
    raise ModelError(
        f"'{class_name}' is not a functional or sequential Keras 2 model", SUBCLASSED_HINT
    )


def _mapping(body: Any) -> Config:
    return body if isinstance(body, Mapping) else {}


def _is_keras_3(config: Config, class_name: str, body: Any) -> bool:
    """Tell a Keras 3 configuration by its version, its module, or the way it writes the shape of an
    input.
    """
    module = str(config.get("module", ""))
    if (
        str(config.get("keras_version", "")).startswith("3")
        or module.startswith("keras.src.models")
        or (module == "keras" and class_name == "Functional")
    ):
        return True
    layers = body.get("layers") if isinstance(body, Mapping) else body
    inputs = [
        _mapping(layer.get("config"))
        for layer in (layers if isinstance(layers, list) else [])
        if isinstance(layer, Mapping) and layer.get("class_name") == "InputLayer"
    ]
    return any("batch_shape" in own and "batch_input_shape" not in own for own in inputs)


def _is_model(layer: Config) -> bool:
    """Tell whether a layer's configuration is that of a nested model."""
    kind = class_of(layer)
    functional = kind in ("Functional", "Model")
    return kind == "Sequential" or (functional and "output_layers" in _mapping(layer.get("config")))


def _layer_name(layer: Config) -> str:
    name = layer.get("name") or _mapping(layer.get("config")).get("name")
    if not name or "class_name" not in layer:
        raise ModelError(
            "a layer in this architecture has no name or class",
            "Give the output of model.to_json() of a Keras 2 model.",
        )
    return str(name)


def _sequential(body: Any) -> RawModel:
    """Read a Sequential model: each layer takes what the one before gives."""
    layers = body if isinstance(body, list) else _mapping(body).get("layers")
    if not layers:
        raise ModelError(
            "this Sequential model has no layers",
            "Add layers, and an input shape on the first one.",
        )
    calls: List[RawCall] = []
    if class_of(layers[0]) != "InputLayer":
        shape = _first_shape(layers[0], body)
        if shape is None:
            raise ModelError(
                "this Sequential model has no input shape",
                "Give the first layer an input_shape, or put keras.Input(shape) first.",
            )
        config = {"batch_input_shape": shape}
        calls.append(RawCall(("#input", 0), "input", "InputLayer", config, []))
    for number, layer in enumerate(layers):
        name = _layer_name(layer)
        key = (f"{name}#{number}", 0)
        inputs = [(*calls[-1].key, 0)] if calls else []
        if _is_model(layer):
            calls.append(RawCall(key, name, "Model", {}, inputs, nested=from_config(layer)))
        else:
            calls.append(RawCall(key, name, *unwrapped(layer), inputs))
    return RawModel(calls, [(*calls[0].key, 0)], [(*calls[-1].key, 0)])


def _first_shape(layer: Config, body: Any) -> Optional[List[Any]]:
    """Return the batch input shape that a Sequential model's configuration gives, if any."""
    config = layer.get("config")
    if isinstance(config, Mapping):
        if config.get("batch_input_shape"):
            return list(config["batch_input_shape"])
        if _is_model(layer) and isinstance(config.get("layers"), list) and config["layers"]:
            return _first_shape(config["layers"][0], config)
    elif isinstance(config, list) and config:
        return _first_shape(config[0], {})
    shape = _mapping(body).get("build_input_shape")
    return list(shape) if shape else None


def _functional(body: Config) -> RawModel:
    """Read a functional model: calls are ordered so that each follows the calls it depends on."""
    layers = {_layer_name(layer): layer for layer in body["layers"]}
    offsets = _first_calls(body, layers)

    def shifted(references: List[Coordinates]) -> List[Reference]:
        return [(name, call - offsets.get(name, 0), tensor) for name, call, tensor in references]

    calls: List[RawCall] = []
    for name, layer in layers.items():
        nested = from_config(layer) if _is_model(layer) else None
        class_name, config = ("Model", {}) if nested else unwrapped(layer)
        nodes = _nodes(layer, name, layers)
        if not nodes and class_name == "InputLayer":
            nodes = [[]]
        for number, node in enumerate(nodes):
            references, arguments = _node_inputs(node, layers)
            inputs, key = shifted(references), (name, number)
            calls.append(RawCall(key, name, class_name, config, inputs, arguments, nested=nested))
    inputs = shifted(_coordinates(body["input_layers"]))
    return RawModel(ordered(calls), inputs, shifted(_coordinates(body["output_layers"])))


def _nodes(layer: Config, name: str, layers: Config) -> List[Any]:
    """Return the calls of a layer as Keras 2 writes them."""
    nodes = layer.get("inbound_nodes") or []
    if nodes and not isinstance(nodes[0], (list, tuple)):
        raise ModelError(
            f"the calls of layer '{name}' are not in Keras 2's form",
            "Save the model from Keras 2 (tf_keras).",
        )
    # a TensorFlow operation records its one call without the outer list
    if nodes and isinstance(nodes[0][0], str):
        alone = _is_reference(nodes[0], layers) or nodes[0][0] == "_CONSTANT_VALUE"
        return [nodes] if alone else nodes
    return list(nodes)


def _first_calls(body: Config, layers: Config) -> Dict[str, int]:
    """Return the number of the first call of each nested model: Keras counts the call that made it,
    depending on how it was made.
    """
    lowest: Dict[str, int] = {}
    used = list(_coordinates(body["output_layers"]))
    for layer in body["layers"]:
        used.extend(_references(layer.get("inbound_nodes") or [], layers))
    for name, call, _ in used:
        if name in layers and _is_model(layers[name]):
            lowest[name] = min(call, lowest.get(name, call))
    return lowest


def _is_reference(item: Any, layers: Config) -> bool:
    """Tell whether ``item`` is ``[layer name, call, output, ...]``."""
    return (
        isinstance(item, (list, tuple))
        and len(item) >= 3
        and isinstance(item[0], str)
        and item[0] in layers
        and isinstance(item[1], int)
        and isinstance(item[2], int)
    )


def _references(item: Any, layers: Config) -> Iterator[Coordinates]:
    """Yield every tensor mentioned in a call, those in keyword arguments too, in order."""
    if _is_reference(item, layers):
        yield (item[0], item[1], item[2])
        item = item[3:]
    if isinstance(item, dict):
        item = list(item.values())
    if isinstance(item, (list, tuple)):
        for part in item:
            yield from _references(part, layers)


def _node_inputs(node: Any, layers: Config) -> Tuple[List[Coordinates], Config]:
    """Return the tensors that a call takes, each once per mention, and its keyword arguments."""
    references = list(_references(node, layers))
    parts = [part for part in node if isinstance(part, (list, tuple))]
    arguments: Config = next(
        (part[3] for part in parts if len(part) >= 4 and isinstance(part[3], dict)), {}
    )
    first = parts[0] if parts else node
    if len(first) >= 3 and first[0] == "_CONSTANT_VALUE":
        # the number in front of ``2.0 * x``, in the place of the first tensor
        arguments = {"x": first[2], **(first[3] if len(first) >= 4 else {}), **arguments}
    # every tensor of a list argument repeats the keyword arguments and the tensors in them
    keyword = list(_references(arguments, layers))
    if keyword and len(references) > len(keyword):
        plain = [(part[0], part[1], part[2]) for part in parts if _is_reference(part, layers)]
        references = plain + keyword
    return references, arguments


def _coordinates(item: Any) -> List[Coordinates]:
    """Return the tensors in ``input_layers`` or ``output_layers``, which are a list, a dictionary,
    or one tensor.
    """
    if isinstance(item, Mapping):
        item = list(item.values())
    elif isinstance(item, (list, tuple)) and len(item) == 3 and isinstance(item[0], str):
        return [(item[0], int(item[1]), int(item[2]))]
    if isinstance(item, (list, tuple)):
        return [found for part in item for found in _coordinates(part)]
    raise ModelError(
        "the inputs or outputs of this architecture are not in Keras 2's form",
        "Save the model from Keras 2 (tf_keras).",
    )
