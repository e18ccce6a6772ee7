"""A list of calls written anew, one call after the other: calls left out, split, or replaced."""

from __future__ import annotations

from typing import Dict, Iterable, List, Optional, Sequence, Set, Tuple

from vaiopt.network.calls import Call, CallList, Change
from vaiopt.network.layers import layer_class, output_shape
from vaiopt.network.sizes import Shape

Place = Tuple[int, int]
"""A tensor: (index of a call, number of its output)."""


class Rebuilt:
    """The new list while it grows.

    Args:
        old: the calls to write anew.
    """

    def __init__(self, old: CallList) -> None:
        self.old = old
        self.calls: List[Call] = []
        self.changes: List[Change] = list(old.changes)
        self._places: Dict[int, List[Place]] = {}
        self._shapes: List[Optional[List[Shape]]] = []

    def place(self, old: Place) -> Place:
        """Return where a tensor of the old list is in the new one."""
        places = self._places[old[0]]
        return places[old[1]] if old[1] < len(places) else (places[0][0], old[1])

    def inputs(self, call: Call) -> List[Place]:
        """Return where the inputs of an old call are."""
        return [self.place(place) for place in call.inputs]

    def shape(self, place: Place) -> Optional[Shape]:
        """Return the shape of a new tensor; None if it is not known."""
        shapes = self._shapes[place[0]]
        return shapes[place[1]] if shapes and place[1] < len(shapes) else None

    def shapes(self, places: Iterable[Place]) -> Optional[List[Shape]]:
        """Return the shapes of new tensors; None if one of them is not known."""
        found = [self.shape(place) for place in places]
        known = [shape for shape in found if shape is not None]
        return known if len(known) == len(found) else None

    def add(self, call: Call) -> Place:
        """Add a call, whose inputs are in the new list; return its (first) output."""
        self.calls.append(call)
        self._shapes.append(call.shapes or self._computed(call))
        return (len(self.calls) - 1, 0)

    def _computed(self, call: Call) -> Optional[List[Shape]]:
        inputs = self.shapes(call.inputs)
        if inputs is None:
            return None
        if layer_class(call.class_name).removed and inputs:
            return inputs[:1]
        shape = output_shape(call.class_name, call.config, inputs, call.arguments)
        return None if shape is None else [shape]

    def stand_in(self, index: int, places: Sequence[Place]) -> None:
        """Say which new tensors take the places of an old call's outputs."""
        self._places[index] = list(places)

    def tell(self, layer: str, what: str, kind: str = "") -> None:
        """Note a change."""
        self.changes.append(Change(layer, what, kind))

    def finished(self) -> CallList:
        """Return the new list, without calls that nothing needs (inputs stay)."""
        outputs = [self.place(place) for place in self.old.outputs]
        inputs = [self.place(place) for place in self.old.inputs]
        kept = _needed(self.calls, outputs)
        numbers = {index: number for number, index in enumerate(kept)}

        def moved(places: Iterable[Place]) -> List[Place]:
            return [(numbers[index], output) for index, output in places]

        calls = [self.calls[index] for index in kept]
        calls = [call._replace(inputs=moved(call.inputs)) for call in calls]
        changes = tuple(dict.fromkeys(self.changes))
        return CallList(calls, moved(inputs), moved(outputs), self.old.nested, changes)


class Shapes:
    """The shapes of all calls, computed once."""

    def __init__(self, calls: CallList) -> None:
        rebuilt = Rebuilt(calls)
        self._shapes: List[Optional[Shape]] = []
        for index, call in enumerate(calls.calls):
            place = rebuilt.add(call._replace(inputs=rebuilt.inputs(call)))
            rebuilt.stand_in(index, [place])
            self._shapes.append(rebuilt.shape(place))

    def of(self, index: int) -> Optional[Shape]:
        """Return the shape of the first output of a call; None if it is not known."""
        return self._shapes[index]


def _needed(calls: Sequence[Call], outputs: Sequence[Place]) -> List[int]:
    needed = {index for index, _ in outputs}
    for index in range(len(calls) - 1, -1, -1):
        if index in needed:
            needed.update(source for source, _ in calls[index].inputs)
    inputs = (index for index, call in enumerate(calls) if call.class_name == "InputLayer")
    return sorted(needed.union(inputs))


def readers(calls: CallList) -> List[List[int]]:
    """Return for each call the calls that read it, as often as they do; outputs of the model are
    readers too, of number -1.
    """
    found: List[List[int]] = [[] for _ in calls.calls]
    for index, call in enumerate(calls.calls):
        for source, _ in call.inputs:
            found[source].append(index)
    for index, _ in calls.outputs:
        found[index].append(-1)
    return found


def shared_layers(calls: CallList) -> Set[str]:
    """Return the names of the layers that are called several times."""
    return {call.name.split(":")[0] for call in calls.calls if not call.first}
