"""Whether measurements, and the constants fitted to them, can be: no DPU is faster than its peak,
or than its memory, and times are milliseconds.
"""

from __future__ import annotations

import statistics
from typing import Dict, Mapping, Optional, Sequence, Tuple

import numpy as np

from vaiopt.errors import RunError, TargetError
from vaiopt.hardware.architectures import architectures, read_data
from vaiopt.hardware.estimate import Estimate
from vaiopt.hardware.fits import Constants, fits
from vaiopt.hardware.fitting import Measurement, predict_ms
from vaiopt.hardware.target import Target
from vaiopt.runs.records import FrameRate

PEAK_SHARE = 0.85
"""Of the cycles that a DPU needs at its peak: less is impossible. The formula of the cycles, and
the clock of a board, are not exact.
"""

FAR = 200.0
"""A time so many times longer or shorter than predicted is another unit: milliseconds are 1000
microseconds.
"""

IN_FLIGHT = 50.0
"""Frames that a thread has at work at most, by its rate and latency: more are another unit."""

OUTLYING, DEVIATIONS = 0.2, 6.0
"""How far (logarithm of the time by the time that the other models predict) an outlier lies from
the rest: at least so far, and so many standard deviations of the rest.
"""

FEWEST = 4
"""Models of which one can be told to lie apart."""

CONFIDENCE = 0.95


def check_units(
    where: str, latency_ms: float, fps: FrameRate, batch: int, predicted: float
) -> None:
    """Raise RunError where a time can only be in another unit than milliseconds.

    Args:
        where: the file.
        latency_ms, fps: as measured.
        batch: frames of an execution.
        predicted: milliseconds, as the constants used until now predict them.
    """
    ratio = latency_ms / predicted if predicted else 1.0
    in_flight = fps.value * latency_ms / 1000.0 / (batch * fps.threads)
    if 1 / FAR < ratio < FAR and in_flight < IN_FLIGHT:
        return
    unit = "microseconds" if ratio > 1 else "seconds"
    told = f"'{where}': latency_ms.p50 is {latency_ms:g}, {predicted:.3g} ms are predicted"
    if in_flight >= IN_FLIGHT:
        told += f", and {fps.value:g} frames per second with {fps.threads} thread(s) contradict it"
    raise RunError(
        f"{told}: these seem to be {unit}",
        "Times are in milliseconds: measure again with the bundle's own scripts, or mend the file.",
    )


def check_peak(where: str, milliseconds: float, made: Estimate, target: Target) -> None:
    """Raise RunError where a model was measured faster than its layers take at the DPU's peak, and
    the weights of dense layers at the memory's. Nothing is known of families whose peak is another.
    """
    if not _is_known(target):
        return
    asked = [(layer, one) for layer, one in zip(made.layers, made.works) if one is not None]
    macs = sum(layer.macs for layer, _ in asked)
    least = sum(one.conv_cycles for _, one in asked) / (target.clock_mhz * 1000.0)
    most = memory_gb_per_s(target.board)
    if most is not None:
        least += sum(one.traffic for _, one in asked if one.waits) / (most * 1e6)
    if milliseconds >= PEAK_SHARE * least:
        return
    raise RunError(
        f"'{where}': {milliseconds:.4g} ms is faster than the peak of {target.name}, which needs"
        f" {least:.4g} ms for {macs:,} multiplications at {target.clock_mhz:g} MHz",
        "Is it another DPU or clock (--target zcu102-b4096-300mhz), or another unit of time?",
    )


def check_constants(constants: Constants, part: str, base: Target) -> None:
    """Raise TargetError where fitted constants say that a DPU is faster than it can be.

    Args:
        constants: fitted.
        part: of the fit, for the message.
        base: the target.
    """
    assert base.architecture is not None
    if _is_known(base) and constants.efficiency < PEAK_SHARE:
        raise TargetError(
            f"the fit ({part}) is impossible: it does {1 / constants.efficiency:.2f} times the"
            f" operations of the peak of {base.architecture.name}",
            f"Was another DPU or clock than {base.name} measured, or another unit of time?",
        )
    most = memory_gb_per_s(base.board)
    moved = constants.bandwidth * base.clock_mhz / 1000.0
    if most is not None and moved > most:
        raise TargetError(
            f"the fit ({part}) is impossible: it moves {moved:.1f} GB/s, the memory of {base.board}"
            f" at most {most:g}",
            f"Was another board or clock than {base.name} measured, or another unit of time?",
        )


