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
    told = {
        row.layer.split("/")[0]
        for row in left_to_cpu(model, load_target("zcu102", release))
        if f"quantizer of release {release} fails" in row.reason
    }
    if release in fails:
        with pytest.raises(QuantizeError, match=f"release {release} cannot quantize.*'lk'"):
            prepared_graph(model, rules_of(release))
        assert told == {layer}
    else:
        assert prepared_graph(model, rules_of(release)) and not told
