import gc
import math
import weakref
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from vaiopt.data import load_dataset, split_dataset
from vaiopt.data.batches import DeviceData
from vaiopt.keras import load_keras
from vaiopt.search.training import fit as training
from vaiopt.search.training.fit import Plan, train

PLAN = Plan(epochs=2, batch_size=32, seed=0, metric="val_accuracy", maximise=True, patience=0)


BEST = [0.1, 0.7, 0.4, 0.7, 0.2, 0.3]
"""What a metric comes to, epoch by epoch."""


class Told:
    """Stands in for the validation: says what it was told to."""

    def __init__(self, values, model):
        self._values, self._model = list(values), model
        self.weights = []

    def __call__(self):
        self.weights.append(self._model.get_weights())
        value = self._values[len(self.weights) - 1]
        accuracy, loss = value if isinstance(value, tuple) else (value, 0.5)
        return {"val_accuracy": accuracy, "val_loss": loss}

    def quick(self):
        return {}

    def prepare(self):
        pass


def trained(digits, monkeypatch, values=BEST, **plan):
    """Train with a validation that says these values; return what came of it."""
    model = compiled()
    told = Told(values, model)
    monkeypatch.setattr(training, "Validator", lambda *args: told)
    plan = replace(PLAN, epochs=len(values), **plan)
    return train(model, *digits, plan), model, told


def same(weights, others):
    return all(np.array_equal(a, b) for a, b in zip(weights, others))


def test_the_first_of_the_best_epochs_scores_a_training_and_is_kept(digits, monkeypatch):
    outcome, model, told = trained(digits, monkeypatch)
    assert (outcome.kept, outcome.entry["val_accuracy"], len(outcome.curve)) == (1, 0.7, 6)
    assert same(model.get_weights(), told.weights[1])


def test_of_equal_epochs_the_one_of_the_lowest_loss_is_kept_and_patience_is_not(
    digits, monkeypatch
):
    values = [(0.5, 0.9), (0.7, 0.5), (0.7, 0.3), (0.7, 0.4), (0.6, 0.1)]
    outcome, model, told = trained(digits, monkeypatch, values)
    assert outcome.kept == 2
    assert same(model.get_weights(), told.weights[2])
    outcome, _, _ = trained(digits, monkeypatch, values, patience=2)
    assert (outcome.kept, len(outcome.curve)) == (2, 4)


def test_less_of_a_metric_may_be_better(digits, monkeypatch):
    outcome, model, told = trained(digits, monkeypatch, maximise=False)
    assert outcome.kept == 0
    assert same(model.get_weights(), told.weights[0])


def test_the_last_epoch_is_kept_where_that_is_asked_for(digits, monkeypatch):
    outcome, model, told = trained(digits, monkeypatch, keep_best=False)
    assert outcome.entry["val_accuracy"] == 0.3
    assert same(model.get_weights(), told.weights[-1])


def test_patience_ends_a_training_and_the_best_epoch_counts_all_the_same(digits, monkeypatch):
    outcome, model, told = trained(digits, monkeypatch, patience=2)
    assert (outcome.kept, len(outcome.curve)) == (1, 4)
    assert same(model.get_weights(), told.weights[1])


def test_an_epoch_whose_metric_is_no_number_is_never_the_best(digits, monkeypatch):
    outcome, _, _ = trained(digits, monkeypatch, [math.nan, 0.2, math.nan])
    assert outcome.kept == 1


def test_callbacks_of_ones_own_see_the_validation_and_may_stop(digits, monkeypatch):
    keras = load_keras()
    stop = keras.callbacks.EarlyStopping("val_accuracy", mode="max", patience=1)
    outcome, _, _ = trained(digits, monkeypatch, callbacks=[stop])
    assert (outcome.kept, len(outcome.curve)) == (1, 3)


def test_callbacks_of_ones_own_are_told_every_batch(digits, monkeypatch):
    monkeypatch.setattr(training, "BATCHES_THAT_PAY_FOR_BLOCKS", 0)
    keras, seen = load_keras(), []
    own = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(batch))
    trained(digits, monkeypatch, [0.1], callbacks=[own])
    assert seen == list(range(5))


@pytest.fixture(scope="module")
def digits():
    dataset = load_dataset("digits", limit=200, seed=0)
    return DeviceData(dataset), split_dataset(dataset, (7, 2, 1), seed=0)


def compiled():
    keras = load_keras()
    keras.utils.set_random_seed(0)
    layers = [
        keras.layers.Flatten(input_shape=(8, 8, 1)),
        keras.layers.BatchNormalization(),
        keras.layers.Dense(10, "softmax"),
    ]
    model = keras.Sequential(layers)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@pytest.mark.parametrize("in_blocks", [False, True])
def test_the_training_step_is_traced_once(digits, in_blocks, monkeypatch):
    monkeypatch.setattr(training, "BATCHES_THAT_PAY_FOR_BLOCKS", 0 if in_blocks else 10**9)
    model = compiled()
    train(model, *digits, PLAN)
    assert model.train_function.experimental_get_tracing_count() == 1


def test_variables_made_before_the_first_step_change_no_result(digits, monkeypatch):
    def result():
        model = compiled()
        return train(model, *digits, PLAN).curve[-1]["val_loss"], model.get_weights()

    ours = result()
    monkeypatch.setattr(training, "_make_variables", lambda *given: None)
    plain = result()
    assert ours[0] == plain[0]
    assert all(np.array_equal(a, b) for a, b in zip(ours[1], plain[1]))


def test_a_trained_model_is_freed_with_its_last_user(digits):
    model = compiled()
    train(model, *digits, PLAN)
    seen = weakref.ref(model)
    del model
    load_keras().backend.clear_session()
    gc.collect()
    assert seen() is None


def test_no_graph_is_left_of_a_trained_model(digits):
    from tensorflow.python.framework.func_graph import FuncGraph

    def graphs():
        load_keras().backend.clear_session()
        gc.collect()
        return sum(
            isinstance(found, FuncGraph) and found.name == "train_function"
            for found in gc.get_objects()
        )

    before = graphs()
    model = compiled()
    training.keep_no_graph(model)
    train(model, *digits, PLAN)
    del model
    assert graphs() == before


def test_gradients_that_are_not_added_up_change_no_result(digits):
    def result(prepare):
        model = compiled()
        prepare(model)
        train(model, *digits, PLAN)
        return model.get_weights()

    ours, plain = result(training.keep_no_graph), result(lambda model: None)
    assert all(np.array_equal(a, b) for a, b in zip(ours, plain))


def test_gradients_of_several_devices_and_by_an_own_rule_are_still_added_up():
    optimizers = load_keras().optimizers

    class Own(optimizers.SGD):
        def aggregate_gradients(self, grads_and_vars):
            return grads_and_vars

    for optimizer, devices in ((optimizers.SGD(), 2), (Own(), 1)):
        training.keep_no_graph(
            SimpleNamespace(
                optimizer=optimizer,
                distribute_strategy=SimpleNamespace(num_replicas_in_sync=devices),
            )
        )
        assert "aggregate_gradients" not in vars(optimizer)
