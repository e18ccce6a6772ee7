"""Which operation runs on which DPU, and why others fall to the CPU, in words to act on.

The rules are those of the vendor's target factory, quantizer and user guide (the source of each is
beside it); the limits of each architecture are in ``data/architectures.json``.
"""

from __future__ import annotations

from typing import Dict, List, Optional, Tuple

from vaiopt.hardware.activations import ACTIVATION_RULES
from vaiopt.hardware.architectures import Architecture, Engine
from vaiopt.hardware.context import ON_DPU, Context, Rule, on_cpu
from vaiopt.hardware.fusion import CONVOLUTIONS, Placement
from vaiopt.hardware.latency import ceil_div
from vaiopt.hardware.quantized import Quantizer, output_softmaxes
from vaiopt.hardware.target import Target
from vaiopt.network.graph import LayerGraph, Operation
from vaiopt.network.sizes import Kernel, elements

FOLLOWS = "follows a CPU layer"
"""Why what only moves numbers is on the CPU, where there is no other reason."""


def place(graph: LayerGraph, target: Target) -> List[Placement]:
    """Return where each operation of a graph runs on a target: ``DPU`` or ``CPU``, with the reason
    where there is something to say.
    """
    if target.architecture is None:
        return [Placement("CPU")] * len(graph.operations)
    users = graph.consumers
    ends = output_softmaxes(graph, users)
    quantizer = Quantizer(graph, users, target.release)
    context = Context(graph, users, target, target.architecture, [], ends)
    for operation in graph.operations:
        context.places.append(_placed(operation, context, quantizer))
    return context.places


def _placed(operation: Operation, context: Context, quantizer: Quantizer) -> Placement:
    """Return where one operation runs: by what the DPU cannot do, then by what the quantizer does
    not.
    """
    placement = RULES[operation.kind](operation, context)
    told = placement.device == "CPU" and placement.reason and not quantizer.refuses(operation)
    left = None if told else quantizer.left(operation)
    if left is not None:
        placement = on_cpu(left)
    elif placement.device == "CPU" and not placement.reason:
        placement = on_cpu(f"{operation.layer_type}: this DPU has none; use another layer")
    if operation.assumed_shape:
        note = "its output shape is not known and taken to be its input's"
        placement = placement._replace(reason="; ".join(filter(None, (placement.reason, note))))
    return placement


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


def _conv(operation: Operation, context: Context) -> Placement:
    """Convolution (sources: conv limits in the target files; dpu_op_filter.py; UG1414 "Currently
    Supported Operators").
    """
    if len(operation.input_shapes[0]) != 3:
        return on_cpu(NO_IMAGE.format(operation.input_shapes[0]))
    dpu, channels, filters = context.dpu, operation.input_shapes[0][2], operation.output_shape[2]
    if operation.groups not in (1, channels):
        return on_cpu(
            f"{operation.groups} groups: this DPU has none, and the quantizer stops at them; use"
            " groups=1 or DepthwiseConv2D"
        )
    if operation.groups == channels and channels > 1:
        return _depthwise(operation, context)
    problem = _window_problem(operation, dpu.conv, dpu.conv.kernels)
    problem = problem or _area_problem(operation.kernel, channels, dpu)
    problem = problem or _conv_memory_problem(operation.kernel, channels, dpu)
    if problem:
        return on_cpu(problem)
    return _channel_limits(filters, channels * max(operation.dilation), dpu)


def _area_problem(kernel: Kernel, channels: int, dpu: Architecture) -> Optional[str]:
    """Check the window as a whole (UG1414, the limits of the Versal DPUs)."""
    if dpu.window is None:
        return None
    most, part = dpu.window
    area = elements(kernel) * (ceil_div(channels, part) if part else 1)
    if area <= most:
        return None
    times = f", times {ceil_div(channels, part)} for {channels} channels," if part else ""
    return (
        f"kernel {_size(kernel)}{times}: this DPU takes {most} pixels of a window at most; use a"
        " smaller one, or two after each other"
    )


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
        return on_cpu(f"{filters} output channels: this DPU takes up to {256 * dpu.ocp}; use fewer")
    if channels > 256 * dpu.icp:
        return on_cpu(
            f"{channels} input channels (times dilation): this DPU takes up to {256 * dpu.icp}; use"
            " fewer"
        )
    return ON_DPU


