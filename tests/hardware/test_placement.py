"""Where an operation runs, and that the reason says what to do."""

import pytest

from tests.hardware.models import plain_cnn, with_layers
from vaiopt.hardware import inspect_model, load_target, read_graph
from vaiopt.hardware.fusion import fuse
from vaiopt.hardware.placement import RULES, place, replacements
from vaiopt.network.graph import KINDS, LayerGraph, Operation
from vaiopt.network.layers import LAYERS

ZCU102 = "zcu102"


def report(model, name, target=ZCU102, release=None):
    inspection = inspect_model(model, load_target(target, release))
    return next(layer for layer in inspection.layers if layer.name == name or name in layer.fused)


CPU_LAYERS = [
    (lambda kl: kl.LeakyReLU(0.3, name="x"), "alpha 0.3: only 0.1 is supported, use 0.1 or ReLU"),
    (lambda kl: kl.ReLU(4.0, name="x"), "ReLU(6.0)"),
    (lambda kl: kl.ELU(name="x"), "use ReLU"),
    (lambda kl: kl.Activation("tanh", name="x"), "use ReLU"),
    (lambda kl: kl.Activation("gelu", name="x"), "float"),
    (lambda kl: kl.Activation("selu", name="x"), "float"),
    (lambda kl: kl.Softmax(name="x"), "inside the model"),
    (lambda kl: kl.Conv2D(16, 17, padding="same", name="x"), "1 to 16"),
    (lambda kl: kl.Conv2D(16, 1, strides=9, padding="same", name="x"), "stride 9"),
    (lambda kl: kl.Conv2D(16, 3, groups=4, padding="same", name="x"), "groups=1"),
    (lambda kl: kl.Conv2D(4097, 1, name="x"), "up to 4096"),
    (
        lambda kl: kl.Conv2DTranspose(8, 2, strides=4, padding="same", name="x"),
        "at least the stride",
    ),
    (
        lambda kl: kl.Conv2DTranspose(8, 3, strides=2, padding="same", output_padding=1, name="x"),
        "output_padding",
    ),
    (lambda kl: kl.GlobalMaxPooling2D(name="x", keepdims=True), "GlobalAveragePooling2D"),
    (lambda kl: kl.LayerNormalization(name="x"), "BatchNormalization"),
    (lambda kl: kl.UpSampling2D(3, interpolation="bilinear", name="x"), "nearest"),
    (lambda kl: kl.Permute((2, 1, 3), name="x"), "channels last"),
    (lambda kl: kl.Cropping2D(1, name="x"), "valid"),
    (lambda kl: kl.Rescaling(0.5, name="x"), "preprocessing"),
    (lambda kl: kl.Dense(4, name="x"), "1x1"),
    (lambda kl: kl.Lambda(lambda t: t, name="x"), "never run"),
]


@pytest.mark.parametrize("number", range(len(CPU_LAYERS)))
def test_what_a_dpu_cannot_do_falls_to_the_cpu_with_a_cure(keras, number):
    make, words = CPU_LAYERS[number]
    layer = report(with_layers(keras, make(keras.layers), keras.layers.Conv2D(8, 1)), "x")
    assert layer.device == "CPU" and words in layer.reason


DPU_LAYERS = [
    (lambda kl: kl.ReLU(name="x"), ""),
    (lambda kl: kl.ReLU(6.0, name="x"), ""),
    (lambda kl: kl.LeakyReLU(0.1, name="x"), "26/256"),
    (lambda kl: kl.PReLU(name="x"), ""),
    (lambda kl: kl.Activation("sigmoid", name="x"), "sigmoid becomes a hard sigmoid on this DPU"),
    (lambda kl: kl.Activation("hard_sigmoid", name="x"), "relu6"),
    (lambda kl: kl.Activation("swish", name="x"), "hard sigmoid"),
    (lambda kl: kl.Conv2D(4096, 1, name="x"), ""),
    (lambda kl: kl.Conv2D(16, 16, padding="same", name="x"), ""),
    (lambda kl: kl.DepthwiseConv2D(5, padding="same", name="x"), ""),
    (lambda kl: kl.DepthwiseConv2D(3, depth_multiplier=2, name="x"), "2"),
    (lambda kl: kl.SeparableConv2D(8, 3, name="x"), ""),
    (lambda kl: kl.MaxPooling2D(3, name="x"), ""),
    (lambda kl: kl.AveragePooling2D((2, 3), name="x"), ""),
    (lambda kl: kl.UpSampling2D(2, name="x"), ""),
    (lambda kl: kl.UpSampling2D(2, interpolation="bilinear", name="x"), ""),
    (lambda kl: kl.ZeroPadding2D(1, name="x"), ""),
    (lambda kl: kl.Conv2DTranspose(8, 2, strides=2, name="x"), ""),
]


@pytest.mark.parametrize("number", range(len(DPU_LAYERS)))
def test_what_a_dpu_does_is_placed_there(keras, number):
    make, words = DPU_LAYERS[number]
    layer = report(with_layers(keras, make(keras.layers), keras.layers.Conv2D(8, 1)), "x")
    assert layer.device == "DPU" and words in layer.reason


