"""Models of several outputs: what they must have, how they are trained, validated and compiled."""

import json

import numpy as np
import pytest

from vaiopt import flow
from vaiopt.data import split_dataset
from vaiopt.data.batches import DeviceData
from vaiopt.data.dataset import make_dataset
from vaiopt.errors import ModelError
from vaiopt.keras import load_keras
from vaiopt.models import build
from vaiopt.models.probabilities import (
    activation_of_file,
    file_attributes,
    int8_activation,
    missing_activation,
    missing_of,
    said,
    with_activation,
)
from vaiopt.network.file import output_names
from vaiopt.predictions import predict_candidate
from vaiopt.quantize.labels import judge_of
from vaiopt.report.data import gather
from vaiopt.runs.layout import Run
from vaiopt.runs.records import Manifest
from vaiopt.search.training import feasible, fit, validation
from vaiopt.search.training.validation import Validator, parts_within
from vaiopt.settings import load_settings
from vaiopt.study.hyperparameters import HyperParameters
from vaiopt.study.trace import BuildFailed
from vaiopt.tasks import task_of

TEXT = "kind=classification,size=regression"
X = np.random.RandomState(0).rand(120, 6).astype(np.float32)
Y = {"kind": np.argmax(X[:, :3], axis=1), "size": X.sum(axis=1)}


def two_heads(hp, names=("size", "kind"), classes=3, softmax="softmax", losses=None):
    """A model whose outputs stand in another order than their tasks."""
    layers = load_keras().layers
    inputs = load_keras().Input((6,))
    x = layers.Dense(hp.Int("nodes", 8, 16), activation="relu")(inputs)
    size, kind = layers.Dense(1, name=names[0]), layers.Dense(classes, softmax, name=names[1])
    model = load_keras().Model(inputs, [size(x), kind(x)])
    known = {"kind": "sparse_categorical_crossentropy", "size": "mse"}
    model.compile("adam", known if losses is None else losses)
    return model


def known_data():
    return make_dataset("two", X, Y, task=TEXT)


def hyperparameters(outputs=True):
    data = known_data()
    hp = HyperParameters({}, {}, (6,), len(data.classes), 120, data.task if outputs else "binary")
    hp.outputs = task_of(data.task).forms(data.y, data.classes) if outputs else {}
    return hp


def built(function=two_heads, **options):
    return build(lambda hp: function(hp, **options), hyperparameters())


@pytest.mark.parametrize(
    "options, message, hint",
    [
        ({"names": ("width", "kind")}, "output 'width' has no task", "tasks.width"),
        ({"classes": 4}, "output 'kind': the model gives outputs of shape (4,)", "hp.outputs"),
    ],
)
def test_outputs_and_tasks_must_fit(options, message, hint):
    losses = dict(zip(options.get("names", ("size", "kind")), ("mse", "mse")))
    with pytest.raises(BuildFailed) as caught:
        built(**options, losses=losses)
    assert message in caught.value.message and hint in caught.value.hint


def test_tasks_of_a_model_with_one_output_are_refused():
    def one(hp):
        return load_keras().Sequential([load_keras().layers.Dense(3, input_shape=(6,))])

    with pytest.raises(BuildFailed, match="the model has one output") as caught:
        build(one, hyperparameters())
    assert "leave tasks out" in caught.value.hint
    with pytest.raises(BuildFailed, match="more than one output: size, kind") as caught:
        build(two_heads, hyperparameters(outputs=False))
    assert "--set tasks.size=" in caught.value.hint


def in_a_dictionary(hp, keys=("kind", "size"), kind=None):
    plain = two_heads(hp)
    named = dict(zip(plain.output_names, plain.outputs))
    given = {key: named[name] for key, name in zip(keys, ("kind", "size"))}
    model = (kind or load_keras().Model)(plain.inputs, given)
    model.compile("adam", dict(zip(keys, ("sparse_categorical_crossentropy", "mse"))))
    return model


