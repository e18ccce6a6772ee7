"""Nested models flattened: from the calls of each model to one list of calls."""

from __future__ import annotations

from typing import Dict, Hashable, List, Optional, Tuple

from vaiopt.errors import ModelError
from vaiopt.network.calls import Call, CallList, RawModel, Reference

MOST_CALLS = 20_000
"""Calls of a flattened model. Models nested in each other, each called twice, double with every
level: a small file can stand for more calls than there is memory for.
"""

Places = Dict[Tuple[Hashable, int], List[Tuple[int, int]]]
"""For each call of one model, (call, output) in the flat list of each of its outputs. An output
number of -1 stands for any output of that call.
"""


def flatten(raw: RawModel) -> CallList:
    """Return all calls of a model, those of nested models in the place of these.

    Raises:
        ModelError: a nested model is called with another number of inputs than it has, or a tensor
            that no layer makes is used.
    """
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
    the inputs of a nested model; ``seen`` counts the calls of each layer.
    """
    places: Places = {}
    if arguments is not None:
        if len(arguments) != len(raw.inputs):
            raise ModelError(
                f"nested model '{prefix.rstrip('/')}' takes {len(raw.inputs)} inputs but is called"
                f" with {len(arguments)}",
                "Flatten the nested model into the outer one.",
            )
        places.update({reference[:2]: [source] for reference, source in zip(raw.inputs, arguments)})
    for call in raw.calls:
        if call.key in places:
            continue
        inputs = [_find(places, reference, prefix + call.name) for reference in call.inputs]
        if call.nested is not None:
            flat.nested.append(prefix + call.name)
            if len(flat.nested) > MOST_CALLS:
                raise ModelError(
                    f"this model calls nested ones more than {MOST_CALLS:,} times",
                    "Flatten the model, and use each inner model fewer times.",
                )
            places[call.key] = _expand(call.nested, f"{prefix}{call.name}/", inputs, flat, seen)
            continue
        times = seen.get((prefix, call.key[0]), 0)
        seen[(prefix, call.key[0])] = times + 1
        name = prefix + call.name + (f":{times}" if times else "")
        index, first = len(flat.calls), times == 0
        if index >= MOST_CALLS:
            raise ModelError(
                f"the models nested in this one make more than {MOST_CALLS:,} layer calls",
                "Flatten the model, and use each inner model fewer times.",
            )
        what = (call.class_name, call.config, inputs, call.arguments, call.shapes, call.params)
        flat.calls.append(Call(name, *what, first))
        if call.class_name == "InputLayer":
            flat.inputs.append((index, 0))
        places[call.key] = [(index, -1)]
    if arguments is None:  # as the model takes them, which need not be the order of its layers
        given = [index for ref in raw.inputs for index, _ in places.get(ref[:2], ())]
        order = {index: place for place, index in enumerate(given)}
        flat.inputs.sort(key=lambda entry: order.get(entry[0], len(order)))
    return [_find(places, reference, prefix + "output") for reference in raw.outputs]


def _find(places: Places, reference: Reference, user: str) -> Tuple[int, int]:
    """Return where a tensor is: (call, output)."""
    found = places.get(reference[:2])
    if not found:
        raise ModelError(
            f"layer '{user}' uses a tensor that no layer makes", "Save the model again."
        )
    if found[0][1] == -1 and reference[2] >= 0:
        return (found[0][0], reference[2])
    if not 0 <= reference[2] < len(found):
        raise ModelError(
            f"layer '{user}' uses an output that its source does not have", "Save the model again."
        )
    return found[reference[2]]
