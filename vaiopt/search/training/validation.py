"""The validation of a model while it trains: fully after an epoch, on a part of the samples within
one.
"""

from __future__ import annotations

import math
from typing import Any, Dict

import numpy as np

from vaiopt.data import Splits
from vaiopt.data.batches import EVALUATION_BATCH, DeviceData
from vaiopt.keras import load_tensorflow
from vaiopt.tasks import classification as classifier_metrics
from vaiopt.tasks.classification import label_kind

QUICK_SAMPLES = 2000
"""Samples of a validation within an epoch; their accuracy is known to about one point, as fine as a
pruner needs.
"""


class Validator:
    """Evaluates a model on the validation part: loss, the model's own metrics, accuracy and macro
    F1, in one pass over the data.
    """

    def __init__(self, model: Any, device: DeviceData, splits: Splits) -> None:
        self._model = model
        self._classes = len(splits.classes)
        self._device = device
        self._preprocessing = splits.preprocessing
        self._indices = splits.validation.indices
        self._true = splits.validation.y
        self._labels = device.labels(self._indices, label_kind(model, self._classes), self._classes)
        self._batches = self._pipeline(len(self._indices))
        self._quick_batches: Any = None

    def _pipeline(self, count: int) -> Any:
        return self._device.batches(self._indices[:count], self._preprocessing, EVALUATION_BATCH)

    def __call__(self) -> Dict[str, float]:
        """Return ``val_loss``, ``val_accuracy``, ``val_f1`` and ``val_<name>`` of every metric the
        model was compiled with.
        """
        tf = load_tensorflow()
        model = self._model
        outputs = model.predict(self._batches, verbose=0)
        labels, predictions = tf.constant(self._labels), tf.constant(outputs)
        found = {
            "val_loss": float(
                model.compiled_loss(labels, predictions, regularization_losses=model.losses)
            )
        }
        model.compiled_metrics.reset_state()
        model.compiled_metrics.update_state(labels, predictions)
        for metric in model.compiled_metrics.metrics:
            value = np.asarray(metric.result())
            if value.ndim == 0:
                found["val_" + metric.name] = float(value)
        model.reset_metrics()
        return {**found, **self._classified(outputs)}

    def quick(self) -> Dict[str, float]:
        """Return ``val_accuracy`` and ``val_f1`` on the first samples, and ``val_loss`` (without
        penalties) where the loss is one function.

        The model's own metrics are left alone: they are adding up the epoch.
        """
        if self._quick_batches is None:
            self._quick_batches = self._pipeline(QUICK_SAMPLES)
        outputs = self._model.predict(self._quick_batches, verbose=0)
        found = self._classified(outputs)
        loss = self._model.loss
        if isinstance(loss, str) or callable(loss):
            tf = load_tensorflow()
            function = tf.keras.losses.get(loss)
            value = float(
                tf.reduce_mean(
                    function(tf.constant(self._labels[: len(outputs)]), tf.constant(outputs))
                )
            )
            if math.isfinite(value):
                found["val_loss"] = value
        return found

    def _classified(self, outputs: np.ndarray) -> Dict[str, float]:
        predicted = classifier_metrics.predicted_classes(outputs)
        confusion = classifier_metrics.confusion_matrix(
            self._true[: len(outputs)], predicted, self._classes
        )
        return {
            "val_accuracy": classifier_metrics.accuracy(confusion),
            "val_f1": classifier_metrics.macro_f1(confusion),
        }
