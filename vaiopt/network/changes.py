"""Exact changes of a model: the same function, in layers that the quantizers take.

They are made on the list of calls, before anything is built, so that ``inspect`` and the search,
which read a file or a configuration, and ``quantize``, which changes the live model after the same
list (:mod:`vaiopt.quantize.plain`), cannot disagree:

* what does something in training only (noise, random images, spatial dropout) is left out;
* TensorFlow operations become the layers that compute the same (:mod:`tensor_calls`);
* a series is an image of one column, its layers are those of images (:mod:`series`);
* a layer that is the activation of another becomes a layer behind it, a convolution whose groups
  are single channels a depthwise one;
* ``relu6(x + 3) / 6``, however it is written, is one layer, the DPU's own sigmoid;
* scalings (``Rescaling``, ``Normalization``, batch normalisation of flat features) go into the
  weights beside them, or become a 1x1 depthwise convolution (:mod:`scalings`).
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional

from vaiopt.errors import ModelError
from vaiopt.network import activations
from vaiopt.network.calls import OPERATION, Call, CallList, class_of
from vaiopt.network.layers import layer_class
from vaiopt.network.operations import DAMAGED
from vaiopt.network.rebuild import Place, Rebuilt, readers
from vaiopt.network.scalings import absorbed, rescaling_of
from vaiopt.network.series import as_images
from vaiopt.network.tensor_calls import Step, function_of, layers_for

HARD_SIGMOID = "HardSigmoid"
"""Class of the layer that computes ``relu6(x + 3) / 6``; not one of Keras's."""

_KEPT = ("VitisQuantize", "QuantizeLayer")
"""They do nothing to real numbers, but say that a model is quantized."""

_LAYER_OF = {"leaky_relu": {"class_name": "LeakyReLU", "config": {"alpha": 0.2}}}
"""Layers of functions that Keras takes by TensorFlow's name: ``tf.nn.leaky_relu`` has this slope.
"""

_SIXTH_TOLERANCE = 1e-4
"""The vendor's tool recognises the factor as loosely."""


def changed(calls: CallList) -> CallList:
    """Return the calls of the same function, changed as the module says, and what was changed; the
    calls as they are where they cannot be understood, which :func:`operations.lower` then tells.
    """
    try:
        plain = _translated(calls)
        images = as_images(plain)
        # what has become a layer of images may be one that is translated
        plain = images if images is plain else _translated(images)
        return _told_once(absorbed(_hard_sigmoids(plain)))
    except (ModelError, *DAMAGED):
        return calls


def _told_once(calls: CallList) -> CallList:
    """Leave out what was said of operations that then became a part of something else."""
    left = {name for call in calls.calls for name in (call.name, call.name.rpartition("/")[0])}
    last = {change.layer: change for change in calls.changes}
    kept = (
        change
        for change in calls.changes
        if change.kind != OPERATION or (change.layer in left and last[change.layer] is change)
    )
    return calls._replace(changes=tuple(kept))


def _translated(old: CallList) -> CallList:
    new, users = Rebuilt(old), readers(old)
    for index, call in enumerate(old.calls):
        inputs = new.inputs(call)
        is_output = any(place[0] == index for place in old.outputs)
        if inputs and _does_nothing(call, len(users[call.inputs[0][0]]), is_output):
            new.stand_in(index, inputs[:1])
            if layer_class(call.class_name).removed:
                new.tell(call.name, "left out: it does something in training only")
            continue
        call = call._replace(inputs=inputs)
        new.stand_in(index, _translate(call, new) or [new.add(call)])
    return new.finished()


def _does_nothing(call: Call, readers_of_source: int, is_output: bool) -> bool:
    """Tell whether a layer is to be left out. The vendor's tool removes a plain dropout itself, but
    only where nothing else reads the layer before it.
    """
    if call.class_name == "Dropout":
        return readers_of_source > 1
    if call.class_name == "Activation":  # in float from 2.5 on where it is not behind a convolution
        return call.config.get("activation") == "linear" and not is_output
    row = layer_class(call.class_name)
    return row.removed and call.class_name not in _KEPT


def _translate(call: Call, new: Rebuilt) -> Optional[List[Place]]:
    """Add the layers that take the place of a call; return its outputs, None if it stays."""
    inner = _inner_activation(call)
    if inner is not None and call.class_name == "Activation":  # has nothing else to compute
        new.tell(call.name, f"its function is a {class_of(inner)} layer, which takes its place")
        step = Step(class_of(inner), dict(inner["config"]))
        return [new.add(_made(call, call.name, step, call.inputs))]
    if inner is not None:
        first = new.add(call._replace(config={**call.config, "activation": "linear"}))
        name, step = f"{call.name}/{class_of(inner)}", Step(class_of(inner), dict(inner["config"]))
        new.tell(call.name, f"its activation is a {class_of(inner)} layer, which is put behind it")
        return [new.add(_made(call, name, step, [first]))]
    if call.class_name == "CustomScaleLayer" and len(call.inputs) == 2:
        return [_scaled_sum(call, new)]
    shapes = new.shapes(call.inputs)
    if call.class_name == "Conv2D" and shapes and _is_depthwise(call, shapes[0][-1]):
        new.tell(call.name, "becomes a depthwise convolution: every channel is a group")
        return [new.add(_depthwise(call, shapes[0][-1]))]
    if layer_class(call.class_name).kind != "tensorflow":
        return None
    function, arguments = function_of(call.class_name, call.config, call.arguments)
    steps = layers_for(function, arguments, shapes) if shapes else None
    if not steps:
        return None
    kinds = "/".join(dict.fromkeys(step.class_name for step in steps))
    new.tell(call.name, f"the operation tf.{function} becomes the layer {kinds}", OPERATION)
    return [
        _add_step(call, step, new, number if len(steps) > 1 else None)
        for number, step in enumerate(steps)
    ]