def _depthwise(operation: Operation, context: Context) -> Placement:
    """Depthwise convolution (ALU and dwconv limits; sources: target files, dpu_op_filter.py)."""
    dpu, engine = context.dpu, context.dpu.depthwise
    if len(operation.input_shapes[0]) != 3:
        return on_cpu(NO_IMAGE.format(operation.input_shapes[0]))
    if engine is None:
        return on_cpu("this DPU has no engine for depthwise convolutions; use Conv2D")
    problem = _window_problem(operation, engine, engine.kernels)
    if problem:
        return on_cpu(problem)
    if dpu.alu and max(operation.padding[0], operation.padding[2]) > 15:
        return on_cpu(
            f"padding of {max(operation.padding)} pixels: this DPU takes up to 15; use a smaller"
            " kernel"
        )
    if dpu.depthwise_bank is not None:
        passes = ceil_div(engine.channels, dpu.depthwise_bank[1])
        if elements(operation.kernel) * passes > dpu.depthwise_bank[2]:
            return on_cpu(
                f"kernel {_size(operation.kernel)}: the weights do not fit into the memory of the"
                " depthwise engine"
            )
    if operation.input_shapes[0][2] > 256 * engine.channels:
        return on_cpu(
            f"{operation.input_shapes[0][2]} channels: this DPU takes up to"
            f" {256 * engine.channels}; use fewer"
        )
    if operation.multiplier > 1:
        return Placement("DPU", f"depth multiplier {operation.multiplier}: costs as many passes")
    return ON_DPU


