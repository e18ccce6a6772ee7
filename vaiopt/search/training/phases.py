"""Layers that keep their weights, for a while or all along: ``train.freeze`` and its like.

Batch normalisation of such layers stays as it is even when their other weights are trained again:
its statistics are those of the many samples that the weights come from, not of a few batches.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, List, Optional, Tuple

from vaiopt.errors import SettingsError, did_you_mean
from vaiopt.keras import load_keras
from vaiopt.models.pretrained import Leaf, Taken, leaves
from vaiopt.search.training.options import TrainingValues
from vaiopt.search.training.schedule import own_schedule
from vaiopt.settings.choices import BACKBONE, NOTHING_FROZEN

STATISTICS = ("BatchNormalization", "SyncBatchNormalization")
"""Classes of layers that stay frozen."""


@dataclass(frozen=True)
class Frozen:
    """The layers of a model that keep their weights.

    Attributes:
        leaves: these layers; () for none.
        epoch: the epochs after which they are trained, too; 0 for never.
        factor: of the learning rate from then on.
    """

    leaves: Tuple[Leaf, ...] = ()
    epoch: int = 0
    factor: float = 1.0

    def later(self) -> List[Any]:
        """Return the variables that are trained from some epoch on only."""
        if not self.epoch:
            return []
        return [v for leaf in self._thawing() for v in leaf.layer.weights if _trains(v)]

    def thaw(self) -> None:
        """Let the layers be trained, but for batch normalisation."""
        for leaf in self._thawing():
            leaf.layer.trainable = True

    def release(self) -> None:
        """Make the model what its function returned: whoever trains it later trains all of it."""
        for leaf in self.leaves:
            leaf.layer.trainable = True

    def _thawing(self) -> List[Leaf]:
        return [leaf for leaf in self.leaves if type(leaf.layer).__name__ not in STATISTICS]

    def told(self, model: Any) -> str:
        """Return what is trained, in words; "" where nothing is frozen."""
        if not self.leaves:
            return ""
        trained = sum(map(_values, model.trainable_weights))
        line = (
            f"{trained:,} of {model.count_params():,} weights are trained:"
            f" {len(self.leaves)} layers are frozen"
        )
        if not self.epoch:
            return line
        then = trained + sum(map(_values, self.later()))
        return (
            f"{line} for {self.epoch} epoch(s), then {then:,} are trained at {self.factor:g} of the"
            " learning rate"
        )


NONE = Frozen()


def _trains(variable: Any) -> bool:
    """Return whether a variable is one that Keras trains, such as no running mean."""
    return bool(getattr(variable, "trainable", False))


def _values(variable: Any) -> int:
    return int(variable.shape.num_elements())


def frozen_layers(model: Any, text: str, taken: Optional[Taken]) -> Tuple[Leaf, ...]:
    """Return the layers that ``train.freeze`` means.

    Args:
        model: built.
        text: the setting: ``none``, ``backbone``, a number of layers with weights, or how the
            names of layers, or of models within the model, begin.
        taken: what the model took of ``model.weights``; None for nothing.

    Raises:
        SettingsError: there are none, or nothing is left to train.
    """
    if text == NOTHING_FROZEN:
        return ()
    known = leaves(model)
    if text == BACKBONE:
        if taken is None:
            raise SettingsError(
                "train.freeze is 'backbone', and no weights are taken from a file",
                "Give them: --set model.weights=FILE.h5, or name the layers to freeze.",
            )
        # Another question with as many answers has a head that fits; it is learned all the same.
        heads = {id(layer) for layer in _heads(model)}
        found = [n for n in known if n.name in taken.layers and id(n.layer) not in heads]
    elif text.isdigit():
        found = known[: int(text)]
    else:
        found = [leaf for leaf in known if _begins(leaf, text)]
        if not found:
            names = {name for leaf in known for name in (leaf.name, leaf.name.split("/")[0])}
            raise SettingsError(
                f"train.freeze is '{text}', and no layer's name begins so",
                did_you_mean(text, sorted(names)),
            )
    chosen = tuple(leaf for leaf in found if leaf.layer.trainable)
    own = {id(variable) for leaf in chosen for variable in leaf.layer.weights}
    if all(id(variable) in own for variable in model.trainable_weights):
        raise SettingsError(
            f"train.freeze is '{text}', which leaves no weights to train",
            f"The model has {len(known)} layers with weights: freeze fewer of them.",
        )
    return chosen


def _heads(model: Any) -> List[Any]:
    """Return the last layer with weights before each output of a model."""
    keras, found = load_keras(), []
    for tensor in model.outputs:
        layer = tensor._keras_history[0]
        while not layer.weights and keras.backend.is_keras_tensor(layer.input):
            layer = layer.input._keras_history[0]
        while isinstance(layer, keras.Model):
            inner = [part for part in layer.layers if part.weights]
            layer = inner[-1] if inner else None
        found.append(layer)
    return found


def _begins(leaf: Leaf, text: str) -> bool:
    return leaf.name.startswith(text) or str(leaf.layer.name).startswith(text)


def freeze(model: Any, values: TrainingValues, taken: Optional[Taken]) -> Frozen:
    """Let the layers that a training is to leave alone keep their weights.

    Args:
        model: compiled, not trained yet.
        values: of the training.
        taken: what the model took of ``model.weights``.

    Raises:
        SettingsError: as :func:`frozen_layers`.
    """
    found = frozen_layers(model, values.freeze, taken)
    for leaf in found:
        leaf.layer.trainable = False
    _tell_keras(model)
    return Frozen(found, values.unfreeze_epoch, values.fine_tune_rate) if found else NONE


def _tell_keras(model: Any) -> None:
    """Let ``fit`` train what is to be trained now: it goes by what was so when the model was
    compiled, and to compile anew would make other metrics.
    """
    noted = getattr(model, "_compiled_trainable_state", {})
    for layer in list(noted):
        noted[layer] = layer.trainable


def build_optimizer(model: Any, later: List[Any]) -> None:
    """Make the variables of a compiled model's optimizer, those of weights that are trained later
    included; one that was built for fewer refuses the others.
    """
    optimizer = model.optimizer  # Keras before 2.11 has the second of these
    make = getattr(optimizer, "build", None) or getattr(optimizer, "_create_all_weights", None)
    if make is not None:
        make([*model.trainable_variables, *later])


class Thawing:
    """Trains frozen layers from their epoch on, during ``fit``.

    Args:
        frozen: the layers.
    """

    def __init__(self, frozen: Frozen) -> None:
        self._frozen = frozen
        self._waits = True
        self.factor = 1.0

    def begin(self, model: Any, epoch: int) -> None:
        """Take note that an epoch (from 0) starts."""
        if epoch < self._frozen.epoch or not self._waits:
            return
        self._waits = False
        self._frozen.thaw()
        self.factor = self._frozen.factor
        if not own_schedule(model):
            rate = load_keras().backend.get_value(model.optimizer.learning_rate)
            model.optimizer.learning_rate = float(rate) * self.factor
        model.train_function = None  # it was made for fewer weights
        model.make_train_function()


def thawing_callbacks(thawing: Thawing, frozen: Frozen) -> List[Any]:
    """Return the Keras callbacks that train frozen layers later; none where none are."""
    return [_callback_class()(thawing, frozen)] if frozen.leaves and frozen.epoch else []


@lru_cache(maxsize=1)
def _callback_class() -> Any:
    """Return the callback's class, made once: TensorFlow would keep each."""
    keras = load_keras()

    class Phases(keras.callbacks.Callback):  # type: ignore[misc, name-defined]
        """Tells when an epoch begins."""

        def __init__(self, thawing: Thawing, frozen: Frozen) -> None:
            super().__init__()
            self._thawing, self._frozen = thawing, frozen

        def on_train_begin(self, logs: Any = None) -> None:
            build_optimizer(self.model, self._frozen.later())

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self._thawing.begin(self.model, epoch)

    return Phases
