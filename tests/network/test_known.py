"""Nothing in a model file is run: what is not known is refused before anything is built."""

import base64
import json
import marshal

import h5py
import numpy as np
import pytest

from vaiopt.errors import ModelError, VaioptError
from vaiopt.int8.model import load_quantized
from vaiopt.keras import load_keras, load_model, save_model
from vaiopt.network.known import ACTIVATIONS, CODE, FUNCTIONS, check_known
from vaiopt.network.layers import LAYERS
from vaiopt.network.loadable import trusting_models


def changed(good, tmp_path, change):
    """Return the path of a copy of the file whose architecture is changed."""
    path = tmp_path / "bad.h5"
    path.write_bytes(good.read_bytes())
    with h5py.File(str(path), "r+") as file:
        config = json.loads(file.attrs["model_config"])
        change(config["config"])
        file.attrs["model_config"] = json.dumps(config).encode()
    return path


def lambda_config(mark):
    code = compile(f"lambda t: (open({str(mark)!r}, 'w').close(), t)[1]", "x", "eval").co_consts[0]
    return {
        "name": "trap",
        "function": [base64.b64encode(marshal.dumps(code)).decode(), None, None],
        "function_type": "lambda",
        "module": "__main__",
        "output_shape": None,
        "output_shape_type": "raw",
        "output_shape_module": None,
        "arguments": {},
    }


def layer(kind, config, source="image"):
    inbound = [[[source, 0, 0, {}]]]
    return {"class_name": kind, "name": "trap", "config": config, "inbound_nodes": inbound}


def wrapped(config):
    return {"name": "trap", "layer": {"class_name": "Lambda", "config": config}}


def nested(config):
    image = {"batch_input_shape": [None, 8, 8, 1], "name": "i"}
    layers = [
        {"class_name": "InputLayer", "name": "i", "config": image, "inbound_nodes": []},
        layer("Lambda", config, "i"),
    ]
    ends = {"input_layers": [["i", 0, 0]], "output_layers": [["trap", 0, 0]]}
    return {"name": "inner", "layers": layers, **ends}


HIDING_PLACES = {
    "a layer that leads nowhere": lambda config: layer("Lambda", config),
    "inside a wrapper": lambda config: layer("TimeDistributed", wrapped(config)),
    "inside a wrapper in a wrapper": lambda config: layer(
        "TimeDistributed",
        {"name": "o", "layer": {"class_name": "Bidirectional", "config": wrapped(config)}},
    ),
    "in a nested model": lambda config: layer("Functional", nested(config)),
    "in a nested sequence": lambda config: layer(
        "Sequential", [{"class_name": "Lambda", "config": config}]
    ),
    "under a package's name": lambda config: layer("Vitis>Lambda", config),
    "as an activation": lambda config: layer(
        "Activation", {"name": "a", "activation": {"class_name": "Lambda", "config": config}}
    ),
    "as a cell": lambda config: layer(
        "RNN", {"name": "r", "cell": {"class_name": "Lambda", "config": config}}
    ),
    "in a keyword argument": lambda config: {
        **layer("Flatten", {"name": "f"}),
        "inbound_nodes": [[["image", 0, 0, {"x": {"class_name": "Lambda", "config": config}}]]],
    },
}


@pytest.mark.parametrize("where", HIDING_PLACES)
def test_code_in_a_file_is_refused_wherever_it_hides_and_does_not_run(good, tmp_path, where):
    mark = tmp_path / "ran"
    place = HIDING_PLACES[where](lambda_config(mark))
    path = changed(good, tmp_path, lambda config: config["layers"].append(place))
    for load in (load_model, load_quantized):
        with pytest.raises(VaioptError):
            load(path)
    with pytest.raises(ModelError, match="code that comes with the file is not run") as caught:
        load_model(path)
    assert "--trust-model" in caught.value.hint
    assert not mark.exists()


def test_code_runs_when_the_caller_trusts_the_file(good, tmp_path):
    mark = tmp_path / "ran"
    place = HIDING_PLACES["a layer that leads nowhere"](lambda_config(mark))
    path = changed(good, tmp_path, lambda config: config["layers"].append(place))
    with trusting_models(False), pytest.raises(ModelError):
        load_model(path)
    with trusting_models():
        load_model(path)
    assert mark.exists()
    with pytest.raises(ModelError):
        load_model(path)


