"""Which operation runs on which DPU, and why others fall to the CPU, in words to act on.

The rules are those of the vendor's target factory, quantizer and user guide (the source of each is
beside it); the limits of each architecture are in ``data/architectures.json``.
"""

from __future__ import annotations

import functools
from typing import Callable, Dict, List, NamedTuple, Optional, Set, Tuple

from vaiopt.hardware.architectures import Architecture, Engine, read_data
from vaiopt.hardware.fusion import CONVOLUTIONS, Placement
from vaiopt.hardware.latency import ceil_div
from vaiopt.hardware.target import Target
from vaiopt.network.graph import LayerGraph, Operation
from vaiopt.network.sizes import Kernel, elements
from vaiopt.releases import find_release

QUANTIZER_FLOAT = "the quantizer leaves it in float on the CPU"

RELU_ADVICE = "use ReLU, ReLU(6.0) or LeakyReLU(0.1)"


@functools.lru_cache(maxsize=None)
def replacements(kind: str) -> Dict[str, str]:
    """Return what to use instead of what the quantizer does not know: by ``layers`` (rows of
    :data:`vaiopt.network.layers.LAYERS`) or by ``tensorflow`` functions.
    """
    return {name: str(text) for name, text in read_data("replacements.json")[kind].items()}


def place(graph: LayerGraph, target: Target) -> List[Placement]:
    """Return where each operation of a graph runs on a target: ``DPU`` or ``CPU``, with the reason
    where there is something to say.
    """
    if target.architecture is None:
        return [Placement("CPU")] * len(graph.operations)
    users = graph.consumers
    ends = _output_softmaxes(graph, users)
    context = _Context(graph, users, target, target.architecture, [], ends)
    for operation in graph.operations:
        placement = RULES[operation.kind](operation, context)
        if operation.assumed_shape:
            note = "its output shape is not known and taken to be its input's"
            placement = placement._replace(reason="; ".join(filter(None, (placement.reason, note))))
        context.places.append(placement)
    return context.places


def _output_softmaxes(graph: LayerGraph, users: List[List[int]]) -> Set[str]:
    """Return the names of the operations that are a softmax at the end of the model, possibly with
    a reshape after it.
    """

    def ends(number: int) -> bool:
        return all(
            graph.operations[user].kind in ("reshape", "flatten") and ends(user)
            for user in users[number]
        )

    operations = enumerate(graph.operations)
    return {it.name for number, it in operations if it.kind == "softmax" and ends(number)}


class _Context(NamedTuple):
    """What a rule looks at besides the operation itself."""

    graph: LayerGraph
    users: List[List[int]]
    target: Target
    dpu: Architecture
    places: List[Placement]
    output_softmaxes: Set[str]

    def source(self, operation: Operation) -> Operation:
        """Return the operation before this one, looking through batch normalization."""
        source = self.graph.operations[operation.inputs[0]]
        return self.source(source) if source.kind == "batch_norm" else source


def _cpu(reason: str) -> Placement:
    return Placement("CPU", reason)


_DPU = Placement("DPU")


def _range(numbers: Tuple[int, ...]) -> str:
    if len(numbers) > 2 and numbers == tuple(range(numbers[0], numbers[-1] + 1)):
        return f"{numbers[0]} to {numbers[-1]}"
    return ", ".join(str(number) for number in numbers)


def _window_problem(
    operation: Operation, engine: Engine, kernels: Tuple[int, ...], strides: bool = True
) -> Optional[str]:
    """Return what is wrong with kernel or stride for an engine (source: *_limits.py of
    vai_q_tensorflow2, dpu_op_filter.py).
    """
    if not set(operation.kernel) <= set(kernels):
        return (
            f"kernel {_size(operation.kernel)}: this DPU takes {_range(kernels)} in each direction;"
            " use a smaller one, or two after each other"
        )
    whole = operation.input_shapes[0][:2] == operation.kernel
    for stride in operation.strides if strides and not whole else ():
        if stride not in engine.strides:
            return (
                f"stride {stride}: this DPU takes {_range(engine.strides)}; use a smaller stride,"
                " or a pooling before it"
            )
    return None


