"""Reading models: live and stored ones agree, nested ones are flattened, shared ones counted once,
and nothing of them is run.
"""

import json
import subprocess
import sys
from random import Random

import pytest

from tests.hardware.models import plain_cnn
from vaiopt.errors import ModelError
from vaiopt.hardware import read_graph
from vaiopt.keras import load_model, save_model

CONV = {"name": "c", "filters": 4, "kernel_size": [3, 3], "padding": "same", "activation": "relu"}
SMALL = {
    "class_name": "Functional",
    "config": {
        "name": "small",
        "layers": [
            {
                "class_name": "InputLayer",
                "config": {"name": "i", "batch_input_shape": [None, 8, 8, 3]},
                "name": "i",
                "inbound_nodes": [],
            },
            {
                "class_name": "Conv2D",
                "config": CONV,
                "name": "c",
                "inbound_nodes": [[["i", 0, 0, {}]]],
            },
            {
                "class_name": "Flatten",
                "config": {"name": "f"},
                "name": "f",
                "inbound_nodes": [[["c", 0, 0, {}]]],
            },
            {
                "class_name": "Dense",
                "config": {"name": "d", "units": 3},
                "name": "d",
                "inbound_nodes": [[["f", 0, 0, {}]]],
            },
        ],
        "input_layers": [["i", 0, 0]],
        "output_layers": [["d", 0, 0]],
    },
}


def named(graph):
    """The graph without what depends on the order of reading."""
    names = [operation.name for operation in graph.operations]
    return {
        operation.name: operation._replace(
            inputs=tuple(names[i] for i in operation.inputs), assumed_shape=False
        )
        for operation in graph.operations
    }


def stored(model):
    return json.loads(model.to_json())


def branching(keras):
    """A nested functional model used twice, a nested sequential one, a shared layer, two inputs and
    two outputs.
    """
    layers = keras.layers
    inner_in = keras.Input((8, 8, 4))
    inner = keras.Model(
        inner_in,
        layers.Add()([layers.Conv2D(4, 3, padding="same", name="inside")(inner_in), inner_in]),
        name="inner",
    )
    head = keras.Sequential([layers.Flatten(), layers.Dense(5), layers.ReLU()], name="head")
    a, b = keras.Input((8, 8, 4), name="a"), keras.Input((8, 8, 4), name="b")
    shared = layers.Conv2D(4, 1, name="shared")
    first, second = inner(shared(a)), inner(shared(b))
    joined = layers.Concatenate(name="join")([first, second])
    return keras.Model([a, b], [head(joined), second], name="branching")


@pytest.mark.parametrize(
    "build", [plain_cnn, branching, lambda keras: keras.applications.MobileNetV2(weights=None)]
)
def test_a_live_model_its_configuration_and_its_file_give_the_same_graph(keras, tmp_path, build):
    model = build(keras)
    save_model(model, tmp_path / "model.h5")
    (tmp_path / "model.json").write_text(model.to_json(), encoding="utf-8")
    graphs = [
        read_graph(m)
        for m in (model, stored(model), tmp_path / "model.h5", str(tmp_path / "model.json"))
    ]
    assert all(named(graph) == named(graphs[0]) for graph in graphs[1:])
    assert all(graph.params == model.count_params() for graph in graphs)
    assert [graph.name for graph in graphs[2:]] == ["model", "model"]


def test_nested_models_are_flattened_and_shared_layers_counted_once(keras):
    graph = read_graph(branching(keras))
    names = [operation.name for operation in graph.operations]
    assert {"inner/inside", "inner/inside:1", "shared", "shared:1"} <= set(names) and set(
        graph.nested
    ) == {"inner", "head"}
    params = {operation.name: operation.params for operation in graph.operations}
    assert params["shared"] == 20 and params["shared:1"] == 0
    assert len(graph.inputs) == 2 and len(graph.outputs) == 2
    for number, operation in enumerate(graph.operations):
        assert all(source < number for source in operation.inputs)


def test_multiplications_are_counted_once_per_use(keras):
    layers = keras.layers
    inputs = keras.Input((10, 10, 3))
    x = layers.Conv2D(8, 3, strides=2, padding="same")(inputs)
    x = layers.DepthwiseConv2D(3, padding="same")(x)
    x = layers.Conv2DTranspose(4, 2, strides=2)(x)
    x = layers.Dense(7)(layers.Flatten()(x))
    expected = 5 * 5 * 9 * 3 * 8 + 5 * 5 * 9 * 8 + 5 * 5 * 4 * 8 * 4 + 400 * 7
    assert read_graph(keras.Model(inputs, x)).macs == expected


def test_a_sequential_model_with_and_without_an_input_layer(keras):
    layers = keras.layers
    first = keras.Sequential(
        [layers.Conv2D(4, 3, input_shape=(8, 8, 1)), layers.Flatten(), layers.Dense(2)]
    )
    second = keras.Sequential(
        [keras.Input((8, 8, 1)), layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(2)]
    )
    late = keras.Sequential([layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(2)])
    late.build((None, 8, 8, 1))
    for model in (first, second, late):
        for form in (model, stored(model)):
            assert (
                read_graph(form).params == 40 + 2 * 145 and read_graph(form).macs == 36 * 36 + 288
            )