UNKNOWN = {
    "a function of TensorFlow that writes files": layer(
        "TFOpLambda", {"name": "trap", "function": "io.write_file"}
    ),
    "a function of Python": layer("TFOpLambda", {"name": "trap", "function": "py_function"}),
    "an operation that writes files": layer(
        "TensorFlowOpLayer", {"name": "trap", "node_def": '{"op": "WriteFile"}', "constants": {}}
    ),
    "a class that reads a file": layer(
        "StringLookup", {"name": "trap", "vocabulary": "/etc/hosts"}
    ),
    "a class of nobody": layer("Custom>Mine", {"name": "trap"}),
    "a module of Python": layer(
        "Activation",
        {
            "name": "trap",
            "activation": {"class_name": "function", "config": "system", "module": "os"},
        },
    ),
    "a function of a module of Keras": layer(
        "Activation",
        {
            "name": "trap",
            "activation": {"class_name": "function", "config": "get_file", "module": "keras.utils"},
        },
    ),
    "a class of a module of Python": {
        **layer("Dense", {"name": "trap", "units": 1}),
        "module": "subprocess",
    },
    "a class of Keras behind the name of a package": {
        **layer("StringLookup", {"name": "trap"}),
        "module": "keras.layers",
        "registered_name": "Vitis>StringLookup",
    },
    "an initializer of nobody": layer(
        "Dense",
        {"name": "trap", "units": 1, "kernel_initializer": {"class_name": "Mine", "config": {}}},
    ),
    "a method of a tensor": layer("InstanceMethod", {"name": "trap", "attr_name": "numpy"}),
    "an activation by a name that Keras has for something else": layer(
        "Activation", {"name": "trap", "activation": "deserialize"}
    ),
}


@pytest.mark.parametrize("what", UNKNOWN)
def test_what_keras_does_not_bring_is_refused_with_the_layer_s_name(good, tmp_path, what):
    path = changed(good, tmp_path, lambda config: config["layers"].append(UNKNOWN[what]))
    with pytest.raises(ModelError, match="layer 'trap'"):
        load_model(path)


def test_every_class_of_keras_that_holds_code_or_reads_files_is_unknown():
    readers = {"StringLookup", "IntegerLookup", "TextVectorization", "DenseFeatures", "Wrapper"}
    assert not readers & set(LAYERS)
    for kind in CODE & set(LAYERS):
        with pytest.raises(ModelError):
            check_known({"class_name": kind, "config": {"name": "a", "function": "io.x"}})


def test_functions_that_touch_files_processes_or_python_are_not_on_the_list():
    for name in (
        "io.read_file io.write_file py_function numpy_function raw_ops.ReadFile print load_library"
        " saved_model.load keras.utils.get_file keras.models.load_model math.__class__.mro"
        " compat.v1.py_func data.Dataset math"
    ).split():
        assert not FUNCTIONS.fullmatch(name), name
    for name in "math.multiply nn.relu __operators__.getitem reshape compat.v1.nn.conv2d".split():
        assert FUNCTIONS.fullmatch(name), name


def test_every_known_activation_is_one_of_keras_or_of_tensorflow():
    keras = load_keras()
    import tensorflow as tf

    own = {
        "hard_swish",
        "hard_silu",
        "log_sigmoid",
        "mish",
        "gelu",
    }  # of the Keras that is newer or older
    for name in ACTIVATIONS - own:
        plain = name.replace("_v2", "")
        assert hasattr(keras.activations, plain) or hasattr(tf.nn, plain), name


def test_everyday_models_are_known(tmp_path):
    keras = load_keras()
    layers = keras.layers
    image = keras.Input((16, 16, 3))
    x = layers.Rescaling(1 / 255)(image)
    x = layers.Conv2D(4, 3, kernel_regularizer="l2", kernel_initializer="he_normal")(x)
    x = layers.BatchNormalization(gamma_constraint=keras.constraints.MaxNorm(2))(x)
    x = layers.Activation(keras.activations.swish)(x)
    x = layers.SeparableConv2D(4, 3, activation=layers.ReLU(6.0))(x)
    x = x * 2.0 + 1.0
    inner = keras.Sequential([keras.Input((12, 12, 4)), layers.Flatten(), layers.Dropout(0.1)])
    x = layers.Dense(3, activation="gelu")(inner(x))
    model = keras.Model(image, layers.Softmax()(x))
    save_model(model, tmp_path / "m.h5")
    loaded = load_model(tmp_path / "m.h5")
    values = np.ones((1, 16, 16, 3), np.float32)
    assert np.array_equal(loaded.predict(values, verbose=0), model.predict(values, verbose=0))
