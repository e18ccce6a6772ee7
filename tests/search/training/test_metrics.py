"""Metrics as Keras and people's code report them."""

import numpy as np
import pytest

from vaiopt.keras import load_tensorflow
from vaiopt.models import build
from vaiopt.search.training.fit import numbers_of
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
