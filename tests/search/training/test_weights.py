"""Weights of samples and classes, in training and validation."""

from typing import Any

import numpy as np
import pytest

from tests.search.quick import SETTINGS
from vaiopt.data import make_dataset, split_dataset
from vaiopt.data.batches import DeviceData
from vaiopt.errors import ModelError, SettingsError
from vaiopt.keras import load_keras, load_tensorflow
from vaiopt.search.training.fit import Plan, train
from vaiopt.search.training.validation import Validator
from vaiopt.search.training.weights import class_weights, label_weights, weight_arguments
from vaiopt.settings import override

FEW = np.asarray([0] * 60 + [1] * 30 + [2] * 10)


def splits_of(weights: Any = None) -> Any:
    x = np.random.RandomState(0).normal(size=(100, 4))
    data = make_dataset("d", x, FEW, weights=weights, classes=["cat", "dog", "emu"])
    return split_dataset(data, (6, 3, 1), seed=0)


def test_balanced_is_scikit_learns() -> None:
    from sklearn.utils.class_weight import compute_class_weight

    splits = splits_of()
    expected = compute_class_weight("balanced", classes=np.arange(3), y=splits.train.y)
    assert list(class_weights(splits, "balanced").values()) == pytest.approx(list(expected))
    assert class_weights(splits, "none") is None


def test_a_table_names_classes_or_numbers_them() -> None:
    assert class_weights(splits_of(), {"dog": 3, "2": 5.0}) == {0: 1.0, 1: 3.0, 2: 5.0}
    with pytest.raises(SettingsError, match="'dogs'") as caught:
        class_weights(splits_of(), {"dogs": 1.0})
    assert "dog" in caught.value.hint
    with pytest.raises(SettingsError, match="class 'dog' twice"):
        class_weights(splits_of(), {"dog": 1.0, "1": 2.0})


@pytest.mark.parametrize("value", ["balance", {"a": -1.0}, {"a": "x"}, {"a": 0.0}, [1.0], 3, True])
def test_what_are_no_class_weights_is_refused(value: Any) -> None:
    with pytest.raises(SettingsError, match="train.class_weights"):
        override(SETTINGS, {"train.class_weights": value})


def test_keys_that_are_numbers_are_taken_as_in_keras() -> None:
    changed = override(SETTINGS, {"train.class_weights": {0: 1.0, 1: 5}})
    assert changed.train.class_weights == {"0": 1.0, "1": 5}


def test_weights_of_samples_and_classes_are_multiplied() -> None:
    splits = splits_of(np.arange(100.0))
    found = label_weights(splits, {"emu": 2.0})
    expected = splits.train.weights * np.where(splits.train.y == 2, 2.0, 1.0)
    assert found.tolist() == expected.tolist()