def _transposed(operation: Operation, context: Context) -> Placement:
    """One convolution per output phase (sources: *_limits.py; dpu_op_filter.py)."""
    dpu = context.dpu
    if any(operation.output_padding):
        return on_cpu("output_padding: this DPU has none; leave it out")
    for kernel, stride in zip(operation.kernel, operation.strides):
        parts = {kernel // stride} | ({kernel // stride + 1} if kernel % stride else set())
        if not parts <= set(dpu.conv.kernels):
            return on_cpu(
                f"kernel {kernel} with stride {stride}: kernel/stride must be"
                f" {_range(dpu.conv.kernels)}; use a kernel of at least the stride"
            )
    return _channel_limits(operation.output_shape[2], operation.input_shapes[0][2], dpu)


def _dense(operation: Operation, context: Context) -> Placement:
    """Dense layer, run as a convolution: the input can be of any size, since the compiler gives it
    a shape that fits, whatever image it was (sources: dense_limits of vai_q_tensorflow2, which look
    at the output alone; Vitis-AI #502, where 28x28x1 became 4x14x14).
    """
    dpu = context.dpu
    shape = operation.input_shapes[0]
    if len(shape) != 1:
        return on_cpu(
            f"Dense on an input of shape {shape}: this DPU takes vectors; use Conv2D with a 1x1"
            " kernel, or Flatten or GlobalAveragePooling2D before it"
        )
    units = operation.output_shape[-1]
    if units > 256 * dpu.ocp:
        return on_cpu(f"{units} output channels: this DPU takes up to {256 * dpu.ocp}; use fewer")
    if _flattens_image(operation, context):
        note = "can become a second DPU subgraph; GlobalAveragePooling2D avoids it"
        return Placement("DPU", f"Flatten before Dense {note}")
    return ON_DPU


def _flattens_image(operation: Operation, context: Context) -> bool:
    """Tell whether a Dense layer takes the flattened values of an image of several pixels."""
    source = context.graph.operations[operation.inputs[0]]
    while source.kind in ("flatten", "reshape", "batch_norm", "activation") and source.inputs:
        shape = source.input_shapes[0]
        if source.kind in ("flatten", "reshape") and len(shape) == 3:
            return shape[0] * shape[1] > 1
        source = context.graph.operations[source.inputs[0]]
    return False


def _pool(operation: Operation, context: Context) -> Placement:
    """Pooling (sources: pool and ALU limits in the target files; dpu_op_filter.py)."""
    dpu = context.dpu
    average = operation.kind != "max_pool"
    kernels = dpu.average_kernels if average else dpu.pool.kernels
    shape = operation.input_shapes[0]
    if len(shape) != 3:
        return on_cpu(f"pooling of an input of shape {shape}: this DPU pools images")
    if not kernels:
        return on_cpu(f"this DPU has no {'average' if average else 'max'} pooling")
    strides = operation.kind != "global_average_pool"
    problem = _window_problem(operation, dpu.pool, kernels, strides)
    if problem:
        return on_cpu("pooling, " + problem)
    if average and not dpu.alu and operation.kernel[0] != operation.kernel[1]:
        window = _size(operation.kernel)
        return on_cpu(f"average pooling {window}: this DPU takes square windows only")
    return ON_DPU


def _batch_norm(operation: Operation, context: Context) -> Placement:
    """Batch normalization that no convolution takes in (source: vitis_pof2s_quantize_strategy.json,
    convert_bn_to_dwconv).
    """
    source = context.graph.operations[operation.inputs[0]]
    if source.kind in CONVOLUTIONS and len(context.users[operation.inputs[0]]) == 1:
        return context.places[operation.inputs[0]]._replace(reason="")
    if context.dpu.depthwise is None:
        return on_cpu(
            "batch normalization that follows no convolution: this DPU has no engine for it; put it"
            " right after a Conv2D or Dense"
        )
    return Placement(
        "DPU", "batch normalization that follows no convolution runs as a 1x1 depthwise convolution"
    )


def _elementwise(operation: Operation, context: Context) -> Placement:
    """Addition and multiplication (sources: eltwise limits in the target files; UG1414)."""
    if operation.kind not in context.dpu.elementwise_types:
        swish = operation.function == "swish"
        advice = "use ReLU instead of swish" if swish else "use Add or Concatenate"
        return on_cpu(f"this DPU does not {operation.kind} tensors; {advice}")
    if operation.kind == "add" and len(set(operation.input_shapes)) > 1:
        return on_cpu(
            f"inputs of different shapes {list(operation.input_shapes)}: this DPU does not"
            " broadcast; make them equal"
        )
    if operation.function == "swish":
        return Placement(
            "DPU",
            "swish becomes x times a hard sigmoid on this DPU, which can cost much accuracy; ReLU"
            " does not",
        )
    return ON_DPU


def _activation(operation: Operation, context: Context) -> Placement:
    """Activation functions (sources: vitis_pof2s_quantize_transforms.py; nonlinear and alu_type in
    the target files).
    """
    rule = ACTIVATION_RULES.get(operation.function)
    return Placement("CPU") if rule is None else rule(operation, context)


def _softmax(operation: Operation, context: Context) -> Placement:
    """Softmax (source: vitis_pof2s_quantize_transforms.py: only its input is quantized)."""
    if operation.name not in context.output_softmaxes:
        return Placement("CPU")
    return Placement(
        "CPU",
        "softmax of the outputs: computed by the host after the DPU, whose results are the logits",
        is_output_softmax=True,
    )


def _unknown(operation: Operation, context: Context) -> Placement:
    """What the quantizer does not know, which says why (source: verdicts.csv)."""
    return Placement("CPU")


def _follow(operation: Operation, context: Context) -> Placement:
    """Reshape, Flatten: on the DPU if what comes before is (source: dpu_op_filter.py)."""
    if context.dpu.family == "DPUCADF8H":
        return on_cpu(f"{operation.layer_type}: the DPUCADF8H has none")
    source = operation.inputs[0]
    from_input = context.graph.operations[source].kind == "input"
    on_dpu = from_input or context.places[source].device == "DPU"
    return ON_DPU if on_dpu else on_cpu(FOLLOWS)


def _concat(operation: Operation, context: Context) -> Placement:
    """Concatenation: free along the channels (source: dpu_op_filter.py)."""
    if len(operation.output_shape) == 3 and operation.axis not in (-1, 3):
        where = f"concatenation along axis {operation.axis}"
        return on_cpu(f"{where}: this DPU concatenates channels; use axis=-1")
    return ON_DPU


def _upsample(operation: Operation, context: Context) -> Placement:
    """Upsampling; bilinear as a depthwise transposed convolution (source: *_limits.py)."""
    square = operation.kernel in ((2, 2), (4, 4), (8, 8))
    if operation.function == "nearest" or (operation.function == "bilinear" and square):
        return ON_DPU
    return on_cpu(
        f"UpSampling2D {operation.function} by {_size(operation.kernel)}: this DPU takes nearest,"
        " or bilinear by 2, 4 or 8; use interpolation='nearest'"
    )


def _keep(operation: Operation, context: Context) -> Placement:
    """Inputs, and zeros around the input of the next window (source: dpu_op_filter.py)."""
    return ON_DPU


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
    "lambda": _unknown,
    "tensorflow": _unknown,
    "other": _unknown,
}
"""One rule for each of :data:`vaiopt.network.graph.KINDS`."""
