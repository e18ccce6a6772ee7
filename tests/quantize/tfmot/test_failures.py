"""What the quantizer of a release stops at is refused, and inspect says so, as the real did."""

import pytest
from float_networks import head, network

from vaiopt.errors import QuantizeError
from vaiopt.hardware import left_to_cpu, load_target
from vaiopt.quantize.checks import functional_model
from vaiopt.quantize.tfmot.backend import prepared_graph
from vaiopt.quantize.tfmot.rules import RULES, rules_of


def in_float(layers, x):
    """A convolution, a pooling and a leaky ReLU that every release leaves in float."""
    x = layers.MaxPooling2D(name="p")(layers.Conv2D(2, 3, padding="same", name="c")(x))
    return layers.LeakyReLU(0.3, name="lk")(x)


def summed(layers, x):
    other = layers.MaxPooling2D(name="p2")(layers.Conv2D(2, 3, padding="same", name="d")(x))
    return head(layers, layers.Add(name="sum")([in_float(layers, x), other]))


def gated(layers, x):
    x = in_float(layers, x)
    gate = layers.Activation("sigmoid", name="gate")(x)
    return head(layers, layers.Concatenate(name="both")([gate, layers.Conv2D(2, 1, name="d")(x)]))


def swished(layers, x):
    return head(layers, layers.Activation("swish", name="sw")(in_float(layers, x)))


def moved(layers, x):
    """A layer that moves integers and reads the one in float alone is given rounded numbers."""
    flat = layers.Reshape((4, 4, 2), name="moved")(in_float(layers, x))
    other = layers.MaxPooling2D(name="p2")(layers.Conv2D(2, 3, padding="same", name="d")(x))
    return head(layers, layers.Add(name="sum")([flat, other]))


def alone(layers, x):
    return head(layers, layers.Activation("sigmoid", name="gate")(in_float(layers, x)))


def failures_told(model, release):
    """Layers that inspect says the quantizer of a release fails on."""
    return {
        row.layer.split("/")[0]
        for row in left_to_cpu(model, load_target("zcu102", release))
        if f"quantizer of release {release} fails" in row.reason
    }


@pytest.mark.parametrize("release", RULES)
@pytest.mark.parametrize(
    "build, layer, fails",
    [
        (summed, "sum", ("2.5",)),
        (gated, "gate", ("2.0", "2.5", "3.0", "3.5")),
        (swished, "sw", ("2.0", "2.5", "3.0", "3.5")),
        (moved, "", ()),
        (alone, "", ()),
    ],
)
def test_what_reads_a_tensor_without_a_position_is_refused_where_the_vendor_s_tool_fails(
    build, layer, fails, release
):
    model = functional_model(network(build))
    told = failures_told(model, release)
    if release in fails:
        with pytest.raises(QuantizeError, match=f"release {release} cannot quantize.*'lk'"):
            prepared_graph(model, rules_of(release))
        assert told == {layer}
    else:
        assert prepared_graph(model, rules_of(release)) and not told


def multiplied(layers, x, **options):
    return layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2, name="dw", **options)(x)


def end(layers, x):
    return head(layers, layers.MaxPooling2D(name="p")(x))


def normalised(layers, x):
    x = layers.BatchNormalization(name="bn")(multiplied(layers, x, use_bias=False))
    return end(layers, layers.ReLU(6.0, name="r")(x))


def normalised_function(layers, x):
    """The normalisation is a convolution of its own, and is equalised."""
    x = layers.BatchNormalization(name="bn")(multiplied(layers, x, activation="relu"))
    return end(layers, x)


def normalised_beside(layers, x):
    """What something else reads is neither folded into nor equalised."""
    x = multiplied(layers, x)
    x = layers.Concatenate(name="both")([layers.BatchNormalization(name="bn")(x), x])
    return end(layers, x)


def convolved(layers, x):
    return end(layers, layers.Conv2D(3, 3, name="c")(multiplied(layers, x, activation="relu")))


def depthwise_twice(layers, x):
    x = layers.Dropout(0.2, name="drop")(multiplied(layers, x, use_bias=False))
    return end(layers, layers.DepthwiseConv2D(3, name="c")(x))


def separable(layers, x):
    return end(layers, layers.SeparableConv2D(3, 3, depth_multiplier=2, name="s")(x))


def behind_a_relu_layer(layers, x):
    x = layers.ReLU(name="r")(multiplied(layers, x))
    return end(layers, layers.Conv2D(3, 3, name="c")(x))


def behind_relu6(layers, x):
    x = layers.ReLU(6.0, name="r")(multiplied(layers, x))
    return end(layers, layers.Conv2D(3, 3, name="c")(x))


def behind_a_convolution(layers, x):
    return end(layers, multiplied(layers, layers.Conv2D(3, 3, name="c")(x)))


@pytest.mark.parametrize("release", RULES)
@pytest.mark.parametrize(
    "build, layer, source, fails",
    [
        (normalised, "bn", "dw", tuple(RULES)),
        (normalised_function, "bn", "dw", tuple(RULES)),
        (normalised_beside, "", "", ()),
        (convolved, "c", "dw", tuple(RULES)),
        (depthwise_twice, "c", "dw", tuple(RULES)),
        (separable, "s", "s", tuple(RULES)),
        (behind_a_relu_layer, "c", "dw", ("3.0", "3.5")),
        (behind_relu6, "", "", ()),
        (behind_a_convolution, "", "", ()),
    ],
)
def test_several_outputs_a_channel_are_refused_where_the_vendor_s_tool_folds_or_equalises_them(
    build, layer, source, fails, release
):
    model = functional_model(network(build))
    told = failures_told(model, release)
    if release in fails:
        words = f"release {release} cannot quantize layer '{layer}'.*depth_multiplier.*'{source}'"
        with pytest.raises(QuantizeError, match=words):
            prepared_graph(model, rules_of(release))
        assert told == {layer}
    else:
        assert prepared_graph(model, rules_of(release)) and not told