def test_a_sequential_model_without_input_shape_is_refused(keras):
    model = keras.Sequential([keras.layers.Dense(2)])
    for form in (model, stored(model)):
        with pytest.raises(ModelError, match="no input shape"):
            read_graph(form)


def test_an_undefined_shape_is_refused_with_the_input(keras):
    inputs = keras.Input((None, None, 3), name="any_size")
    model = keras.Model(inputs, keras.layers.Conv2D(4, 3)(inputs))
    for form in (model, stored(model)):
        with pytest.raises(ModelError, match="any_size"):
            read_graph(form)


def test_a_subclassed_model_is_refused(keras):
    class Mine(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(ModelError, match="subclassed"):
        read_graph(Mine())


def test_channels_first_is_refused_with_the_layer(keras):
    model = plain_cnn(keras)
    config = json.loads(model.to_json().replace("channels_last", "channels_first"))
    with pytest.raises(ModelError, match="conv0"):
        read_graph(config)


@pytest.mark.parametrize(
    "content",
    [
        {"class_name": "Functional", "config": {}},
        {"class_name": "Mine", "config": {"layers": []}},
        {"class_name": "Sequential", "config": {"layers": []}},
        {
            "class_name": "Functional",
            "keras_version": "3.4.1",
            "config": {"layers": [], "input_layers": [], "output_layers": []},
        },
        {"layers": [{"config": {}}]},
        {},
    ],
)
def test_a_configuration_that_is_no_keras_2_model_is_refused(content):
    with pytest.raises(ModelError):
        read_graph(content)


@pytest.mark.parametrize("text", ["", "{", "[1]", "{}", '"text"'])
def test_a_json_that_is_no_architecture_is_refused_with_its_name(tmp_path, text):
    path = tmp_path / "model.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match="model.json"):
        read_graph(path)
    with pytest.raises(ModelError, match="other.json"):
        read_graph(tmp_path / "other.json")


def test_layers_that_refer_to_nothing_or_in_a_circle_are_refused(keras):
    config = stored(plain_cnn(keras))
    missing = json.loads(json.dumps(config).replace('[["conv0"', '[["conv9"'))
    with pytest.raises(ModelError):
        read_graph(missing)
    circle = json.loads(json.dumps(config).replace('[["image"', '[["norm0"'))
    with pytest.raises(ModelError, match="circle"):
        read_graph(circle)


def test_a_lambda_is_reported_and_never_run_and_tensorflow_is_not_imported(keras, tmp_path):
    trap = tmp_path / "executed"
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3)(inputs)
    x = keras.layers.Lambda(lambda t, path=str(trap): (open(path, "w").close(), t)[1], name="trap")(
        x
    )
    model = keras.Model(inputs, keras.layers.Conv2D(2, 3)(x))
    save_model(model, tmp_path / "model.h5")
    trap.unlink()
    code = (
        "import sys; from vaiopt.hardware import inspect_model, load_target\nreport ="
        " inspect_model({!r}, load_target('zcu102'))\nlayer = next(l for l in report.layers if"
        " l.name == 'trap')\nassert layer.device == 'CPU' and 'never run' in layer.reason,"
        " layer\nassert report.dpu_subgraphs == 2 and 'tensorflow' not in sys.modules and 'keras'"
        " not in sys.modules\n"
    ).format(str(tmp_path / "model.h5"))
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)
    assert not trap.exists()


def test_a_custom_layer_has_its_true_shape_when_live_and_an_assumed_one_when_stored(keras):
    class Halve(keras.layers.Layer):
        def call(self, x):
            return x[:, ::2, ::2, :]

    inputs = keras.Input((8, 8, 4))
    model = keras.Model(
        inputs, keras.layers.Conv2D(2, 1, name="after")(Halve(name="halve")(inputs))
    )
    live, file = (
        read_graph(model),
        read_graph({"class_name": "Functional", "config": model.get_config()}),
    )
    assert [op.output_shape for op in live.operations] == [(8, 8, 4), (4, 4, 4), (4, 4, 2)]
    assert [op.assumed_shape for op in file.operations] == [False, True, False] and file.operations[
        1
    ].kind == "other"


def test_tensorflow_operations_are_read_with_their_shapes(keras):
    import tensorflow as tf

    inputs = keras.Input((8, 8, 4))
    x = 1.0 - keras.layers.Conv2D(4, 1, name="conv")(inputs)
    gate = tf.nn.relu6(x + 3.0) * (1.0 / 6.0)
    y = tf.concat([x * gate, x], axis=-1)
    y = tf.reshape(tf.reduce_mean(y, axis=[1, 2], keepdims=True), (-1, 8))
    model = keras.Model(inputs, keras.layers.Dense(3)(y))
    live, file = read_graph(model), read_graph(stored(model))
    assert named(live) == named(file) and live.operations[live.outputs[0]].input_shapes == ((8,),)
    gates = [op for op in live.operations if op.function == "dpu_sigmoid"]
    assert (
        len(gates) == 1
        and gates[0].kind == "activation"
        and not any(op.function == "nn.relu6" for op in live.operations)
    )


