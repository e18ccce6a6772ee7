"""The hyperparameters of the training and the split, and what the settings change."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, Mapping, Tuple, Union

from vaiopt.errors import ModelError
from vaiopt.settings import Settings
from vaiopt.settings.augment import augmentations
from vaiopt.settings.choices import NOTHING_FROZEN
from vaiopt.settings.ranges import Range, is_range, parse_range
from vaiopt.settings.together import TRAINED_WITH
from vaiopt.study.hyperparameters import HyperParameters
from vaiopt.study.space import Value

IMAGE_SIZE = "image_size"
"""The hyperparameter of ``data.image_size``, where that is a search range."""
AUGMENT = "augment_"
"""What the hyperparameters of ``[augment]`` begin with; those that are off are none."""


def model_overrides(settings: Settings) -> Dict[str, Union[Value, Range]]:
    """Return what the settings fix (values) or change (ranges) of the hyperparameters."""
    given = {name: getattr(settings.train, name) for name in TRAINED_WITH}
    given["split"] = settings.data.split
    amounts = {name: getattr(settings.augment, name) for name in augmentations()}
    given.update({AUGMENT + name: amount for name, amount in amounts.items() if amount})
    found = dict(settings.model.hyperparameters)
    unset = ("auto", NOTHING_FROZEN)
    found.update({name: value for name, value in given.items() if value not in unset})
    if is_range(settings.data.image_size):
        found[IMAGE_SIZE] = settings.data.image_size
    return {
        name: parse_range(name, value) if is_range(value) else value
        for name, value in found.items()
    }


@dataclass(frozen=True)
class TrainingValues:
    """What a training is given: how long, in which batches, the split's three numbers, which layers
    keep their weights until when, and how strong each operation of augmentation is that is not off.
    """

    epochs: int
    batch_size: int
    split: Tuple[float, float, float]
    freeze: str = NOTHING_FROZEN
    unfreeze_epoch: int = 0
    fine_tune_rate: float = 0.1
    augment: Dict[str, float] = field(default_factory=dict)


KERAS_BATCH = 32
"""What Keras's ``fit`` takes where nobody says anything else."""


def training_values(hp: HyperParameters, fits_itself: bool = False) -> TrainingValues:
    """Ask for what the training needs.

    A model function may have asked for ``batch_size`` or ``epochs`` itself, as KerasTuner's users
    do; its answer counts then.

    Args:
        hp: answers.
        fits_itself: the model is trained by a ``fit`` of its own, written for Keras's defaults.

    Raises:
        ModelError: an answer cannot be used.
    """
    epochs = _count(hp, "epochs", default_epochs(hp.samples))
    small = fits_itself or hp.samples < 5000
    batch_size = _count(hp, "batch_size", KERAS_BATCH if small else 128)
    split = parse_split(hp.Fixed("split", "7:2:1"))
    asked = [AUGMENT + name for name in augmentations() if AUGMENT + name in hp.overrides]
    augment = augment_amounts({name: hp.Fixed(name, 0.0) for name in asked})
    return TrainingValues(
        epochs,
        batch_size,
        split,
        freeze=str(_if_set(hp, "freeze", NOTHING_FROZEN)),
        unfreeze_epoch=int(_if_set(hp, "unfreeze_epoch", 0)),
        fine_tune_rate=float(_if_set(hp, "fine_tune_rate", 0.1)),
        augment=augment,
    )


def augment_amounts(point: Mapping[str, Value]) -> Dict[str, float]:
    """Return how strong each operation of augmentation is at a point, less those that are off."""
    found = {name: point.get(AUGMENT + name) for name in augmentations()}
    return {name: float(amount) for name, amount in found.items() if amount}


def _if_set(hp: HyperParameters, name: str, default: Value) -> Any:
    """Return what the settings say of a hyperparameter; one that they leave alone is not asked for:
    few searches have it.
    """
    return hp.Fixed(name, default) if name in hp.overrides else default


def check_names(hp: HyperParameters) -> None:
    """Check that a model function has not asked for what the settings of the data decide.

    Args:
        hp: what it has asked for, before the training asks.

    Raises:
        ModelError: it has.
    """
    twice = [name for name in hp.dimensions if name.startswith(AUGMENT) and name in hp.overrides]
    if twice:
        raise ModelError(
            f"the model function asks for '{twice[0]}', the name of a setting of [augment]",
            "Give it another name there, or leave the setting out.",
        )
    if "split" in hp.dimensions:
        raise ModelError(
            "the model function asks for 'split', the name of the split of the data",
            "Give it another name there; split ratios are searched with --set"
            " \"data.split={choice=['7:2:1', '8:1:1']}\"",
        )


def _count(hp: HyperParameters, name: str, default: int) -> int:
    value = hp.get(name) if name in hp else hp.Fixed(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ModelError(
            f"the hyperparameter '{name}' is {value!r}", "It must be a whole number of at least 1."
        )
    return value


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
