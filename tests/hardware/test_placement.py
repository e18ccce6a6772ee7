"""Where an operation runs, and that the reason says what to do."""

import pytest

from tests.hardware.models import plain_cnn, with_layers
from vaiopt.hardware import inspect_model, load_target, read_graph
from vaiopt.hardware.fusion import fuse
from vaiopt.hardware.placement import RULES, place
from vaiopt.network.graph import KINDS, LayerGraph, Operation

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
    (lambda kl: kl.Activation("hard_sigmoid", name="x"), "relu6(x + 3) / 6"),
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


@pytest.mark.parametrize("target", ["zcu102", "ultra96"])
def test_a_dense_layer_takes_an_image_of_any_size_as_it_takes_its_values(keras, target):
    kl = keras.layers
    seen = {}
    for shape in ((6272,), (28, 28, 8), (112, 56)):
        inputs = keras.Input(shape)
        flat = kl.Flatten()(inputs) if len(shape) > 1 else inputs
        model = keras.Model(inputs, kl.Dense(10, name="x")(flat))
        inspection = inspect_model(model, load_target(target))
        seen[shape] = (report(model, "x", target).device, round(inspection.latency_ms, 6))
    assert set(seen.values()) == {("DPU", seen[(6272,)][1])}


@pytest.mark.parametrize(
    "target, kernel, channels, device",
    [
        ("vck190", (8, 8), 3, "DPU"),
        ("vck190", (9, 9), 3, "CPU"),
        ("vck190", (5, 13), 3, "CPU"),
        ("vck190", (3, 16), 3, "DPU"),
        ("vck190", (6, 6), 2049, "CPU"),
        ("vek280", (7, 7), 3, "DPU"),
        ("vek280", (7, 8), 3, "CPU"),
        ("zcu102", (16, 16), 3, "DPU"),
    ],
)
def test_the_window_of_a_convolution_has_the_limit_of_its_dpu(
    keras, target, kernel, channels, device
):
    inputs = keras.Input((20, 20, channels))
    model = keras.Model(inputs, keras.layers.Conv2D(4, kernel, name="x")(inputs))
    layer = report(model, "x", target)
    assert layer.device == device and (device == "DPU" or "kernel" in layer.reason)


def behind(keras, *before):
    """A ReLU behind two convolutions of one input, brought together by these layers."""
    kl = keras.layers
    inputs = keras.Input((8, 8, 3))
    x = [kl.Conv2D(4, 1, name="first")(inputs), kl.Conv2D(4, 1, name="second")(inputs)]
    for layer in before:
        x = layer(x)
    return keras.Model(inputs, kl.Conv2D(4, 1, name="last")(kl.ReLU(name="lone")(x)))


@pytest.mark.parametrize("release, device", [("2.0", "DPU"), ("2.5", "CPU"), ("3.5", "CPU")])
def test_a_lone_relu_runs_where_the_quantizer_of_the_release_rounds_it(keras, release, device):
    model = behind(keras, keras.layers.Concatenate(name="both"))
    layer = report(model, "lone", release=release)
    assert layer.device == device
    assert device == "DPU" or "behind 'both'" in layer.reason


def test_a_relu_behind_an_addition_is_fused_unless_something_else_reads_the_sum(keras):
    kl = keras.layers
    fused = behind(keras, kl.Add(name="sum"))
    assert report(fused, "lone").device == "DPU"
    inputs = keras.Input((8, 8, 3))
    total = kl.Add(name="sum")([kl.Conv2D(4, 1)(inputs), kl.Conv2D(4, 1)(inputs)])
    both = kl.Concatenate()([total, kl.ReLU(name="lone")(total)])
    layer = report(keras.Model(inputs, kl.Conv2D(4, 1)(both)), "lone")
    assert layer.device == "CPU" and "something else reads" in layer.reason


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


def test_every_kind_of_operation_has_a_rule():
    assert set(RULES) == KINDS


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
