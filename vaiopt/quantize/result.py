"""What quantization returns."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Optional


@dataclass(frozen=True)
class LayerNoise:
    """What int8 costs one activation: signal-to-noise ratio in dB, and what may help it (empty for
    all but the five worst).
    """

    layer: str
    tensor: str
    snr_db: float
    suggestion: str = ""


@dataclass(frozen=True)
class InputUse:
    """Fix position of an input, and how many of the 256 levels its values use there."""

    layer: str
    position: int
    levels_used: int


@dataclass(frozen=True)
class QuantizeResult:
    """The outcome of one quantization; ``metrics.json`` holds the same.

    Attributes:
        folder: where ``quantized.h5``, ``fix_positions.json``, ``metrics.json`` and ``golden.npz``
            are.
        backend: name of the quantizer, such as ``tfmot``.
        method: ``ptq``, ``finetune`` or ``qat``.
        release: whose rules were followed.
        calibration_size: samples that positions were chosen on.
        calib_batch_size: their batch size; positions depend on it.
        seconds: that quantization took, without the accuracy report.
        float_scores: accuracy and macro F1 of the float model on the evaluation data, empty without
            labels.
        int8_scores: those of the quantized model.
        evaluated_on: ``validation``, ``calibration`` or empty.
        layers: signal-to-noise ratio of every activation.
        input: position and levels used of the first input; None if unknown.
        float_layers: layers that stay in float on the CPU.
        warnings: what a person should know.
        source_sha256: of the float model's file, empty if it came from none.
    """

    folder: Path
    backend: str
    method: str
    release: str
    calibration_size: int
    calib_batch_size: int
    seconds: float
    float_scores: Dict[str, float] = field(default_factory=dict)
    int8_scores: Dict[str, float] = field(default_factory=dict)
    evaluated_on: str = ""
    layers: List[LayerNoise] = field(default_factory=list)
    input: Optional[InputUse] = None
    float_layers: List[str] = field(default_factory=list)
    warnings: List[str] = field(default_factory=list)
    source_sha256: str = ""

    @property
    def loss_points(self) -> Optional[float]:
        """Percentage points of accuracy lost, None without labels."""
        if not self.float_scores:
            return None
        return 100 * (self.float_scores["accuracy"] - self.int8_scores["accuracy"])

    def worst_layers(self) -> List[LayerNoise]:
        """Return the rows that have a suggestion, worst first."""
        return sorted((row for row in self.layers if row.suggestion), key=lambda row: row.snr_db)

    def to_json(self) -> Dict[str, Any]:
        """Return it as a JSON object."""
        content = asdict(self)
        content["folder"] = str(self.folder)
        content["input"] = content["input"] or {}
        content["float"], content["int8"] = content.pop("float_scores"), content.pop("int8_scores")
        return content
