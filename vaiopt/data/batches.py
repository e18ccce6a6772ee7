"""The input pipeline of a trial: raw samples stay on the device once per process, or in a file that
all processes read; an epoch is a shuffled list of indices.

Two habits of ``fit`` are avoided on purpose. Fed with arrays it keeps about one copy of the data
per trial, so memory grows from trial to trial. And with tf.data's autotuning on, an epoch can hang
for seconds after its last batch, on every TensorFlow from 2.8 on; so it is off.
"""

from __future__ import annotations

import itertools
from typing import Any, Callable, Iterator, Sequence

import numpy as np

from vaiopt.data import Dataset, Preprocessing
from vaiopt.data.inputs import columns_of, places_in
from vaiopt.data.rows import Rows
from vaiopt.keras import load_tensorflow
from vaiopt.tasks import Targets, task_of
from vaiopt.tasks.joined import plain_or_parts

EVALUATION_BATCH = 1000
"""Samples a step where nothing is learned: 1.4 to 4 times faster than Keras's 32."""

SHUFFLED_AT_ONCE = 2**21
"""Samples whose numbers tf.data shuffles; it keeps some 150 bytes of each. More are shuffled by
numpy."""

LARGEST_BATCH = 2**22
"""Values of the samples of such a step; activations take a multiple of that."""


