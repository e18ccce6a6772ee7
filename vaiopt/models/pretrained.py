"""Weights of a file, put into the layers of a model that they fit: by name and shape.

Names that Keras gave itself (``conv2d_7``) only say how many layers came before, so such layers are
matched by their place among those of their class. Where no name is known in the file, layers are
matched by their order, as long as it is that of the model but for its last layers.
"""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from vaiopt.errors import ModelError
from vaiopt.keras import load_keras
from vaiopt.network.weights import StoredLayer, automatic_kind, read_weights

MOST_NAMED = 3
"""Layers that are named in a line."""

MOST_OF_HEAD = 2
"""Layers at the end that may differ where layers are matched by their order."""

Shapes = Tuple[Tuple[int, ...], ...]
Key = Tuple[str, ...]


class Leaf(NamedTuple):
    """A layer of a model, or of a model within it.

    Attributes:
        name: with those of the models that it is in.
        layer: Keras's.
    """

    name: str
    layer: Any

    @property
    def shapes(self) -> Shapes:
        """Shapes of its weights, in Keras's order."""
        return tuple(tuple(map(int, weight.shape)) for weight in self.layer.weights)


def leaves(model: Any) -> List[Leaf]:
    """Return the layers with weights of a model and of the models within it, each once, in their
    order.
    """
    seen: Dict[int, Leaf] = {}
    _collect(model, "", seen)
    return list(seen.values())


def _collect(model: Any, prefix: str, seen: Dict[int, Leaf]) -> None:
    for layer in model.layers:
        if isinstance(layer, load_keras().Model):
            _collect(layer, f"{prefix}{layer.name}/", seen)
        elif layer.weights:
            seen.setdefault(id(layer), Leaf(f"{prefix}{layer.name}", layer))


@dataclass(frozen=True)
class Taken:
    """What a model took of a file.

    Attributes:
        source: the file.
        layers: names of the layers that took their weights, with those of the models around them.
        left: names of the others, each with the reason.
        ordered: whether they were matched by their order, since the file has none of their names.
    """

    source: str
    layers: Tuple[str, ...]
    left: Tuple[str, ...]
    ordered: bool = False

    def __str__(self) -> str:
        total = len(self.layers) + len(self.left)
        how = ", by their order (no name of theirs is in it)" if self.ordered else ""
        told = f"weights of {len(self.layers)} of {total} layers taken from {self.source}{how}"
        named = ", ".join(self.left[:MOST_NAMED])
        more = len(self.left) - MOST_NAMED
        rest = f" and {more} more" if more > 0 else ""
        return f"{told}; left: {named}{rest}" if named else told


def take_weights(model: Any, path: str) -> Taken:
    """Put the weights in a file into the layers of a model that they fit.

    Args:
        model: built; its other layers stay as they are.
        path: of the file.

    Raises:
        ModelError: the file cannot be read, or fits no layer.
    """
    return _taken(model, path, _stored(path, *_state(path)))


def _state(path: str) -> Tuple[int, int]:
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return (0, 0)  # the reader says what is wrong
    return found.st_mtime_ns, found.st_size


@functools.lru_cache(maxsize=1)
def _stored(path: str, changed: int, size: int) -> Tuple[StoredLayer, ...]:
    """Return what :func:`read_weights` does, read again where the file has changed."""
    return read_weights(path)


def _taken(model: Any, path: str, stored: Sequence[StoredLayer]) -> Taken:
    wanted = leaves(model)
    matches, ordered = _by_name(wanted, stored), False
    if not any(found is not None for found in matches):
        matches, ordered = _by_order(wanted, stored), True
    taken, left = [], []
    for leaf, found in zip(wanted, matches):
        if found is not None and _shapes(found) == leaf.shapes:
            leaf.layer.set_weights(list(found.arrays))
            taken.append(leaf.name)
        elif found is None:
            left.append(f"{leaf.name} (not in the file)")
        else:
            told = f"{_differing(found, leaf)}"
            left.append(f"{leaf.name} ({told})")
    if not taken:
        raise ModelError(
            f"no weights in '{path}' fit the model: {_reason(wanted, stored, left, ordered)}",
            "Give the weights of this network, and fix what shapes its layers, such as: --set"
            " model.hyperparameters.width=1.0",
        )
    return Taken(os.path.basename(path), tuple(taken), tuple(left), ordered)


