"""TensorFlow operations on tensors as the Keras layers that compute the same: one row a function.

``x + y`` in a functional model is a call of a TensorFlow function, which the vendor's quantizer
refuses or leaves in float; ``Add`` is a layer that it knows. Only what is exactly the same is
translated; everything else stays a TensorFlow operation.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

from vaiopt.network.node_defs import as_function
from vaiopt.network.sizes import Shape, elements

Arguments = Mapping[str, Any]
Numbers = Union[float, List[float]]


class Step(NamedTuple):
    """A layer that takes the place of an operation.

    Attributes:
        class_name: of the layer.
        config: of it, without its name.
        selected: of a layer made to pass on some channels: which.
    """

    class_name: str
    config: Dict[str, Any]
    selected: Tuple[int, ...] = ()


class Operands(NamedTuple):
    """What an operation was called with: its arguments by name and the shapes of its tensors."""

    arguments: Arguments
    shapes: Sequence[Shape]

    @property
    def rank(self) -> int:
        """Of the first tensor, the samples counted."""
        return len(self.shapes[0]) + 1


Maker = Callable[[Operands], Optional[List[Step]]]
"""Returns one layer for each output; None where there is none that computes the same."""


def function_of(
    class_name: str, config: Mapping[str, Any], arguments: Arguments
) -> Tuple[str, Arguments]:
    """Return the function that a layer of an operation stands for, and the call's arguments."""
    if class_name == "TensorFlowOpLayer":
        return as_function(config)
    return str(config.get("function", "")), arguments


def layers_for(
    function: str, arguments: Arguments, shapes: Sequence[Shape]
) -> Optional[List[Step]]:
    """Return the layer that computes what a TensorFlow function does, one for each of its outputs.

    Args:
        function: its name without ``tf.``, as Keras writes it.
        arguments: of the call by name.
        shapes: of the tensors it reads, without the samples.

    Returns:
        None where no layer computes the same, or the call is not understood.
    """
    maker = FUNCTIONS.get(function.replace("compat.v1.", ""))
    try:
        return maker(Operands(arguments, shapes)) if maker is not None and shapes else None
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return None  # arguments of another kind than the function's


def numbers(value: Any) -> Optional[Numbers]:
    """Return a number, or one for each channel, however they are nested; None for anything else."""
    while isinstance(value, (list, tuple)) and len(value) == 1:
        value = value[0]
    if isinstance(value, (list, tuple)):
        found = [numbers(part) for part in value]
        flat = [part for part in found if isinstance(part, float)]
        return flat if flat and len(flat) == len(found) else None
    usable = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if usable else None


def _rescaling(scale: Numbers, offset: Numbers) -> List[Step]:
    return [Step("Rescaling", {"scale": scale, "offset": offset})]


def _constant(operands: Operands) -> Optional[Numbers]:
    """Return the number beside one tensor, if its channels are the tensor's."""
    values = [operands.arguments.get(key) for key in ("x", "y")]
    found = next((n for n in map(numbers, values) if n is not None), None)
    whole = isinstance(found, float) or len(found or ()) == operands.shapes[0][-1]
    return found if whole else None


def _first_is_number(operands: Operands) -> bool:
    return numbers(operands.arguments.get("x")) is not None


def _each(value: Numbers, function: Callable[[float], float]) -> Numbers:
    return [function(v) for v in value] if isinstance(value, list) else function(value)


def _merge(layer: str, alone: Optional[Callable[[Operands, Numbers], List[Step]]] = None) -> Maker:
    """Return what makes a merging layer of several tensors, and of one with a number ``alone``."""

    def make(operands: Operands) -> Optional[List[Step]]:
        if len(operands.shapes) > 1:
            same = len({len(shape) for shape in operands.shapes}) == 1
            return [Step(layer, {})] if same else None
        constant = _constant(operands)
        return alone(operands, constant) if alone is not None and constant is not None else None

    return make


def _minus(operands: Operands, value: Numbers) -> List[Step]:
    if _first_is_number(operands):
        return _rescaling(-1.0, value)
    return _rescaling(1.0, _each(value, lambda v: -v))