def _is_known(target: Target) -> bool:
    """Tell whether the cycles of a DPU of this family are its peak, as its published times say: the
    arrays of Versal have a clock of their own.
    """
    if target.architecture is None:
        return False
    family = target.architecture.family
    own = [fit for fit in fits() if architectures()[fit.architecture].family == family]
    parts = [part for fit in own for part in (fit.single, fit.dpu, fit.busy)]
    return bool(parts) and all(part.efficiency >= PEAK_SHARE for part in parts)


def memory_gb_per_s(board: str) -> Optional[float]:
    """Return what the memory of a board moves at most; None: it is not known."""
    entry = read_data("memory.json")["boards"].get(board)
    return None if entry is None else float(entry["gb_per_s"])


def outliers(left_out: Mapping[str, float], items: Sequence[Measurement]) -> Tuple[str, ...]:
    """Return the names of measurements that lie apart from what all others say.

    Args:
        left_out: milliseconds of each, as predicted by a fit to the others.
        items: what was measured.
    """
    if len({item.family for item in items}) < FEWEST:
        return ()
    off = {item.name: float(np.log(item.milliseconds / left_out[item.name])) for item in items}
    middle = statistics.median(off.values())
    spread = 1.4826 * statistics.median(abs(value - middle) for value in off.values())
    most = max(OUTLYING, DEVIATIONS * spread)
    return tuple(name for name, value in off.items() if abs(value - middle) > most)


def uncertainty(
    items: Sequence[Measurement],
    left_out: Mapping[str, float],
    fitted: Constants,
    free: Sequence[str],
    clock_mhz: float,
    nearness: Mapping[str, float],
) -> Dict[str, object]:
    """Return how sure a fit is: ``models``; ``constants_percent``, 95 % of each fitted constant;
    ``new_model_percent``, within which nine of ten other models are expected.

    Args:
        items, left_out: as in :func:`outliers`.
        fitted: the constants, of which those named ``free`` were fitted.
        nearness: weights of staying near the start, as in the fit.
    """
    from scipy.stats import t

    families = len({item.family for item in items})
    errors = [left_out[item.name] / item.milliseconds - 1.0 for item in items]
    width = float(np.sqrt(np.mean(np.square(errors)) * (1.0 + 1.0 / families)))
    nine_of_ten = width * float(t.ppf(0.95, max(1, families - 1)))
    names = list(free)
    own = [predict_ms(item, fitted, clock_mhz) / item.milliseconds - 1.0 for item in items]
    noise = max(float(np.sqrt(np.sum(np.square(own)) / max(1, families - len(names)))), 1e-3)
    table = {}
    if names:
        step = 1e-4
        columns = []
        for name in names:
            moved = fitted._replace(**{name: getattr(fitted, name) * (1.0 + step)})
            pairs = (
                (predict_ms(i, moved, clock_mhz), predict_ms(i, fitted, clock_mhz), i)
                for i in items
            )
            columns.append([(after - before) / i.milliseconds / step for after, before, i in pairs])
        weights = np.diag(np.square([nearness[name] for name in names]))
        jacobian = np.asarray(columns).T
        spread = np.linalg.inv(jacobian.T @ jacobian + weights).diagonal()
        factor = float(t.ppf(0.5 + CONFIDENCE / 2, max(1, families - len(names))))
        percent = 100.0 * factor * noise * np.sqrt(spread)
        table = {name: round(min(float(value), 999.0), 1) for name, value in zip(names, percent)}
    return {
        "models": families,
        "constants_percent": table,
        "new_model_percent": round(min(100.0 * nine_of_ten, 999.0), 1),
    }


def all_core_rate(fps: FrameRate, cores: int) -> Optional[float]:
    """Return the highest frames per second of those measured with at least as many threads as a
    DPU has cores: rates fall at some numbers. None: there were too few threads.
    """
    tried = fps.more.get("by_threads")
    rows = [row for row in tried if isinstance(row, dict)] if isinstance(tried, list) else []
    found = [(row.get("threads"), row.get("value")) for row in rows]
    rates = [
        float(value)
        for threads, value in [*found, (fps.threads, fps.value)]
        if isinstance(threads, int) and isinstance(value, (int, float)) and threads >= cores
    ]
    return max(rates) if rates else None


def dpu_time(more: Mapping[str, object]) -> Optional[float]:
    """Return the milliseconds of the DPU alone that a result tells; None: it does not."""
    value = more.get("dpu_latency_ms")
    is_one = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_one and 0 < value < 1e9 else None  # type: ignore[arg-type,operator]


def ran_whole_graph(more: Mapping[str, object]) -> bool:
    """Tell whether a kit ran a model in several parts, some of them on its CPU."""
    runtime = more.get("runtime")
    return isinstance(runtime, dict) and runtime.get("whole_graph") is True
