"""Data that come in batches, of tf.data or of a Keras Sequence, are the data of their arrays."""

import numpy as np
import pytest

from vaiopt.data.rows import Rows
from vaiopt.data.sources.function import dataset_returned
from vaiopt.errors import DataError
from vaiopt.keras import load_tensorflow

tf = load_tensorflow()
X = np.random.RandomState(0).randint(0, 256, (50, 4, 5, 3)).astype("uint8")
Y = np.arange(50) % 3


def sliced(*arrays):
    return tf.data.Dataset.from_tensor_slices(arrays)


def generated(batches, shape=(None, 4, 5, 3)):
    """A dataset that does not say how many batches it has."""
    return tf.data.Dataset.from_generator(batches, (tf.uint8, tf.int64), (shape, (None,)))


class Batches(tf.keras.utils.Sequence):
    """Batches of eight samples, of which things may be wrong."""

    def __init__(self, says=7, order=None):
        self.says, self.order = says, order
        self.epoch = 0

    def __len__(self):
        return self.says

    def __getitem__(self, i):
        x = X if self.order is None else X[self.order[self.epoch]]
        if i * 8 >= len(X):
            raise IndexError(i)
        return x[i * 8 : i * 8 + 8], Y[i * 8 : i * 8 + 8]

    def on_epoch_end(self):
        self.epoch += 1


@pytest.mark.parametrize(
    "make",
    [
        lambda: sliced(X, Y).batch(8),
        lambda: sliced(X, Y),
        lambda: sliced(X, np.array(["a", "bb", "ccc"])[Y]).batch(7),
        lambda: generated(lambda: ((X[i : i + 9], Y[i : i + 9]) for i in range(0, 50, 9))),
        lambda: generated(lambda: ((X[:25], Y[:25]) for _ in range(1))).repeat(2),
        Batches,
    ],
    ids=["batches", "samples", "names", "generated", "repeated", "Sequence"],
)
def test_they_are_the_samples_of_their_arrays(make):
    for megabytes in (64, 0.001):
        found = dataset_returned(make(), "mine", in_memory_mb=megabytes)
        assert isinstance(found.x, Rows) == (megabytes < 1) and len(found) == 50
        expected = X if found.x[49].tolist() == X[49].tolist() else np.concatenate([X[:25]] * 2)
        assert np.array_equal(found.x[:], expected) and found.x.dtype == np.uint8
        assert found.classes in (("0", "1", "2"), ("a", "bb", "ccc"))


def test_weights_and_given_sets_are_taken():
    weights = np.linspace(0.5, 2, 50, dtype="float32")
    found = dataset_returned((sliced(X, Y, weights).batch(8), sliced(X[:9], Y[:9]).batch(4)), "m")
    assert np.array_equal(found.weights, weights) and np.array_equal(found.test_x, X[:9])
    sets = [sliced(X[:n], Y[:n]).batch(8) for n in (50, 20, 10)]
    found = dataset_returned(tuple(sets), "mine")
    assert [len(s.y) for s in (found.validation, found.test)] == [20, 10]


def endless():
    while True:
        for i in range(0, 40, 8):
            yield X[i : i + 8], Y[i : i + 8]


def two_shapes():
    yield X[:8], Y[:8]
    yield X[:8, :3], Y[:8]


def failing():
    yield X[:8], Y[:8]
    raise ValueError("no such file")


ORDERS = [np.arange(50), np.arange(50)[::-1]]
CUT = tf.data.experimental.assert_cardinality(9)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: sliced(X, Y).batch(8).repeat(), "never ends"),
        (lambda: generated(endless), "never ends: it begins again after 5 batches"),
        (lambda: sliced(X, Y).shuffle(50).batch(8), "in another order, the second time"),
        (lambda: Batches(order=ORDERS), "in another order, the second time"),
        (lambda: Batches(says=9), "raised IndexError"),
        (
            lambda: generated(lambda: iter([(X[:8], Y[:8])])).apply(CUT),
            "raised .* contained only 1",
        ),
        (lambda: generated(two_shapes, (None, None, 5, 3)), "batch 1 of 'mine' .* has 3x5x3"),
        (lambda: generated(failing), "no such file"),
        (lambda: generated(lambda: iter([(X[:8], Y[:7])])), r"has \[8, 7\] samples and labels"),
        (lambda: generated(lambda: iter([])), "gives no batch"),
        (lambda: sliced(X).batch(8), "gives a tuple of"),
        (lambda: sliced({"image": X}, Y).batch(8), "gives a tuple of dict, ndarray"),
    ],
)
def test_what_cannot_be_learned_from_is_refused(make, message):
    with pytest.raises(DataError, match=message) as caught:
        dataset_returned(make(), "mine")
    assert caught.value.hint
