from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from vaiopt.data import load_dataset, split_dataset
from vaiopt.data.batches import DeviceData
from vaiopt.errors import ModelError, SettingsError
from vaiopt.keras import load_keras
from vaiopt.models.pretrained import Taken, leaves
from vaiopt.runs.layout import Run
from vaiopt.search.inputs import input_changes, inputs_of
from vaiopt.search.training.describe import describe_search
from vaiopt.search.training.fit import Plan, train
from vaiopt.search.training.options import TrainingValues
from vaiopt.search.training.phases import NONE, freeze, frozen_layers
from vaiopt.search.training.pricing import price_points
from vaiopt.search.training.schedule import Schedule
from vaiopt.search.training.shared import Shared
from vaiopt.search.training.trial import Job, run_trial
from vaiopt.settings import load_settings, override
from vaiopt.settings.together import unused
from vaiopt.study.record import COMPLETE, INFEASIBLE

PLAN = Plan(epochs=3, batch_size=32, seed=0, metric="val_accuracy", maximise=True, patience=0)
PLAN = replace(PLAN, keep_best=False)
VALUES = TrainingValues(3, 32, (7.0, 2.0, 1.0))


@pytest.fixture(scope="module")
def digits():
    dataset = load_dataset("digits", limit=200, seed=0)
    return DeviceData(dataset), split_dataset(dataset, (7, 2, 1), seed=0)


def model_of(inner=False, optimizer="adam"):
    """Return a network of a convolution, batch normalisation and a dense layer; the first two are a
    model within the model if asked.
    """
    keras = load_keras()
    layers = keras.layers
    keras.utils.set_random_seed(0) if hasattr(keras.utils, "set_random_seed") else None
    first = [layers.Conv2D(4, 3, name="conv"), layers.BatchNormalization(name="norm")]
    if inner:
        image = keras.Input((8, 8, 1))
        first = [keras.Model(image, first[1](first[0](image)), name="base")]
    inputs = x = keras.Input((8, 8, 1))
    for layer in (*first, layers.GlobalAveragePooling2D(), layers.Dense(10, "softmax", name="out")):
        x = layer(x)
    model = keras.Model(inputs, x)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def weights(model):
    return {leaf.layer.name: leaf.layer.get_weights() for leaf in leaves(model)}


def changed(before, after):
    return {n for n in before if not all(np.array_equal(a, b) for a, b in zip(before[n], after[n]))}


class Watch:
    """What layers changed in each epoch, and at which rate."""

    def __init__(self, model):
        self.epochs, self.rates, last = [], [], [weights(model)]

        class Watching(load_keras().callbacks.Callback):
            def on_epoch_end(callback, epoch, logs=None):  # noqa: N805
                now = weights(callback.model)
                self.epochs.append(changed(last[0], now))
                self.rates.append(float(np.asarray(callback.model.optimizer.learning_rate)))
                last[0] = now

        self.callback = Watching()


def watched(digits, model, frozen, **plan):
    watch = Watch(model)
    plan = replace(PLAN, frozen=frozen, callbacks=[watch.callback], **plan)
    train(model, *digits, plan)
    return watch


@pytest.mark.parametrize("inner", [False, True])
def test_frozen_layers_keep_weights_and_statistics(digits, inner):
    model = model_of(inner)
    frozen = freeze(model, replace(VALUES, freeze="base" if inner else "2"), None)
    watch = watched(digits, model, frozen)
    assert watch.epochs == [{"out"}] * 3
    frozen.release()
    assert all(leaf.layer.trainable for leaf in leaves(model))
    assert "trainable" not in {k for k, v in model.get_config().items() if v is False}


@pytest.mark.parametrize("inner", [False, True])
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_frozen_layers_are_trained_from_their_epoch_on_but_not_their_statistics(
    digits, inner, optimizer
):
    model = model_of(inner, optimizer)
    values = replace(VALUES, freeze="2", unfreeze_epoch=1, fine_tune_rate=0.5)
    frozen = freeze(model, values, None)
    rate = float(np.asarray(model.optimizer.learning_rate))
    watch = watched(digits, model, frozen)
    assert watch.epochs == [{"out"}, {"conv", "out"}, {"conv", "out"}]
    assert np.allclose(watch.rates, [rate, rate / 2, rate / 2])
    frozen.release()
    assert all(leaf.layer.trainable for leaf in leaves(model))


