"""The quantizers there are, in the order in which ``auto`` prefers them. A new one is a row here,
its file, and its name in the settings.
"""

from __future__ import annotations

from typing import Tuple

from vaiopt.errors import QuantizeError, did_you_mean
from vaiopt.quantize.backend import Quantizer
from vaiopt.quantize.tfmot.backend import TfmotQuantizer
from vaiopt.quantize.vitis import VitisQuantizer

AUTO = "auto"

QUANTIZERS: Tuple[Quantizer, ...] = (VitisQuantizer(), TfmotQuantizer())


def choose_quantizer(name: str) -> Quantizer:
    """Return the quantizer of a name; for ``auto`` the first that is available here, or else the
    last, which then says what to install.

    Raises:
        QuantizeError: there is no such quantizer.
    """
    if name == AUTO:
        return next((row for row in QUANTIZERS if row.available().ready), QUANTIZERS[-1])
    for row in QUANTIZERS:
        if row.name == name:
            return row
    names = (AUTO, *(row.name for row in QUANTIZERS))
    raise QuantizeError(f"there is no backend '{name}'", did_you_mean(name, names))


def choose_backend(backend: str) -> str:
    """Return the name of :func:`choose_quantizer`'s row."""
    return choose_quantizer(backend).name
