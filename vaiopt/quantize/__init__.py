"""Float to int8: the DPU's own arithmetic, with the vendor's quantizer (``vitis``) or without it
(``tfmot``).
"""

from vaiopt.int8.model import fix_positions, integer_outputs, load_quantized
from vaiopt.quantize.checks import load_calibration
from vaiopt.quantize.result import QuantizeResult
from vaiopt.quantize.stage import (
    Labelled,
    choose_backend,
    quantize_candidate,
    quantize_model,
)

__all__ = [
    "Labelled",
    "QuantizeResult",
    "choose_backend",
    "fix_positions",
    "integer_outputs",
    "load_calibration",
    "load_quantized",
    "quantize_candidate",
    "quantize_model",
]
