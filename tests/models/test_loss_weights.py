"""What counts of labels in a loss, in the form that Keras takes beside what the loss gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vaiopt.errors import ModelError
from vaiopt.keras import load_keras
from vaiopt.models.loss_weights import counted_weights, loss_axes
from vaiopt.tasks import task_of
from vaiopt.tasks.joined import joined

RANDOM = np.random.RandomState(0)
MASKS = RANDOM.randint(0, 2, (6, 4, 5)).astype(np.uint8)
OWN = np.arange(6, dtype=np.float32)


def of_pixels(loss: Any) -> Any:
    layers = load_keras().layers
    model = load_keras().Sequential(
        [layers.Conv2D(2, 1, activation="softmax", input_shape=(None, None, 1))]
    )
    model.compile("sgd", loss)
    return model


def of_masks(y: Any, said: Any) -> Any:
    import tensorflow as tf

    return tf.reduce_mean(tf.square(tf.cast(y, tf.float32) - said[..., 1]), axis=(1, 2))


def of_all(y: Any, said: Any) -> Any:
    import tensorflow as tf

    return tf.reduce_mean(of_masks(y, said))


def test_weights_of_samples_count_each_pixel_of_a_mask_as_by_hand() -> None:
    model, task = of_pixels("sparse_categorical_crossentropy"), task_of("segmentation")
    x = RANDOM.rand(6, 4, 5, 1).astype(np.float32)
    y = MASKS.copy()
    y[0] = y[1, 0] = 255
    weights = counted_weights(task, model, y, y, OWN)
    said = np.take_along_axis(model.predict(x, verbose=0), (y % 255)[..., None], 3)[..., 0]
    expected = np.mean(-np.log(said) * (y != 255) * OWN[:, None, None])
    found = model.evaluate(x, y % 255, sample_weight=weights, verbose=0)
    assert found == pytest.approx(expected, rel=1e-5)
    whole = counted_weights(task, model, MASKS, MASKS, OWN)
    assert whole is not None and whole.shape == (6, 1, 1)
    assert counted_weights(task, model, MASKS, MASKS, None) is None


@pytest.mark.parametrize("loss, axes", [(of_masks, 1), (of_all, 0), ("mse", 3)])
def test_what_a_loss_gives_is_tried(loss: Any, axes: int) -> None:
    model, task = of_pixels(loss), task_of("segmentation")
    labels = np.eye(2, dtype=np.float32)[MASKS] if loss == "mse" else MASKS
    assert loss_axes(model, labels) == axes
    if axes == 0:
        with pytest.raises(ModelError, match="one number for a whole batch"):
            counted_weights(task, model, MASKS, labels, OWN)
        masks = np.where(MASKS == 1, 255, MASKS).astype(np.uint8)
        assert counted_weights(task, model, masks, masks, None) is None
    else:
        weights = counted_weights(task, model, MASKS, labels, OWN)
        assert weights is not None and weights.ndim == axes


def test_of_several_outputs_each_is_weighed_as_its_loss_gives_it() -> None:
    keras = load_keras()
    inputs = keras.Input((4, 5, 1))
    mask = keras.layers.Conv2D(2, 1, activation="softmax", name="mask")(inputs)
    flat = keras.layers.Flatten()(inputs)
    model = keras.Model(inputs, [keras.layers.Dense(1, name="size")(flat), mask])
    model.compile("sgd", {"mask": "sparse_categorical_crossentropy", "size": "mse"})
    task = task_of("mask=segmentation,size=regression")
    y = joined({"mask": MASKS, "size": np.ones((6, 1), np.float32)})
    assert counted_weights(task, model, y, y, None) is None
    own = joined({"mask": OWN, "size": 2 * OWN})
    weights = counted_weights(task, model, y, y, own)
    assert weights is not None
    assert weights["mask"].shape == (6, 1, 1) and weights["size"].tolist() == (2 * OWN).tolist()
    x = RANDOM.rand(6, 4, 5, 1).astype(np.float32)
    given = {name: np.ascontiguousarray(weights[name]) for name in ("mask", "size")}
    losses = model.evaluate(x, {"mask": MASKS, "size": y["size"]}, sample_weight=given, verbose=0)
    said, of_mask = model.predict(x, verbose=0)
    assert losses[1] == pytest.approx(float(np.mean(2 * OWN * (said[:, 0] - 1) ** 2)), rel=1e-5)
    right = np.take_along_axis(of_mask, MASKS[..., None], 3)[..., 0]
    expected = np.mean(-np.log(right) * OWN[:, None, None])
    assert losses[2] == pytest.approx(float(expected), rel=1e-5)