def of_two_outputs() -> Any:
    x = np.random.RandomState(0).normal(size=(100, 4))
    y = {"kind": FEW, "size": np.arange(100.0), "even": np.arange(100) % 3 // 2}
    task = "kind=classification,size=regression,even=binary"
    data = make_dataset("d", x, y, classes={"kind": ["cat", "dog", "emu"]}, task=task)
    return split_dataset(data, (6, 3, 1), seed=0)


def test_of_several_outputs_only_that_is_weighed_which_is_named() -> None:
    splits = of_two_outputs()
    y = splits.train.y
    found = label_weights(splits, {"kind": {"emu": 2.0}, "even": "none"})
    assert found["kind"].tolist() == np.where(y["kind"] == 2, 2.0, 1.0).tolist()
    assert (found["size"] == 1).all() and (found["even"] == 1).all()
    both = label_weights(splits, "balanced")
    counts = np.bincount(y["kind"])
    assert both["kind"] == pytest.approx((len(y) / (3 * counts))[y["kind"]])
    assert (both["size"] == 1).all() and not (both["even"] == 1).all()


@pytest.mark.parametrize(
    "wanted, message",
    [
        ({"kinds": "balanced"}, "names the output 'kinds', which there is not"),
        ({"kind": 2.0}, "gives the output 'kind' the number 2.0"),
        ({"size": "balanced"}, "the task is regression"),
        ({"kind": {"ant": 2.0}}, "names the class 'ant'"),
    ],
)
def test_weights_that_fit_no_output_are_refused(wanted: Any, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        label_weights(of_two_outputs(), wanted)


def test_weights_by_output_are_refused_of_one_and_checked_as_the_others_are() -> None:
    with pytest.raises(SettingsError, match="is by output .kind., and there is one"):
        label_weights(splits_of(), {"kind": "balanced"})
    for value in ({"kind": "balance"}, {"kind": {"a": -1.0}}, {"kind": {"a": "x"}}, {"kind": True}):
        with pytest.raises(SettingsError, match="train.class_weights"):
            override(SETTINGS, {"train.class_weights": value})
    changed = override(SETTINGS, {"train.class_weights": {"kind": {0: 2.0}, "even": "balanced"}})
    assert changed.train.class_weights == {"kind": {"0": 2.0}, "even": "balanced"}


def test_a_fit_of_its_own_is_given_weights_by_output() -> None:
    keras, splits = load_keras(), of_two_outputs()
    inputs = keras.Input((4,))
    ends = [("kind", 3, "softmax"), ("size", 1, None), ("even", 1, "sigmoid")]
    outputs = [keras.layers.Dense(n, f, name=name)(inputs) for name, n, f in ends]
    model = keras.Model(inputs, outputs)
    losses = ["sparse_categorical_crossentropy", "mse", "binary_crossentropy"]
    model.compile("sgd", losses)

    def takes(hp: Any, model: Any, *args: Any, **kwargs: Any) -> None: ...

    found = weight_arguments(takes, model, splits.train.y, splits, {"kind": {"emu": 3.0}})
    assert set(found) == {"sample_weight"}
    assert set(found["sample_weight"]) == {"kind", "size", "even"}
    assert found["sample_weight"]["kind"].max() == 3


def model_of(weighted: bool = True) -> Any:
    keras = load_keras()
    load_tensorflow().random.set_seed(0)  # as TensorFlow 2.3 has it, too
    layers = [keras.layers.Dense(8, "relu", input_shape=(4,)), keras.layers.Dense(3, "softmax")]
    model = keras.Sequential(layers)
    metrics = {"weighted_metrics": ["accuracy"]} if weighted else {"metrics": ["accuracy"]}
    model.compile(keras.optimizers.Adam(0.05), "sparse_categorical_crossentropy", **metrics)
    return model


def test_a_class_that_alone_counts_is_what_the_model_learns_to_say() -> None:
    splits, model = splits_of(), model_of(False)
    alone = {"cat": 0.0, "dog": 0.0}
    plan = Plan(30, 8, 0, "val_accuracy", True, 0, class_weights=alone, keep_best=False)
    train(model, DeviceData(splits.dataset), splits, plan)
    assert (model.predict(splits.validation.x, verbose=0).argmax(1) == 2).all()


def test_validation_is_what_keras_says_of_weighted_samples() -> None:
    splits, model = splits_of(np.random.RandomState(1).rand(100)), model_of()
    part = splits.validation
    validator = Validator(model, DeviceData(splits.dataset), splits)
    expected = model.evaluate(
        part.x, part.y, sample_weight=part.weights, verbose=0, return_dict=True, batch_size=100
    )
    found = validator()
    assert found["val_loss"] == pytest.approx(expected["loss"], rel=1e-5)
    assert validator.quick()["val_loss"] == pytest.approx(expected["loss"], rel=1e-5)
    # the plain accuracy of validation keeps its name: Keras's is of weighted samples here
    assert found["val_accuracy"] == pytest.approx(
        float((model.predict(part.x, verbose=0).argmax(1) == part.y).mean())
    )


def test_a_fit_of_its_own_is_given_the_weights_or_refused() -> None:
    splits = splits_of(np.ones(100))

    def takes(hp: Any, model: Any, *args: Any, **kwargs: Any) -> None: ...

    def lacks(
        hp: Any, model: Any, x: Any, y: Any, validation_data: Any, sample_weight: Any
    ) -> None: ...

    model, y = model_of(), splits.train.y
    found = weight_arguments(takes, model, y, splits, "balanced")
    assert set(found) == {"sample_weight", "class_weight"}
    assert weight_arguments(takes, model, y, splits_of(), "none") == {}
    with pytest.raises(ModelError, match="takes no class_weight"):
        weight_arguments(lacks, model, y, splits, "balanced")
