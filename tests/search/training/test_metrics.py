"""Metrics as Keras and people's code report them."""

import numpy as np
import pytest

from vaiopt.data import load_dataset, split_dataset
from vaiopt.data.batches import DeviceData
from vaiopt.errors import ModelError
from vaiopt.keras import load_tensorflow
from vaiopt.models import build
from vaiopt.search.training.fit import numbers_of
from vaiopt.search.training.options import check_names
from vaiopt.search.training.validation import Validator
from vaiopt.study.hyperparameters import HyperParameters


def with_auc(hp):
    keras = load_tensorflow().keras
    model = keras.Sequential([keras.layers.Dense(1, "sigmoid", input_shape=(3,))])
    model.compile("sgd", "binary_crossentropy", metrics=[keras.metrics.AUC()])
    return model


def test_a_metric_without_a_name_has_the_same_in_each_model():
    models = [build(with_auc, HyperParameters()) for _ in range(2)]
    names = [model.compiled_metrics._user_metrics[0].name for model in models]
    assert names == ["auc", "auc"]


@pytest.mark.parametrize("value", [0.5, np.float32(0.5), np.array([0.5]), np.array(0.5)])
def test_one_number_is_a_metric_in_whatever_form(value):
    assert numbers_of({"f1": value}) == {"f1": 0.5}


@pytest.mark.parametrize("value", [None, np.array([0.1, 0.9]), "good", [], {}])
def test_what_is_not_one_number_is_left_out(value):
    assert numbers_of({"f1": value, "loss": 1}) == {"loss": 1.0}


def validated(metrics):
    """Return what is reported of a model with these metrics, fully and within an epoch."""
    keras = load_tensorflow().keras
    dataset = load_dataset("digits", limit=100, seed=0)
    layers = [keras.layers.Flatten(input_shape=(8, 8, 1)), keras.layers.Dense(10, "softmax")]
    model = keras.Sequential(layers)
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=metrics)
    splits = split_dataset(dataset, (7, 2, 1), seed=0)
    validator = Validator(model, DeviceData(dataset), splits)
    return validator(), validator.quick()


def seven(name):
    def function(true, predicted):
        return predicted[:, 0] * 0.0 + 7.0

    function.__name__ = name
    return function


@pytest.mark.parametrize("name", ["f1", "accuracy"])
def test_a_metric_of_a_persons_own_keeps_its_value(name):
    whole, quick = validated([seven(name)])
    assert whole[f"val_{name}"] == 7.0
    assert f"val_{name}" not in quick


def test_a_metric_object_named_as_ours_keeps_its_value():
    top = load_tensorflow().keras.metrics.SparseTopKCategoricalAccuracy(10, name="accuracy")
    assert validated([top])[0]["val_accuracy"] == 1.0


def test_accuracy_by_its_name_alone_is_the_tasks():
    whole, quick = validated(["accuracy"])
    assert 0 <= whole["val_accuracy"] < 0.5 and set(whole) == {"val_loss", "val_accuracy", "val_f1"}
    assert set(quick) == set(whole)


def test_a_hyperparameter_of_the_name_of_the_split_is_told():
    hp = HyperParameters({}, {"split": "7:2:1"})
    hp.Float("split", 0.1, 0.5)
    with pytest.raises(ModelError, match="asks for 'split'") as caught:
        check_names(hp)
    assert "data.split=" in caught.value.hint
