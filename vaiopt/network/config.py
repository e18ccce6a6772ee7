"""The layer calls of a Keras 2 model, read from its configuration or from the live object, nested
models flattened.

A *call* is one use of one layer: a shared layer is called several times. Nothing is built and
nothing is executed here: a Lambda layer is a name, a class and, if the caller is lucky, an output
shape. TensorFlow is never imported.
"""

from __future__ import annotations

from typing import (
    Any,
    Dict,
    Iterator,
    List,
    Mapping,
    Optional,
    Sequence,
    Tuple,
)

from vaiopt.errors import ModelError
from vaiopt.network.calls import SUBCLASSED_HINT, RawCall, RawModel, Reference, _ordered, _unwrapped


def _from_config(config: Mapping[str, Any]) -> RawModel:
    """Read ``{"class_name": "Functional", "config": {...}}`` (or only the inner dictionary)."""
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
    if (
        kind in ("Functional", "Model")
        and isinstance(body, Mapping)
        and "layers" in body
        and "output_layers" in body
    ):
        return _functional(body)
    raise ModelError(
        f"'{class_name}' is not a functional or sequential Keras 2 model", SUBCLASSED_HINT
    )


def _is_keras_3(config: Mapping[str, Any], class_name: str, body: Any) -> bool:
    """Tell a Keras 3 configuration by its version, its module, or the way it writes the shape of an
    input.
    """
    module = str(config.get("module", ""))
    if str(config.get("keras_version", "")).startswith("3") or module.startswith(
        "keras.src.models"
    ):
        return True
    if module == "keras" and class_name == "Functional":
        return True
    layers = body.get("layers") if isinstance(body, Mapping) else body
    for layer in layers if isinstance(layers, list) else []:
        inner = (
            layer.get("config")
            if isinstance(layer, Mapping) and layer.get("class_name") == "InputLayer"
            else None
        )
        if (
            isinstance(inner, Mapping)
            and "batch_shape" in inner
            and "batch_input_shape" not in inner
        ):
            return True
    return False


def _is_model(layer: Mapping[str, Any]) -> bool:
    """Tell whether a layer's configuration is that of a nested model."""
    body = layer.get("config")
    kind = str(layer.get("class_name", "")).split(">")[-1]
    return kind == "Sequential" or (
        kind in ("Functional", "Model") and isinstance(body, Mapping) and "output_layers" in body
    )


def _layer_name(layer: Mapping[str, Any]) -> str:
    body = layer.get("config")
    name = layer.get("name") or (body.get("name") if isinstance(body, Mapping) else None)
    if not name or "class_name" not in layer:
        raise ModelError(
            "a layer in this architecture has no name or class",
            "Give the output of model.to_json() of a Keras 2 model.",
        )
    return str(name)


def _sequential(body: Any) -> RawModel:
    """Read a Sequential model: each layer takes what the one before gives."""
    layers = (
        body
        if isinstance(body, list)
        else (body.get("layers") if isinstance(body, Mapping) else None)
    )
    if not layers:
        raise ModelError(
            "this Sequential model has no layers",
            "Add layers, and an input shape on the first one.",
        )
    calls: List[RawCall] = []
    last: Optional[Reference] = None
    for number, layer in enumerate(layers):
        name = _layer_name(layer)
        key = f"{name}#{number}"
        if last is None and str(layer["class_name"]).split(">")[-1] != "InputLayer":
            shape = _first_shape(layer, body)
            if shape is None:
                raise ModelError(
                    "this Sequential model has no input shape",
                    "Give the first layer an input_shape, or put keras.Input(shape) first.",
                )
            calls.append(
                RawCall(
                    ("#input", 0),
                    "input",
                    "InputLayer",
                    {"batch_input_shape": shape},
                    [],
                    {},
                    None,
                    None,
                    None,
                )
            )
            last = ("#input", 0, 0)
        inputs = [] if last is None else [last]
        if _is_model(layer):
            calls.append(
                RawCall((key, 0), name, "Model", {}, inputs, {}, None, None, _from_config(layer))
            )
        else:
            class_name, config = _unwrapped(layer)
            calls.append(RawCall((key, 0), name, class_name, config, inputs, {}, None, None, None))
        last = (key, 0, 0)
    assert last is not None
    return RawModel(calls, [(calls[0].key[0], 0, 0)], [last])


def _first_shape(layer: Mapping[str, Any], body: Any) -> Optional[Sequence[Any]]:
    """Return the batch input shape that a Sequential model's configuration gives, if any."""
    config = layer.get("config")
    if isinstance(config, Mapping):
        if config.get("batch_input_shape"):
            return list(config["batch_input_shape"])
        if _is_model(layer) and isinstance(config.get("layers"), list) and config["layers"]:
            return _first_shape(config["layers"][0], config)
    elif isinstance(config, list) and config:
        return _first_shape(config[0], {})
    if isinstance(body, Mapping) and body.get("build_input_shape"):
        return list(body["build_input_shape"])
    return None


