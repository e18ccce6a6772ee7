"""The layer calls of a Keras 2 model, read from its configuration or from the live object, nested
models flattened.

A *call* is one use of one layer: a shared layer is called several times. Nothing is built and
nothing is executed here: a Lambda layer is a name, a class and, if the caller is lucky, an output
shape. TensorFlow is never imported.
"""

from __future__ import annotations

import re
from typing import (
    Any,
    Dict,
    Hashable,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
)

from vaiopt.errors import ModelError

Shape = Tuple[int, ...]
"""A tensor's shape without the batch dimension."""

Reference = Tuple[Hashable, int, int]
"""A tensor: the layer that made it, the number of the call, the number of the output."""

SUBCLASSED_HINT = "Build it with the functional API: keras.Model(inputs, outputs)."


class RawCall(NamedTuple):
    """One call of one layer inside one (nested) model, as Keras records it."""

    key: Tuple[Hashable, int]
    name: str
    class_name: str
    config: Mapping[str, Any]
    inputs: Sequence[Reference]
    arguments: Mapping[str, Any]
    shapes: Optional[List[Shape]]
    params: Optional[int]
    nested: Optional["RawModel"]


class RawModel(NamedTuple):
    """Calls in an order in which each comes after those it depends on."""

    calls: Sequence[RawCall]
    inputs: Sequence[Reference]
    outputs: Sequence[Reference]


class Call(NamedTuple):
    """One call of one layer after flattening: what the rest of this package works on.

    ``inputs`` are (index of an earlier call, number of its output). ``shapes`` and ``params`` are
    known only when the model was live. ``first`` is False for the second and later calls of a
    shared layer, whose weights are already counted.
    """

    name: str
    class_name: str
    config: Mapping[str, Any]
    inputs: List[Tuple[int, int]]
    arguments: Mapping[str, Any]
    shapes: Optional[List[Shape]]
    params: Optional[int]
    first: bool


class CallList(NamedTuple):
    """All calls of a model, flattened, with the tensors that go in and come out, and the names of
    the nested models.
    """

    calls: List[Call]
    inputs: List[Tuple[int, int]]
    outputs: List[Tuple[int, int]]
    nested: List[str]


def read_calls(model: Any) -> CallList:
    """Return the flattened calls of a live Keras 2 model or of a model configuration.

    Args:
        model: a functional or sequential Keras 2 model, or the dictionary in ``model_config`` /
            ``model.to_json()``.

    Raises:
        ModelError: Keras 3, a subclassed model, a model without input shape, or a configuration
            that is not a Keras 2 model's.
    """
    raw = _from_config(model) if isinstance(model, Mapping) else _from_live(model)
    flat = CallList([], [], [], [])
    flat.outputs.extend(_expand(raw, "", None, flat, {}))
    return flat


def _expand(
    raw: RawModel,
    prefix: str,
    arguments: Optional[List[Tuple[int, int]]],
    flat: CallList,
    seen: Dict[Tuple[str, Hashable], int],
) -> List[Tuple[int, int]]:
    """Append the calls of ``raw`` to ``flat``; return where its outputs are. ``arguments`` replace
    the inputs of a nested model.
    """
    values: Dict[Tuple[Hashable, int], List[Tuple[int, int]]] = {}
    if arguments is not None:
        if len(arguments) != len(raw.inputs):
            raise ModelError(
                "nested model '{}' takes {} inputs but is called with {}".format(
                    prefix.rstrip("/"), len(raw.inputs), len(arguments)
                ),
                "Flatten the nested model into the outer one.",
            )
        values.update(
            {
                (layer, number): [argument]
                for (layer, number, _), argument in zip(raw.inputs, arguments)
            }
        )
    for call in raw.calls:
        if call.key in values:
            continue
        inputs = [_find(values, reference, prefix + call.name) for reference in call.inputs]
        if call.nested is not None:
            flat.nested.append(prefix + call.name)
            values[call.key] = _expand(call.nested, prefix + call.name + "/", inputs, flat, seen)
            continue
        layer_key = (prefix, call.key[0])
        times = seen.get(layer_key, 0)
        seen[layer_key] = times + 1
        name = prefix + call.name + (f":{times}" if times else "")
        index = len(flat.calls)
        flat.calls.append(
            Call(
                name,
                call.class_name,
                call.config,
                inputs,
                call.arguments,
                call.shapes,
                call.params,
                times == 0,
            )
        )
        if call.class_name == "InputLayer":
            flat.inputs.append((index, 0))
        values[call.key] = [(index, -1)]
    return [_find(values, reference, prefix + "output") for reference in raw.outputs]


def _find(
    values: Dict[Tuple[Hashable, int], List[Tuple[int, int]]], reference: Reference, user: str
) -> Tuple[int, int]:
    """Return where a tensor is: (call, output). An output number of -1 in ``values`` stands for any
    output of that call.
    """
    places = values.get((reference[0], reference[1]))
    if not places:
        raise ModelError(
            f"layer '{user}' uses a tensor that no layer makes", "Save the model again."
        )
    if places[0][1] == -1:
        return (places[0][0], reference[2])
    if reference[2] >= len(places):
        raise ModelError(
            f"layer '{user}' uses an output that its source does not have", "Save the model again."
        )
    return places[reference[2]]


# ---------------------------------------------------------------- configuration


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


