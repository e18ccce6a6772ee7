"""Rows on the chosen model's layers, from what :mod:`vaiopt.hardware` says of it."""

from __future__ import annotations

from typing import Any, Dict, List, Optional


def layer_rows(inspection: Optional[Dict[str, Any]]) -> List[Dict[str, Any]]:
    """Return one row a fused layer: ``name, kind, device, output, macs, params, latency_ms, share,
    bound, remark``.

    ``share`` is the part of the predicted time, ``bound`` what limits it (``compute``, ``memory``,
    ``overhead``, ...), ``remark`` why it runs where it does. An unknown number is ``None``.
    """
    return [
        {
            "name": str(layer.get("name", "")),
            "kind": " + ".join(
                [str(layer.get("type", "")), *[_part(name) for name in layer.get("fused") or ()]]
            ),
            "device": str(layer.get("device", "")),
            "output": " × ".join(str(n) for n in layer.get("output_shape") or ()),
            "macs": layer.get("macs"),
            "params": layer.get("params"),
            "latency_ms": layer.get("latency_ms"),
            "share": layer.get("share"),
            "bound": str(layer.get("bound", "")),
            "remark": str(layer.get("reason", "")),
        }
        for layer in (inspection or {}).get("layers") or []
    ]


def _part(name: Any) -> str:
    """Return the last part of the name of an operation that was fused, such as ``relu`` of
    ``conv/relu``.
    """
    return str(name).rsplit("/", 1)[-1]