def test_outputs_that_are_a_dictionary_become_a_list_and_keep_their_losses(tmp_path):
    model = built(in_a_dictionary)
    assert sorted(model.output_names) == ["kind", "size"] and isinstance(model.outputs, list)
    model.save(str(tmp_path / "m.h5"))
    assert output_names(tmp_path / "m.h5") == tuple(model.output_names)
    data = known_data()
    splits, device = split_dataset(data, (6, 2, 2), seed=0), DeviceData(data)
    plan = fit.Plan(
        epochs=2, batch_size=16, seed=0, metric="val_mean_score", maximise=True, patience=0
    )
    curve = fit.train(model, device, splits, plan).curve
    assert curve[-1]["val_loss"] < curve[0]["val_loss"]


def test_a_dictionary_of_other_keys_than_its_layers_or_of_a_class_of_its_own_is_refused():
    with pytest.raises(BuildFailed, match="output 'sort' comes from a layer .* called 'kind'"):
        built(in_a_dictionary, keys=("sort", "size"))

    class Own(load_keras().Model):
        """Which trains in a way of its own."""

    with pytest.raises(BuildFailed, match="as a dictionary, and is of a class of its own"):
        built(in_a_dictionary, kind=Own)


def test_a_loss_that_contradicts_the_task_of_its_output_is_refused():
    losses = {"kind": "sparse_categorical_crossentropy", "size": "categorical_crossentropy"}
    with pytest.raises(ModelError, match="for the output 'size'") as caught:
        feasible.check_loss(built(losses=losses), task_of(TEXT))
    assert "loss='mse'" in caught.value.hint


class SharedData:
    """What the check of targets needs of the data."""

    def __init__(self, dataset):
        self.device = DeviceData(dataset)


@pytest.mark.parametrize("low, refused", [(-1.0, True), (0.0, False)])
def test_a_binary_cross_entropy_of_other_values_than_0_to_1_is_refused(low, refused):
    data = make_dataset(
        "images", *[np.linspace(low, 1, 640, dtype=np.float32).reshape(10, 8, 8)] * 2
    )
    splits = split_dataset(data, (6, 2, 2), seed=0)
    model = load_keras().Sequential(
        [load_keras().layers.Conv2D(1, 3, padding="same", input_shape=(8, 8, 1))]
    )
    model.compile("adam", "binary_crossentropy")
    if not refused:
        return feasible.check_targets(model, SharedData(data), splits)
    with pytest.raises(ModelError, match="reach from -1 to 1") as caught:
        feasible.check_targets(model, SharedData(data), splits)
    assert "loss='mse'" in caught.value.hint


def test_training_reports_each_output_and_validation_in_parts_is_the_same(monkeypatch):
    data = known_data()
    splits, device, model = split_dataset(data, (6, 2, 2), seed=0), DeviceData(data), built()
    plan = fit.Plan(
        epochs=2, batch_size=16, seed=0, metric="val_mean_score", maximise=True, patience=0
    )
    curve = fit.train(model, device, splits, plan).curve
    assert {"val_kind_accuracy", "val_size_rmse", "val_mean_score", "val_loss"} <= set(curve[-1])
    whole = Validator(model, device, splits)()
    monkeypatch.setattr(validation, "HELD_MB", 1e-4)
    monkeypatch.setattr(validation, "evaluation_batch", lambda shape: 3)
    validator = Validator(model, device, splits)
    assert len(validator._parts) > 2
    assert validator() == pytest.approx(whole, rel=1e-5)
    assert parts_within(model, 100, 10) == [slice(i, i + 10) for i in range(0, 100, 10)]


def test_what_outputs_lack_is_known_by_output(tmp_path):
    losses = load_keras().losses
    own = {"kind": losses.SparseCategoricalCrossentropy(from_logits=True), "size": "mse"}
    model = built(softmax=None, losses=own)
    assert missing_activation(model) == "kind=softmax"
    from vaiopt.keras import save_model

    save_model(model, tmp_path / "model.h5", file_attributes(model))
    assert activation_of_file(model, tmp_path / "model.h5") == "kind=softmax"
    assert output_names(tmp_path / "model.h5") == ("size", "kind")
    found = said(model.predict(X[:4], verbose=0), ("size", "kind"), "kind=softmax")
    assert found["kind"].sum(axis=1) == pytest.approx(1.0) and found["size"].shape == (4, 1)
    both = "kind=softmax,size=sigmoid"
    assert int8_activation(both) == "size=sigmoid" and missing_of("int8", both) == "kind=softmax"
    sure = with_activation(model, "kind=softmax").predict(X[:4], verbose=0)
    assert sure[1] == pytest.approx(found["kind"], abs=1e-6)