def test_release_2_5_leaves_prelu_to_the_cpu(keras):
    model = with_layers(keras, keras.layers.PReLU(name="x"), keras.layers.Conv2D(4, 1))
    layer = report(model, "x", release="2.5")
    assert layer.device == "CPU" and "3.0" in layer.reason


def test_leaky_relu_only_follows_what_the_convolution_engine_does(keras):
    kl = keras.layers
    model = with_layers(keras, kl.DepthwiseConv2D(3), kl.LeakyReLU(0.1, name="x"), kl.Conv2D(4, 1))
    layer = report(model, "x")
    assert layer.device == "CPU" and "DepthwiseConv2D" in layer.reason


def test_additions_of_different_shapes_are_not_broadcast(keras):
    kl = keras.layers
    inputs = keras.Input((8, 8, 16))
    bias = kl.Conv2D(16, 8)(inputs)
    model = keras.Model(inputs, kl.Conv2D(4, 1)(kl.Add(name="x")([inputs, bias])))
    layer = report(model, "x")
    assert layer.device == "CPU" and "broadcast" in layer.reason


def test_the_limits_of_other_architectures_are_theirs(keras):
    kl = keras.layers
    wide = with_layers(keras, kl.Conv2D(2500, 1, name="x"))
    assert report(wide, "x").device == "DPU"
    assert report(wide, "x", "zcu102-b512").device == "CPU"
    depthwise = with_layers(keras, kl.DepthwiseConv2D(3, name="x"), kl.Conv2D(4, 1))
    assert report(depthwise, "x", "DPUCVDX8H_ISA1_F2W2_8PE").device == "CPU"
    large_pool = with_layers(
        keras, kl.MaxPooling2D(9, strides=1, padding="same", name="x"), kl.Conv2D(4, 1)
    )
    assert report(large_pool, "x").device == "DPU"
    assert report(large_pool, "x", "DPUCZDX8G_ISA0_B4096_MAX").device == "CPU"


def test_relu6_needs_an_engine_that_has_it(keras):
    model = with_layers(keras, keras.layers.ReLU(6.0, name="x"))
    assert not inspect_model(model, load_target(ZCU102)).fallback_layers
    assert report(model, "x", "DPUCVDX8H_ISA0").device == "CPU"


def test_a_dense_layer_must_fit_the_memories_as_a_convolution_over_the_image(keras):
    kl = keras.layers
    small, large = keras.Input((8, 8, 16)), keras.Input((28, 28, 8))
    fits = keras.Model(small, kl.Dense(10, name="x")(kl.Flatten()(small)))
    too_large = keras.Model(large, kl.Dense(10, name="x")(kl.Flatten()(large)))
    assert report(fits, "x").device == "DPU" and "second DPU subgraph" in report(fits, "x").reason
    layer = report(too_large, "x")
    assert layer.device == "CPU" and "GlobalAveragePooling2D" in layer.reason


def test_the_softmax_of_the_outputs_is_no_layer_that_falls_back(keras):
    inspection = inspect_model(plain_cnn(keras), load_target(ZCU102))
    assert inspection.cpu_layers == ("classes/softmax",) and inspection.fallback_layers == ()
    assert inspection.dpu_subgraphs == 1


def test_on_target_cpu_nothing_falls_back(keras):
    inspection = inspect_model(plain_cnn(keras, activation="tanh"), load_target("cpu"))
    assert inspection.fallback_layers == () and inspection.dpu_subgraphs == 0
    assert set(inspection.cpu_layers) == {layer.name for layer in inspection.layers}


def test_every_rule_names_its_source():
    for name, rule in RULES.items():
        assert rule.__doc__ is not None and "ource" in rule.__doc__, name


def test_every_kind_of_operation_has_a_rule_and_every_advice_is_for_a_known_layer():
    assert set(RULES) == KINDS
    assert set(replacements("layers")) <= set(LAYERS)


def test_a_kind_without_a_rule_is_an_error_and_a_new_rule_is_used(monkeypatch):
    start = Operation("x", "x", "InputLayer", "input", (), (), (4, 4, 3))
    made_up = Operation("f", "f", "Mine", "fft", (0,), ((4, 4, 3),), (4, 4, 3))
    graph = LayerGraph("mine", (start, made_up), (1,))
    with pytest.raises(KeyError, match="fft"):
        place(graph, load_target(ZCU102))
    monkeypatch.setitem(RULES, "fft", RULES["input"])
    assert [placement.device for placement in place(graph, load_target(ZCU102))] == ["DPU", "DPU"]


def test_output_padding_in_one_direction_falls_to_the_cpu(keras):
    kl = keras.layers
    layer = kl.Conv2DTranspose(8, 3, strides=2, padding="same", output_padding=(1, 0), name="x")
    layer = report(with_layers(keras, layer, kl.Conv2D(8, 1)), "x")
    assert layer.device == "CPU" and "output_padding" in layer.reason


def test_the_softmax_of_the_outputs_is_told_by_a_flag_not_by_its_reason(keras):
    graph = read_graph(plain_cnn(keras))
    flagged = [p for p in place(graph, load_target(ZCU102)) if p.is_output_softmax]
    layers = fuse(graph, [p._replace(reason="") for p in place(graph, load_target(ZCU102))])
    assert len(flagged) == 1 and flagged[0].device == "CPU"
    assert [layer.main.kind for layer in layers if layer.is_output_softmax] == ["softmax"]
