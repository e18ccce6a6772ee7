"""Which activation functions a DPU computes, one rule a function; what the quantizer leaves in
float, :mod:`vaiopt.hardware.quantized` says.
"""

from __future__ import annotations

from typing import Dict

from vaiopt.hardware.context import ON_DPU, Context, Rule, on_cpu
from vaiopt.hardware.fusion import Placement
from vaiopt.network.graph import Operation
from vaiopt.network.verdicts import verdict_of

RELU_ADVICE = "use ReLU, ReLU(6.0) or LeakyReLU(0.1)"


def _relu(operation: Operation, context: Context) -> Placement:
    known = operation.function in context.dpu.conv.activations
    return ON_DPU if known else on_cpu("ReLU(6.0): this DPU has none; use ReLU")


def _clipped_relu(operation: Operation, context: Context) -> Placement:
    return on_cpu(
        f"ReLU with max_value {operation.limit or 0.0:g}: only none and 6.0 are supported; use"
        " ReLU or ReLU(6.0)"
    )


def _sigmoid(operation: Operation, context: Context) -> Placement:
    function, dpu = operation.function, context.dpu
    if "hard_sigmoid" not in dpu.alu_functions + dpu.conv.activations:
        return on_cpu(f"{function}: this DPU has none; {RELU_ADVICE}")
    if function == "dpu_sigmoid":
        return ON_DPU
    return Placement(
        "DPU",
        "sigmoid becomes a hard sigmoid on this DPU: relu6(x + 3) / 6; train with it, or check the"
        " int8 accuracy",
    )


def _prelu(operation: Operation, context: Context) -> Placement:
    known = "prelu" in context.dpu.alu_functions + context.dpu.conv.activations
    return ON_DPU if known else on_cpu(f"PReLU: this DPU has none; {RELU_ADVICE}")


def _leaky_relu(operation: Operation, context: Context) -> Placement:
    """LeakyReLU: alpha is 26/256 in hardware, converted from 0.1 only, and only the convolution
    engine applies it.
    """
    alpha = 0.2 if operation.alpha is None else operation.alpha
    if abs(alpha - 0.1) > 1e-7:
        return on_cpu(
            f"LeakyReLU alpha {alpha:g}: only 0.1 is supported, use 0.1 or ReLU"
            f"{_instead_of_leaky(alpha, context)}"
        )
    source = context.source(operation)
    if "leaky_relu" not in context.dpu.conv.activations:
        return on_cpu("LeakyReLU: this DPU has none; use ReLU or ReLU(6.0)")
    if source.kind not in ("conv", "transposed", "dense"):
        return on_cpu(
            f"LeakyReLU after {source.layer_type}: only Conv2D, Conv2DTranspose and Dense can have"
            " it; use ReLU"
        )
    return Placement("DPU", "LeakyReLU alpha 0.1 becomes 26/256 on this DPU")


def _instead_of_leaky(alpha: float, context: Context) -> str:
    """Return words for what computes the same, if this DPU and the release have it."""
    dpu, release = context.dpu, context.target.release
    known = "prelu" in dpu.alu_functions + dpu.conv.activations
    if not known or verdict_of("function", "prelu", release).on_the_cpu:
        return ""
    start = f"keras.initializers.Constant({alpha:g})"
    return f", or PReLU(alpha_initializer={start}, shared_axes=[1, 2]), which computes the same"


ACTIVATION_RULES: Dict[str, Rule] = {
    "relu": _relu,
    "relu6": _relu,
    "leaky_relu": _leaky_relu,
    "clipped_relu": _clipped_relu,
    "sigmoid": _sigmoid,
    "dpu_sigmoid": _sigmoid,
    "prelu": _prelu,
}
"""The activation functions that a DPU computes, or could be thought to; no DPU has another."""
