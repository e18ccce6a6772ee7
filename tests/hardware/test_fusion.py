"""What the DPU runs as one layer, and how much of it."""

from tests.hardware.models import plain_cnn, with_layers
from vaiopt.hardware import load_target, read_graph
from vaiopt.hardware.fusion import fuse
from vaiopt.hardware.placement import place


def fused(model):
    return {layer.name: layer for layer in fuse(read_graph(model))}


def test_convolution_normalization_and_relu_are_one_layer(keras):
    layers = fused(plain_cnn(keras))
    assert [member.name for member in layers["conv0"].members] == ["conv0", "norm0", "act0"]
    assert "norm0" not in layers and "act0" not in layers and "pool0" in layers


def test_addition_takes_in_relu_but_not_relu6(keras):
    kl = keras.layers
    inputs = keras.Input((8, 8, 16))
    total = kl.Add(name="sum")([inputs, kl.Conv2D(16, 1)(inputs)])
    relu = fused(keras.Model(inputs, kl.ReLU(name="act")(total)))
    relu6 = fused(keras.Model(inputs, kl.ReLU(6.0, name="act")(total)))
    assert "act" not in relu and "act" in relu6


def test_normalization_before_a_convolution_or_after_an_activation_stands_alone(keras):
    kl = keras.layers
    inputs = keras.Input((8, 8, 4))
    x = kl.Conv2D(4, 3, activation="relu", name="conv")(kl.BatchNormalization(name="first")(inputs))
    layers = fused(keras.Model(inputs, kl.BatchNormalization(name="late")(x)))
    assert {"first", "conv", "late"} <= set(layers)


def test_a_result_that_is_used_twice_or_is_an_output_is_not_absorbed(keras):
    kl = keras.layers
    inputs = keras.Input((8, 8, 4))
    x = kl.Conv2D(4, 3, padding="same", name="conv")(inputs)
    used_twice = keras.Model(inputs, kl.Add()([x, kl.ReLU(name="act")(x)]))
    output = keras.Model(inputs, [x, kl.ReLU(name="act")(x)])
    assert "act" in fused(used_twice) and "act" in fused(output)


def test_an_activation_on_the_cpu_is_not_absorbed(keras):
    model = with_layers(keras, keras.layers.LeakyReLU(0.3, name="leaky"), keras.layers.Conv2D(4, 1))
    graph = read_graph(model)
    names = [layer.name for layer in fuse(graph, place(graph, load_target("zcu102")))]
    assert "leaky" in names and "leaky" not in fused(
        with_layers(keras, keras.layers.LeakyReLU(0.1, name="leaky"))
    )


def test_only_sampled_pixels_are_computed_when_all_users_are_strided_1x1_convolutions(keras):
    kl = keras.layers
    inputs = keras.Input((16, 16, 8))
    x = kl.Conv2D(8, 3, padding="same", name="wide")(inputs)
    a, b = kl.Conv2D(8, 1, strides=2, name="a")(x), kl.Conv2D(8, 1, strides=2, name="b")(x)
    layers = fused(keras.Model(inputs, kl.Add()([a, b])))
    assert (layers["wide"].rows, layers["wide"].columns) == (8, 8)
    assert layers["wide"].macs * 4 == 16 * 16 * 9 * 8 * 8
    c = kl.Conv2D(8, 1, strides=1, name="c")(x)
    mixed = fused(keras.Model(inputs, [kl.Add()([a, b]), c]))
    assert mixed["wide"].rows == 16
    also_output = fused(keras.Model(inputs, [kl.Add()([a, b]), x]))
    assert also_output["wide"].rows == 16
