"""How a setting is written behind ``--set``, for hints: its default where that says something, else
a row here.
"""

from __future__ import annotations

import json
from shlex import quote
from typing import Any, Mapping

EXAMPLES = {
    "tasks": '{mask = "segmentation", kind = "classification"}',
    "data.unscored": '["sky"]',
    "data.image_size": "[64, 64]",
    "data.features": '{x = "image:uint8:32x32x3", y = "label:int64"}',
    "data.offset": "127.5",
    "data.scale": "127.5",
    "model.hyperparameters": "{dropout = 0.2}",
    "train.epochs": "10",
    "train.batch_size": "32",
    "train.learning_rate": "0.001",
    "train.unfreeze_epoch": "5",
    "train.fine_tune_rate": "0.1",
    "search.points": "[{dropout = 0.2}]",
    "search.resources": "{GPU = 1}",
    "objective.weights": "{latency_ms = 0.05}",
    "objective.references": "{latency_ms = 1.0}",
    "objective.front": '["latency_ms"]',
    "objective.min_metric": "0.97",
    "objective.max_latency_ms": "5.0",
    "objective.min_fps": "100",
    "objective.max_params": "1e6",
    "objective.max_macs": "1e9",
    "deploy.accept": '["busy"]',
    "track.to": '["mlflow"]',
}
"""A value as TOML writes it, by the key of its setting."""


def example(key: str, default: Any) -> str:
    """Return ``For instance: --set KEY=VALUE`` of a setting, ready for a shell.

    Args:
        key: of a setting, or of what a list or table that it is holds.
        default: of it; nothing is returned of an empty one without a row.
    """
    setting = ".".join(key.split(".")[:2]) if "." in key and key not in EXAMPLES else key
    if setting not in EXAMPLES and default in (None, "", [], {}):
        return ""
    shown = EXAMPLES.get(setting, as_toml(default))
    return f"For instance: --set {quote(f'{setting}={shown}')}"


def as_toml(value: Any, within: bool = False) -> str:
    """Return a value as it stands behind ``--set KEY=``: TOML in one line, a text alone without
    its quotation marks.
    """
    if isinstance(value, str):
        return json.dumps(value) if within else value
    if isinstance(value, Mapping):
        rows = (f"{json.dumps(key)} = {as_toml(item, True)}" for key, item in value.items())
        return f"{{{', '.join(rows)}}}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(as_toml(item, True) for item in value)}]"
    return json.dumps(value)
