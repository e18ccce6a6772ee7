"""Scalings, a factor and a shift for each channel, that go into the weights beside them.

A ``Rescaling``, a ``Normalization`` and a batch normalisation of flat features are no operations of
the DPU. A linear layer in front of them that nothing else reads takes them in, or all the linear
layers behind them do; of an image they otherwise become a 1x1 depthwise convolution. Which of it is
decided here, by the calls alone; the weights change in :mod:`vaiopt.quantize.plain`.
"""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Optional, Set, Tuple

from vaiopt.network.calls import INPUT_SCALING, Absorbed, Call, CallList
from vaiopt.network.layers import layer_class, parameter_count
from vaiopt.network.rebuild import Rebuilt, Shapes, readers, shared_layers
from vaiopt.network.sizes import Shape, pair
from vaiopt.network.tensor_calls import Numbers, numbers

_BEHIND_LINEAR = ("Conv2D", "DepthwiseConv2D", "Conv2DTranspose", "Dense", "BatchNormalization")
"""Layers that take in a scaling behind them."""

_BATCH_NORMS = ("BatchNormalization", "SyncBatchNormalization")


class Scaling(NamedTuple):
    """What is known of a scaling before its weights are.

    Attributes:
        shifts: it may add something.
        alike: all channels have the same factor and shift.
        flat_only: only the one of flat features is meant.
    """

    shifts: bool
    alike: bool
    flat_only: bool = False


def rescaling_of(call: Call) -> Optional[Tuple[Numbers, Numbers]]:
    """Return factor and shift of a Rescaling layer; None for any other."""
    if call.class_name != "Rescaling":
        return None
    scale, offset = numbers(call.config.get("scale")), numbers(call.config.get("offset", 0.0))
    return None if scale is None or offset is None else (scale, offset)


def _scaling(call: Call, shape: Shape) -> Optional[Scaling]:
    found = rescaling_of(call)
    if found is not None:
        lists = [value for value in found if isinstance(value, list)]
        fits = all(len(value) == shape[-1] for value in lists)
        return Scaling(found[1] != 0, not lists) if fits else None
    axis = call.config.get("axis", -1)
    axes = [axis] if isinstance(axis, int) else list(axis or ())
    last = not axes or axes in ([-1], [len(shape)])
    if call.class_name == "Normalization" and last and not call.config.get("invert"):
        return Scaling(True, not axes)
    if call.class_name in _BATCH_NORMS and axes and last:
        return Scaling(True, False, flat_only=True)
    return None


def absorbed(old: CallList) -> CallList:
    """Return the calls with scalings taken in or replaced, and what was done to them."""
    shapes = Shapes(old)
    plan = _Plan(old, shapes)
    # From the last to the first: one of two scalings in a row goes into what the other became.
    for index in range(len(old.calls) - 1, -1, -1):
        call, shape = old.calls[index], shapes.of(index)
        scaling = _scaling(call, shape) if call.inputs and shape else None
        if scaling is not None and shape is not None:
            plan.decide(index, scaling, shape)
    return plan.carried_out()


