"""Models of several inputs: what they must have, how they are trained, compiled and measured."""

import json

import numpy as np
import pytest

from vaiopt import flow
from vaiopt.data import split_dataset
from vaiopt.data.batches import DeviceData
from vaiopt.data.dataset import make_dataset
from vaiopt.errors import ModelError, SettingsError
from vaiopt.int8.feed import fed
from vaiopt.int8.golden import read_golden
from vaiopt.keras import load_keras
from vaiopt.models import build
from vaiopt.models.input_scaling import without_scaling
from vaiopt.models.rewired import functional_config, rewired
from vaiopt.predictions import predict_candidate
from vaiopt.report.data import gather
from vaiopt.runs.layout import Run
from vaiopt.runs.records import Manifest
from vaiopt.search.training import feasible, fit
from vaiopt.search.training.describe import describe_search
from vaiopt.search.training.hypermodel import trace_fit
from vaiopt.search.training.validation import Validator
from vaiopt.settings import load_settings
from vaiopt.study.hyperparameters import HyperParameters, Inputs
from vaiopt.study.trace import BuildFailed

RANDOM = np.random.RandomState(0)
Y = np.arange(120) % 3
PICTURE = (RANDOM.randint(0, 100, (120, 8, 8)) + 70 * Y[:, None, None]).astype(np.uint8)
SPOT = RANDOM.rand(120, 5).astype(np.float32) * [1, 10, 100, 1, 1]


def known_data():
    return make_dataset("two", {"picture": PICTURE, "spot": SPOT}, Y)


def hyperparameters():
    data = known_data()
    hp = HyperParameters({}, {}, (), 3, 120)
    hp.inputs = {one.name: one for one in data.inputs}
    return hp


def two_inputs(hp, names=("spot", "picture"), size=5, norm=False):
    """A model whose inputs stand in another order than those of the data."""
    keras = load_keras()
    spot, picture = keras.Input((size,), name=names[0]), keras.Input((8, 8, 1), name=names[1])
    x = keras.layers.Conv2D(4, 3, strides=2, activation="relu")(picture)
    x = keras.layers.BatchNormalization()(x) if norm else x
    x = keras.layers.Concatenate()([keras.layers.Flatten()(x), keras.layers.Dense(4)(spot)])
    outputs = keras.layers.Dense(3, activation="softmax")(x)
    model = keras.Model([spot, picture], outputs)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def built(function=two_inputs, **options):
    return build(lambda hp: function(hp, **options), hyperparameters())


def test_a_model_has_its_inputs_in_the_order_of_the_data_and_is_compiled_as_it_was():
    model = built()
    assert model.input_names == ["picture", "spot"] and model.output_shape == (None, 3)
    assert model.loss == "sparse_categorical_crossentropy" and model.optimizer is not None


def test_inputs_of_a_dictionary_are_known_by_the_names_of_their_layers():
    def keyed(hp):
        plain = two_inputs(hp)
        return load_keras().Model(dict(zip("ba", plain.inputs)), plain.outputs)

    model = built(keyed)
    given = {"picture": np.zeros((2, 8, 8, 1)), "spot": np.zeros((2, 5))}
    assert model.predict(given, verbose=0).shape == (2, 3)


def one_input(hp):
    keras = load_keras()
    return keras.Sequential([keras.layers.Dense(3, input_shape=(5,), name="only")])


@pytest.mark.parametrize(
    "options, message, hint",
    [
        ({"names": ("dot", "picture")}, "no samples of the model's input 'dot'", "x_dot"),
        ({"size": 4}, "the model's input 'spot' takes the shape (4,)", "hp.inputs['spot'].shape"),
        ({"function": one_input}, "the model has one input, 'only_input'", "hp.inputs.items()"),
    ],
)
def test_inputs_and_data_must_fit(options, message, hint):
    with pytest.raises(BuildFailed) as caught:
        built(**options)
    assert message in caught.value.message and hint in caught.value.hint


@pytest.mark.parametrize(
    "inputs, hint",
    [(Inputs(spot=None), "Known: spot."), (Inputs(), "hp.input_shape")],
    ids=["several", "one"],
)
def test_an_input_that_the_data_lack_is_named_with_those_there_are(inputs, hint):
    with pytest.raises(ModelError, match="the data have no input 'image'") as caught:
        inputs["image"]
    assert hint in caught.value.hint and "x_image" in caught.value.hint


def test_a_model_without_an_input_that_there_are_samples_of_is_refused():
    hp = hyperparameters()
    hp.inputs = {**hp.inputs, "third": hp.inputs["spot"]}
    with pytest.raises(BuildFailed, match="the model has no input 'third'"):
        build(two_inputs, hp)