def test_labels_of_a_bare_models_outputs_are_scored_where_they_are_understood():
    model, names = built(), ("size", "kind")
    found = judge_of(model, Y, len(X), names=names)
    assert found.judge.task.name == "size=regression,kind=classification"
    scores = found.judge.scores(said(model.predict(X, verbose=0), names, ""))
    assert {"size_rmse", "kind_accuracy"} <= set(scores)
    assert "no array 'y_kind'" in judge_of(model, {"size": Y["size"]}, len(X), names=names).why


MODEL = """
from tensorflow import keras

def build_model(hp):
    inputs = keras.Input(hp.input_shape)
    x = keras.layers.Dense(hp.Int("nodes", 8, 16), activation="relu")(inputs)
    size = keras.layers.Dense(1, name="size")(x)
    kind = keras.layers.Dense(hp.outputs["kind"].classes, "softmax", name="kind")(x)
    model = keras.Model(inputs, [size, kind])
    model.compile("adam", {"kind": "sparse_categorical_crossentropy", "size": "mse"})
    return model

def apart(y, outputs):
    return float(abs(y["size"] - outputs["size"]).max())
"""


def test_two_outputs_go_from_settings_to_the_kits_result(tmp_path):
    (tmp_path / "mine.py").write_text(MODEL, encoding="utf-8")
    labels = {"y_kind": Y["kind"], "y_size": Y["size"]}
    np.savez(str(tmp_path / "data.npz"), x=X, **labels)
    settings = load_settings(
        None,
        [
            *("tasks.kind=classification", "tasks.size=regression", "data.standardise=always"),
            *(f"data.source={tmp_path}/data.npz", f"model.family={tmp_path}/mine.py"),
            *(f"objective.metrics={tmp_path}/mine.py:apart", "search.workers=0"),
            *("search.trials=1", "train.epochs=2", "quantize.calibration_size=40"),
        ],
    )
    run, lines = Run(tmp_path / "run"), []
    summary = flow.run_flow(settings, run.folder, progress=lines.append)
    assert any("val_mean_score, the mean of kind_accuracy, size_r2" in line for line in lines)
    assert summary.headline == "mean_score"
    assert summary.measured_score == pytest.approx(summary.int8_score, abs=0.2)
    found = gather(run)
    assert {"kind_accuracy", "size_rmse", "apart"} <= set(found.float_test.scores)
    assert set(found.quantized.int8_scores) == set(found.quantized.float_scores)
    measured = found.measured["cpu"].scores
    assert measured["kind_accuracy"] >= 0
    assert measured["apart"] == pytest.approx(found.int8_test.scores["apart"], abs=0.1)
    assert "Output &#x27;size&#x27;" in run.report.read_text(encoding="utf-8")
    path = run.chosen.bundle("cpu") / "manifest.json"
    manifest = Manifest.from_json(json.loads(path.read_text(encoding="utf-8")))
    assert [part.name for part in manifest.outputs] == ["size", "kind"]
    assert manifest.outputs[0].targets is not None and manifest.targets is None
    int8 = predict_candidate(run.chosen, X[:5], model="int8")
    kit = predict_candidate(run.chosen, X[:5], model="bundle")
    assert int8.predicted["kind"].tolist() == kit.predicted["kind"].tolist()
    assert int8.outputs["size"] == pytest.approx(kit.outputs["size"], abs=0.1)
    kit.save(tmp_path / "said.npz")
    with np.load(str(tmp_path / "said.npz")) as arrays:
        assert {"outputs_size", "predicted_kind"} <= set(arrays.files)
