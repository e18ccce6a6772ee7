"""The limits on positions, one by one, in the vendor's order."""

import pytest
from float_networks import head, network

from vaiopt.quantize.tfmot.graph import read_graph
from vaiopt.quantize.tfmot.placement import place
from vaiopt.quantize.tfmot.prepare import prepare, to_dpu_functions
from vaiopt.quantize.tfmot.refine import refine
from vaiopt.quantize.tfmot.rules import rules_of


def refined(build, changes, release="3.0"):
    """Return the positions of a network after all limits, from 5 everywhere (kernels 7, biases 8)
    but for ``changes``.
    """
    graph, rules = read_graph(network(build)), rules_of(release)
    prepare(graph, rules)
    to_dpu_functions(graph)
    place(graph, rules)
    positions = {}
    for node in graph:
        if node.place in ("output", "before"):
            positions[(node.name, "out")] = 5
        for key in node.weights:
            if node.place != "float" and node.kind != "PReLU":
                positions[(node.name, "bias" if key == "bias" else "kernel")] = (
                    8 if key == "bias" else 7
                )
    assert set(changes) <= set(positions)
    positions.update(changes)
    return refine(graph, rules, positions)


def conv(layers, x):
    return head(layers, layers.Conv2D(3, 3, activation="relu", name="c")(x))


@pytest.mark.parametrize("output, kernel", [(14, 9), (12, 7), (-4, 7), (-5, 6)])
def test_the_cut_of_a_convolution_is_kept_within_0_and_16_by_its_kernel(output, kernel):
    assert refined(conv, {("c_relu", "out"): output})[("c", "kernel")] == kernel


@pytest.mark.parametrize("bias, limited", [(-5, -4), (12, 12), (23, 23), (24, 23)])
def test_the_shift_of_a_bias_is_kept_within_cut_minus_16_and_16(bias, limited):
    # p_in + p_kernel = 12 and the cut is 12 - 7 = 5, so the shift is -11 to 16.
    assert refined(conv, {("c_relu", "out"): 7, ("c", "bias"): bias})[("c", "bias")] == limited


def leaky(layers, x):
    return head(layers, layers.LeakyReLU(0.1, name="l")(layers.Conv2D(3, 3, name="c")(x)))


@pytest.mark.parametrize("release, limited", [("2.5", 14), ("3.0", 12), ("3.5", 12)])
def test_a_bias_before_leaky_relu_is_never_shifted_right_from_release_3_on(release, limited):
    assert refined(leaky, {("c", "bias"): 14}, release)[("c", "bias")] == limited


def pooled(layers, x):
    return head(layers, layers.MaxPooling2D(name="pool")(layers.Conv2D(3, 3, name="c")(x)))


@pytest.mark.parametrize("release, before, behind", [("2.5", 6, 4), ("3.0", 4, 4)])
def test_a_pooling_has_the_smaller_position_on_both_sides_from_release_3_on(
    release, before, behind
):
    positions = refined(pooled, {("c", "out"): 6, ("pool", "out"): 4}, release)
    assert (positions[("c", "out")], positions[("pool", "out")]) == (before, behind)


def averaged(layers, x):
    return layers.Dense(4, name="out")(
        layers.GlobalAveragePooling2D(name="gap")(layers.Conv2D(3, 3, name="c")(x))
    )


def test_a_global_average_keeps_its_position():
    positions = refined(averaged, {("c", "out"): 6, ("gap", "out"): 4})
    assert (positions[("c", "out")], positions[("gap", "out")]) == (6, 4)


def joined(layers, x):
    a, b = (layers.Conv2D(3, 3, name=name)(x) for name in "ab")
    return head(layers, layers.Concatenate(name="cat")([a, b]))


@pytest.mark.parametrize("release, positions", [("2.5", (6, 4, 5)), ("3.0", (4, 4, 4))])
def test_a_concatenation_and_its_inputs_have_the_smallest_position_from_release_3_on(
    release, positions
):
    found = refined(joined, {("a", "out"): 6, ("b", "out"): 4, ("cat", "out"): 5}, release)
    assert tuple(found[(name, "out")] for name in ("a", "b", "cat")) == positions


def test_a_concatenation_with_the_model_s_input_moves_the_input_s_position():
    def build(layers, x):
        return head(layers, layers.Concatenate(name="cat")([x, layers.Conv2D(3, 1, name="a")(x)]))

    found = refined(build, {("quant_img", "out"): 7, ("a", "out"): 4})
    assert found[("quant_img", "out")] == found[("cat", "out")] == 4


