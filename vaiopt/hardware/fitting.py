"""Fit the constants of the latency model to measurements: published ones, or those of a kit."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from vaiopt.hardware.architectures import Architecture
from vaiopt.hardware.fits import Constants
from vaiopt.hardware.fusion import fuse
from vaiopt.hardware.latency import Work, work
from vaiopt.network.graph import LayerGraph

START = Constants(efficiency=1.03, bandwidth=28.0, overhead=3000.0, constant_ms=0.15)
"""Where a fit starts, and what it stays near when the data say nothing of a constant."""

NEARNESS = 0.003
"""Weight of staying near the start; small against relative errors of a per cent."""

OUTLIER = 0.05
"""Relative errors above this count linearly and not squared, so that one odd measurement does not
bend the rest.
"""


class Measurement(NamedTuple):
    """One network and the time it took. ``conv``, ``alu``, ``traffic``, ``waits`` and ``contended``
    have one entry per layer that costs something (see :class:`vaiopt.hardware.latency.Work`).
    """

    name: str
    family: str
    conv: np.ndarray
    alu: np.ndarray
    traffic: np.ndarray
    waits: np.ndarray
    contended: np.ndarray
    milliseconds: float


def measurement(
    name: str, family: str, graph: LayerGraph, dpu: Architecture, milliseconds: float
) -> Measurement:
    """Return what a graph asks of a DPU, all layers taken to run there, together with its measured
    time.
    """
    layers = (layer for layer in fuse(graph) if not layer.free and layer.main.kind != "softmax")
    return measured_works(name, family, [work(layer, dpu) for layer in layers], milliseconds)


def measured_works(
    name: str, family: str, works: Sequence[Work], milliseconds: float
) -> Measurement:
    """Return what the layers of a network ask of a DPU, together with the network's measured
    time.
    """
    conv, alu, traffic, waits, contended = np.array(
        [(w.conv_cycles, w.alu_cycles, w.traffic, w.waits, w.contended) for w in works],
        dtype=np.float64,
    ).T
    return Measurement(
        name, family, conv, alu, traffic, waits.astype(bool), contended, milliseconds
    )


def predict_ms(item: Measurement, constants: Constants, clock_mhz: float) -> float:
    """Return the predicted time of a measured network; the same formula as
    :func:`vaiopt.hardware.latency.layer_cycles`.
    """
    arithmetic = constants.efficiency * item.conv + item.alu
    memory = item.traffic / constants.bandwidth
    beside = np.maximum(arithmetic, memory)
    cycles = np.where(item.waits, item.conv + item.alu + memory, beside) + constants.overhead
    cycles = cycles + constants.contention * item.contended / constants.bandwidth
    return float(cycles.sum()) / (clock_mhz * 1000.0) + constants.constant_ms


def fit_constants(
    items: Sequence[Measurement],
    clock_mhz: float,
    *,
    start: Constants = START,
    free: Sequence[str] = ("efficiency", "bandwidth", "overhead", "constant_ms"),
    nearness: Optional[Mapping[str, float]] = None,
) -> Constants:
    """Return the constants that predict the measurements best: least squares of relative errors,
    outliers damped, all kept positive.

    Args:
        items: what was measured; more networks than constants.
        clock_mhz: the DPU's clock.
        start: where the search starts; also the value of the constants that are not free.
        free: which constants to fit.
        nearness: weight of staying near the start, per constant, by default :data:`NEARNESS`. The
            ratio of the measurements' relative error to the constant's expected one (of its
            logarithm) makes the fit the most probable one.
    """
    from scipy.optimize import least_squares

    if not free:
        return start
    names = list(free)
    first = np.log([getattr(start, name) for name in names])
    weights = np.array([(nearness or {}).get(name, NEARNESS) for name in names])

    def constants_at(logarithms: np.ndarray) -> Constants:
        return start._replace(**dict(zip(names, np.exp(logarithms).tolist())))

    def residuals(logarithms: np.ndarray) -> np.ndarray:
        constants = constants_at(logarithms)
        errors = [predict_ms(i, constants, clock_mhz) / i.milliseconds - 1.0 for i in items]
        return np.append(errors, weights * (logarithms - first))

    found = least_squares(residuals, first, loss="soft_l1", f_scale=OUTLIER, x_scale=0.1)
    return constants_at(found.x)


def leave_family_out(
    items: Sequence[Measurement],
    clock_mhz: float,
    fit: Optional[Callable[[List[Measurement]], Constants]] = None,
    **options: Any,
) -> Dict[str, float]:
    """Return the predicted time of each network, made with constants fitted to all networks of
    other families.
    """
    chosen = fit or (lambda rest: fit_constants(rest, clock_mhz, **options))
    predicted: Dict[str, float] = {}
    for family in sorted({item.family for item in items}):
        constants = chosen([item for item in items if item.family != family])
        own = (item for item in items if item.family == family)
        predicted.update({item.name: predict_ms(item, constants, clock_mhz) for item in own})
    return predicted


def error_summary(predicted: Mapping[str, float], measured: Mapping[str, float]) -> Dict[str, Any]:
    """Return number of networks, mean and largest absolute error in per cent, and the rank
    correlation (Spearman), which equal times do not have.
    """
    from scipy.stats import spearmanr

    names = sorted(measured)
    ours, theirs = (np.array([times[name] for name in names]) for times in (predicted, measured))
    errors = np.abs(ours / theirs - 1.0)
    summary: Dict[str, Any] = {
        "networks": len(names),
        "mean_percent": round(100 * float(errors.mean()), 2),
        "max_percent": round(100 * float(errors.max()), 2),
    }
    if np.ptp(ours) and np.ptp(theirs):
        summary["spearman"] = round(float(spearmanr(ours, theirs)[0]), 4)
    return summary


def spread(predicted: Mapping[str, float], measured: Mapping[str, float]) -> Dict[str, float]:
    """Return how far predictions are off in nine networks of ten, in per cent, and the fastest and
    the slowest network in milliseconds.
    """
    errors = [abs(predicted[name] / ms - 1.0) for name, ms in measured.items()]
    return {
        "nine_of_ten_percent": round(100 * float(np.quantile(errors, 0.9)), 2),
        "fastest_ms": round(min(measured.values()), 4),
        "slowest_ms": round(max(measured.values()), 4),
    }


def line_through_operations(items: Sequence[Tuple[str, str, float, float]]) -> Dict[str, float]:
    """Return the time of each network as a line through its operations says it, fitted to the other
    families: what to compare with.

    Args:
        items: (name, family, billions of operations, milliseconds).
    """
    predicted: Dict[str, float] = {}
    for family in sorted({item[1] for item in items}):
        rest = [item for item in items if item[1] != family]
        rows = np.array([(gops / ms, 1.0 / ms) for _, _, gops, ms in rest])
        slope, constant = np.linalg.lstsq(rows, np.ones(len(rest)), rcond=None)[0]
        predicted.update(
            {name: float(slope * gops + constant) for name, own, gops, _ in items if own == family}
        )
    return predicted
