"""What releases 1.4 and 2.0 do otherwise than 2.5, as their quantizers did it."""

import numpy as np
import pytest
from float_networks import head, images, network

from vaiopt.errors import QuantizeError
from vaiopt.int8.model import integer_outputs
from vaiopt.quantize.backend import QuantizeRequest
from vaiopt.quantize.tfmot.averages import AVERAGES
from vaiopt.quantize.tfmot.backend import TfmotQuantizer, prepared_graph
from vaiopt.quantize.tfmot.placement import float_layers
from vaiopt.quantize.tfmot.refine import PASSES, refine
from vaiopt.quantize.tfmot.rules import RULES, rules_of


def placed(build, release):
    return prepared_graph(network(build), rules_of(release))


def behind(activation):
    """A convolution with an activation layer behind it."""

    def build(layers, x):
        return head(layers, activation(layers)(layers.Conv2D(2, 3, padding="same", name="c")(x)))

    return build


@pytest.mark.parametrize("rules", RULES.values(), ids=list(RULES))
def test_a_row_names_passes_and_averages_that_exist(rules):
    assert rules.limits and set(rules.limits) <= set(PASSES) and rules.averages in AVERAGES


@pytest.mark.parametrize(
    "release, conv, leaky",
    [("1.4", "output", "output"), ("2.0", "next", "output"), ("2.5", "next", "output")],
)
def test_a_leaky_relu_behind_a_convolution_is_fused_from_2_0_on(release, conv, leaky):
    graph = placed(behind(lambda layers: layers.LeakyReLU(0.1, name="a")), release)
    assert (graph["c"].place, graph["a"].place) == (conv, leaky)


@pytest.mark.parametrize("release", ["1.4", "2.0"])
def test_another_slope_and_functions_of_the_cpu_are_float_and_listed(release):
    graph = placed(behind(lambda layers: layers.LeakyReLU(0.3, name="a")), release)
    assert (graph["c"].place, graph["a"].place) == ("output", "float")
    graph = placed(behind(lambda layers: layers.Activation("tanh", name="a")), release)
    assert (graph["c"].place, graph["a"].place) == ("output", "float")
    assert graph["quant_a"].kind == "Quantize"
    assert [row.layer for row in float_layers(graph)] == ["a"], "the last softmax is the host's"


@pytest.mark.parametrize("release, place", [("1.4", "output"), ("2.0", "output"), ("2.5", "float")])
def test_a_lone_activation_is_int8_before_2_5(release, place):
    def build(layers, x):
        c = layers.Conv2D(2, 3, padding="same", name="c")(x)
        return head(layers, layers.Concatenate(name="both")([c, layers.ReLU(name="lonely")(c)]))

    graph = placed(build, release)
    assert graph["lonely"].place == place and graph["c"].place == "output"


@pytest.mark.parametrize(
    "release, product", [("1.4", "output"), ("2.0", "output"), ("2.5", "next")]
)
def test_a_relu_is_computed_on_a_product_from_2_5_on_and_on_a_sum_always(release, product):
    def build(layers, x):
        product = layers.ReLU(name="after")(layers.Multiply(name="mul")([x, x]))
        return head(layers, layers.ReLU(6.0, name="six")(layers.Add(name="add")([product, x])))

    graph = placed(build, release)
    assert (graph["mul"].place, graph["after"].place) == (product, "output")
    assert (graph["add"].place, graph["six"].place) == ("next", "output")


def conv(layers, x):
    return head(layers, layers.Conv2D(3, 3, activation="relu", name="c")(x))


def start(graph, changes):
    """Return positions to start from, 6 everywhere (kernels 7, biases 8) but for ``changes``."""
    found = {(node.name, "out"): 6 for node in graph if node.place in ("output", "before")}
    for name in ("c", "out"):
        found.update({(name, "kernel"): 7, (name, "bias"): 8})
    return {**found, **changes}


def limited(positions, release):
    """Return the positions of kernel and bias after the limits; the input has 7."""
    graph = placed(conv, release)
    changes = {("c", "kernel"): positions[0], ("c", "bias"): positions[1]}
    changes.update({("c_relu", "out"): positions[2], ("quant_img", "out"): 7})
    found = refine(graph, rules_of(release), start(graph, changes))
    return found[("c", "kernel")], found[("c", "bias")]


