"""What a layer call is, and the order in which calls run."""

from __future__ import annotations

from typing import (
    Any,
    Hashable,
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