def _divide(operands: Operands) -> Optional[List[Step]]:
    value = _constant(operands)
    if len(operands.shapes) > 1 or value is None or _first_is_number(operands):
        return None
    if value == 0 or (isinstance(value, list) and 0 in value):
        return None
    return _rescaling(_each(value, lambda v: 1.0 / v), 0.0)


def _bias(operands: Operands) -> Optional[List[Step]]:
    bias = numbers(operands.arguments.get("bias"))
    return None if bias is None or operands.arguments.get("data_format") else _rescaling(1.0, bias)


def _largest(operands: Operands, value: Numbers) -> List[Step]:
    if value != 0:
        raise ValueError("no layer is the larger of a tensor and a number other than zero")
    return [Step("ReLU", {})]


def _layer(class_name: str, **config: Any) -> Maker:
    return lambda operands: [Step(class_name, dict(config))]


def _function(name: str) -> Maker:
    return _layer("Activation", activation=name)


def _leaky(operands: Operands) -> Optional[List[Step]]:
    return [Step("LeakyReLU", {"alpha": float(operands.arguments.get("alpha", 0.2))})]


def _gelu(operands: Operands) -> Optional[List[Step]]:
    rough = operands.arguments.get("approximate", False)
    return None if rough else [Step("Activation", {"activation": "gelu"})]


def _clip(operands: Operands) -> Optional[List[Step]]:
    low, high = (numbers(operands.arguments.get(f"clip_value_{end}")) for end in ("min", "max"))
    usable = low == 0 and isinstance(high, float) and high > 0
    return [Step("ReLU", {"max_value": high})] if usable else None


def _softmax(operands: Operands) -> Optional[List[Step]]:
    axis = operands.arguments.get("axis")
    last = axis is None or int(axis) in (-1, operands.rank - 1)
    return [Step("Activation", {"activation": "softmax"})] if last else None


def _concat(operands: Operands) -> Optional[List[Step]]:
    return [Step("Concatenate", {"axis": int(operands.arguments["axis"])})]


def _reshape(operands: Operands) -> Optional[List[Step]]:
    shape = [int(length) for length in operands.arguments["shape"]]
    whole = elements([n for n in shape[1:] if n != -1]) if -1 not in shape[1:] else None
    size = elements(operands.shapes[0])
    first_is_samples = shape[0] == -1 and whole == size
    return [Step("Reshape", {"target_shape": tuple(shape[1:])})] if first_is_samples else None


def _same_values(shape: Sequence[int]) -> List[Step]:
    return [Step("Reshape", {"target_shape": tuple(shape)})]


def _squeeze(operands: Operands) -> Optional[List[Step]]:
    axis = operands.arguments["axis"]
    axes = {int(a) % operands.rank for a in (axis if isinstance(axis, (list, tuple)) else [axis])}
    if 0 in axes:
        return None
    return _same_values([n for i, n in enumerate(operands.shapes[0], 1) if i not in axes])


def _expand(operands: Operands) -> Optional[List[Step]]:
    place = int(operands.arguments["axis"]) % (operands.rank + 1)
    shape = list(operands.shapes[0])
    return _same_values(shape[: place - 1] + [1] + shape[place - 1 :]) if place else None


def _transpose(operands: Operands) -> Optional[List[Step]]:
    order = [int(axis) for axis in operands.arguments["perm"]]
    return [Step("Permute", {"dims": tuple(order[1:])})] if order[0] == 0 else None


def _reduce(layer: str) -> Maker:
    def make(operands: Operands) -> Optional[List[Step]]:
        axis = operands.arguments["axis"]
        axes = {int(a) % operands.rank for a in axis} if isinstance(axis, (list, tuple)) else set()
        if operands.rank != 4 or axes != {1, 2}:
            return None
        return [Step(layer, {"keepdims": bool(operands.arguments.get("keepdims", False))})]

    return make


def _pair(value: Any) -> Tuple[int, int]:
    """Return (height, width) of a window as TensorFlow writes it: one, two or four numbers."""
    values = list(value) if isinstance(value, (list, tuple)) else [value]
    values = values[1:3] if len(values) == 4 else values * (2 if len(values) == 1 else 1)
    return (int(values[0]), int(values[1]))