def test_a_class_of_a_persons_own_keeps_its_training_and_so_its_order():
    class Own(load_keras().Model):
        """Which trains in a way of its own."""

    def own(hp):
        plain = two_inputs(hp)
        return Own(plain.inputs, plain.outputs)

    with pytest.raises(BuildFailed, match="inputs are spot, picture, the data have picture, spot"):
        built(own)


def test_training_and_validation_feed_each_input():
    data = known_data()
    splits, device = split_dataset(data, (6, 2, 2), seed=0), DeviceData(data)
    model = built(norm=True)
    plan = fit.Plan(
        epochs=3, batch_size=16, seed=0, metric="val_accuracy", maximise=True, patience=0
    )
    curve = fit.train(model, device, splits, plan).curve
    assert curve[-1]["val_loss"] < curve[0]["val_loss"]
    outputs = model.predict(fed(model, splits.validation.x), verbose=0)
    right = float(np.mean(outputs.argmax(axis=1) == splits.validation.y))
    assert Validator(model, device, splits)()["val_accuracy"] == pytest.approx(right)


def test_a_fit_of_a_persons_own_is_given_them_by_name():
    data, seen = known_data(), []

    def own_fit(hp, model, x, y, validation_data, **kwargs):
        seen.append((x, validation_data[0]))
        return model.fit(x, y, validation_data=validation_data, **kwargs)

    splits = split_dataset(data, (6, 2, 2), seed=0)
    trace_fit(own_fit, hyperparameters(), built(), splits, 16)
    assert [sorted(x) for x in seen[0]] == [["picture", "spot"]] * 2


def test_models_of_several_inputs_are_rebuilt_but_keep_their_scaling():
    model = built()
    assert without_scaling(model).model is model
    twin = rewired(model, functional_config(model))
    assert twin.input_names == model.input_names and twin.loss == model.loss


def test_augmentation_is_refused_by_the_names_of_inputs():
    splits = split_dataset(known_data(), (6, 2, 2), seed=0)
    settings = load_settings(None, ["data.source=digits", "augment.noise=0.1"])
    with pytest.raises(SettingsError, match="augment.noise does not .* 2 inputs, picture, spot"):
        feasible.check_augment(settings, built(), splits, False)


MODEL = """
from tensorflow import keras

def build_model(hp):
    layers = keras.layers
    inputs = {name: keras.Input(one.shape, name=name) for name, one in hp.inputs.items()}
    x = layers.Conv2D(hp.Int("filters", 4, 8), 3, strides=2, activation="relu")(inputs["picture"])
    spot = layers.Dense(4, activation="relu")(inputs["spot"])
    x = layers.Concatenate()([layers.Flatten()(x), spot])
    model = keras.Model([inputs["spot"], inputs["picture"]], layers.Dense(hp.classes, "softmax")(x))
    model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
    return model
"""


def settings_of(folder, *more):
    (folder / "mine.py").write_text(MODEL, encoding="utf-8")
    np.savez(str(folder / "data.npz"), x_picture=PICTURE, x_spot=SPOT, y=Y)
    own = (f"data.source={folder}/data.npz", f"model.family={folder}/mine.py")
    few = ("search.trials=1", "train.epochs=3", "quantize.calibration_size=40", "search.workers=0")
    return load_settings(None, [*own, *few, *more])


def test_a_family_of_one_input_is_refused_before_training(tmp_path):
    with pytest.raises(ModelError, match="the family 'mlp' has one input, and the data have 2"):
        describe_search(settings_of(tmp_path, "model.family=mlp"))


def test_two_inputs_go_from_settings_to_the_kits_result(tmp_path):
    run, lines = Run(tmp_path / "run"), []
    summary = flow.run_flow(settings_of(tmp_path), run.folder, progress=lines.append)
    assert any("'picture' (8×8×1, uint8) and 'spot' (5, float32)" in line for line in lines)
    assert summary.measured_score == pytest.approx(summary.int8_score)
    measured = gather(run).measured["cpu"]
    assert measured.golden.bit_exact and measured.agreement.fraction == 1.0
    candidate = run.chosen
    golden = read_golden(candidate.golden, "vaiopt quantize")
    assert [one.name for one in golden.all_inputs] == ["picture/input", "spot/input"]
    assert golden.frames.shape == (16, 69)
    path = candidate.bundle("cpu") / "manifest.json"
    manifest = Manifest.from_json(json.loads(path.read_text(encoding="utf-8")))
    assert [tensor.shape for tensor in manifest.inputs] == [(1, 8, 8, 1), (1, 5)]
    card = (candidate.bundle("cpu") / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "8×8×1, uint8, raw" in card and "5, float32, raw" in card
    given = {"spot": SPOT[:5], "picture": PICTURE[:5]}
    kinds = [predict_candidate(candidate, given, model=m) for m in ("float", "int8", "bundle")]
    assert kinds[1].predicted.tolist() == kinds[2].predicted.tolist()
    assert kinds[0].outputs.shape == kinds[1].outputs.shape == (5, 3)
