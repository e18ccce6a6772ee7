"""What a layer call is, as Keras records it and after nested models are flattened.

A *call* is one use of one layer: a shared layer is called several times.
"""

from __future__ import annotations

import heapq
from typing import Any, Dict, Hashable, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from vaiopt.errors import ModelError
from vaiopt.network.sizes import Shape

Config = Mapping[str, Any]

Reference = Tuple[Hashable, int, int]
"""A tensor: the layer that made it, the number of the call, the number of the output."""

OPERATION = "operation"
"""Kind of the change of an operation on tensors."""

INPUT_SCALING = "input scaling"
"""Kind of the change of a layer that scales the model's input."""

INPUT_SHAPE = "input shape"
"""Kind of the change of an input that is fed in another shape."""

SUBCLASSED_HINT = "Build it with the functional API: keras.Model(inputs, outputs)."


class RawCall(NamedTuple):
    """One call of one layer inside one (nested) model, as Keras records it. ``key`` is the layer
    and the number of the call.
    """

    key: Tuple[Hashable, int]
    name: str
    class_name: str
    config: Config
    inputs: Sequence[Reference]
    arguments: Config = {}
    shapes: Optional[List[Shape]] = None
    params: Optional[int] = None
    nested: Optional["RawModel"] = None


class RawModel(NamedTuple):
    """Calls in an order in which each comes after those it depends on."""

    calls: Sequence[RawCall]
    inputs: Sequence[Reference]
    outputs: Sequence[Reference]


class Absorbed(NamedTuple):
    """A scaling layer (factor and shift of each channel) that a layer with weights takes in.

    ``place`` is ``before`` or ``behind`` that layer; ``shape`` is that of the scaled tensor.
    """

    place: str
    name: str
    class_name: str
    config: Config
    shape: Shape
    params: Optional[int] = None


class Change(NamedTuple):
    """An exact change of a model: the layer it concerns, and what becomes of it, in words.

    ``kind`` is :data:`INPUT_SCALING` for a layer that scales the model's input,
    :data:`INPUT_SHAPE` for an input of another shape, :data:`OPERATION` for an operation that
    becomes a layer, else empty.
    """

    layer: str
    what: str
    kind: str = ""


class Refusal(NamedTuple):
    """Why a model cannot be quantized: the layer, what is wrong with it, and the cure."""

    layer: str
    problem: str
    cure: str


class Call(NamedTuple):
    """One call of one layer after flattening: what the rest of this package works on.

    ``inputs`` are (index of an earlier call, number of its output). ``shapes`` and ``params`` are
    known only when the model was live. ``first`` is False for the second and later calls of a
    shared layer, whose weights are already counted. What :mod:`vaiopt.network.changes` does is in
    the last three: ``made`` is True for a layer that the model does not have, which passes on the
    channels ``selected`` of its input (all if empty); ``absorbed`` are scalings that its weights
    take in, in the order in which they are computed.
    """

    name: str
    class_name: str
    config: Config
    inputs: List[Tuple[int, int]]
    arguments: Config
    shapes: Optional[List[Shape]]
    params: Optional[int]
    first: bool
    made: bool = False
    selected: Tuple[int, ...] = ()
    absorbed: Tuple[Absorbed, ...] = ()


class CallList(NamedTuple):
    """All calls of a model, flattened, with the tensors that go in and come out, the names of the
    nested models, and what was changed since.
    """

    calls: List[Call]
    inputs: List[Tuple[int, int]]
    outputs: List[Tuple[int, int]]
    nested: List[str]
    changes: Tuple[Change, ...] = ()


def class_of(layer: Config) -> str:
    """Return the class name of a layer's configuration, without package."""
    return str(layer.get("class_name", "")).split(">")[-1]


def unwrapped(layer: Config) -> Tuple[str, Config]:
    """Return class name and configuration of a layer, looking through the quantizers' wrappers
    (vai_q's and tfmot's).
    """
    class_name, body = class_of(layer), layer.get("config")
    body = body if isinstance(body, Mapping) else {}
    if class_name.startswith("QuantizeWrapper") and isinstance(body.get("layer"), Mapping):
        return unwrapped(body["layer"])
    return class_name, body


def ordered(calls: List[RawCall]) -> List[RawCall]:
    """Return the calls so that each follows those it depends on; otherwise in the given order.

    Raises:
        ModelError: a call uses a tensor that no call makes, or they depend on each other in a
            circle.
    """
    places = {call.key: place for place, call in enumerate(calls)}
    missing = [0] * len(calls)
    users: Dict[Tuple[Hashable, int], List[int]] = {}
    for place, call in enumerate(calls):
        needs = {reference[:2] for reference in call.inputs}
        for need in needs:
            if need not in places:
                raise ModelError(
                    f"layer '{call.name}' uses a tensor that no layer makes",
                    "Save the model again.",
                )
            users.setdefault(need, []).append(place)
        missing[place] = len(needs)
    # As in passes over the given order, without going over it again and again: a call is taken in
    # the pass of the last that it needs, or in the next one if that stands behind it.
    ready = [(0, place) for place, number in enumerate(missing) if number == 0]
    heapq.heapify(ready)
    result = []
    while ready:
        turn, place = heapq.heappop(ready)
        result.append(calls[place])
        for user in users.get(calls[place].key, ()):
            missing[user] -= 1
            if missing[user] == 0:
                heapq.heappush(ready, (turn + (user < place), user))
    if len(result) < len(calls):
        raise ModelError(
            "the layers of this architecture depend on each other in a circle",
            "Save the model again.",
        )
    return result
