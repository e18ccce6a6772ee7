"""The hyperparameters that are not the model function's: what the settings fix or search, and what
the training asks for.
"""

from __future__ import annotations

from typing import Any, Dict, Tuple

from vaiopt.errors import ModelError
from vaiopt.settings import Settings
from vaiopt.settings.ranges import is_range, parse_range
from vaiopt.study.hyperparameters import HyperParameters


def model_overrides(settings: Settings) -> Dict[str, Any]:
    """Return what the settings fix or change of the hyperparameters: plain values and search
    ranges, by name.
    """
    found = dict(settings.model.hyperparameters)
    given = {
        "epochs": settings.train.epochs,
        "batch_size": settings.train.batch_size,
        "optimizer": settings.train.optimizer,
        "learning_rate": settings.train.learning_rate,
        "split": settings.data.split,
    }
    found.update({name: value for name, value in given.items() if value != "auto"})
    return {
        name: parse_range(name, value) if is_range(value) else value
        for name, value in found.items()
    }


def training_values(hp: HyperParameters) -> Dict[str, Any]:
    """Ask for what the training needs: ``epochs``, ``batch_size``, ``split`` (as three numbers).

    A model function may have asked for ``batch_size`` or ``epochs`` itself, as KerasTuner's users
    do; its answer counts then.
    """
    values: Dict[str, Any] = {
        "epochs": (
            hp.get("epochs") if "epochs" in hp else hp.Fixed("epochs", default_epochs(hp.samples))
        ),
        "batch_size": (
            hp.get("batch_size")
            if "batch_size" in hp
            else hp.Fixed("batch_size", 32 if hp.samples < 5000 else 128)
        ),
    }
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ModelError(
                f"the hyperparameter '{name}' is {value!r}",
                "It must be a whole number of at least 1.",
            )
    values["split"] = parse_split(hp.Fixed("split", "7:2:1"))
    return values


def default_epochs(samples: int) -> int:
    """Return the epochs that ``auto`` stands for: some 60,000 samples seen, but 3 to 20 passes."""
    return max(3, min(20, 60000 // max(1, samples)))


def parse_split(text: str) -> Tuple[float, float, float]:
    """Return the three numbers of a text such as ``7:2:1``.

    Raises:
        ModelError: it is something else.
    """
    try:
        train_share, validation, test = (float(part) for part in text.split(":"))
    except ValueError as error:
        raise ModelError(
            f"the split '{text}' is not train:validation:test",
            "Write three numbers, such as 7:2:1.",
        ) from error
    return train_share, validation, test
