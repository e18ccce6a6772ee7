"""From a model, a file or a configuration to the calls and the operations of the network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import (
    Any,
    Dict,
    Hashable,
    List,
    Mapping,
    Optional,
    Tuple,
    Union,
)

from vaiopt.errors import ModelError
from vaiopt.network.calls import Call, CallList, RawModel, Reference
from vaiopt.network.config import _from_config
from vaiopt.network.graph import LayerGraph
from vaiopt.network.live import _from_live


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
    from vaiopt.network.operations import lower

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