def _reason(
    wanted: Sequence[Leaf], stored: Sequence[StoredLayer], left: Sequence[str], ordered: bool
) -> str:
    if not wanted:
        return "it has no layer with weights"
    if not ordered:
        return ", ".join(text for text in left if "not in the file" not in text)
    names = [", ".join(list(group)[:MOST_NAMED]) for group in _names(wanted, stored)]
    return f"the file has {names[1]}, ..., the model {names[0]}, ..."


def _names(wanted: Sequence[Leaf], stored: Sequence[StoredLayer]) -> Tuple[List[str], List[str]]:
    found = [layer.name or layer.kind for layer in stored if not layer.whole]
    return [leaf.name for leaf in wanted], found


def _shapes(layer: StoredLayer) -> Shapes:
    return tuple(array.shape for array in layer.arrays)


def _differing(stored: StoredLayer, leaf: Leaf) -> str:
    """Return the first shape of a layer that is another, in words."""
    pairs = list(zip(_shapes(stored), leaf.shapes))
    for theirs, ours in pairs:
        if theirs != ours:
            return f"{_times(theirs)} in the file, {_times(ours)} here"
    return f"{len(stored.arrays)} arrays in the file, {len(leaf.shapes)} here"


def _times(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape)) or "a number"


# ---------------------------------------------------------------- which belongs to which


def _by_name(wanted: Sequence[Leaf], stored: Sequence[StoredLayer]) -> List[Optional[StoredLayer]]:
    """Return the layer of the file for each of the model: of its name with those of the models
    around it, else of its name alone where only one has it.
    """
    by_path = {layer.path: layer for layer in reversed(stored) if not layer.kind}
    by_key: Dict[Key, List[StoredLayer]] = {}
    for key, layer in zip(_keys([(layer.name, layer.kind) for layer in stored]), stored):
        by_key.setdefault(key, []).append(layer)
    names = [leaf.layer.name for leaf in wanted]
    keys = _keys([(name, automatic_kind(name)) for name in names])
    found: List[Optional[StoredLayer]] = []
    for leaf, key in zip(wanted, keys):
        exact = by_path.get(leaf.name) if key[0] == NAMED else None
        alike = by_key.get(key, [])
        alone = len(alike) == 1 and keys.count(key) == 1
        found.append(exact if exact is not None else alike[0] if alone else None)
    return found


NAMED, COUNTED = "named", "counted"


def _keys(layers: Sequence[Tuple[str, str]]) -> List[Key]:
    """Return what tells each layer, given name and kind, from the others of a model: its name, or
    its class and its place among those of the class.
    """
    counts: Dict[str, int] = {}
    keys: List[Key] = []
    for name, kind in layers:
        if not kind:
            keys.append((NAMED, name))
            continue
        counts[kind] = counts.get(kind, -1) + 1
        keys.append((COUNTED, kind, str(counts[kind])))
    return keys


def _by_order(wanted: Sequence[Leaf], stored: Sequence[StoredLayer]) -> List[Optional[StoredLayer]]:
    """Return the layers of the file in their order, if all but the last have the shapes of those of
    the model; else nothing: which belongs to which is not known then.
    """
    single = [layer for layer in stored if not layer.whole]
    same = 0
    while same < min(len(wanted), len(single)) and _shapes(single[same]) == wanted[same].shapes:
        same += 1
    known = all(layer.name for layer in single)  # else their order is only known within a class
    if not known or same < max(1, len(wanted) - MOST_OF_HEAD):
        return [None] * len(wanted)
    rest = len(wanted) - same
    return [*single[:same], *[None] * rest]
