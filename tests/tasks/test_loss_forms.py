"""A person's own loss of classes is given the form of labels that it was written for."""

import functools

import pytest

from vaiopt.keras import load_keras, load_tensorflow
from vaiopt.tasks import TASKS


def compiled(loss, shape=(4,), classes=3):
    keras = load_keras()
    model = keras.Sequential([keras.layers.Dense(classes, input_shape=shape)])
    model.compile("adam", loss)
    return model


def of_numbers(true, said):
    return load_keras().losses.sparse_categorical_crossentropy(true, said)


def focal_of_numbers(true, said):
    tf = load_tensorflow()
    numbers = tf.cast(tf.squeeze(true, -1), tf.int32)
    share = tf.gather(said, numbers, batch_dims=1)
    return -tf.reduce_mean((1 - share) ** 2 * tf.math.log(share))


def gathers_whatever_comes(true, said):
    tf = load_tensorflow()
    share = tf.gather(said, tf.cast(true, tf.int32), batch_dims=1)
    return -tf.reduce_mean(tf.math.log(share))


def of_rows(true, said):
    tf = load_tensorflow()
    return -tf.reduce_sum(true * tf.math.log(said), axis=-1)


def dice_of_rows(true, said):
    tf = load_tensorflow()
    both = tf.reduce_sum(true * said)
    return 1 - 2 * both / (tf.reduce_sum(true) + tf.reduce_sum(said))


def distance(true, said):
    tf = load_tensorflow()
    return tf.reduce_mean((tf.cast(true, tf.float32) - said) ** 2)


def fails(true, said):
    raise ValueError("whatever comes")


def a_class():
    class Own(load_keras().losses.Loss):
        def call(self, true, said):
            return of_numbers(true, said)

    return Own()


@pytest.mark.parametrize("loss", [of_numbers, focal_of_numbers, gathers_whatever_comes, a_class])
def test_a_loss_written_for_class_numbers_is_given_class_numbers(loss):
    loss = loss() if loss is a_class else loss
    task = TASKS["classification"]
    assert task.loss_form(compiled(loss), 3) == "sparse"
    assert task.loss_form(compiled([loss]), 3) == "sparse"
    assert task.loss_form(compiled(loss, classes=10), 10) == "sparse"


@pytest.mark.parametrize("loss", [of_rows, dice_of_rows, distance, fails])
def test_a_loss_written_for_rows_is_given_rows(loss):
    assert TASKS["classification"].loss_form(compiled(loss), 3) == "one_hot"


def test_a_loss_of_keras_is_told_by_its_name_and_never_tried():
    losses, task = load_keras().losses, TASKS["classification"]
    assert (
        task.loss_form(compiled(losses.CategoricalCrossentropy(from_logits=True)), 3) == "one_hot"
    )
    partial = functools.partial(losses.sparse_categorical_crossentropy, from_logits=True)
    assert task.loss_form(compiled(partial), 3) == "sparse"


def test_a_loss_of_masks_is_tried_with_masks():
    task = TASKS["segmentation"]
    of_masks = compiled(of_numbers, (64, 48, 2))
    assert task.loss_form(of_masks, 3) == "sparse"
    assert task.loss_form(compiled(dice_of_rows, (None, None, 2)), 3) == "one_hot"