def test_a_schedule_goes_on_at_the_rate_of_the_phase(digits):
    def rates(frozen_of):
        model = model_of()
        frozen = frozen_of(model)
        return watched(digits, model, frozen, schedule=Schedule("linear")).rates

    values = replace(VALUES, freeze="1", unfreeze_epoch=2, fine_tune_rate=0.1)
    plain, phased = rates(lambda model: NONE), rates(lambda model: freeze(model, values, None))
    assert np.allclose(phased, np.multiply(plain, [1, 1, 0.1]))


def test_nothing_frozen_is_trained_as_before(digits):
    found = []
    for frozen in (NONE, freeze(model_of(), VALUES, None)):
        model = model_of()
        train(model, *digits, replace(PLAN, frozen=frozen))
        found.append(model.get_weights())
    assert all(np.array_equal(a, b) for a, b in zip(*found))


def names(found):
    return [leaf.name for leaf in found]


def test_layers_are_named_by_number_beginning_or_where_their_weights_come_from():
    model = model_of(inner=True)
    assert names(frozen_layers(model, "none", None)) == []
    assert names(frozen_layers(model, "1", None)) == ["base/conv"]
    assert names(frozen_layers(model, "base", None)) == ["base/conv", "base/norm"]
    assert names(frozen_layers(model, "nor", None)) == ["base/norm"]
    taken = Taken("w.h5", ("base/norm",), ("out (not in the file)",))
    assert names(frozen_layers(model, "backbone", taken)) == ["base/norm"]
    assert names(frozen_layers(model, "0", None)) == []


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_head_that_fits_is_taken_and_learned_all_the_same(wrapped):
    keras, model = load_keras(), model_of()
    if wrapped:
        model = keras.Sequential([model, keras.layers.Reshape((10,))])
    every = Taken("w.h5", tuple(leaf.name for leaf in leaves(model)), ())
    found = names(frozen_layers(model, "backbone", every))
    assert [name.split("/")[-1] for name in found] == ["conv", "norm"]


@pytest.mark.parametrize(
    "text, says",
    [
        ("backbone", "no weights are taken"),
        ("bass", "no layer's name begins so"),
        ("9", "leaves no weights to train"),
    ],
)
def test_what_cannot_be_frozen_is_refused_with_a_hint(text, says):
    with pytest.raises(SettingsError, match=says) as caught:
        frozen_layers(model_of(inner=True), text, None)
    assert caught.value.hint


def test_layers_that_the_function_froze_itself_stay_so():
    model = model_of()
    model.get_layer("conv").trainable = False
    frozen = freeze(model, replace(VALUES, freeze="2", unfreeze_epoch=1), None)
    frozen.thaw()
    frozen.release()
    assert not model.get_layer("conv").trainable and model.get_layer("norm").trainable


def test_it_is_said_how_much_is_trained():
    model = model_of()
    total = model.count_params()
    frozen = freeze(model, replace(VALUES, freeze="2"), None)
    assert frozen.told(model) == f"50 of {total} weights are trained: 2 layers are frozen"
    frozen.release()
    frozen = freeze(model, replace(VALUES, freeze="2", unfreeze_epoch=4), None)
    assert "for 4 epoch(s), then 90 are trained at 0.1 of the learning rate" in frozen.told(model)


# --- settings and trials

BASE = [
    *("search.workers=0", "search.trials=2", "search.pruner=none", "search.sampler=random"),
    *("data.limit=200", "model.family=vgg_small", "train.epochs=1"),
    *("model.hyperparameters.stages=1", "model.hyperparameters.depth=1"),
]


@pytest.fixture(scope="module")
def backbone(tmp_path_factory):
    """A file of weights of the family for three classes, 16 wide."""
    from vaiopt.models import build, load_family
    from vaiopt.study.hyperparameters import HyperParameters

    values = {"width": 16, "stages": 1, "depth": 1}
    model = build(load_family("vgg_small"), HyperParameters(values, {}, (8, 8, 1), 3, 100))
    path = str(tmp_path_factory.mktemp("weights") / "backbone.h5")
    model.save_weights(path)
    return path, model


def settings_of(path, *more):
    return load_settings(None, [*BASE, f"model.weights={path}", "train.freeze=backbone", *more])