def _size(kernel: Kernel) -> str:
    return f"{kernel[0]}x{kernel[1]}"


NO_IMAGE = "input of shape {}: this DPU convolves images (height, width, channels)"


def _conv(operation: Operation, context: _Context) -> Placement:
    """Convolution (sources: conv limits in the target files; dpu_op_filter.py; UG1414 "Currently
    Supported Operators").
    """
    if len(operation.input_shapes[0]) != 3:
        return _cpu(NO_IMAGE.format(operation.input_shapes[0]))
    dpu, channels, filters = context.dpu, operation.input_shapes[0][2], operation.output_shape[2]
    if operation.groups not in (1, channels):
        return _cpu(
            f"{operation.groups} groups: this DPU has none, and the quantizer stops at them; use"
            " groups=1 or DepthwiseConv2D"
        )
    if operation.groups == channels and channels > 1:
        return _depthwise(operation, context)
    problem = _window_problem(operation, dpu.conv, dpu.conv.kernels)
    problem = problem or _conv_memory_problem(operation.kernel, channels, dpu)
    if problem:
        return _cpu(problem)
    return _channel_limits(filters, channels * max(operation.dilation), dpu)


def _conv_memory_problem(kernel: Kernel, channels: int, dpu: Architecture) -> Optional[str]:
    """Check that one group of weights, and one window of the input, fit into the on-chip memories
    (dpu_op_filter.py; *_limits.py).
    """
    area = elements(kernel)
    where = f"kernel {_size(kernel)} over {channels} channels"
    if dpu.weight_bank is not None:
        number, width, depth = dpu.weight_bank
        if area * ceil_div(channels, width) * ceil_div(dpu.ocp, number) > depth:
            return (
                f"{where}: the weights do not fit into the weight memory; use fewer channels or a"
                " smaller kernel"
            )
    if dpu.input_depth is not None and area * ceil_div(channels, dpu.icp) > dpu.input_depth:
        return (
            f"{where}: one window does not fit into the input memory; use fewer channels or a"
            " smaller kernel"
        )
    return None


def _channel_limits(filters: int, channels: int, dpu: Architecture) -> Placement:
    """Check the channel counts (UG1414: at most 256 times the channel parallelism, dilation
    included).
    """
    if filters > 256 * dpu.ocp:
        return _cpu(f"{filters} output channels: this DPU takes up to {256 * dpu.ocp}; use fewer")
    if channels > 256 * dpu.icp:
        return _cpu(
            f"{channels} input channels (times dilation): this DPU takes up to {256 * dpu.icp}; use"
            " fewer"
        )
    return _DPU


def _depthwise(operation: Operation, context: _Context) -> Placement:
    """Depthwise convolution (ALU and dwconv limits; sources: target files, dpu_op_filter.py)."""
    dpu, engine = context.dpu, context.dpu.depthwise
    if len(operation.input_shapes[0]) != 3:
        return _cpu(NO_IMAGE.format(operation.input_shapes[0]))
    if engine is None:
        return _cpu("this DPU has no engine for depthwise convolutions; use Conv2D")
    problem = _window_problem(operation, engine, engine.kernels)
    if problem:
        return _cpu(problem)
    if dpu.alu and max(operation.padding[0], operation.padding[2]) > 15:
        return _cpu(
            f"padding of {max(operation.padding)} pixels: this DPU takes up to 15; use a smaller"
            " kernel"
        )
    if dpu.depthwise_bank is not None:
        passes = ceil_div(engine.channels, dpu.depthwise_bank[1])
        if elements(operation.kernel) * passes > dpu.depthwise_bank[2]:
            return _cpu(
                f"kernel {_size(operation.kernel)}: the weights do not fit into the memory of the"
                " depthwise engine"
            )
    if operation.input_shapes[0][2] > 256 * engine.channels:
        return _cpu(
            f"{operation.input_shapes[0][2]} channels: this DPU takes up to"
            f" {256 * engine.channels}; use fewer"
        )
    if operation.multiplier > 1:
        return Placement("DPU", f"depth multiplier {operation.multiplier}: costs as many passes")
    return _DPU