def _is_depthwise(call: Call, channels: int) -> bool:
    groups, filters = call.config.get("groups", 1), call.config.get("filters", 0)
    return bool(groups == channels > 1 and filters % channels == 0 and call.first)


_SAME_OF_DEPTHWISE = (
    "name dtype kernel_size strides padding data_format dilation_rate activation use_bias".split()
)


def _depthwise(call: Call, channels: int) -> Call:
    """Return the depthwise convolution that a convolution of single channels is."""
    config = {key: call.config[key] for key in _SAME_OF_DEPTHWISE if key in call.config}
    config["depth_multiplier"] = call.config["filters"] // channels
    return call._replace(class_name="DepthwiseConv2D", config=config)


def _add_step(call: Call, step: Step, new: Rebuilt, number: Optional[int]) -> Place:
    """Add a layer for one output of an operation; one that does nothing is its input."""
    if step.config.get("activation") == "linear" and step.class_name == "Activation":
        return call.inputs[0]
    name = call.name if number is None else f"{call.name}/{number}"
    shapes = call.shapes and call.shapes[(number or 0) : (number or 0) + 1]
    return new.add(_made(call, name, step, call.inputs)._replace(shapes=shapes or None))


def _made(call: Call, name: str, step: Step, inputs: List[Place]) -> Call:
    config = {**step.config, "name": name}
    made = Call(name, step.class_name, config, inputs, {}, None, 0, True, made=True)
    return made._replace(selected=step.selected)


def _scaled_sum(call: Call, new: Rebuilt) -> Place:
    """Add the two layers of ``x + scale * y``, which InceptionResNetV2 has as one."""
    step = Step("Rescaling", {"scale": float(call.config["scale"]), "offset": 0.0})
    scaled = new.add(_made(call, f"{call.name}/scale", step, call.inputs[1:]))
    new.tell(call.name, "becomes a scaling and the layer Add")
    return new.add(_made(call, call.name, Step("Add", {}), [call.inputs[0], scaled]))


def _inner_activation(call: Call) -> Optional[Mapping[str, Any]]:
    """Return the activation layer, without weights, in the configuration of a layer, if any; a
    layer that computes the same for a function that no quantizer knows.
    """
    inner = call.config.get("activation")
    inner = _LAYER_OF.get(inner, inner) if isinstance(inner, str) else inner
    if not isinstance(inner, Mapping) or not isinstance(inner.get("config"), Mapping):
        return None
    row = layer_class(class_of(inner))
    return inner if row.activation is not None and row.name != "PReLU" else None


# ---------------------------------------------------------------- the DPU's sigmoid


def _hard_sigmoids(old: CallList) -> CallList:
    new, gates = Rebuilt(old), _gates(old)
    for index, call in enumerate(old.calls):
        if index in gates and gates[index] is None:  # the factor 1/6 behind x * relu6(x + 3)
            new.stand_in(index, new.inputs(call))
            continue
        call = call._replace(inputs=new.inputs(call))
        source = gates.get(index)
        if source is not None:
            step = Step(HARD_SIGMOID, {})
            made = _made(call, call.name, step, [new.place(source)])
            call = made._replace(shapes=call.shapes)
            new.tell(call.name, "relu6(x + 3) / 6 is the DPU's own sigmoid")
        new.stand_in(index, [new.add(call)])
    return new.finished()


def _gates(calls: CallList) -> Dict[int, Optional[Place]]:
    """Return the calls that become the DPU's sigmoid, each with the tensor that it reads, and the
    factors that are then part of one, with None.
    """
    users = readers(calls)
    found: Dict[int, Optional[Place]] = {}

    def shifted(place: Place) -> Optional[Place]:
        """Return x where a tensor is relu6(x + 3), which nothing else reads."""
        relu = calls.calls[place[0]]
        if not _is_relu6(relu) or len(users[place[0]]) != 1:
            return None
        first = calls.calls[relu.inputs[0][0]]
        plus = rescaling_of(first) == (1.0, 3.0) and len(users[relu.inputs[0][0]]) == 1
        return first.inputs[0] if plus else None

    for index, call in enumerate(calls.calls):
        scale, offset = rescaling_of(call) or (None, None)
        if not isinstance(scale, float) or abs(scale - 1 / 6) > _SIXTH_TOLERANCE or offset != 0:
            continue
        source = call.inputs[0]
        gate = shifted(source)
        if gate is not None:
            found[index] = gate
            continue
        product = calls.calls[source[0]]
        if product.class_name == "Multiply" and len(users[source[0]]) == 1:
            hidden = [(place, shifted(place)) for place in product.inputs]
            place, gate = next(((p, g) for p, g in hidden if g is not None), (source, None))
            if gate is not None:
                found[place[0]], found[index] = gate, None
    return found


def _is_relu6(call: Call) -> bool:
    row = layer_class(call.class_name)
    if row.name not in ("ReLU", "Activation") or row.activation is None:
        return False
    return row.activation(call.config) == activations.Activation("relu6")