def test_a_trial_starts_from_the_file_freezes_what_it_took_and_saves_a_model_of_its_own(
    backbone, tmp_path
):
    path, theirs = backbone
    settings = settings_of(path, "model.hyperparameters.width=16")
    record = run_trial(Job(str(tmp_path), settings, 0, {}))
    assert record.status == COMPLETE, record.reason
    assert record.weights.startswith("weights of 2 of 3 layers taken from backbone.h5; left:")
    saved = load_keras().models.load_model(str(Run(tmp_path).trial(0).model), compile=False)
    assert not changed(
        {n: w for n, w in weights(theirs).items() if n != "predictions"}, weights(saved)
    )
    assert all(layer.trainable for layer in saved.layers)


def test_a_point_whose_model_fits_nothing_is_not_trained(backbone, tmp_path):
    settings = settings_of(backbone[0])
    record = run_trial(Job(str(tmp_path), settings, 0, {"width": 64}))
    assert record.status == INFEASIBLE and "fit the model" in record.reason
    (price,) = price_points(settings, SimpleNamespace(check=lambda m: None), (), [{"width": 64}])
    assert "fit the model" in price.refused


def test_a_search_says_first_what_it_starts_from(backbone):
    path, _ = backbone
    found = describe_search(settings_of(path, "model.hyperparameters.width=16"))
    assert any(note.startswith("weights of 2 of 3 layers taken") for note in found.notes)
    assert any("weights are trained: 2 layers are frozen" in note for note in found.notes)
    assert found.inputs is not None and len(found.inputs.weights) == 64


def test_a_search_whose_default_point_fits_nothing_is_refused(backbone):
    with pytest.raises(ModelError, match="no weights in .* fit the model"):
        describe_search(settings_of(backbone[0], "model.hyperparameters.width=32"))
    with pytest.raises(ModelError, match="there is no file of weights"):
        describe_search(settings_of("none.h5", "model.hyperparameters.width=16"))


def test_each_name_that_is_searched_is_checked(backbone):
    settings = settings_of(
        backbone[0],
        "model.hyperparameters.width=16",
        'train.freeze={choice=["none", "backbone", "nowhere"]}',
    )
    with pytest.raises(SettingsError, match="'nowhere', and no layer's name begins so"):
        describe_search(settings)


def test_freezing_is_searched_where_that_is_a_range(backbone):
    found = describe_search(
        settings_of(
            backbone[0],
            "model.hyperparameters.width=16",
            'train.freeze={choice=["none", "1"]}',
            "train.unfreeze_epoch={int=[0, 3]}",
            "train.fine_tune_rate={float=[0.01, 1.0], log=true}",
        )
    )
    searched = {dimension.name for dimension in found.space.searched()}
    assert {"freeze", "unfreeze_epoch", "fine_tune_rate"} <= searched


def test_other_weights_are_noticed_when_a_search_goes_on(backbone, tmp_path):
    path, model = backbone
    copy = tmp_path / "w.h5"
    copy.write_bytes(Path(path).read_bytes())
    settings = settings_of(str(copy))
    dataset = Shared(settings).dataset
    before = SimpleNamespace(inputs=inputs_of(settings, dataset))
    assert input_changes(before, inputs_of(settings, dataset)) == []
    copy.write_bytes(b"other")
    (change,) = input_changes(before, inputs_of(settings, dataset))
    assert change.what == "weights" and "have changed" in change.told


@pytest.mark.parametrize(
    "sets, key",
    [
        (["train.unfreeze_epoch=2"], "train.unfreeze_epoch"),
        (["train.freeze=2", "train.fine_tune_rate=0.5"], "train.fine_tune_rate"),
        (["train.freeze=2", "train.unfreeze_epoch=5", "train.epochs=5"], "train.unfreeze_epoch"),
    ],
)
def test_what_has_no_effect_is_said(sets, key):
    assert [line for line in unused(load_settings(None, sets)) if line.startswith(key)]
    whole = ["train.freeze=2", "train.unfreeze_epoch=2", "train.fine_tune_rate=0.5"]
    assert not unused(load_settings(None, whole))


def test_a_file_beside_the_settings_is_found(tmp_path, backbone):
    (tmp_path / "w.h5").write_bytes(b"")
    (tmp_path / "s.toml").write_text('[model]\nweights = "w.h5"\n')
    assert load_settings(tmp_path / "s.toml").model.weights == str(tmp_path / "w.h5")
    assert override(load_settings(), {"train.freeze": 3}).train.freeze == "3"
