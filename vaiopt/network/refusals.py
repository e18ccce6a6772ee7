"""What no quantizer takes, by the calls alone: each layer, what is wrong with it, and the cure.

``quantize`` refuses a model for it, and so does a search before its first trial; ``inspect`` says
that they will.
"""

from __future__ import annotations

from typing import Any, Callable, Iterator, List, Mapping, Optional, Tuple

from vaiopt import releases
from vaiopt.network import parameters
from vaiopt.network.calls import Call, CallList, Refusal
from vaiopt.network.layers import layer_class
from vaiopt.network.rebuild import Shapes, readers
from vaiopt.network.verdicts import verdict_of

CONVOLUTIONS = ("Conv2D", "DepthwiseConv2D", "Conv2DTranspose", "Dense")
"""Layers that a batch normalisation behind them is folded into."""

_WITH_GROUPS = (*CONVOLUTIONS, "SeparableConv2D", "Conv1D", "Conv3D")

BATCH_NORMS = ("BatchNormalization", "SyncBatchNormalization")


def refusals(calls: CallList) -> Tuple[Refusal, ...]:
    """Return everything that no quantizer takes; the calls are flattened, and changed already
    (:mod:`vaiopt.network.changes`).
    """
    found = [one for call in calls.calls for one in _of_call(call)]
    return tuple(found + list(_unfoldable(calls)) + list(_shared(calls)))


def _of_call(call: Call) -> Iterator[Refusal]:
    for check in _CHECKS:
        told = check(call, call.config)
        if told is not None:
            yield Refusal(call.name, *told)


Told = Optional[Tuple[str, str]]


def _groups(call: Call, config: Mapping[str, Any]) -> Told:
    groups = config.get("groups", 1)
    if groups == 1 or call.class_name not in _WITH_GROUPS:
        return None
    problem = f"convolution '{call.name}' has groups={groups}, which the DPU does not run"
    return (problem, "Use groups=1 or DepthwiseConv2D.")


def _operation(call: Call, config: Mapping[str, Any]) -> Told:
    if layer_class(call.class_name).kind != "tensorflow":
        return None
    function = str(config.get("function", call.class_name))
    cure = verdict_of("operation", function, releases.DEFAULT).cure
    problem = f"'{call.name}' is an operation on tensors, tf.{function}, and no layer computes it"
    return (problem, f"Use layers: {cure}.")


def _channels_first(call: Call, config: Mapping[str, Any]) -> Told:
    if config.get("data_format") != "channels_first":
        return None
    name = call.name
    return (f"layer '{name}' has channels first", "Use data_format='channels_last'.")


def _precision(call: Call, config: Mapping[str, Any]) -> Told:
    dtype = config.get("dtype", "float32")
    inner = dtype.get("config") if isinstance(dtype, Mapping) else None
    named = inner.get("name", "") if isinstance(inner, Mapping) else ""
    policy = named if isinstance(dtype, Mapping) else str(dtype)
    if policy in ("float32", "") or call.made:
        return None
    if layer_class(call.class_name).kind == "input" and policy.startswith(("int", "uint")):
        return None  # it is fed, and rounded, as float32 all the same
    hint = "Train without mixed precision: keras.mixed_precision.set_global_policy('float32')."
    return (f"layer '{call.name}' computes in {policy}", hint)


def _layer_inside(call: Call, config: Mapping[str, Any]) -> Told:
    activation = config.get("activation")
    if not isinstance(activation, Mapping) or "layer" not in str(activation.get("module", "layer")):
        return None
    problem = f"layer '{call.name}' has a layer as its activation"
    return (problem, "Put the activation layer behind it, as a layer of its own.")


_CHECKS: Tuple[Callable[[Call, Mapping[str, Any]], Told], ...] = (
    _groups,
    _operation,
    _channels_first,
    _precision,
    _layer_inside,
)


def _unfoldable(calls: CallList) -> Iterator[Refusal]:
    """A batch normalisation that neither goes into the weights beside it nor is of an image."""
    users, shapes = readers(calls), Shapes(calls)
    for index, call in enumerate(calls.calls):
        shape = shapes.of(index)
        if call.class_name not in BATCH_NORMS or shape is None or not call.inputs:
            continue
        axis = call.config.get("axis", -1)
        axes = [axis] if isinstance(axis, int) else list(axis)
        if axes not in ([-1], [len(shape)]):
            yield Refusal(
                call.name,
                f"batch normalisation '{call.name}' works along axis {axes[0]}",
                "Use axis=-1, the channels; the DPU has no other.",
            )
        elif len(shape) != 3 and not _is_folded(calls, users, call):
            yield Refusal(
                call.name,
                f"batch normalisation '{call.name}' does not directly follow a linear convolution"
                " or dense layer",
                "On flat features put it between Dense(activation=None) and the activation, so that"
                " it can be folded.",
            )


def _is_folded(calls: CallList, users: List[List[int]], norm: Call) -> bool:
    index = norm.inputs[0][0]
    source = calls.calls[index]
    while layer_class(source.class_name).removed and len(users[index]) == 1 and source.inputs:
        index = source.inputs[0][0]
        source = calls.calls[index]
    linear = source.config.get("activation", "linear") in ("linear", None)
    return source.class_name in CONVOLUTIONS and linear and len(users[index]) == 1


def _shared(calls: CallList) -> Iterator[Refusal]:
    """A layer with weights that is called several times."""
    for call in calls.calls:
        weighty = layer_class(call.class_name).parameters is not parameters.none
        if call.first or not (call.params if call.params is not None else weighty):
            continue
        name = call.name.split(":")[0]
        inner = name.rpartition("/")[0]
        if inner in calls.nested:
            problem = f"layer '{inner}' is a model of its own that is used several times"
            yield Refusal(name, problem, "Give each use a model of its own.")
        else:
            problem = f"layer '{name}' is used several times, and has weights"
            yield Refusal(name, problem, "Give each use a layer of its own.")