def _unwrapped(layer: Mapping[str, Any]) -> Tuple[str, Mapping[str, Any]]:
    """Return class name and configuration of a layer, looking through the quantizers' wrappers
    (vai_q's and tfmot's).
    """
    class_name, body = str(layer["class_name"]).split(">")[-1], layer.get("config") or {}
    while (
        class_name.startswith("QuantizeWrapper")
        and isinstance(body, Mapping)
        and isinstance(body.get("layer"), Mapping)
    ):
        inner = body["layer"]
        class_name, body = str(inner["class_name"]).split(">")[-1], inner.get("config") or {}
    return class_name, body


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


def _ordered(calls: List[RawCall]) -> List[RawCall]:
    """Return the calls so that each follows those it depends on; otherwise in the given order."""
    known = {call.key for call in calls}
    done, result, waiting = set(), [], list(calls)
    while waiting:
        later = []
        for call in waiting:
            needs = [(reference[0], reference[1]) for reference in call.inputs]
            missing = [key for key in needs if key not in known]
            if missing:
                raise ModelError(
                    f"layer '{call.name}' uses a tensor that no layer makes",
                    "Save the model again.",
                )
            if all(key in done for key in needs):
                done.add(call.key)
                result.append(call)
            else:
                later.append(call)
        if len(later) == len(waiting):
            raise ModelError(
                "the layers of this architecture depend on each other in a circle",
                "Save the model again.",
            )
        waiting = later
    return result


# ---------------------------------------------------------------- live models


def _from_live(model: Any) -> RawModel:
    """Read a live functional or sequential Keras 2 model; shapes come from Keras."""
    modules = [c.__module__ for c in type(model).__mro__]
    if any(
        re.match(r"keras\.src\.models\.(model|functional|sequential)$", module)
        for module in modules
    ):
        raise ModelError(
            "this is a Keras 3 model, which no Vitis-AI tool reads",
            "Build it with Keras 2: from vaiopt.keras import load_keras; keras = load_keras()",
        )
    if not hasattr(model, "get_config") or not hasattr(model, "layers"):
        raise ModelError(
            f"a {type(model).__name__} is not a Keras model",
            "Give a Keras 2 model, its configuration, or a file.",
        )
    if not getattr(model, "_is_graph_network", False):
        if type(model).__name__ == "Sequential":
            raise ModelError(
                "this Sequential model has no input shape",
                "Give the first layer an input_shape, or put keras.Input(shape) first.",
            )
        raise ModelError(
            f"'{model.name}' is a subclassed model, whose layers cannot be read", SUBCLASSED_HINT
        )
    places: Dict[Hashable, int] = {id(layer): number for number, layer in enumerate(model.layers)}
    calls = [_live_call(node) for nodes in model._nodes_by_depth.values() for node in nodes]
    # in the order in which Keras would store them, so that second calls get the same names
    calls.sort(key=lambda call: (places.get(call.key[0], -1), call.key[1]))
    inputs = [(id(layer), call, tensor) for layer, call, tensor in model._input_coordinates]
    outputs = [(id(layer), call, tensor) for layer, call, tensor in model._output_coordinates]
    return RawModel(_ordered(calls), inputs, outputs)


def _live_call(node: Any) -> RawCall:
    """Read one node of a live model."""
    layer = node.layer
    number = next(n for n, other in enumerate(layer._inbound_nodes) if other is node)
    inputs = (
        []
        if node.is_input
        else [(id(source), call, tensor) for source, call, tensor, _ in node.iterate_inbound()]
    )
    class_name = type(layer).__name__
    if getattr(layer, "_is_graph_network", False):
        return RawCall(
            (id(layer), number), layer.name, "Model", {}, inputs, {}, None, None, _from_live(layer)
        )
    try:
        config = layer.get_config()
    except (
        NotImplementedError
    ):  # a custom layer without configuration: its shapes are known all the same
        config = {"name": layer.name}
    class_name, config = _unwrapped({"class_name": class_name, "config": config})
    arguments = _live_arguments(node) if class_name in ("TFOpLambda", "SlicingOpLambda") else {}
    shapes = _batchless(node.output_shapes)
    params = sum(_size(weight.shape) for weight in layer.weights)
    return RawCall(
        (id(layer), number), layer.name, class_name, config, inputs, arguments, shapes, params, None
    )


def _live_arguments(node: Any) -> Mapping[str, Any]:
    """Return the keyword arguments of a TensorFlow operation; a second operand given by place is
    called ``y``, as in a stored model.
    """
    arguments = dict(node.call_kwargs)
    if len(node.call_args) > 1:
        arguments.setdefault("y", node.call_args[1])
    return arguments


def _size(shape: Any) -> int:
    size = 1
    for length in shape:
        size *= int(length)
    return size


def _batchless(shapes: Any) -> Optional[List[Shape]]:
    """Return a live node's output shapes without the batch; None if a dimension is undefined."""
    if isinstance(shapes, tuple) and (not shapes or not isinstance(shapes[0], (tuple, list))):
        shapes = [shapes]
    elif isinstance(shapes, Mapping):
        shapes = list(shapes.values())
    result = []
    for shape in shapes if isinstance(shapes, (list, tuple)) else []:
        lengths = list(shape)[1:]
        if any(length is None for length in lengths):
            return None
        result.append(tuple(int(length) for length in lengths))
    return result or None
