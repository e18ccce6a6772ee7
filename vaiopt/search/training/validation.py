"""The validation of a model: fully after an epoch, on some of the samples within one."""

from __future__ import annotations

import math
from typing import Any, Dict, List, Optional

import numpy as np

from vaiopt.data import Splits
from vaiopt.data.batches import DeviceData, as_tensors, evaluation_batch
from vaiopt.keras import load_tensorflow
from vaiopt.models.loss_weights import counted_weights
from vaiopt.models.probabilities import missing_activation, said
from vaiopt.search.training.statistics import BatchStatistics
from vaiopt.study.own_metrics import OwnMetrics

HELD_MB = 64.0
"""Megabytes of a model's outputs that a validation holds at once; of more what is judged of them is
kept, which for masks is a fraction. Metrics of a person's own, and images, need them all.
"""

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
        self._weights = counted_weights(
            self._task, model, self._true, self._labels, splits.validation.weights
        )
        self._size = evaluation_batch(device.sample_shape)
        self._parts = parts_within(model, len(self._indices), self._size)
        self._batches = [self._pipeline(self._indices[part]) for part in self._parts]
        self._quick_batches: Any = None

    def _pipeline(self, indices: np.ndarray) -> Any:
        return self._device.batches(indices, self._preprocessing, self._size)

    def prepare(self) -> None:
        """Bring the model's state up to its weights; what follows does it by itself."""
        self._statistics.refresh()

    def __call__(self) -> Dict[str, float]:
        """Return ``val_loss``, those of the task, such as ``val_accuracy``, and ``val_<name>`` of
        every metric the model was compiled with and of a person's own.
        """
        self.prepare()
        model = self._model
        losses: List[float] = []
        judged: List[np.ndarray] = []
        whole: List[np.ndarray] = []
        model.reset_metrics()
        for part, batches in zip(self._parts, self._batches):
            outputs = model.predict(batches, verbose=0)
            losses.append(self._loss(outputs, part))
            decoded = self._said(outputs)
            judged.append(self._task.judged(decoded) if len(self._parts) > 1 else decoded)
            whole += [decoded] * (self._own_metrics is not None)
        counts = [part.stop - part.start for part in self._parts]
        mean = losses[0] if len(losses) == 1 else float(np.average(losses, weights=counts))
        found = {"val_loss": mean}
        for metric in model.compiled_metrics.metrics:
            value = np.asarray(metric.result())
            if value.ndim == 0:
                found["val_" + metric.name] = float(value)
        model.reset_metrics()
        return {**found, **self._scores(_joined(judged), _joined(whole))}

    def _loss(self, outputs: Any, part: slice) -> float:
        """Return the mean loss of a part, and add it to the model's own metrics."""
        tf, model = load_tensorflow(), self._model
        labels = as_tensors(self._labels[part])
        predictions = tf.nest.map_structure(tf.constant, outputs)
        weights = None if self._weights is None else as_tensors(self._weights[part])
        loss = model.compiled_loss(
            labels, predictions, sample_weight=weights, regularization_losses=model.losses
        )
        model.compiled_metrics.update_state(labels, predictions, sample_weight=weights)
        return float(loss)

    def quick(self) -> Dict[str, float]:
        """Return the metrics of the task on the first samples, and ``val_loss`` (without penalties)
        where the loss is one function.

        The model's own metrics are left alone: they are adding up the epoch.
        """
        if self._quick_batches is None:
            self._quick_batches = self._pipeline(self._indices[:QUICK_SAMPLES])
        self.prepare()
        outputs = self._model.predict(self._quick_batches, verbose=0)
        decoded = self._said(outputs)
        found = self._scores(decoded, decoded)
        loss = self._model.loss
        if len(self._model.outputs) == 1 and (isinstance(loss, str) or callable(loss)):
            tf = load_tensorflow()
            labels = tf.constant(self._labels[: len(outputs)])
            losses = tf.keras.losses.get(loss)(labels, tf.constant(outputs))
            if self._weights is not None:
                losses = losses * self._weights[: len(outputs)]
            value = float(tf.reduce_mean(losses))
            if math.isfinite(value):
                found["val_loss"] = value
        return found

    def _said(self, outputs: Any) -> np.ndarray:
        """Return what the model says, in the units of the labels."""
        outputs = said(outputs, self._model.output_names, missing_activation(self._model))
        return self._targets.decode(outputs)

    def _scores(self, judged: np.ndarray, outputs: np.ndarray) -> Dict[str, float]:
        """Return the scores of what is judged of outputs, a person's own of all of them."""
        true = self._true[: len(judged)]
        scores = self._task.scores(judged, true, self._classes)
        own = [f"val_{m.name}" for m in self._model.compiled_metrics.metrics if _is_own(m)]
        wanted = self._task.validation.items()
        found = {name: scores[score] for name, score in wanted if name not in own}
        if self._own_metrics is not None:
            found.update(self._own_metrics.validated(true, outputs))
        return found


def parts_within(model: Any, samples: int, batch: int) -> List[slice]:
    """Return the parts in which so many samples are predicted, so that the outputs of one take no
    more than :data:`HELD_MB`; whole batches each.
    """
    values = sum(
        int(np.prod([n or 1 for n in tensor.shape[1:]], dtype=np.int64)) for tensor in model.outputs
    )
    most = max(1, int(HELD_MB * 1e6 / (4 * max(1, values))))
    step = samples if samples <= most else max(batch, most - most % batch)
    return [slice(i, min(samples, i + step)) for i in range(0, samples, max(1, step))]


def _joined(parts: List[np.ndarray]) -> np.ndarray:
    return parts[0] if len(parts) == 1 else np.concatenate(parts) if parts else np.empty(0)


def _is_own(metric: Any) -> bool:
    """Return whether a metric was made by a person, unlike what Keras makes of the text
    ``accuracy``: that is the task's, but that Keras does not know logits.
    """
    function = getattr(metric, "_fn", None)
    function = getattr(function, "python_function", function)  # of a tf.function
    wrapper = type(metric).__name__ == "MeanMetricWrapper"
    home = str(getattr(function, "__module__", "")).split(".")[0]
    return not (wrapper and home in ("keras", "tf_keras", "tensorflow"))