def added(layers, x):
    a, b = (layers.Conv2D(3, 3, name=name)(x) for name in "ab")
    return head(layers, layers.Add(name="add")([a, b]))


@pytest.mark.parametrize("release", ["2.5", "3.0"])
def test_the_operands_of_an_addition_are_at_most_15_apart(release):
    assert refined(added, {("a", "out"): 21, ("add", "out"): 5}, release)[("a", "out")] == 20


@pytest.mark.parametrize("result, limited", [(20, 20), (21, -15), (-10, -10), (-11, 15)])
def test_the_result_of_an_addition_goes_to_the_vendor_s_constant_when_out_of_range(result, limited):
    assert refined(added, {("add", "out"): result})[("add", "out")] == limited
    assert refined(added, {("add", "out"): result}, "2.5")[("add", "out")] == result


def squashed(layers, x):
    return head(layers, layers.Conv2D(3, 3, activation="sigmoid", name="c")(x))


@pytest.mark.parametrize("given, old, new", [(-2, 0, 0), (3, 3, 3), (18, 18, 15)])
def test_the_input_of_a_sigmoid_is_at_least_0_and_from_release_3_on_at_most_15(given, old, new):
    changes = {("c", "out"): given, ("quant_img", "out"): 7}
    assert refined(squashed, changes, "2.5")[("c", "out")] == old
    assert refined(squashed, changes, "3.0")[("c", "out")] == new


@pytest.mark.parametrize("result, limited", [(5, 7), (7, 7), (9, 9)])
def test_the_output_of_a_sigmoid_is_at_least_7(result, limited):
    assert refined(squashed, {("c_sigmoid", "out"): result})[("c_sigmoid", "out")] == limited


def swished(layers, x):
    return head(layers, layers.Conv2D(3, 3, activation="swish", name="c")(x))


@pytest.mark.parametrize("result, limited", [(13, 12), (12, 12), (-3, -3), (-4, -3)])
def test_the_product_of_a_swish_is_shifted_by_0_to_15(result, limited):
    changes = {("c", "out"): 5, ("c_swish", "out"): 7, ("c_swish_mul", "out"): result}
    assert refined(swished, changes)[("c_swish_mul", "out")] == limited


def gapped(layers, x):
    x = layers.Conv2D(3, 3, use_bias=False, name="first")(x)
    return head(layers, layers.Conv2D(3, 3, name="second")(x))


def test_release_2_5_limits_no_bias_behind_a_convolution_without_one():
    assert refined(gapped, {("second", "bias"): 30}, "2.5")[("second", "bias")] == 30
    assert (
        refined(gapped, {("second", "bias"): 30}, "3.0")[("second", "bias")] == 21
    )  # the cut is 7, so at most 9 to the left


def test_positions_that_fit_stay():
    for build in (conv, leaky, pooled, averaged, joined, added, swished):
        for release in ("2.5", "3.0", "3.5"):
            found = refined(build, {}, release)
            assert all(
                value == {"kernel": 7, "bias": 8, "out": 5}[key]
                or name.endswith(("sigmoid", "swish"))
                for (name, key), value in found.items()
            )


def padded_sum(layers, x):
    c = layers.ZeroPadding2D(name="pad")(layers.Conv2D(2, 3, name="c")(x))
    return head(layers, layers.Add(name="sum")([c, x]))


@pytest.mark.parametrize("release, first", [("2.5", 22), ("3.0", 20)])
def test_up_to_2_5_an_operand_behind_a_padding_keeps_its_position(release, first):
    # Recorded from the quantizers: 2.5 gives the new position to the padding, which has none.
    assert refined(padded_sum, {("c", "out"): 22}, release)[("c", "out")] == first


def flat_gate(layers, x):
    x = layers.Flatten(name="flat")(layers.Conv2D(2, 3, name="c")(x))
    return layers.Dense(4, name="out")(layers.Activation("sigmoid", name="gate")(x))


@pytest.mark.parametrize("release, given", [("2.0", -2), ("2.5", -2), ("3.0", 0)])
def test_up_to_2_5_a_sigmoid_behind_a_flatten_leaves_its_input_below_0(release, given):
    positions = refined(flat_gate, {("c", "out"): -2}, release)
    assert (positions[("c", "out")], positions[("gate", "out")]) == (given, 7)
