"""The validation of a model: fully after an epoch, on some of the samples within one."""

from __future__ import annotations

import math
from typing import Any, Dict, Optional

import numpy as np

from vaiopt.data import Splits
from vaiopt.data.batches import DeviceData, as_tensors, evaluation_batch
from vaiopt.keras import load_tensorflow
from vaiopt.models.probabilities import missing_activation, said
from vaiopt.search.training.statistics import BatchStatistics
from vaiopt.search.training.weights import counted_weights
from vaiopt.study.own_metrics import OwnMetrics

QUICK_SAMPLES = 2000
"""Samples of a validation within an epoch; their accuracy is known to about one point, as fine as a
pruner needs.
"""


class Validator:
    """Evaluates a model on the validation part: loss, the model's own metrics, and the task's, in
    one pass over the data. The statistics of batch normalisation are brought up to date before. A
    metric that a person made and called ``accuracy`` or ``f1`` keeps its own value.

    Args:
        model: compiled.
        device: the samples.
        splits: which of them are for what.
        batch_size: of the training.
        own: metrics of a person's own, None without.
    """

    def __init__(
        self,
        model: Any,
        device: DeviceData,
        splits: Splits,
        batch_size: int = 32,
        own: Optional[OwnMetrics] = None,
    ) -> None:
        self._model, self._own_metrics = model, own
        self._statistics = BatchStatistics(model, device, splits, batch_size)
        self._classes, self._task = len(splits.classes), splits.task
        self._device = device
        self._preprocessing = splits.preprocessing
        self._indices = splits.validation.indices
        self._true = splits.validation.y
        self._targets = splits.targets
        self._labels = device.labels(model, self._indices, splits.targets)
        self._weights = counted_weights(self._task, self._true, splits.validation.weights)
        self._batches = self._pipeline(len(self._indices))
        self._quick_batches: Any = None

    def _pipeline(self, count: int) -> Any:
        size = evaluation_batch(self._device.sample_shape)
        return self._device.batches(self._indices[:count], self._preprocessing, size)

    def prepare(self) -> None:
        """Bring the model's state up to its weights; what follows does it by itself."""
        self._statistics.refresh()

    def __call__(self) -> Dict[str, float]:
        """Return ``val_loss``, those of the task, such as ``val_accuracy``, and ``val_<name>`` of
        every metric the model was compiled with and of a person's own.
        """
        tf = load_tensorflow()
        self.prepare()
        model = self._model
        outputs = model.predict(self._batches, verbose=0)
        labels, predictions = as_tensors(self._labels), tf.nest.map_structure(tf.constant, outputs)
        weights = None if self._weights is None else as_tensors(self._weights)
        loss = model.compiled_loss(
            labels, predictions, sample_weight=weights, regularization_losses=model.losses
        )
        found = {"val_loss": float(loss)}
        model.reset_metrics()
        model.compiled_metrics.update_state(labels, predictions, sample_weight=weights)
        for metric in model.compiled_metrics.metrics:
            value = np.asarray(metric.result())
            if value.ndim == 0:
                found["val_" + metric.name] = float(value)
        model.reset_metrics()
        return {**found, **self._scores(outputs)}

    def quick(self) -> Dict[str, float]:
        """Return the metrics of the task on the first samples, and ``val_loss`` (without penalties)
        where the loss is one function.

        The model's own metrics are left alone: they are adding up the epoch.
        """
        if self._quick_batches is None:
            self._quick_batches = self._pipeline(QUICK_SAMPLES)
        self.prepare()
        outputs = self._model.predict(self._quick_batches, verbose=0)
        found = self._scores(outputs)
        loss = self._model.loss
        if len(self._model.outputs) == 1 and (isinstance(loss, str) or callable(loss)):
            tf = load_tensorflow()
            labels = tf.constant(self._labels[: len(outputs)])
            losses = tf.keras.losses.get(loss)(labels, tf.constant(outputs))
            if self._weights is not None and losses.shape == self._weights[: len(outputs)].shape:
                losses = losses * self._weights[: len(outputs)]
            value = float(tf.reduce_mean(losses))
            if math.isfinite(value):
                found["val_loss"] = value
        return found

    def _scores(self, outputs: Any) -> Dict[str, float]:
        outputs = said(outputs, self._model.output_names, missing_activation(self._model))
        outputs = self._targets.decode(outputs)
        true = self._true[: len(outputs)]
        scores = self._task.scores(outputs, true, self._classes)
        own = [f"val_{m.name}" for m in self._model.compiled_metrics.metrics if _is_own(m)]
        wanted = self._task.validation.items()
        found = {name: scores[score] for name, score in wanted if name not in own}
        if self._own_metrics is not None:
            found.update(self._own_metrics.validated(true, outputs))
        return found


def _is_own(metric: Any) -> bool:
    """Return whether a metric was made by a person, unlike what Keras makes of the text
    ``accuracy``: that is the task's, but that Keras does not know logits.
    """
    function = getattr(metric, "_fn", None)
    function = getattr(function, "python_function", function)  # of a tf.function
    wrapper = type(metric).__name__ == "MeanMetricWrapper"
    home = str(getattr(function, "__module__", "")).split(".")[0]
    return not (wrapper and home in ("keras", "tf_keras", "tensorflow"))
