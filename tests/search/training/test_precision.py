import numpy as np
import pytest

from vaiopt.errors import SettingsError
from vaiopt.hardware import inspect_model, load_target
from vaiopt.keras import load_keras, load_model, load_tensorflow
from vaiopt.models.pretrained import leaves
from vaiopt.runs.layout import Run
from vaiopt.search.training.precision import (
    ON_A_CPU,
    half_precision_twin,
    policy_here,
    take_back,
)
from vaiopt.search.training.trial import Job, run_trial
from vaiopt.settings import load_settings
from vaiopt.study.record import COMPLETE

BASE = [
    *("search.workers=0", "data.limit=120", "model.family=vgg_small", "train.epochs=2"),
    *("model.hyperparameters.stages=1", "model.hyperparameters.depth=1"),
    "train.mixed_precision=true",
]


def compiled(inner=False):
    keras = load_keras()
    layers = keras.layers
    first = [layers.Conv2D(4, 3, name="conv"), layers.BatchNormalization(name="norm")]
    if inner:
        image = keras.Input((8, 8, 1))
        first = [keras.Model(image, first[1](first[0](image)), name="base")]
    inputs = x = keras.Input((8, 8, 1))
    for layer in (*first, layers.GlobalAveragePooling2D(), layers.Dense(3, "softmax", name="out")):
        x = layer(x)
    model = keras.Model(inputs, x)
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


@pytest.mark.parametrize("inner", [False, True])
@pytest.mark.parametrize(
    "policy, kind", [("mixed_float16", "float16"), ("mixed_bfloat16", "bfloat16")]
)
def test_a_twin_computes_in_16_bits_but_for_its_last_layer(inner, policy, kind, monkeypatch):
    if policy == ON_A_CPU and policy_here() != policy:
        pytest.skip("this TensorFlow does not train in bfloat16 on this device")
    monkeypatch.setattr("vaiopt.search.training.precision.policy_here", lambda: policy)
    model = compiled(inner)
    twin = half_precision_twin(model)
    kinds = {leaf.layer.name: leaf.layer.compute_dtype for leaf in leaves(twin)}
    assert kinds == {"conv": kind, "norm": kind, "out": "float32"}
    assert {variable.dtype.name for variable in twin.variables} == {"float32"}
    assert ("LossScale" in type(twin.optimizer).__name__) == (kind == "float16")
    assert load_keras().mixed_precision.global_policy().name == "float32"
    x = np.random.RandomState(0).rand(4, 8, 8, 1).astype(np.float32)
    assert np.allclose(model.predict(x, verbose=0), twin.predict(x, verbose=0), atol=0.02)
    for variable in twin.variables:
        variable.assign(variable + 1.0)
    take_back(model, twin)
    pairs = zip(leaves(model), leaves(twin))
    assert all(
        np.array_equal(a, b)
        for one, other in pairs
        for a, b in zip(one.layer.get_weights(), other.layer.get_weights())
    )


@pytest.mark.parametrize(
    "gpus, version, policy",
    [
        ([], "2.12.0", "mixed_bfloat16"),
        (["GPU:0"], "2.12.0", "mixed_float16"),
        ([], "2.8.0", "mixed_float16"),
    ],
)
def test_a_cpu_computes_in_bfloat16_and_a_gpu_in_float16(gpus, version, policy, monkeypatch):
    tf = load_tensorflow()
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: gpus)
    monkeypatch.setattr(tf, "__version__", version)
    assert policy_here() == policy


def test_a_model_that_cannot_be_built_anew_is_refused(monkeypatch):
    monkeypatch.setattr("vaiopt.search.training.precision.rewired", lambda model, config: None)
    with pytest.raises(SettingsError, match="cannot be built anew"):
        half_precision_twin(compiled())


@pytest.mark.parametrize(
    "more", [[], ["train.freeze=1", "train.unfreeze_epoch=1", "train.schedule=cosine"]]
)
def test_the_model_that_is_kept_is_of_float32(tmp_path, more):
    record = run_trial(Job(str(tmp_path), load_settings(None, [*BASE, *more]), 0, {}))
    assert record.status == COMPLETE, record.reason
    path = Run(tmp_path).trial(0).model
    model = load_model(path)
    assert {layer.compute_dtype for layer in model.layers} == {"float32"}
    assert "mixed_" not in str(model.get_config()) and all(x.trainable for x in model.layers)
    assert inspect_model(path, load_target("zcu102")).fallback_layers == ()
    assert np.isfinite(model.predict(np.zeros((2, 8, 8, 1), np.float32), verbose=0)).all()