def evaluation_batch(shape: Sequence[int]) -> int:
    """Return the samples a step of a shape where nothing is learned."""
    values = int(np.prod(shape, dtype=np.int64))
    return max(1, min(EVALUATION_BATCH, LARGEST_BATCH // max(1, values)))


class DeviceData:
    """All raw samples of a dataset as one constant tensor; those of large data stay in their file,
    and each batch is read from there. The batches are the same.

    Args:
        dataset: the data; 55 MB for MNIST, whose samples stay uint8 until a batch is made.
    """

    def __init__(self, dataset: Dataset) -> None:
        tf = load_tensorflow()
        in_file = any(isinstance(given.x, Rows) for given in dataset.sets)
        self._dataset = dataset
        self._x = None if in_file else tf.constant(dataset.gather(np.arange(len(dataset))))
        self._y = dataset.all_y
        self._task = task_of(dataset.task).of(dataset.classes)
        self._classes = len(dataset.classes)
        self.sample_shape = dataset.sample_shape

    def batches(
        self,
        indices: np.ndarray,
        preprocessing: Preprocessing,
        batch_size: int,
        *,
        labels: Any = None,
        weights: Any = None,
        shuffle_seed: Any = None,
    ) -> Any:
        """Return a ``tf.data.Dataset`` of preprocessed batches ``(batch, *shape)``, float32; of
        several inputs each is a dictionary.

        Args:
            indices: which samples.
            preprocessing: executed on each batch, as numpy would.
            batch_size: samples a batch; the last may be smaller.
            labels: array aligned with ``indices``, for pairs ``(x, y)``; None for ``x`` alone. Of
                several outputs ``y`` is a dictionary.
            weights: how much each counts, aligned too, for triples ``(x, y, weight)``; or None.
            shuffle_seed: shuffle anew each epoch, from this seed; None keeps the order.
        """
        tf = load_tensorflow()
        make = self._maker(indices, preprocessing, labels, weights)
        count = len(indices)
        size = min(batch_size, count)
        if shuffle_seed is not None and count > SHUFFLED_AT_ONCE:
            data = _shuffled_batches(count, size, shuffle_seed)
        else:
            data = tf.data.Dataset.range(count)
            if shuffle_seed is not None:
                data = data.shuffle(count, seed=shuffle_seed, reshuffle_each_iteration=True)
            data = data.batch(size)
        data = data.map(make).prefetch(2)
        options = tf.data.Options()
        if hasattr(options, "autotune"):
            options.autotune.enabled = False
        else:  # up to TensorFlow 2.6
            options.experimental_optimization.autotune = False
        return data.with_options(options)

    def one(self, indices: np.ndarray, preprocessing: Preprocessing, labels: np.ndarray) -> Any:
        """Return the first sample and its label, as a batch of one; see :meth:`batches`."""
        return self._maker(indices[:1], preprocessing, labels[:1])(np.array([0]))

    def samples(self, indices: np.ndarray, preprocessing: Preprocessing) -> Any:
        """Return samples, preprocessed, as one tensor ``(samples, *shape)``, float32."""
        return self._maker(indices, preprocessing, None)(np.arange(len(indices)))

    def _maker(
        self, indices: np.ndarray, preprocessing: Preprocessing, labels: Any, weights: Any = None
    ) -> Callable[[Any], Any]:
        """Return what makes a batch of positions (n,) in ``indices``."""
        tf = load_tensorflow()
        where = tf.constant(indices, dtype=tf.int64)
        offset = tf.constant(np.asarray(preprocessing.offset, dtype=np.float32))
        scale = tf.constant(np.asarray(preprocessing.scale, dtype=np.float32))
        targets = [as_tensors(array) for array in (labels, weights) if array is not None]
        gathered, values, by_input = self._gathered, self._values, self._by_input

        def make(positions: Any) -> Any:
            raw = gathered(tf.gather(where, positions))
            batch = by_input((values(raw) - offset) / scale)
            found = (tf.nest.map_structure(lambda t: tf.gather(t, positions), of) for of in targets)
            return (batch, *found) if targets else batch

        return make

    def _gathered(self, indices: Any) -> Any:
        """Return the raw samples (n, *shape) of indices (n,), both tensors."""
        tf = load_tensorflow()
        if self._x is not None:
            return tf.gather(self._x, indices)
        raw = tf.numpy_function(self._dataset.gather, [indices], self._dataset.x.dtype)
        raw.set_shape((None, *self.sample_shape))
        return raw

    def _values(self, raw: Any) -> Any:
        """Return raw samples as float32 values; see :func:`vaiopt.data.inputs.values_of`."""
        tf, inputs = load_tensorflow(), self._dataset.inputs
        if len({one.dtype for one in inputs}) < 2:
            return tf.cast(raw, tf.float32)
        found = []
        for one, where in zip(inputs, places_in(1, inputs)):
            wanted = tf.as_dtype(one.dtype)
            part = tf.reshape(raw[:, where], (-1, one.size, wanted.size))
            own = part[..., 0] if wanted == raw.dtype else tf.bitcast(part, wanted)
            found.append(tf.cast(own, tf.float32))
        return tf.concat(found, axis=1)

    def _by_input(self, rows: Any) -> Any:
        """Return samples (n, *shape), a tensor; those of several inputs by their names."""
        tf, inputs = load_tensorflow(), self._dataset.inputs
        if not inputs:
            return rows
        return {
            one.name: tf.reshape(rows[:, where], (-1, *one.shape))
            for one, where in zip(inputs, columns_of(inputs))
        }

    def labels(self, model: Any, indices: np.ndarray, targets: Targets) -> np.ndarray:
        """Return the labels of samples in the form that the loss of a compiled model wants.

        Args:
            model: compiled.
            indices: which samples.
            targets: what the model's outputs are of the labels.
        """
        form = self._task.loss_form(model, self._classes)
        return self._task.loss_labels(targets.encode(self._y[indices]), form, self._classes)


def as_tensors(array: np.ndarray) -> Any:
    """Return an array as a tensor; labels of several outputs as a dictionary of tensors."""
    tf = load_tensorflow()
    return tf.nest.map_structure(tf.constant, plain_or_parts(array))


def _shuffled_batches(count: int, size: int, seed: int) -> Any:
    """Return a ``tf.data.Dataset`` of the numbers below ``count``, in batches, in another order
    each time it is gone through.
    """
    tf = load_tensorflow()
    epochs = itertools.count()

    def one_epoch() -> Iterator[np.ndarray]:
        order = np.random.default_rng([seed, next(epochs)]).permutation(count)
        for start in range(0, count, size):
            yield order[start : start + size]

    data = tf.data.Dataset.from_generator(one_epoch, tf.int64, (None,))
    return data.apply(tf.data.experimental.assert_cardinality(-(-count // size)))
