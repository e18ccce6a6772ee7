"""Float to int8: the DPU's own arithmetic, by the vendor's quantizer or without it."""

from vaiopt.int8.model import fix_positions, integer_outputs, load_quantized
from vaiopt.quantize.backend import Labelled
from vaiopt.quantize.checks import load_calibration
from vaiopt.quantize.quantizers import choose_backend
from vaiopt.quantize.result import QuantizeResult
from vaiopt.quantize.stage import check_quantize, quantize_candidate, quantize_model
from vaiopt.runs.records import InputUse, LayerNoise

__all__ = [
    "InputUse",
    "Labelled",
    "LayerNoise",
    "QuantizeResult",
    "check_quantize",
    "choose_backend",
    "fix_positions",
    "integer_outputs",
    "load_calibration",
    "load_quantized",
    "quantize_candidate",
    "quantize_model",
]