@pytest.mark.parametrize(
    "positions, in_1_4, in_2_0",
    [
        # Kernel 0, bias 0.5: the cut becomes 0 and the bias is limited before that.
        ((127, 7, 6), (-1, 118), (15, 7)),
        # Kernel 1e-4, bias 10, output position 3: 0 in the place of 10.
        ((20, 3, 3), (-4, 11), (12, 3)),
        # A cut below 0 is never mended, and a bias never moved to a shift of 0.
        ((-3, -3, 13), (-3, -3), (6, -3)),
        ((-3, 5, -12), (-3, 5), (-3, 4)),
    ],
)
def test_the_limits_of_1_4_see_the_first_positions_and_forget_0(positions, in_1_4, in_2_0):
    assert limited(positions, "1.4") == in_1_4
    assert limited(positions, "2.0") == in_2_0


def squashed(layers, x):
    return head(layers, layers.Conv2D(3, 3, activation="sigmoid", name="c")(x))


@pytest.mark.parametrize("release, given", [("1.4", -2), ("2.0", 0)])
def test_a_sigmoid_s_input_is_limited_from_2_0_on_its_output_always(release, given):
    graph = placed(squashed, release)
    found = refine(graph, rules_of(release), start(graph, {("c", "out"): -2}))
    assert (found[("c", "out")], found[("c_sigmoid", "out")]) == (given, 7)


def window(build, release, shape=(8, 8, 2)):
    graph = prepared_graph(network(build, shape), rules_of(release))
    return next(node.average for node in graph if "AveragePooling" in node.kind)


@pytest.mark.parametrize(
    "release, inside, whole, large",
    [
        ("1.4", (85, 9), (85, 9), (85, 11)),
        ("2.0", None, (42, 8), None),
        ("3.0", None, (42, 8), None),
    ],
)
def test_windows_that_are_not_square(release, inside, whole, large):
    def build(size):
        return lambda layers, x: layers.Dense(3, name="out")(
            layers.Flatten(name="f")(layers.AveragePooling2D(size, name="p")(x))
        )

    assert window(build((2, 3)), release) == inside
    assert window(build((2, 3)), release, (2, 3, 2)) == whole
    assert window(build((4, 6)), release, (4, 6, 2)) == large


@pytest.mark.parametrize("release, found", [("1.4", (85, 11)), ("2.5", (85, 11)), ("2.0", None)])
def test_a_global_pooling_of_a_map_that_is_not_square_is_refused_by_2_0_alone(release, found):
    def build(layers, x):
        return layers.Dense(3, name="out")(layers.GlobalAveragePooling2D(name="gap")(x))

    if found is None:
        with pytest.raises(
            QuantizeError, match="release 2.0 cannot quantize layer 'gap'"
        ) as caught:
            window(build, release, (4, 6, 2))
        assert "AveragePooling2D((4, 6))" in caught.value.hint
    else:
        assert window(build, release, (4, 6, 2)) == found
    assert window(build, release, (7, 7, 2)) == (21, 10)


def test_a_swish_behind_an_average_pooling_is_refused_by_1_4():
    def build(layers, x):
        x = layers.AveragePooling2D(name="pool")(layers.Conv2D(2, 3, name="c")(x))
        return head(layers, layers.Activation("swish", name="s")(x))

    with pytest.raises(QuantizeError, match="swish directly behind 'pool'"):
        placed(build, "1.4")
    assert placed(build, "2.0")["s"].kind == "Sigmoid"


@pytest.mark.parametrize("release, value", [("1.4", 0.0), ("2.0", 0.5)])
def test_a_kernel_of_nothing_but_zeros_loses_the_bias_in_1_4(release, value):
    pytest.importorskip("tensorflow_model_optimization")
    model = network(lambda layers, x: layers.Conv2D(3, 3, name="c")(x))
    model.get_layer("c").set_weights([np.zeros((3, 3, 2, 3)), np.full(3, 0.5)])
    made = TfmotQuantizer().quantize(QuantizeRequest(model, [images()], release, batch_size=8))
    position = {row.tensor: row.position for row in made.positions if row.layer == "c"}["output"]
    assert np.all(integer_outputs(made.model, images(2))["c/output"] == value * 2**position)