class _Plan:
    """What becomes of each scaling."""

    def __init__(self, calls: CallList, shapes: Shapes) -> None:
        self.calls, self.shapes = calls, shapes
        self.users, self.shared = readers(calls), shared_layers(calls)
        self.gone: Set[int] = set()
        self.made: Set[int] = set()
        self.told: Dict[int, str] = {}
        self.taken: Dict[int, List[Absorbed]] = {}

    def decide(self, index: int, scaling: Scaling, shape: Shape) -> None:
        """Say what takes in the scaling at ``index``."""
        call = self.calls.calls[index]
        source = call.inputs[0][0]
        flat = len(shape) == 1
        if scaling.flat_only and (not flat or self._takes_behind(source)):
            return  # the vendor's tool folds it, or makes it a depthwise convolution
        if not scaling.flat_only and self._takes_behind(source):
            self._take(index, shape, [source], "behind")
            return
        targets = self._targets(index, scaling)
        if targets:
            self._take(index, shape, targets, "before")
        elif len(shape) == 3 and not scaling.flat_only:
            self.made.add(index)
            self.taken.setdefault(index, []).insert(0, self._absorbed(index, shape, "before"))
            self.told[index] = "becomes a 1x1 depthwise convolution"

    def _take(self, index: int, shape: Shape, targets: List[int], place: str) -> None:
        for target in dict.fromkeys(targets):
            one, taken = self._absorbed(index, shape, place), self.taken.setdefault(target, [])
            if target != targets[0]:
                one = one._replace(params=0)  # counted once
            if place == "before":
                taken.insert(0, one)
            else:
                behind = [a for a in taken if a.place == "behind"]
                taken.insert(len(taken) - len(behind), one)
        self.gone.add(index)
        names = ", ".join(dict.fromkeys(f"'{self.calls.calls[t].name}'" for t in targets))
        self.told[index] = f"goes into the weights of {names}"

    def _absorbed(self, index: int, shape: Shape, place: str) -> Absorbed:
        call = self.calls.calls[index]
        params = call.params
        if params is None:
            params = parameter_count(call.class_name, call.config, [shape], shape)
        return Absorbed(place, call.name, call.class_name, call.config, shape, params)

    def _params(self, index: int, taken: Tuple[Absorbed, ...]) -> int:
        """Return the parameters of a layer and of the scalings that it takes in."""
        call, shape = self.calls.calls[index], self.shapes.of(index)
        own = 0 if index in self.made else call.params
        if own is None and shape is not None:
            inputs = [self.shapes.of(source) or () for source, _ in call.inputs]
            own = parameter_count(call.class_name, call.config, inputs, shape)
        return (own or 0) + sum(one.params or 0 for one in taken)

    def _takes_behind(self, index: int) -> bool:
        """Tell whether a call is a linear layer that takes in what stands behind it alone."""
        call = self.calls.calls[index]
        linear = call.config.get("activation", "linear") in ("linear", None)
        usable = call.class_name in _BEHIND_LINEAR and linear and index not in self.gone
        if call.class_name == "BatchNormalization" and len(self.shapes.of(index) or ()) != 3:
            return False
        alone = len(self.users[index]) == 1 and call.name.split(":")[0] not in self.shared
        return usable and alone and not call.made

    def _targets(self, index: int, scaling: Scaling) -> List[int]:
        """Return the linear layers that read a scaling; none if anything else does."""
        found: List[int] = []
        for user in self.users[index]:
            behind = [] if user == -1 else self._targets_at(user, scaling)
            if not behind:
                return []
            found += behind
        return found

    def _targets_at(self, user: int, scaling: Scaling) -> List[int]:
        call, shape = self.calls.calls[user], self.shapes.of(user)
        if _passes(call, scaling) or user in self.gone:
            return self._targets(user, scaling)
        if user in self.made:
            return [user]
        usable = shape is not None and call.name.split(":")[0] not in self.shared
        return [user] if usable and not call.selected and _takes_before(call, scaling) else []

    def carried_out(self) -> CallList:
        """Return the calls after the plan."""
        new = Rebuilt(self.calls)
        for index, call in enumerate(self.calls.calls):
            inputs = new.inputs(call)
            if index in self.told:
                first = self.calls.calls[call.inputs[0][0]].class_name == "InputLayer"
                new.tell(call.name, self.told[index], INPUT_SCALING if first else "")
            if index in self.gone:
                new.stand_in(index, inputs[:1])
                continue
            taken = tuple(self.taken.get(index, ()))
            if index in self.made:
                call = _depthwise(call)
            kept = call._replace(inputs=inputs, absorbed=call.absorbed + taken)
            if taken:  # as Keras counts them, before there is a bias that was not there
                kept = kept._replace(params=self._params(index, taken))
            if not call.made and any(_adds(one) for one in taken):
                kept = kept._replace(config=_with_shift(call))
            new.stand_in(index, [new.add(kept)])
        return new.finished()


def _adds(one: Absorbed) -> bool:
    """Tell whether a scaling adds something."""
    offset = numbers(one.config.get("offset", 0.0))
    return one.class_name != "Rescaling" or offset != 0


def _with_shift(call: Call) -> Dict[str, object]:
    """Return the configuration of a layer that can add something."""
    if call.class_name in _BATCH_NORMS:
        return {**call.config, "center": True, "scale": True}
    return {**call.config, "use_bias": True}


def _passes(call: Call, scaling: Scaling) -> bool:
    """Tell whether a layer leaves factor and shift of each channel as they are."""
    if call.class_name == "Reshape":
        return scaling.alike
    if call.class_name == "ZeroPadding2D":
        return not scaling.shifts
    return layer_class(call.class_name).removed or call.class_name == "Flatten"


def _takes_before(call: Call, scaling: Scaling) -> bool:
    """Tell whether a layer takes in what stands before it: a padded one has zeros at its border,
    which a shift would change.
    """
    if call.class_name == "Dense":
        return True
    if call.class_name == "SeparableConv2D":
        return not scaling.shifts
    if call.class_name not in ("Conv2D", "DepthwiseConv2D"):
        return False
    inside = call.config.get("padding", "valid") == "valid"
    inside = inside or pair(call.config.get("kernel_size", 1)) == (1, 1)
    plain = call.config.get("groups", 1) == 1
    return plain and (inside or not scaling.shifts)


def _depthwise(call: Call) -> Call:
    """Return the 1x1 depthwise convolution that a scaling becomes."""
    config = {
        "name": call.name,
        "kernel_size": (1, 1),
        "strides": (1, 1),
        "padding": "valid",
        "depth_multiplier": 1,
        "dilation_rate": (1, 1),
        "data_format": "channels_last",
        "use_bias": True,
        "activation": "linear",
    }
    return call._replace(
        class_name="DepthwiseConv2D", config=config, arguments={}, params=0, made=True
    )