def _pool(layer: str) -> Maker:
    def make(operands: Operands) -> Optional[List[Step]]:
        arguments = operands.arguments
        padding = str(arguments["padding"]).lower()
        if operands.rank != 4 or padding not in ("same", "valid"):
            return None
        windows = {"pool_size": _pair(arguments["ksize"]), "strides": _pair(arguments["strides"])}
        return [Step(layer, {**windows, "padding": padding})]

    return make


def _resize(operands: Operands) -> Optional[List[Step]]:
    method = str(operands.arguments.get("method", "bilinear"))
    height, width = (int(n) for n in operands.arguments["size"])
    shape = operands.shapes[0]
    whole = operands.rank == 4 and height % shape[0] == 0 and width % shape[1] == 0
    special = any(operands.arguments.get(k) for k in ("antialias", "preserve_aspect_ratio"))
    if not whole or special or method not in ("nearest", "bilinear"):
        return None
    size = (height // shape[0], width // shape[1])
    return [Step("UpSampling2D", {"size": size, "interpolation": method})]


def _pad(operands: Operands) -> Optional[List[Step]]:
    arguments = operands.arguments
    rows = [tuple(int(n) for n in row) for row in arguments["paddings"]]
    zeros = str(arguments.get("mode", "CONSTANT")).upper() == "CONSTANT"
    zeros = zeros and not arguments.get("constant_values", 0)
    if not zeros or operands.rank != 4 or rows[0] != (0, 0) or rows[3] != (0, 0):
        return None
    return [Step("ZeroPadding2D", {"padding": (rows[1], rows[2])})]


def _cast(operands: Operands) -> Optional[List[Step]]:
    wanted = operands.arguments.get("dtype")
    same = str(getattr(wanted, "name", wanted)) == "float32"
    return [Step("Activation", {"activation": "linear"})] if same else None


def channels(start: int, stop: int, shape: Shape) -> Optional[Step]:
    """Return a 1x1 convolution, or a dense layer, that passes on some channels."""
    config = {"use_bias": False, "activation": "linear"}
    if not 0 <= start < stop <= shape[-1]:
        return None
    selected = tuple(range(start, stop))
    if len(shape) == 3:
        return Step("Conv2D", {"filters": stop - start, "kernel_size": (1, 1), **config}, selected)
    return Step("Dense", {"units": stop - start, **config}, selected) if len(shape) == 1 else None


def _split(operands: Operands) -> Optional[List[Step]]:
    arguments, shape = operands.arguments, operands.shapes[0]
    if int(arguments["axis"]) % operands.rank != operands.rank - 1:
        return None
    sizes = arguments["num_or_size_splits"]
    if isinstance(sizes, int):
        if shape[-1] % sizes:
            return None
        sizes = [shape[-1] // sizes] * sizes
    ends = [sum(sizes[: place + 1]) for place in range(len(sizes))]
    steps = [channels(end - size, end, shape) for size, end in zip(sizes, ends)]
    whole = ends[-1] == shape[-1]
    found = [step for step in steps if step is not None]
    return found if whole and len(found) == len(steps) else None


Range = Tuple[int, int, int]
"""Start, stop and step of a slice."""


def _ranges(spec: Any, lengths: Sequence[int]) -> Optional[List[Range]]:
    """Return the ranges of a slice along each axis but the samples'; None for anything else."""
    items = list(spec) if isinstance(spec, (list, tuple)) else [spec]
    gaps = [place for place, item in enumerate(items) if _is_ellipsis(item)]
    if gaps:
        missing = len(lengths) + 2 - len(items)
        items = items[: gaps[0]] + [{}] * missing + items[gaps[0] + 1 :]
    items += [{}] * (len(lengths) + 1 - len(items))
    found: List[Range] = []
    for item, length in zip(items, (1, *lengths)):
        bounds = _bounds(item)
        if bounds is None:
            return None
        found.append(slice(*bounds).indices(length))
    samples = _bounds(items[0])
    every = samples is not None and not any(samples)
    return found[1:] if every and len(items) == len(lengths) + 1 else None


def _is_ellipsis(item: Any) -> bool:
    named = isinstance(item, Mapping) and "llipsis" in str(item.get("class_name", ""))
    return item is Ellipsis or named


def _bounds(item: Any) -> Optional[Tuple[Optional[int], ...]]:
    if isinstance(item, slice):
        item = {"start": item.start, "stop": item.stop, "step": item.step}
    if not isinstance(item, Mapping):
        return None
    values = [item.get(key) for key in ("start", "stop", "step")]
    usable = all(v is None or (isinstance(v, int) and not isinstance(v, bool)) for v in values)
    return tuple(values) if usable else None


def _slice(operands: Operands) -> Optional[List[Step]]:
    """Channels by a 1x1 convolution, every n-th pixel by a pooling of one, a border by cropping."""
    shape = operands.shapes[0]
    ranges = _ranges(operands.arguments["slice_spec"], shape)
    if ranges is None or len(shape) not in (1, 3):
        return None
    whole = [r == (0, length, 1) for r, length in zip(ranges, shape)]
    if all(whole):
        return [Step("Activation", {"activation": "linear"})]
    start, stop, step = ranges[-1]
    if all(whole[:-1]) and step == 1:
        made = channels(start, stop, shape)
        return None if made is None else [made]
    if len(shape) != 3 or not whole[2]:
        return None
    if all(r[0] == 0 and r[1] == n and r[2] >= 1 for r, n in zip(ranges, shape)):
        steps = (ranges[0][2], ranges[1][2])
        return [Step("MaxPooling2D", {"pool_size": (1, 1), "strides": steps, "padding": "valid"})]
    if all(r[2] == 1 and r[0] < r[1] for r in ranges):
        border = tuple((r[0], n - r[1]) for r, n in zip(ranges[:2], shape))
        return [Step("Cropping2D", {"cropping": border})]
    return None


_ADD = _merge("Add", lambda operands, value: _rescaling(1.0, value))
_MULTIPLY = _merge("Multiply", lambda operands, value: _rescaling(value, 0.0))

FUNCTIONS: Dict[str, Maker] = {
    **dict.fromkeys(("__operators__.add", "math.add", "add", "math.add_n"), _ADD),
    **dict.fromkeys(("math.multiply", "multiply", "__operators__.mul"), _MULTIPLY),
    **dict.fromkeys(("math.subtract", "subtract"), _merge("Subtract", _minus)),
    **dict.fromkeys(("math.truediv", "math.divide", "realdiv", "divide"), _divide),
    **dict.fromkeys(("math.negative", "negative"), lambda operands: _rescaling(-1.0, 0.0)),
    **dict.fromkeys(("math.maximum", "maximum"), _merge("Maximum", _largest)),
    **dict.fromkeys(("math.minimum", "minimum"), _merge("Minimum")),
    "nn.bias_add": _bias,
    "nn.relu": _layer("ReLU"),
    "nn.relu6": _layer("ReLU", max_value=6.0),
    "nn.leaky_relu": _leaky,
    **dict.fromkeys(("math.sigmoid", "nn.sigmoid", "sigmoid"), _function("sigmoid")),
    **dict.fromkeys(("nn.silu", "nn.swish"), _function("swish")),
    **dict.fromkeys(("math.tanh", "nn.tanh", "tanh"), _function("tanh")),
    **dict.fromkeys(("math.softplus", "nn.softplus"), _function("softplus")),
    **dict.fromkeys(("math.exp", "exp"), _function("exponential")),
    "nn.softsign": _function("softsign"),
    "nn.elu": _function("elu"),
    "nn.selu": _function("selu"),
    "nn.gelu": _gelu,
    "nn.softmax": _softmax,
    "clip_by_value": _clip,
    "concat": _concat,
    "reshape": _reshape,
    "squeeze": _squeeze,
    "expand_dims": _expand,
    "transpose": _transpose,
    "math.reduce_mean": _reduce("GlobalAveragePooling2D"),
    "math.reduce_max": _reduce("GlobalMaxPooling2D"),
    **dict.fromkeys(("nn.max_pool2d", "nn.max_pool"), _pool("MaxPooling2D")),
    **dict.fromkeys(("nn.avg_pool2d", "nn.avg_pool"), _pool("AveragePooling2D")),
    "image.resize": _resize,
    "pad": _pad,
    "cast": _cast,
    **dict.fromkeys(("identity", "stop_gradient"), _layer("Activation", activation="linear")),
    "split": _split,
    "__operators__.getitem": _slice,
}
"""By name, without ``tf.`` and ``compat.v1.``."""
