"""Numbers and names as people read them; one spelling for page, figures and tables."""

from __future__ import annotations

from typing import Any, Mapping, Optional

NAMES = {
    "val_accuracy": "validation accuracy",
    "val_f1": "validation macro F1",
    "val_loss": "validation loss",
    "val_auc": "validation AUC",
    "val_rmse": "validation RMSE",
    "val_mae": "validation MAE",
    "val_r2": "validation R²",
    "val_label_accuracy": "validation accuracy by label",
    "val_exact_accuracy": "validation accuracy of all labels",
    "val_mean_iou": "validation mean IoU",
    "val_pixel_accuracy": "validation pixel accuracy",
    "val_psnr": "validation PSNR (dB)",
    "val_ssim": "validation SSIM",
    "val_mean_score": "validation mean score",
    "accuracy": "training accuracy",
    "loss": "training loss",
    "params": "parameters",
    "macs": "multiply-accumulates",
    "latency_ms": "predicted latency (ms)",
    "measured_latency_ms": "measured latency (ms)",
    "dpu_latency_ms": "predicted DPU latency (ms)",
    "fps": "predicted frames a second",
    "cpu_layers": "layers left to the CPU",
}

SHORT_NAMES = {
    "latency_ms": "pred. latency (ms)",
    "params": "parameters",
    "val_accuracy": "val. accuracy",
    "val_f1": "val. macro F1",
    "val_loss": "val. loss",
    "val_rmse": "val. RMSE",
    "val_mae": "val. MAE",
    "val_r2": "val. R²",
    "val_mean_iou": "val. mean IoU",
    "val_psnr": "val. PSNR (dB)",
    "macs": "MACs",
}
"""For axes that have little room."""

SCORES = {
    "rmse": "RMSE",
    "mae": "MAE",
    "r2": "R²",
    "auc": "AUC",
    "mean_iou": "mean IoU",
    "psnr": "PSNR (dB)",
    "ssim": "SSIM",
}
"""Scores that are no plain words."""


def name(key: str) -> str:
    """Return a metric's or cost's name in words; an unknown one as it is."""
    return NAMES.get(key, key)


def score_name(key: str) -> str:
    """Return a score's name in words, such as ``macro F1``; of one of several outputs ``ink_rmse``
    behind the name of the output.
    """
    last = next((one for one in SCORES if key == one or key.endswith(f"_{one}")), "")
    plain = key[: len(key) - len(last)].replace("_f1", " F1").replace("_", " ")
    return plain + SCORES.get(last, "")


def is_share(metric: str) -> bool:
    """Return whether a metric is a share of 1, shown in percent."""
    return any(part in metric for part in ("accuracy", "f1", "precision", "recall", "iou"))


def percent(value: Optional[float], digits: int = 2) -> Optional[str]:
    """Return a share as ``98.54 %``; ``None`` stays."""
    return None if value is None else "{:.{}f} %".format(100.0 * float(value), digits)


def metric(key: str, value: Optional[float]) -> Optional[str]:
    """Return a metric's value: a share in percent, anything else with four digits."""
    if value is None:
        return None
    return percent(value) if is_share(key) else f"{float(value):.4g}"


def points(difference: float) -> str:
    """Return a difference of two shares in percentage points, with its sign."""
    text = f"{abs(100.0 * difference):.2f}"
    return "{}{} points".format(
        "\u00b1" if text == "0.00" else "+" if difference > 0 else "\u2212", text
    )


def count(value: Optional[float]) -> Optional[str]:
    """Return a whole number with thin groups: ``12,345``."""
    return None if value is None else f"{int(round(float(value))):,}"


def cost(key: str, value: Optional[float]) -> Optional[str]:
    """Return a cost without its unit: a time with three digits, others as whole numbers."""
    if value is None:
        return None
    return f"{float(value):.3g}" if key.endswith("_ms") else count(value)


def amount(key: str, value: Optional[float]) -> Optional[str]:
    """Return a cost with its unit: ``0.31 ms``, ``12,345 parameters``, ``12 frames a second``."""
    if value is None:
        return None
    unit = "" if key.endswith("_ms") else " frames a second" if key == "fps" else f" {name(key)}"
    return f"{bare_amount(key, value)}{unit}"


def bare_amount(key: str, value: Optional[float]) -> Optional[str]:
    """Return a cost: a time with its unit, anything else as a whole number."""
    return milliseconds(value) if key.endswith("_ms") else count(value)


def score(value: Optional[float]) -> Optional[str]:
    """Return an objective that soft costs weigh in, with four decimals."""
    return None if value is None else f"{float(value):.4f}"


def signed(value: float) -> str:
    """Return a number with four digits and a minus sign as long as a plus sign."""
    return f"{float(value):.4g}".replace("-", "\u2212")


def coefficient(value: float) -> str:
    """Return a number with two decimals and a minus sign as long as a plus sign."""
    return f"{value:.2f}".replace("-", "\u2212")


def decibels(ratio: float) -> str:
    """Return a ratio as ``33.1 dB``."""
    return f"{float(ratio):.1f} dB"


def milliseconds(value: Optional[float]) -> Optional[str]:
    """Return a time given in milliseconds with three significant digits, in microseconds if it is
    short.
    """
    if value is None:
        return None
    time = float(value)
    return f"{1000.0 * time:.3g} \u00b5s" if 0 < time < 0.1 else f"{time:.3g} ms"


def seconds(value: Optional[float]) -> Optional[str]:
    """Return a duration as ``42 s``, ``3 min 20 s`` or ``2 h 5 min``."""
    if value is None:
        return None
    total = float(value)
    if total < 10:
        return f"{total:.1f} s"
    whole = int(round(total))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def size(count: Optional[float]) -> str:
    """Return a number of bytes as ``1.2 MB`` or ``3.4 kB``; empty if it is not known."""
    if count is None:
        return ""
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.1f} kB"


def difference(key: str, value: float) -> str:
    """Return a difference of two values of a metric, with its sign: of shares in points."""
    return points(value) if is_share(key) else signed_difference(value)


def signed_difference(value: float) -> str:
    """Return a difference with four digits and its sign."""
    return f"{float(value):+.4g}".replace("-", "\u2212")


def change(
    after: Optional[float], before: Optional[float], key: str = "accuracy", to: str = "to float"
) -> str:
    """Return what a score lost or gained to another's; empty if one is not known."""
    if after is None or before is None:
        return ""
    return f"{difference(key, after - before)} {to}".strip()


def counts(numbers: Mapping[str, int]) -> str:
    """Return how many there are of each kind, as ``12 complete, 3 pruned``."""
    return ", ".join(f"{number} {kind}" for kind, number in sorted(numbers.items()))


def value(item: Any) -> str:
    """Return a hyperparameter's value: a float with four digits, anything else as it is written."""
    if isinstance(item, bool) or not isinstance(item, float):
        return str(item)
    return f"{item:.4g}"