def _transposed(operation: Operation, context: _Context) -> Placement:
    """One convolution per output phase (sources: *_limits.py; dpu_op_filter.py)."""
    dpu = context.dpu
    if any(operation.output_padding):
        return _cpu("output_padding: this DPU has none; leave it out")
    for kernel, stride in zip(operation.kernel, operation.strides):
        parts = {kernel // stride} | ({kernel // stride + 1} if kernel % stride else set())
        if not parts <= set(dpu.conv.kernels):
            return _cpu(
                f"kernel {kernel} with stride {stride}: kernel/stride must be"
                f" {_range(dpu.conv.kernels)}; use a kernel of at least the stride"
            )
    return _channel_limits(operation.output_shape[2], operation.input_shapes[0][2], dpu)


def _dense(operation: Operation, context: _Context) -> Placement:
    """Dense layer, run as a convolution over the flattened image (sources: *_limits.py; UG1414)."""
    dpu = context.dpu
    shape = operation.input_shapes[0]
    if len(shape) != 1:
        return _cpu(
            f"Dense on an input of shape {shape}: this DPU takes vectors; use Conv2D with a 1x1"
            " kernel, or Flatten or GlobalAveragePooling2D before it"
        )
    image = _flattened_image(operation, context)
    height, width, channels = image if image else (1, 1, shape[0])
    if image and (height not in dpu.conv.kernels or width not in dpu.conv.kernels):
        return _cpu(
            f"Dense on a flattened {height}x{width} image: this DPU takes up to"
            f" {dpu.conv.kernels[-1]} in each direction; pool first, or use GlobalAveragePooling2D"
        )
    problem = _conv_memory_problem((height, width), channels, dpu)
    if problem:
        return _cpu(f"Dense on {shape[0]} values: {problem}")
    limit = _channel_limits(operation.output_shape[-1], channels, dpu)
    if limit.device == "DPU" and height * width > 1:
        note = "can become a second DPU subgraph; GlobalAveragePooling2D avoids it"
        return Placement("DPU", f"Flatten before Dense {note}")
    return limit


def _flattened_image(operation: Operation, context: _Context) -> Optional[Tuple[int, int, int]]:
    """Return the shape of the image whose flattened values a Dense layer takes, if there is one."""
    source = context.graph.operations[operation.inputs[0]]
    while source.kind in ("flatten", "reshape", "batch_norm", "activation") and source.inputs:
        if source.kind in ("flatten", "reshape") and len(source.input_shapes[0]) == 3:
            shape = source.input_shapes[0]
            return (shape[0], shape[1], shape[2])
        source = context.graph.operations[source.inputs[0]]
    return None


def _pool(operation: Operation, context: _Context) -> Placement:
    """Pooling (sources: pool and ALU limits in the target files; dpu_op_filter.py)."""
    dpu = context.dpu
    average = operation.kind != "max_pool"
    kernels = dpu.average_kernels if average else dpu.pool.kernels
    shape = operation.input_shapes[0]
    if len(shape) != 3:
        return _cpu(f"pooling of an input of shape {shape}: this DPU pools images")
    if not kernels:
        return _cpu(f"this DPU has no {'average' if average else 'max'} pooling")
    strides = operation.kind != "global_average_pool"
    problem = _window_problem(operation, dpu.pool, kernels, strides)
    if problem:
        return _cpu("pooling, " + problem)
    if average and not dpu.alu and operation.kernel[0] != operation.kernel[1]:
        window = _size(operation.kernel)
        return _cpu(f"average pooling {window}: this DPU takes square windows only")
    return _DPU


def _batch_norm(operation: Operation, context: _Context) -> Placement:
    """Batch normalization that no convolution takes in (source: vitis_pof2s_quantize_strategy.json,
    convert_bn_to_dwconv).
    """
    source = context.graph.operations[operation.inputs[0]]
    if source.kind in CONVOLUTIONS and len(context.users[operation.inputs[0]]) == 1:
        return context.places[operation.inputs[0]]._replace(reason="")
    if context.dpu.depthwise is None:
        return _cpu(
            "batch normalization that follows no convolution: this DPU has no engine for it; put it"
            " right after a Conv2D or Dense"
        )
    return Placement(
        "DPU", "batch normalization that follows no convolution runs as a 1x1 depthwise convolution"
    )


def _elementwise(operation: Operation, context: _Context) -> Placement:
    """Addition and multiplication (sources: eltwise limits in the target files; UG1414)."""
    if operation.kind not in context.dpu.elementwise_types:
        swish = operation.function == "swish"
        advice = "use ReLU instead of swish" if swish else "use Add or Concatenate"
        return _cpu(f"this DPU does not {operation.kind} tensors; {advice}")
    if operation.kind == "add" and len(set(operation.input_shapes)) > 1:
        return _cpu(
            f"inputs of different shapes {list(operation.input_shapes)}: this DPU does not"
            " broadcast; make them equal"
        )
    if operation.function == "swish":
        return Placement(
            "DPU",
            "swish becomes x times a hard sigmoid on this DPU, which can cost much accuracy; ReLU"
            " does not",
        )
    return _DPU


def _activation(operation: Operation, context: _Context) -> Placement:
    """Activation functions (sources: vitis_pof2s_quantize_transforms.py; nonlinear and alu_type in
    the target files).
    """
    rule = ACTIVATION_RULES.get(operation.function)
    if rule is None:
        return _cpu(f"{operation.function}: {QUANTIZER_FLOAT}; {RELU_ADVICE}")
    return rule(operation, context)


def _relu(operation: Operation, context: _Context) -> Placement:
    known = operation.function in context.dpu.conv.activations
    return _DPU if known else _cpu("ReLU(6.0): this DPU has none; use ReLU")


def _clipped_relu(operation: Operation, context: _Context) -> Placement:
    return _cpu(
        f"ReLU with max_value {operation.limit or 0.0:g}: only none and 6.0 are supported; use"
        " ReLU or ReLU(6.0)"
    )


def _sigmoid(operation: Operation, context: _Context) -> Placement:
    function, dpu = operation.function, context.dpu
    if "hard_sigmoid" not in dpu.alu_functions + dpu.conv.activations:
        return _cpu(f"{function}: this DPU has none; {RELU_ADVICE}")
    if function == "hard_sigmoid":
        note = "hard_sigmoid becomes relu6(x + 3) / 6 on this DPU (Keras's is 0.2 x + 0.5)"
        return Placement("DPU", note)
    return Placement(
        "DPU",
        "sigmoid becomes a hard sigmoid on this DPU: relu6(x + 3) / 6; train with it, or check the"
        " int8 accuracy",
    )


def _prelu(operation: Operation, context: _Context) -> Placement:
    release, dpu = context.target.release, context.dpu
    if "PReLU" in find_release(release).left_in_float.split():
        return _cpu(
            f"PReLU: the quantizer of release {release} leaves it in float; use release 3.0, or"
            " ReLU"
        )
    known = "prelu" in dpu.alu_functions + dpu.conv.activations
    return _DPU if known else _cpu(f"PReLU: this DPU has none; {RELU_ADVICE}")


def _leaky_relu(operation: Operation, context: _Context) -> Placement:
    """LeakyReLU: alpha is 26/256 in hardware, converted from 0.1 only, and only the convolution
    engine applies it.
    """
    alpha = 0.2 if operation.alpha is None else operation.alpha
    if abs(alpha - 0.1) > 1e-7:
        return _cpu(f"LeakyReLU alpha {alpha:g}: only 0.1 is supported, use 0.1 or ReLU")
    source = context.source(operation)
    if "leaky_relu" not in context.dpu.conv.activations:
        return _cpu("LeakyReLU: this DPU has none; use ReLU or ReLU(6.0)")
    if source.kind not in ("conv", "transposed", "dense"):
        return _cpu(
            f"LeakyReLU after {source.layer_type}: only Conv2D, Conv2DTranspose and Dense can have"
            " it; use ReLU"
        )
    return Placement("DPU", "LeakyReLU alpha 0.1 becomes 26/256 on this DPU")


def _softmax(operation: Operation, context: _Context) -> Placement:
    """Softmax (source: vitis_pof2s_quantize_transforms.py: only its input is quantized)."""
    if operation.name in context.output_softmaxes:
        return Placement(
            "CPU",
            "softmax of the outputs: computed by the host after the DPU, whose results are the"
            " logits",
            is_output_softmax=True,
        )
    return _cpu(
        f"softmax inside the model: {QUANTIZER_FLOAT} and splits it; only use it on the outputs"
    )


def _follow(operation: Operation, context: _Context) -> Placement:
    """Reshape, Flatten: on the DPU if what comes before is (source: dpu_op_filter.py)."""
    if context.dpu.family == "DPUCADF8H":
        return _cpu(f"{operation.layer_type}: the DPUCADF8H has none")
    source = operation.inputs[0]
    from_input = context.graph.operations[source].kind == "input"
    on_dpu = from_input or context.places[source].device == "DPU"
    return _DPU if on_dpu else _cpu("follows a CPU layer")


def _concat(operation: Operation, context: _Context) -> Placement:
    """Concatenation: free along the channels (source: dpu_op_filter.py)."""
    if len(operation.output_shape) == 3 and operation.axis not in (-1, 3):
        where = f"concatenation along axis {operation.axis}"
        return _cpu(f"{where}: this DPU concatenates channels; use axis=-1")
    return _DPU


def _upsample(operation: Operation, context: _Context) -> Placement:
    """Upsampling; bilinear as a depthwise transposed convolution (source: *_limits.py)."""
    square = operation.kernel in ((2, 2), (4, 4), (8, 8))
    if operation.function == "nearest" or (operation.function == "bilinear" and square):
        return _DPU
    return _cpu(
        f"UpSampling2D {operation.function} by {_size(operation.kernel)}: this DPU takes nearest,"
        " or bilinear by 2, 4 or 8; use interpolation='nearest'"
    )


def _keep(operation: Operation, context: _Context) -> Placement:
    """Inputs, and zeros around the input of the next window (source: dpu_op_filter.py)."""
    return _DPU


def _lambda(operation: Operation, context: _Context) -> Placement:
    """Python code, which the quantizer leaves alone (source: vai-q-tensorflow2)."""
    return _cpu(
        f"Lambda is Python code, which is never run here; {QUANTIZER_FLOAT}; use Keras layers"
    )


def _tensorflow(operation: Operation, context: _Context) -> Placement:
    """TensorFlow operations: the quantizer knows Keras layers only (source: vai-q-tensorflow2)."""
    replacement = replacements("tensorflow").get(operation.function, "Keras layers")
    return _cpu(
        f"TensorFlow operation tf.{operation.function}: {QUANTIZER_FLOAT}; use {replacement}"
    )


def _other(operation: Operation, context: _Context) -> Placement:
    """Everything else that the quantizer does not know (source: vai-q-tensorflow2)."""
    kind = operation.layer_type
    advice = replacements("layers").get(kind, "use the layers that the quantizer knows")
    return _cpu(f"{kind}: {QUANTIZER_FLOAT}; {advice}")


Rule = Callable[[Operation, _Context], Placement]

ACTIVATION_RULES: Dict[str, Rule] = {
    "relu": _relu,
    "relu6": _relu,
    "leaky_relu": _leaky_relu,
    "clipped_relu": _clipped_relu,
    "sigmoid": _sigmoid,
    "hard_sigmoid": _sigmoid,
    "prelu": _prelu,
}
"""The activation functions that the DPU or the quantizer has something to say about; all others are
left in float.
"""

RULES: Dict[str, Rule] = {
    "input": _keep,
    "conv": _conv,
    "depthwise": _depthwise,
    "transposed": _transposed,
    "dense": _dense,
    "max_pool": _pool,
    "average_pool": _pool,
    "global_average_pool": _pool,
    "batch_norm": _batch_norm,
    "add": _elementwise,
    "multiply": _elementwise,
    "activation": _activation,
    "softmax": _softmax,
    "concat": _concat,
    "pad": _keep,
    "reshape": _follow,
    "flatten": _follow,
    "upsample": _upsample,
    "lambda": _lambda,
    "tensorflow": _tensorflow,
    "other": _other,
}
"""One rule for each of :data:`vaiopt.network.graph.KINDS`."""
