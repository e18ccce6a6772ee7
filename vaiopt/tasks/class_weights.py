"""The weight of each class in a training, as a person asks for it."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Sequence

import numpy as np

from vaiopt.errors import SettingsError, did_you_mean

BALANCED = "balanced"
NONE = "none"
"""All classes count alike."""


def class_weights(y: np.ndarray, classes: Sequence[str], wanted: Any) -> np.ndarray:
    """Return the weight of each class, float64 (classes,).

    Args:
        y: class numbers of the training samples, (n,).
        classes: the names.
        wanted: ``balanced`` for n / (classes x samples of the class), which is scikit-learn's
            ``compute_class_weight``; or weights by name or number of the class, 1 for those that
            are left out.

    Raises:
        SettingsError: a class is not known or is given twice.
    """
    if not isinstance(wanted, Mapping):
        counts = np.bincount(y, minlength=len(classes))
        return np.asarray(len(y) / (len(classes) * np.maximum(counts, 1.0)))
    if any(isinstance(weight, (str, Mapping)) for weight in wanted.values()):
        raise SettingsError(
            f"train.class_weights is by output ({', '.join(wanted)}), and there is one",
            "Give the weights themselves: balanced, or a table such as {cat = 1.0, dog = 5.0}.",
        )
    weights: Dict[int, float] = {}
    for name, weight in wanted.items():
        number = _number(str(name), classes)
        if number in weights:
            raise SettingsError(
                f"train.class_weights gives class '{classes[number]}' twice",
                "Name each class by its name or by its number, once.",
            )
        weights[number] = float(weight)
    return np.asarray([weights.get(number, 1.0) for number in range(len(classes))])


def _number(name: str, classes: Sequence[str]) -> int:
    """Return the number of a class that is named by its name, or by its number."""
    if name in classes:
        return list(classes).index(name)
    if name.isdecimal() and int(name) < len(classes):
        return int(name)
    raise SettingsError(
        f"train.class_weights names the class '{name}', which there is not",
        did_you_mean(name, classes),
    )


def weights_by_output(wanted: Any, outputs: Sequence[str], weighable: Sequence[str]) -> Any:
    """Return what is asked for of each output that is to be weighed.

    Args:
        wanted: ``balanced`` for all that have classes; or a table by output.
        outputs: names of all. weighable: of those that have classes.

    Raises:
        SettingsError: it names no output, or is by class.
    """
    if not isinstance(wanted, Mapping):
        return dict.fromkeys(weighable or outputs, wanted)
    for name, item in wanted.items():
        if name not in outputs:
            raise SettingsError(
                f"train.class_weights names the output '{name}', which there is not",
                f"{did_you_mean(name, outputs)} Of several outputs weights are by their names.",
            )
        if not isinstance(item, (str, Mapping)):
            raise SettingsError(
                f"train.class_weights gives the output '{name}' the number {item}",
                f"Give balanced, or a table of its classes: {name} = {{cat = 1.0, dog = 5.0}}.",
            )
    return {name: item for name, item in wanted.items() if item != NONE}
