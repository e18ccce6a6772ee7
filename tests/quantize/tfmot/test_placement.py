"""Where tensors are rounded."""

import pytest
from float_networks import head, network

from vaiopt.errors import QuantizeError
from vaiopt.quantize.tfmot.graph import read_graph
from vaiopt.quantize.tfmot.placement import float_layers, place
from vaiopt.quantize.tfmot.prepare import prepare, to_dpu_functions
from vaiopt.quantize.tfmot.rules import rules_of


def placed(build, release="3.0"):
    graph = read_graph(network(build))
    prepare(graph, rules_of(release))
    to_dpu_functions(graph)
    place(graph, rules_of(release))
    return graph


def test_convolution_and_relu_are_rounded_once_behind_the_relu():
    graph = placed(
        lambda layers, x: head(layers, layers.Conv2D(3, 3, activation="relu", name="c")(x))
    )
    assert (graph["c"].place, graph["c_relu"].place, graph["c_relu"].tensor) == (
        "next",
        "output",
        "output",
    )


def test_a_softmax_is_rounded_before():
    graph = placed(head)
    assert (graph["out"].place, graph["out_softmax"].place, graph["out_softmax"].tensor) == (
        "next",
        "before",
        "pre_activation",
    )


def test_a_sigmoid_is_rounded_before_and_behind():
    graph = placed(
        lambda layers, x: head(layers, layers.Conv2D(3, 3, activation="sigmoid", name="c")(x))
    )
    assert (graph["c"].place, graph["c"].tensor) == ("output", "pre_activation")
    assert (graph["c_sigmoid"].place, graph["c_sigmoid"].tensor) == ("output", "output")


def test_an_addition_with_relu_is_rounded_once_and_a_pooling_with_relu_twice():
    def build(layers, x):
        a = layers.ReLU(name="r")(layers.Add(name="add")([x, x]))
        return head(layers, layers.ReLU(name="r2")(layers.MaxPooling2D(name="pool")(a)))

    graph = placed(build)
    assert (graph["add"].place, graph["r"].place) == ("next", "output")
    assert (graph["pool"].place, graph["r2"].place) == ("output", "output")


def test_every_input_is_rounded_and_layers_that_move_integers_are_not():
    graph = placed(lambda layers, x: head(layers, layers.ZeroPadding2D(name="pad")(x)))
    assert graph["quant_img"].tensor == "input" and graph["quant_img"].inputs == ["img"]
    assert graph["pad"].place == graph["flatten"].place == "none"


def test_an_activation_whose_convolution_has_another_reader_stays_in_float_and_is_listed():
    def build(layers, x):
        c = layers.Conv2D(2, 3, padding="same", name="c")(x)
        return head(layers, layers.Add(name="add")([c, layers.ReLU(name="lonely")(c)]))

    graph = placed(build)
    assert graph["c"].place == "output" and graph["lonely"].place == "float"
    assert [name for name, _ in float_layers(graph)] == ["lonely"]


@pytest.mark.parametrize("kind", ["ELU", "GlobalMaxPooling2D", "Softmax"])
def test_a_layer_that_the_dpu_lacks_is_listed_and_what_follows_reads_rounded_numbers(kind):
    def build(layers, x):
        x = getattr(layers, kind)(name="foreign")(layers.Conv2D(2, 3, padding="same", name="c")(x))
        return layers.Dense(4, name="out")(
            x if kind.startswith("Global") else layers.Flatten(name="flatten")(x)
        )

    graph = placed(build)
    assert [name for name, _ in float_layers(graph)] == ["foreign"]
    assert (
        graph["quant_foreign"].inputs == ["foreign"] and graph["quant_foreign"].kind == "Quantize"
    )


def test_prelu_is_int8_from_release_3_on():
    def build(layers, x):
        return head(layers, layers.PReLU(name="p")(layers.Conv2D(2, 3, name="c")(x)))

    assert placed(build, "2.5")["p"].place == "float"
    assert placed(build, "3.0")["p"].place == "output"


def test_an_unknown_function_behind_a_convolution_is_refused_by_name():
    import tensorflow as tf

    def build(layers, x):
        return head(
            layers,
            layers.Conv2D(2, 3, activation=tf.nn.relu, name="fine")(
                layers.Conv2D(2, 3, activation=tf.sin, name="wave")(x)
            ),
        )

    with pytest.raises(QuantizeError, match="wave"):
        placed(build)
