"""What differs between the releases of the vendor's quantizer.

Source: the release sources of vai-q-tensorflow2 1.4, 2.0, 2.5, 3.0 and 3.5, and the same networks
quantized with all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Dict, FrozenSet, Optional, Tuple

from vaiopt.errors import QuantizeError, did_you_mean
from vaiopt.quantize.tfmot.graph import CONVOLUTIONS
from vaiopt.releases import RELEASES, RUNNABLE


@dataclass(frozen=True)
class Rules:
    """The rules of one generation of the vendor's quantizer.

    Attributes:
        release: of Vitis AI.
        quantized_kinds: kinds of layers that are quantized wherever they stand.
        transparent_kinds: kinds that write no tensor of their own, through which positions are
            looked up.
        relu_behind: kinds on whose exact sums a ReLU is computed: the two have one position.
        leaky_behind: the same for a leaky ReLU.
        lone_activations: ReLU, the linear function and a leaky ReLU of slope 0.1 are int8 wherever
            they stand, and any other function is in float, with nothing rounded for it. Else a
            function is quantized only directly behind a layer that it is fused with.
        tiny_position: position of a tensor that reaches less than ``TINY`` (see
            :mod:`vaiopt.quantize.tfmot.pof2s`); None where it has that of its logarithm, guarded.
        averages: how windows that are not square are averaged, a row of
            :data:`vaiopt.quantize.tfmot.averages.AVERAGES`.
        limits: the passes that limit and align positions, in order, rows of
            :data:`vaiopt.quantize.tfmot.refine.PASSES`.
        skips_unknown: the limits of convolutions skip a layer without positions; else they end
            there.
        equalizes_separate_relu: cross-layer equalisation passes a separate ReLU layer.
        relu6_function: a fused activation may be the function ``relu6``.
    """

    release: str
    quantized_kinds: FrozenSet[str]
    transparent_kinds: FrozenSet[str]
    relu_behind: Tuple[str, ...]
    leaky_behind: Tuple[str, ...]
    lone_activations: bool
    tiny_position: Optional[int]
    averages: str
    limits: Tuple[str, ...]
    skips_unknown: bool
    equalizes_separate_relu: bool
    relu6_function: bool


_QUANTIZED_KINDS = frozenset(
    "Conv2D DepthwiseConv2D Conv2DTranspose Dense Add Multiply Concatenate MaxPooling2D"
    " AveragePooling2D GlobalAveragePooling2D UpSampling2D ZeroPadding2D Reshape Flatten"
    " Sigmoid".split()
)

_1_4 = Rules(
    release="1.4",
    quantized_kinds=_QUANTIZED_KINDS,
    transparent_kinds=frozenset(["Reshape", "Flatten", "ZeroPadding2D"]),
    relu_behind=(*CONVOLUTIONS, "Add"),
    leaky_behind=(),
    lone_activations=True,
    tiny_position=127,
    averages="own area",
    limits=("sigmoid results", "first shifts"),
    skips_unknown=True,
    equalizes_separate_relu=False,
    relu6_function=False,
)
_2_0 = replace(
    _1_4,
    release="2.0",
    leaky_behind=CONVOLUTIONS,
    tiny_position=None,
    averages="no map",
    limits=("sigmoids", "cuts", "biases"),
    skips_unknown=False,
)
_2_5 = replace(
    _2_0,
    release="2.5",
    relu_behind=(*CONVOLUTIONS, "Add", "Multiply"),
    lone_activations=False,
    averages="square",
    limits=("sigmoids", "operands", "cuts", "biases"),
)
_3_0 = replace(
    _2_5,
    release="3.0",
    quantized_kinds=_QUANTIZED_KINDS | {"PReLU"},
    limits=tuple(
        "bounded sigmoids,operands in turn,results,swishes,cuts,biases,leaky biases,"
        "concatenations,poolings".split(",")
    ),
    skips_unknown=True,
    equalizes_separate_relu=True,
    relu6_function=True,
)
_3_5 = replace(_3_0, release="3.5", quantized_kinds=_3_0.quantized_kinds | {"Permute"})

RULES: Dict[str, Rules] = {row.release: row for row in (_1_4, _2_0, _2_5, _3_0, _3_5)}


def rules_of(release: str) -> Rules:
    """Return the rules of a release.

    Raises:
        QuantizeError: there are none; the hint names the known releases.
    """
    row = RELEASES.get(str(release))
    if row is None or not row.quantizer:
        raise QuantizeError(
            f"there is no quantizer of release '{release}'", did_you_mean(str(release), RUNNABLE)
        )
    return RULES[row.quantizer]
