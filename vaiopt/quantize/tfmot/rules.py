"""What differs between the releases of the vendor's quantizer.

Source: the release sources of vai-q-tensorflow2 2.5, 3.0 and 3.5, and the same networks quantized
with all three.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, FrozenSet

from vaiopt.errors import QuantizeError, did_you_mean
from vaiopt.releases import RELEASES, RUNNABLE

_QUANTIZED_KINDS = frozenset(
    "Conv2D DepthwiseConv2D Conv2DTranspose Dense Add Multiply Concatenate MaxPooling2D"
    " AveragePooling2D GlobalAveragePooling2D UpSampling2D ZeroPadding2D Reshape Flatten"
    " Sigmoid".split()
)
"""Kinds quantized wherever they stand; activations only behind a layer they are fused with."""


@dataclass(frozen=True)
class Rules:
    """The rules of one generation of the vendor's quantizer.

    Attributes:
        release: of Vitis AI.
        quantized_kinds: kinds of layers that are quantized wherever they stand.
        transparent_kinds: kinds that write no tensor of their own, through which positions are
            looked up.
        equalizes_separate_relu: cross-layer equalisation passes a separate ReLU layer.
        relu6_function: a fused activation may be the function ``relu6``.
        skips_unknown: the limits of convolutions skip a layer without positions; otherwise they end
            there.
        aligns: the limits on Add, Multiply, swish, the sigmoid's input, biases before leaky ReLU,
            and the alignment of concatenations and poolings.
    """

    release: str
    quantized_kinds: FrozenSet[str]
    transparent_kinds: FrozenSet[str]
    equalizes_separate_relu: bool
    relu6_function: bool
    skips_unknown: bool
    aligns: bool


_TRANSPARENT = frozenset(["Reshape", "Flatten", "ZeroPadding2D"])

RULES: Dict[str, Rules] = {
    "2.5": Rules("2.5", _QUANTIZED_KINDS, _TRANSPARENT, False, False, False, False),
    "3.0": Rules("3.0", _QUANTIZED_KINDS | {"PReLU"}, _TRANSPARENT, True, True, True, True),
    "3.5": Rules(
        "3.5", _QUANTIZED_KINDS | {"PReLU", "Permute"}, _TRANSPARENT, True, True, True, True
    ),
}


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