@pytest.mark.parametrize(
    "call, told",
    [
        (lambda tf, x: tf.nn.depth_to_space(x, 2), True),
        (lambda tf, x: tf.nn.space_to_depth(x, 2), True),
        (lambda tf, x: tf.reduce_min(x, axis=-1), True),
        (lambda tf, x: tf.math.reduce_variance(x, axis=[1, 2]), True),
        (lambda tf, x: tf.nn.softplus(x), True),
        (lambda tf, x: tf.nn.pool(x, [2, 2], "MAX", [2, 2]), False),
        (lambda tf, x: tf.argmin(x, axis=-1), False),
    ],
    ids=["to space", "to depth", "min", "variance", "softplus", "pool", "argmin"],
)
def test_the_shape_of_a_function_of_tensorflow_is_right_or_said_to_be_assumed(keras, call, told):
    import tensorflow as tf

    inputs = keras.Input((8, 6, 4))
    model = keras.Model(inputs, call(tf, inputs))
    operation = read_graph(stored(model)).operations[-1]
    assert operation.assumed_shape is not told
    if told:
        assert operation.output_shape == tuple(model.output_shape[1:])


def _sum_behind_slice(tf, x, conv):
    return x[:, ::2, ::2] + conv(4, 3, strides=2, padding="same")(x)


def _values_behind_padding(tf, x, conv):
    return tf.reshape(tf.pad(x, [[0, 0], [1, 1], [0, 1], [0, 0]]), [-1, 8 * 9 * 4])


def _values_behind_parts_of_two_sizes(tf, x, conv):
    return tf.reshape(tf.split(x, [1, 3], -1)[1], [-1, 6, 24])


@pytest.mark.parametrize(
    "make",
    [_sum_behind_slice, _values_behind_padding, _values_behind_parts_of_two_sizes],
)
def test_what_follows_an_operation_fits_its_shape_in_a_stored_model_as_in_a_live_one(
    keras, make, tmp_path
):
    import tensorflow as tf

    inputs = keras.Input((6, 8, 4))
    model = keras.Model(inputs, make(tf, inputs, keras.layers.Conv2D))
    path = tmp_path / "model.h5"
    model.save(path, include_optimizer=False)
    loaded = load_model(path)  # which lowers what the file says, before Keras builds anything
    assert loaded.output_shape == model.output_shape
    operations = read_graph(stored(model)).operations
    assert operations[-1].output_shape == tuple(model.output_shape[1:])
    assert not any(operation.assumed_shape for operation in operations)


def test_an_operation_without_a_layer_is_what_a_stored_model_is_refused_for(keras, tmp_path):
    """Its shape is not known in a file: what does not fit there is not the model's fault."""
    import tensorflow as tf

    inputs = keras.Input((6, 8, 4))
    line = keras.layers.Conv2D(4, 3, padding="same")(inputs)[:, 0]
    model = keras.Model(inputs, keras.layers.Dense(3)(tf.reshape(line, [-1, 32])))
    path = tmp_path / "model.h5"
    model.save(path, include_optimizer=False)
    for given in (model, load_model(path), str(path)):
        problems = {refusal.problem for refusal in read_graph(given).refusals}
        assert any("getitem" in problem for problem in problems)


def test_activations_inside_layers_become_operations(keras):
    layers = keras.layers
    inputs = keras.Input((8, 8, 4))
    x = layers.Conv2D(4, 3, activation="relu", name="a")(inputs)
    x = layers.SeparableConv2D(4, 3, activation=keras.activations.swish, name="b")(x)
    x = layers.Dropout(0.5)(layers.Activation("linear")(x))
    x = layers.Dense(2, activation="softmax", name="c")(layers.Flatten()(x))
    kinds = [
        (op.name, op.kind, op.function) for op in read_graph(keras.Model(inputs, x)).operations[1:]
    ]
    assert kinds == [
        ("a", "conv", ""),
        ("a/relu", "activation", "relu"),
        ("b/depthwise", "depthwise", ""),
        ("b", "conv", ""),
        ("b/swish/sigmoid", "activation", "sigmoid"),
        ("b/swish", "multiply", "swish"),
        (kinds[6][0], "flatten", ""),
        ("c", "dense", ""),
        ("c/softmax", "softmax", "softmax"),
    ]


@pytest.mark.parametrize("seed", range(500))
def test_a_damaged_architecture_is_an_error_and_never_a_traceback(seed):
    random = Random(seed)
    content = json.loads(json.dumps(SMALL))
    for _ in range(random.randint(1, 3)):
        place, keys = content, []
        while isinstance(place, (dict, list)) and place and (not keys or random.random() < 0.8):
            key = random.choice(list(place) if isinstance(place, dict) else range(len(place)))
            keys.append((place, key))
            place = place[key]
        parent, key = keys[-1]
        parent[key] = random.choice([None, 0, -1, "x", [], {}, [None], 1e400, True, [[1]]])
    try:
        read_graph(content)
    except ModelError as error:
        assert error.hint
