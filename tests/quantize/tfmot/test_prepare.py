"""What is done to the float model first must not change what it computes."""

import numpy as np
import pytest
from float_networks import chain, head, images, network

from vaiopt.errors import QuantizeError
from vaiopt.quantize.backend import single_or_list
from vaiopt.quantize.tfmot.build import make_model
from vaiopt.quantize.tfmot.graph import read_graph
from vaiopt.quantize.tfmot.prepare import prepare, to_dpu_functions
from vaiopt.quantize.tfmot.rules import rules_of


def rebuilt(graph):
    """Return the Keras model of a graph, weights set."""
    layers = {}

    def call(node, layer, inputs):
        layers[node.name] = layer
        return layer(single_or_list(inputs))

    model = make_model(graph, call, exact=True)
    for node in graph:
        if node.weights:
            layers[node.name].set_weights(list(node.weights.values()))
    return model


def prepared(model, release="3.0"):
    graph = read_graph(model)
    prepare(graph, rules_of(release))
    return graph


def same_outputs(model, graph, shape=(8, 8, 2)):
    x = images(6, shape)
    return np.allclose(rebuilt(graph).predict(x, verbose=0), model.predict(x, verbose=0), atol=2e-5)


NORMALISED = {
    "Conv2D": lambda layers, x: layers.Conv2D(5, 3, padding="same", name="c")(x),
    "Conv2D without bias": lambda layers, x: layers.Conv2D(5, 3, use_bias=False, name="c")(x),
    "DepthwiseConv2D": lambda layers, x: layers.DepthwiseConv2D(3, name="c")(x),
    "Conv2DTranspose": lambda layers, x: layers.Conv2DTranspose(
        5, 3, strides=2, padding="same", name="c"
    )(x),
    "Dense": lambda layers, x: layers.Dense(5, name="c")(layers.Flatten(name="f")(x)),
}


@pytest.mark.parametrize("kind", NORMALISED)
@pytest.mark.parametrize(
    "options", [{}, {"scale": False}, {"center": False}], ids=["all", "no gamma", "no beta"]
)
def test_batch_normalisation_is_folded_into_the_layer_before_it(kind, options):
    model = network(
        lambda layers, x: head(
            layers, layers.BatchNormalization(name="bn", **options)(NORMALISED[kind](layers, x))
        )
    )
    graph = prepared(model)
    assert "bn" not in graph.nodes and "bias" in graph["c"].weights
    assert same_outputs(model, graph)


def test_batch_normalisation_behind_an_activation_becomes_a_depthwise_convolution():
    def build(layers, x):
        x = layers.Conv2D(3, 3, activation="relu", name="c")(x)
        return head(layers, layers.BatchNormalization(name="bn")(x))

    model = network(build)
    graph = prepared(model)
    assert graph["bn"].kind == "DepthwiseConv2D" and list(graph["bn"].weights) == [
        "depthwise_kernel",
        "bias",
    ]
    assert graph["bn"].weights["depthwise_kernel"].shape == (1, 1, 3, 1)
    assert same_outputs(model, graph)


def test_batch_normalisation_is_not_folded_where_something_else_reads_the_convolution():
    def build(layers, x):
        c = layers.Conv2D(3, 3, name="c")(x)
        return head(layers, layers.Add(name="add")([c, layers.BatchNormalization(name="bn")(c)]))

    model = network(build)
    graph = prepared(model)
    assert graph["bn"].kind == "DepthwiseConv2D"
    assert same_outputs(model, graph)


def test_batch_normalisation_of_flat_features_behind_an_activation_is_refused_by_name():
    def build(layers, x):
        x = layers.Dense(5, activation="relu", name="fc")(layers.Flatten(name="f")(x))
        return layers.Dense(4, name="out")(layers.BatchNormalization(name="late_bn")(x))

    with pytest.raises(QuantizeError, match="late_bn") as caught:
        prepared(network(build))
    assert "activation=None" in caught.value.hint


def test_dropout_disappears():
    model = network(
        lambda layers, x: head(
            layers, layers.Dropout(0.5, name="d")(layers.Conv2D(3, 3, name="c")(x))
        )
    )
    assert "d" not in prepared(model).nodes


def test_a_fused_activation_becomes_a_layer_of_its_own():
    model = network(
        lambda layers, x: head(layers, layers.Conv2D(3, 3, activation="relu", name="c")(x))
    )
    graph = prepared(model)
    assert (
        graph["c"].activation == "linear"
        and graph["c_relu"].activation == "relu"
        and graph["c_relu"].layer == "c"
    )
    assert graph["out_softmax"].inputs == ["out"]
    assert same_outputs(model, graph)


