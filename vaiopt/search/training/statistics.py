"""The statistics of batch normalisation as the weights are now, instead of as they were.

In training a batch-normalised layer uses mean and variance of its batch; in validation, and once
it is saved, moving averages of them. With Keras's momentum of 0.99 these lag hundreds of steps
behind the weights: a model that is right in training looks bad in validation after a short one,
and is stopped or passed over though it is none the worse. So they are taken anew before each
validation, from some training samples, as Izmailov et al. (2018, section 3.2) do for averaged
weights.
"""

from __future__ import annotations

from typing import Any, List

import numpy as np

from vaiopt.data import Splits
from vaiopt.data.batches import DeviceData

SAMPLES = 256
"""Training samples that the statistics are of: the mean of a feature is known to 1/16 of its
spread. With all samples validation comes to the same within a sample or two.
"""
LARGEST_TENSOR = 16_000_000
"""Numbers (64 MB as float32) in the largest output of a layer for a batch of more than the
training's.
"""


class BatchStatistics:
    """Takes the statistics of a model's batch-normalised layers anew from the training part.

    Layers that are frozen (``trainable = False``), or called with ``training=False``, keep theirs,
    as they do in Keras's own training. All other state of the model is left as it was.

    Args:
        model: compiled.
        device: the samples.
        splits: which of them are for what.
        batch_size: of the training; more at once only if they are small.
    """

    def __init__(self, model: Any, device: DeviceData, splits: Splits, batch_size: int) -> None:
        self._model, self._device = model, device
        self._layers = [layer for layer in model.submodules if _is_batch_norm(layer)]
        self._preprocessing = splits.preprocessing
        indices = splits.train.indices[:SAMPLES]
        size = max(batch_size, min(SAMPLES, LARGEST_TENSOR // _largest_output(model)))
        whole = len(indices) - len(indices) % size or len(indices)  # a last one of few says little
        self._batches = [indices[i : i + size] for i in range(0, whole, size)]
        self._taken: List[Any] = []

    def refresh(self) -> None:
        """Take them, unless no training step was made since they were taken last: each changes the
        moving averages, whatever its optimizer.
        """
        layers = [layer for layer in self._layers if layer.trainable]
        if not layers or _same(_averages(layers), self._taken):
            return
        own = {id(v) for layer in layers for v in (layer.moving_mean, layer.moving_variance)}
        others = [v for v in self._model.non_trainable_variables if id(v) not in own]
        before = [(variable, variable.numpy()) for variable in others]
        counters = [_Counter(layer) for layer in layers]
        try:
            for batch in self._batches:
                self._model(self._device.samples(batch, self._preprocessing), training=True)
        finally:
            for counter in counters:
                counter.stop()
            for variable, value in before:
                variable.assign(value)
        self._taken = _averages(layers)


def _averages(layers: List[Any]) -> List[Any]:
    return [average.numpy() for x in layers for average in (x.moving_mean, x.moving_variance)]


def _same(one: List[Any], other: List[Any]) -> bool:
    return len(one) == len(other) and all(map(np.array_equal, one, other))


class _Counter:
    """Counts how often a layer took statistics, for the mean of them.

    The moving average starts at 0, so that after k batches it is the sum over their statistics with
    weights that add up to 1 - momentum^k (as in Adam's correction of its bias).
    """

    def __init__(self, layer: Any) -> None:
        self._layer = layer
        self._count = 0
        self._averages = (layer.moving_mean, layer.moving_variance)
        self._before = [average.numpy() for average in self._averages]
        for average, value in zip(self._averages, self._before):
            average.assign(np.zeros_like(value))
        call = layer.call

        def counted(*args: Any, **kwargs: Any) -> Any:
            training = kwargs.get("training", args[1] if len(args) > 1 else None)
            self._count += bool(training)
            return call(*args, **kwargs)

        layer.call = counted

    def stop(self) -> None:
        """Let the layer be as it was, with the statistics of the batches if it took any."""
        del self._layer.call
        weight = 1.0 - float(self._layer.momentum) ** self._count
        for average, value in zip(self._averages, self._before):
            found = average.numpy() / weight if weight else value
            average.assign(found if np.isfinite(found).all() else value)


def _is_batch_norm(layer: Any) -> bool:
    """Return whether a layer keeps moving averages as Keras's batch normalisation does; one with
    ``renorm`` keeps others beside them, which it trains with.
    """
    names = ("moving_mean", "moving_variance", "momentum")
    has = all(getattr(layer, name, None) is not None for name in names)
    return has and not getattr(layer, "renorm", False)


def _largest_output(model: Any) -> int:
    """Return how many numbers a sample's largest tensor has, as far as the layers tell."""
    largest = 1
    for layer in model.submodules:
        try:
            shape = layer.output_shape
        except (AttributeError, RuntimeError):  # no layer, or one that is used several times
            continue
        if isinstance(shape, tuple) and None not in shape[1:]:
            largest = max(largest, int(np.prod(shape[1:], dtype=np.int64)))
    return largest
