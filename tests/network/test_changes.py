"""Exact changes are decided on the calls, the same for a live model and for a stored one."""

import json

import pytest

from vaiopt.keras import load_keras, load_tensorflow
from vaiopt.network.known import check_known
from vaiopt.network.read import changed_calls, read_calls, read_graph
from vaiopt.network.tensor_calls import layers_for

K, tf = load_keras(), load_tensorflow()
L = K.layers
IMAGE = (8, 8, 4)


def model(make, *front, shape=IMAGE):
    inputs = x = K.Input(shape)
    for layer in front:
        x = layer(x)
    return K.Model(inputs, make(x))


def conv(x):
    return L.Conv2D(4, 1)(x)


OPERATIONS = {
    "add": (lambda x: conv(x) + conv(x), ["Add"]),
    "multiply": (lambda x: conv(x) * conv(x), ["Multiply"]),
    "a sum of itself": (lambda x: x + x, ["Add"]),
    "concat": (lambda x: tf.concat([conv(x), conv(x)], -1), ["Concatenate"]),
    "factor in front": (lambda x: 2.0 * x, []),
    "reversed difference": (lambda x: 3.0 - x, []),
    "factors": (lambda x: x * tf.constant([1.0, 2.0, 3.0, 4.0]), []),
    "relu": (tf.nn.relu, ["ReLU"]),
    "leaky": (lambda x: tf.nn.leaky_relu(x, 0.1), ["LeakyReLU"]),
    "channels": (lambda x: x[..., 1:3], ["Conv2D"]),
    "every second pixel": (lambda x: x[:, ::2, ::2], ["MaxPooling2D"]),
    "border": (lambda x: x[:, 1:7, 2:], ["Cropping2D"]),
    "split": (lambda x: tf.concat(tf.split(x, 2, -1)[::-1], -1), ["Concatenate", "Conv2D"]),
    "mean": (lambda x: tf.reduce_mean(x, [1, 2]), ["GlobalAveragePooling2D"]),
    "pad": (lambda x: tf.pad(x, [[0, 0], [1, 1], [0, 1], [0, 0]]), ["ZeroPadding2D"]),
    "resize": (lambda x: tf.image.resize(x, (16, 16), method="nearest"), ["UpSampling2D"]),
    "pool": (lambda x: tf.nn.avg_pool2d(x, 3, 2, "SAME"), ["AveragePooling2D"]),
    "reshape": (lambda x: tf.reshape(x, [-1, 256]), ["Reshape"]),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_becomes_the_layer_whether_it_is_live_or_stored(name):
    make, classes = OPERATIONS[name]
    made = model(make, L.Conv2D(4, 1))
    live, stored = changed_calls(made), changed_calls(json.loads(made.to_json()))
    seen = [[(c.class_name, c.name, c.inputs) for c in calls.calls] for calls in (live, stored)]
    assert seen[0] == seen[1] and live.changes == stored.changes
    others = {c.class_name for c in live.calls} - {"InputLayer", "Conv2D"}
    assert others == set(classes) - {"Conv2D"}
    assert read_graph(made).params == made.count_params()


@pytest.mark.parametrize("make", [tf.math.cumsum, lambda x: x[:, 0], lambda x: 1.0 / x])
def test_an_operation_without_a_layer_stays_and_is_a_refusal_with_a_cure(make):
    made = model(make, L.Conv2D(4, 1))
    assert "OpLambda" in changed_calls(made).calls[-1].class_name
    (refusal,) = read_graph(made).refusals
    assert "no layer computes it" in refusal.problem and refusal.cure


@pytest.mark.parametrize(
    "function, arguments",
    [
        ("math.multiply", {"y": "five"}),
        ("concat", {"axis": None}),
        ("reshape", {"shape": "all"}),
        ("__operators__.getitem", {"slice_spec": [{"start": "a"}]}),
        ("image.resize", {"size": [16]}),
        ("split", {"num_or_size_splits": 0, "axis": -1}),
        ("pad", {}),
    ],
)
def test_damaged_arguments_are_no_layer(function, arguments):
    assert layers_for(function, arguments, [IMAGE]) is None


def test_a_hard_sigmoid_is_one_layer_however_it_is_written():
    def swish(x):
        return L.Multiply()([x, L.ReLU(6.0)(x + 3.0) * (1.0 / 6.0)])

    def product(x):
        return x * tf.nn.relu6(x + 3.0) / 6.0

    def scaled(x):
        gate = L.Rescaling(1 / 6)(L.ReLU(6.0)(L.Rescaling(1.0, offset=3.0)(x)))
        return L.Multiply()([x, gate])

    for make in (swish, product, scaled):
        calls = changed_calls(model(make, L.Conv2D(4, 3)))
        kinds = [call.class_name for call in calls.calls]
        assert kinds == ["InputLayer", "Conv2D", "HardSigmoid", "Multiply"]


def test_another_factor_or_a_second_reader_is_no_hard_sigmoid():
    def other(x):
        return L.Multiply()([x, L.ReLU(6.0)(x + 3.0) * 0.2])

    def read_twice(x):
        gate = L.ReLU(6.0)(x + 3.0)
        return L.Add()([gate, gate * (1.0 / 6.0)])

    for make in (other, read_twice):
        calls = changed_calls(model(make, L.Conv2D(4, 3)))
        assert "HardSigmoid" not in [call.class_name for call in calls.calls]


def test_what_works_in_training_only_is_left_out():
    front = L.RandomFlip(), L.Conv2D(4, 3), L.SpatialDropout2D(0.1), L.GaussianNoise(0.1)
    made = model(L.ReLU(), *front)
    kinds = [call.class_name for call in changed_calls(made).calls]
    assert kinds == ["InputLayer", "Conv2D", "ReLU"]
    assert len(read_calls(made).calls) == 6


def test_a_convolution_of_single_channels_is_a_depthwise_one():
    made = model(L.ReLU(), L.Conv2D(8, 3, groups=4, name="grouped"))
    call = changed_calls(made).calls[1]
    assert call.class_name == "DepthwiseConv2D" and call.config["depth_multiplier"] == 2
    assert read_graph(made).params == made.count_params()
    half = model(L.ReLU(), L.Conv2D(8, 3, groups=2))
    assert changed_calls(half).calls[1].class_name == "Conv2D" and read_graph(half).refusals


def test_a_leaky_relu_by_its_name_is_the_layer_with_tensorflows_slope():
    made = model(L.Conv2D(4, 1, activation=tf.nn.leaky_relu, name="x"))
    for calls in (changed_calls(made), changed_calls(json.loads(made.to_json()))):
        assert [c.class_name for c in calls.calls] == ["InputLayer", "Conv2D", "LeakyReLU"]
        assert calls.calls[2].config["alpha"] == 0.2


def test_a_scaling_goes_where_it_is_exact():
    def of(*front):
        calls = changed_calls(model(L.GlobalAveragePooling2D(), *front)).calls
        return [call.class_name for call in calls[1:-1]]

    shift = {"scale": 1 / 127.5, "offset": -1.0}
    assert of(L.Rescaling(**shift), L.Conv2D(4, 3)) == ["Conv2D"]
    same = L.Conv2D(4, 3, padding="same")  # its zeros are not shifted
    assert of(L.Rescaling(**shift), same) == ["DepthwiseConv2D", "Conv2D"]
    assert of(L.Rescaling(1 / 255), L.Conv2D(4, 3, padding="same")) == ["Conv2D"]
    assert of(L.Conv2D(4, 3), L.Rescaling(0.5, offset=1.0)) == ["Conv2D"]
    curved = L.Conv2D(4, 3, activation="relu")
    assert of(curved, L.Rescaling(0.5)) == ["Conv2D", "DepthwiseConv2D"]


def node(operation, **constants):
    """Return the configuration of an operation as Keras of TensorFlow 2.3 writes it."""
    return {"name": operation, "node_def": {"op": operation}, "constants": constants}


def test_operations_as_tensorflow_2_3_writes_them_become_layers():
    made = model(lambda x: L.Activation("linear", name="last")(L.ReLU(6.0, name="six")(x)))
    config = json.loads(made.to_json())
    first, six, last = config["config"]["layers"]
    plus = {"class_name": "TensorFlowOpLayer", "name": "AddV2", "config": node("AddV2", **{"1": 3})}
    times = {"class_name": "TensorFlowOpLayer", "name": "Mul", "config": node("Mul")}
    times["config"]["constants"] = {"1": 0.16666667}
    for layer, source in ((plus, first), (six, plus), (times, six), (last, times)):
        layer["inbound_nodes"] = [[[source["name"], 0, 0, {}]]]
    config["config"]["layers"] = [first, plus, six, times, last]
    check_known(config)
    assert [call.class_name for call in changed_calls(config).calls] == [
        "InputLayer",
        "HardSigmoid",
        "Activation",
    ]


def test_a_linear_activation_is_left_out_but_at_an_output():
    def build(x):
        x = L.Activation("linear", name="idle")(L.MaxPooling2D(name="pool")(x))
        return L.Activation("linear", name="last")(L.Conv2D(2, 1, name="c")(x))

    names = [call.name for call in changed_calls(model(build)).calls]
    assert names[1:] == ["pool", "c", "last"]