def _functional(body: Mapping[str, Any]) -> RawModel:
    """Read a functional model: calls are ordered so that each follows the calls it depends on."""
    layers = {_layer_name(layer): layer for layer in body["layers"]}
    pending: List[RawCall] = []
    offsets = _node_offsets(body, layers)

    def shift(reference: Tuple[str, int, int]) -> Reference:
        source, call, tensor = reference
        return source, call - offsets.get(source, 0), tensor

    for name, layer in layers.items():
        nodes = layer.get("inbound_nodes") or []
        nested = _from_config(layer) if _is_model(layer) else None
        class_name, config = ("Model", {}) if nested else _unwrapped(layer)
        if not nodes and class_name != "InputLayer":
            continue
        if nodes and not isinstance(nodes[0], (list, tuple)):
            raise ModelError(
                f"the calls of layer '{name}' are not in Keras 2's form",
                "Save the model from Keras 2 (tf_keras).",
            )
        # a TensorFlow operation records its one call without the outer list
        if nodes and isinstance(nodes[0][0], str):
            nodes = (
                [nodes]
                if _is_reference(nodes[0], layers) or nodes[0][0] == "_CONSTANT_VALUE"
                else nodes
            )
        for number, node in enumerate(nodes or [[]]):
            references, arguments = _node_inputs(node, layers)
            inputs = [shift(reference) for reference in references]
            pending.append(
                RawCall(
                    (name, number), name, class_name, config, inputs, arguments, None, None, nested
                )
            )
    inputs = [shift(reference) for reference in _coordinates(body["input_layers"])]
    outputs = [shift(reference) for reference in _coordinates(body["output_layers"])]
    return RawModel(_ordered(pending), inputs, outputs)


def _node_offsets(body: Mapping[str, Any], layers: Mapping[str, Any]) -> Dict[str, int]:
    """Return the number of the first call of each nested model: Keras counts the call that made it,
    depending on how it was made.
    """
    lowest: Dict[str, int] = {}
    used = list(_coordinates(body["output_layers"]))
    for layer in body["layers"]:
        used.extend(_references(layer.get("inbound_nodes") or [], layers))
    for source, call, _ in used:
        if source in layers and _is_model(layers[source]):
            lowest[str(source)] = min(call, lowest.get(str(source), call))
    return lowest


def _is_reference(item: Any, layers: Mapping[str, Any]) -> bool:
    """Tell whether ``item`` is ``[layer name, call, output, ...]``."""
    return (
        isinstance(item, (list, tuple))
        and len(item) >= 3
        and isinstance(item[0], str)
        and item[0] in layers
        and isinstance(item[1], int)
        and isinstance(item[2], int)
    )


def _references(item: Any, layers: Mapping[str, Any]) -> Iterator[Tuple[str, int, int]]:
    """Yield every tensor mentioned in a call, those in keyword arguments too, in order."""
    if _is_reference(item, layers):
        yield (item[0], item[1], item[2])
        for rest in item[3:]:
            yield from _references(rest, layers)
    elif isinstance(item, (list, tuple)):
        for part in item:
            yield from _references(part, layers)
    elif isinstance(item, Mapping):
        for part in item.values():
            yield from _references(part, layers)


def _node_inputs(
    node: Any, layers: Mapping[str, Any]
) -> Tuple[List[Tuple[str, int, int]], Mapping[str, Any]]:
    """Return the tensors that a call takes, each once per mention, and its keyword arguments."""
    references = list(_references(node, layers))
    arguments: Mapping[str, Any] = {}
    for item in node if isinstance(node, (list, tuple)) else []:
        if isinstance(item, (list, tuple)) and len(item) >= 4 and isinstance(item[3], Mapping):
            arguments = item[3]
            break
    # every tensor of a list argument repeats the keyword arguments, and with them the tensors in
    # them
    keyword = list(_references(list(arguments.values()), layers))
    if keyword and len(references) > len(keyword):
        plain = [(i[0], i[1], i[2]) for i in node if _is_reference(i, layers)]
        references = plain + keyword
    return references, arguments


def _coordinates(item: Any) -> List[Tuple[str, int, int]]:
    """Return the tensors in ``input_layers`` or ``output_layers``, which are a list, a dictionary,
    or one tensor.
    """
    if isinstance(item, Mapping):
        return [c for part in item.values() for c in _coordinates(part)]
    if isinstance(item, (list, tuple)) and len(item) == 3 and isinstance(item[0], str):
        return [(item[0], int(item[1]), int(item[2]))]
    if isinstance(item, (list, tuple)):
        return [c for part in item for c in _coordinates(part)]
    raise ModelError(
        "the inputs or outputs of this architecture are not in Keras 2's form",
        "Save the model from Keras 2 (tf_keras).",
    )
