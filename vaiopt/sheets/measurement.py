"""What matters of what a kit reported."""

from __future__ import annotations

from typing import Any, Dict, Optional, Tuple

from vaiopt.present import words
from vaiopt.present.uncertainty import interval
from vaiopt.runs.records import Measured


def measured_facts(record: Measured) -> Dict[str, Any]:
    """Return what matters of a ``measured/<target>.json``, in words."""
    latency, golden, agreement = record.latency_ms, record.golden, record.agreement
    machine = [record.machine.get(key) for key in ("name", "processor", "system")]
    facts = {
        **{words.score_name(k): words.metric(k, score) for k, score in record.all_scores.items()},
        "95 % interval": next(
            filter(None, (interval(k, v, record.samples) for k, v in record.all_scores.items())),
            None,
        ),
        "verdict": ": ".join(filter(None, verdict(record))),
        "samples": words.count(record.samples),
        "same class as the int8 Keras model": (
            _of(agreement.equal, agreement.samples, "samples") if agreement is not None else None
        ),
        "golden outputs equal": _of(golden.equal, golden.elements, "values"),
        "largest golden difference": golden.max_difference,
        "latency, median": words.milliseconds(latency.p50),
        "latency, mean": words.milliseconds(latency.mean),
        "latency, 95th percentile": words.milliseconds(latency.p95),
        "latency, 99th percentile": words.milliseconds(latency.p99),
        **_batch(record),
        "frames per second": words.count(record.fps.value),
        "most frames per second": _best(record),
        "with preprocessing": words.count(record.fps.value_with_preprocessing),
        "threads": record.fps.threads,
        **_energy(record),
        "preparation of a sample": _milliseconds(record, "preparation_ms"),
        "decoding of a sample": _milliseconds(record, "decoding_ms"),
        "model file": record.model.file or None,
        "executed by": _whole_graph(record),
        "machine": " ".join(str(part) for part in machine if part) or None,
        "started": record.started or None,
    }
    return {word: value for word, value in facts.items() if value is not None}


def verdict(record: Measured) -> Tuple[str, str]:
    """Return whether a measurement can be trusted, and what speaks against it."""
    names = ", ".join(doubt.name for doubt in record.all_doubts)
    if names:
        return "doubtful", names
    return "sound" if _compared(record) else "nothing to compare with", ""


def _batch(record: Measured) -> Dict[str, Any]:
    """Return the frames of an execution, and the time of one, where a device takes several."""
    batch, each = (record.latency_ms.more.get(key) for key in ("batch", "per_image"))
    if not isinstance(batch, int) or batch < 2 or not isinstance(each, float):
        return {}
    return {"images at a time": batch, "latency, one image": words.milliseconds(each)}


def _energy(record: Measured) -> Dict[str, Any]:
    """Return the power of the board and the energy of an image, where sensors told it."""
    power = record.power
    if power is None:
        return {}
    above = power.mj_per_image_above_idle
    idle = "" if power.idle_w is None else f" ({power.idle_w:.3g} W idle)"
    more = "" if above is None else f" ({above:.3g} mJ above idle)"
    return {
        "power of the board": f"{power.mean_w:.3g} W{idle}",
        "energy of an image": f"{power.mj_per_image:.3g} mJ{more}",
    }


def _whole_graph(record: Measured) -> Optional[str]:
    """Return what ran a model of several parts; None: the DPU did, or the CPU."""
    runtime = record.more.get("runtime")
    if not isinstance(runtime, dict) or runtime.get("whole_graph") is not True:
        return None
    parts = [runtime.get(f"{device}_subgraphs") for device in ("dpu", "cpu")]
    if not all(isinstance(count, int) for count in parts):
        return "GraphRunner, the whole graph"
    return f"GraphRunner, the whole graph: {parts[0]} part(s) on the DPU, {parts[1]} on the CPU"


def _milliseconds(record: Measured, key: str) -> Optional[str]:
    value = record.more.get(key)
    return words.milliseconds(value) if isinstance(value, float) else None


def _best(record: Measured) -> Optional[str]:
    """Return the highest frame rate and its threads, where it is not that of the most threads."""
    best = record.fps.more.get("best")
    if not isinstance(best, dict) or best.get("threads") == record.fps.threads:
        return None
    value, threads = best.get("value"), best.get("threads")
    if not isinstance(value, (int, float)) or not isinstance(threads, int):
        return None
    return f"{words.count(value)} with {threads} thread(s)"


def _compared(record: Measured) -> bool:
    return record.golden.compared or record.agreement is not None


def _of(equal: Optional[int], whole: Optional[int], what: str) -> Optional[str]:
    if equal is None or whole is None:
        return words.count(equal)
    return f"{words.count(equal)} of {words.count(whole)} {what}"