def test_a_separable_convolution_is_split_and_keeps_its_activation():
    model = network(
        lambda layers, x: head(
            layers, layers.SeparableConv2D(5, 3, activation="relu", strides=2, name="s")(x)
        )
    )
    graph = prepared(model)
    assert [graph[name].kind for name in ("s_depthwise_conv", "s", "s_relu")] == [
        "DepthwiseConv2D",
        "Conv2D",
        "Activation",
    ]
    assert same_outputs(model, graph)


def maxima(graph, first, second):
    """Return the largest weights per channel on both sides."""
    return (
        np.abs(graph[first].weights["kernel"]).reshape(-1, 3).max(axis=0),
        np.abs(graph[second].weights["kernel"].transpose(0, 1, 3, 2)).reshape(-1, 3).max(axis=0),
    )


@pytest.mark.parametrize("release, equalised", [("2.5", False), ("3.0", True), ("3.5", True)])
def test_equalisation_through_a_relu_layer_makes_channels_alike_from_release_3_on(
    release, equalised
):
    model = network(chain(["a", "b"]))
    weights = model.get_layer("a").get_weights()
    model.get_layer("a").set_weights(
        [weights[0] * np.array([0.2, 1, 5], np.float32), weights[1] * 0]
    )
    graph = prepared(model, release)
    head_maxima, tail_maxima = maxima(graph, "a", "b")
    assert np.allclose(head_maxima, tail_maxima, rtol=1e-3) == equalised
    assert same_outputs(model, graph)


def test_equalisation_does_not_pass_relu6_or_a_second_reader():
    def build(layers, x):
        a = layers.ReLU(6.0, name="r6")(layers.Conv2D(3, 3, padding="same", name="a")(x))
        b = layers.Conv2D(3, 3, padding="same", activation="relu", name="b")(a)
        return head(
            layers, layers.Add(name="add")([b, layers.Conv2D(3, 3, padding="same", name="c")(b)])
        )

    model = network(build)
    graph = prepared(model)
    for name in ("a", "b", "c"):
        assert np.array_equal(graph[name].weights["kernel"], model.get_layer(name).get_weights()[0])


def test_channels_of_small_weights_are_left_alone():
    model = network(chain(["a", "b"]))
    for name in ("a", "b"):
        model.get_layer(name).set_weights(
            [value * 1e-3 for value in model.get_layer(name).get_weights()]
        )
    graph = prepared(model)
    assert np.array_equal(graph["a"].weights["kernel"], model.get_layer("a").get_weights()[0])


def test_the_dpu_s_functions_take_the_place_of_sigmoid_swish_and_a_slope_of_a_tenth():
    def build(layers, x):
        x = layers.Conv2D(3, 3, activation="sigmoid", name="s")(x)
        x = layers.Conv2D(3, 3, activation="swish", name="w")(x)
        x = layers.LeakyReLU(0.1, name="leaky")(layers.Conv2D(3, 3, name="l")(x))
        return head(layers, x)

    graph = prepared(network(build))
    to_dpu_functions(graph)
    assert graph["s_sigmoid"].kind == "Sigmoid"
    assert (graph["w_swish"].kind, graph["w_swish"].tensor) == ("Sigmoid", "sigmoid")
    assert graph["w_swish_mul"].kind == "Multiply" and graph["w_swish_mul"].inputs == [
        "w",
        "w_swish",
    ]
    assert graph["leaky"].config["alpha"] == 26 / 256


def test_release_2_5_refuses_the_function_relu6_by_the_layer_s_name():
    import tensorflow as tf

    model = network(
        lambda layers, x: head(layers, layers.Conv2D(3, 3, activation=tf.nn.relu6, name="c6")(x))
    )
    with pytest.raises(QuantizeError, match="c6") as caught:
        prepared(model, "2.5")
    assert "ReLU(max_value=6)" in caught.value.hint
    assert prepared(model, "3.0")["c6_relu6"].activation == "relu6"


def test_a_layer_that_is_used_twice_is_refused_by_name():
    def build(layers, x):
        shared = layers.Conv2D(2, 3, padding="same", name="shared")
        return head(layers, shared(shared(x)))

    with pytest.raises(QuantizeError, match="shared"):
        read_graph(network(build))
