"""Shapes and parameters computed from a configuration are those of Keras, for every layer that is
known.
"""

import pytest

from vaiopt.errors import ModelError
from vaiopt.hardware import inspect_model, load_target, read_graph
from vaiopt.network.graph import KINDS
from vaiopt.network.layers import LAYERS, LayerClass, layer_class, output_shape
from vaiopt.network.shapes import broadcast, concatenated, output_length

IMAGE, SERIES, VECTOR = (11, 9, 6), (12, 5), (7,)

LAYERS_OF_KERAS = [
    (IMAGE, lambda kl: kl.Conv2D(5, 3)),
    (IMAGE, lambda kl: kl.Conv2D(5, (3, 2), strides=2, padding="same", use_bias=False)),
    (IMAGE, lambda kl: kl.Conv2D(4, 3, dilation_rate=2)),
    (IMAGE, lambda kl: kl.Conv2D(4, 3, groups=2)),
    (IMAGE, lambda kl: kl.DepthwiseConv2D(3, strides=2, depth_multiplier=2)),
    (IMAGE, lambda kl: kl.SeparableConv2D(8, 3, depth_multiplier=2, activation="relu")),
    (IMAGE, lambda kl: kl.Conv2DTranspose(4, 3, strides=2, padding="same")),
    (IMAGE, lambda kl: kl.Conv2DTranspose(4, 2, strides=3)),
    (IMAGE, lambda kl: kl.Conv2DTranspose(4, 3, strides=2, output_padding=1)),
    (IMAGE, lambda kl: kl.Conv2DTranspose(4, 3, strides=2, padding="same", output_padding=1)),
    (IMAGE, lambda kl: kl.MaxPooling2D(2)),
    (IMAGE, lambda kl: kl.MaxPooling2D(3, strides=2, padding="same")),
    (IMAGE, lambda kl: kl.AveragePooling2D((2, 3))),
    (IMAGE, lambda kl: kl.GlobalAveragePooling2D()),
    (IMAGE, lambda kl: kl.GlobalMaxPooling2D(keepdims=True)),
    (IMAGE, lambda kl: kl.BatchNormalization()),
    (IMAGE, lambda kl: kl.BatchNormalization(scale=False)),
    (IMAGE, lambda kl: kl.LayerNormalization()),
    (IMAGE, lambda kl: kl.UnitNormalization()),
    (IMAGE, lambda kl: kl.GroupNormalization(2)),
    (IMAGE, lambda kl: kl.GlobalMaxPooling2D()),
    (IMAGE, lambda kl: kl.ThresholdedReLU(1.0)),
    (IMAGE, lambda kl: kl.PReLU()),
    (IMAGE, lambda kl: kl.PReLU(shared_axes=[1, 2])),
    (IMAGE, lambda kl: kl.LeakyReLU(0.1)),
    (IMAGE, lambda kl: kl.ReLU(6.0)),
    (IMAGE, lambda kl: kl.ELU()),
    (IMAGE, lambda kl: kl.Activation("swish")),
    (IMAGE, lambda kl: kl.Softmax()),
    (IMAGE, lambda kl: kl.Dropout(0.5)),
    (IMAGE, lambda kl: kl.ZeroPadding2D(((1, 2), (3, 4)))),
    (IMAGE, lambda kl: kl.ZeroPadding2D(2)),
    (IMAGE, lambda kl: kl.Cropping2D(((1, 2), (3, 0)))),
    (IMAGE, lambda kl: kl.UpSampling2D((2, 3))),
    (IMAGE, lambda kl: kl.UpSampling2D(2, interpolation="bilinear")),
    (IMAGE, lambda kl: kl.Flatten()),
    (IMAGE, lambda kl: kl.Reshape((99, -1))),
    (IMAGE, lambda kl: kl.Permute((3, 1, 2))),
    (IMAGE, lambda kl: kl.Rescaling(1 / 255.0)),
    (IMAGE, lambda kl: kl.Resizing(4, 5)),
    (IMAGE, lambda kl: kl.CenterCrop(4, 5)),
    (IMAGE, lambda kl: kl.Normalization(mean=0.5, variance=2.0)),
    (IMAGE, lambda kl: kl.Dense(3)),
    (IMAGE, lambda kl: kl.RandomFlip()),
    (SERIES, lambda kl: kl.Conv1D(4, 3, padding="causal", dilation_rate=2)),
    (SERIES, lambda kl: kl.SeparableConv1D(4, 3)),
    (SERIES, lambda kl: kl.DepthwiseConv1D(3, strides=2, depth_multiplier=2)),
    (SERIES, lambda kl: kl.Conv1DTranspose(4, 3, strides=2, padding="same")),
    (SERIES, lambda kl: kl.Conv1DTranspose(4, 4, strides=2, output_padding=1)),
    (SERIES, lambda kl: kl.MaxPooling1D(3)),
    (SERIES, lambda kl: kl.AveragePooling1D(2, strides=3, padding="same")),
    (SERIES, lambda kl: kl.GlobalAveragePooling1D()),
    (SERIES, lambda kl: kl.GlobalMaxPooling1D()),
    (SERIES, lambda kl: kl.Masking()),
    (SERIES, lambda kl: kl.ZeroPadding1D(2)),
    (SERIES, lambda kl: kl.Cropping1D((1, 2))),
    (SERIES, lambda kl: kl.UpSampling1D(3)),
    (SERIES, lambda kl: kl.LSTM(4)),
    (SERIES, lambda kl: kl.GRU(4, return_sequences=True)),
    (SERIES, lambda kl: kl.SimpleRNN(4)),
    (SERIES, lambda kl: kl.Bidirectional(kl.LSTM(4, return_sequences=True))),
    (VECTOR, lambda kl: kl.Dense(3, use_bias=False)),
    (VECTOR, lambda kl: kl.Embedding(10, 4)),
    (VECTOR, lambda kl: kl.RepeatVector(3)),
    (VECTOR, lambda kl: kl.BatchNormalization()),
]


def made_with(keras, make):
    """The layer that `make` makes, or None where this Keras has no such layer."""
    try:
        return make(keras.layers)
    except AttributeError:
        return None


@pytest.mark.parametrize("number", range(len(LAYERS_OF_KERAS)))
def test_shape_and_parameters_are_those_of_keras(keras, number):
    shape, make = LAYERS_OF_KERAS[number]
    layer = made_with(keras, make)
    if layer is None:
        pytest.skip("this Keras lacks the layer")
    inputs = keras.Input(shape)
    model = keras.Model(inputs, layer(inputs))
    graph = read_graph({"class_name": "Functional", "config": model.get_config()})
    assert graph.operations[graph.outputs[0]].output_shape == tuple(model.output_shape[1:])
    assert graph.params == model.count_params()
    assert not any(operation.assumed_shape for operation in graph.operations)


def test_merging_layers_have_the_shapes_of_keras(keras):
    layers = keras.layers
    a, b, c = keras.Input((8, 8, 4)), keras.Input((8, 8, 4)), keras.Input((1, 1, 4))
    outputs = [
        layers.Add()([a, b]),
        layers.Multiply()([a, c]),
        layers.Maximum()([a, b]),
        layers.Subtract()([a, b]),
        layers.Average()([a, b]),
    ]
    outputs += [layers.Concatenate()([a, b]), layers.Concatenate(axis=1)([a, b])]
    model = keras.Model([a, b, c], outputs)
    graph = read_graph({"class_name": "Functional", "config": model.get_config()})
    assert [graph.operations[number].output_shape for number in graph.outputs] == [
        tuple(shape[1:]) for shape in model.output_shape
    ]


def test_windows_that_do_not_fit_are_refused_with_the_layer():
    config = {"name": "pool", "pool_size": [4, 4], "strides": [4, 4], "padding": "valid"}
    with pytest.raises(ModelError, match="pool"):
        output_shape("MaxPooling2D", config, [(3, 3, 8)], {})


def test_shapes_that_cannot_be_merged_are_refused():
    with pytest.raises(ModelError, match="sum"):
        broadcast([(4, 4, 3), (4, 4, 2)], "sum")
    with pytest.raises(ModelError, match="join"):
        concatenated([(4, 4, 3), (5, 4, 2)], -1, "join")


def test_the_length_of_an_output_is_the_number_of_windows():
    for length in range(1, 20):
        for kernel in range(1, 6):
            for stride in range(1, 4):
                starts = [s for s in range(0, length, stride) if s + kernel <= length]
                assert output_length(length, kernel, stride, "valid") == len(starts)
                assert output_length(length, kernel, stride, "same") == len(
                    range(0, length, stride)
                )


def test_every_row_of_the_table_is_named_by_its_class_and_makes_a_known_operation():
    for name, row in LAYERS.items():
        assert row.name == name and row.kind in KINDS
        assert row.removed <= (row.shape is not None), name


def test_every_row_with_a_shape_is_compared_with_keras(keras):
    made = {type(made_with(keras, make)).__name__ for _, make in LAYERS_OF_KERAS}
    # merging layers: see the next test; the quantizers' own and those of the data: not in Keras
    merges = {"Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate"}
    known = {name for name, row in LAYERS.items() if row.shape and not row.removed}
    alike = {"SyncBatchNormalization", "InputLayer", "TFOpLambda"}
    vendors = {name for name in known if name.startswith(("Vitis", "HardSigmoid", "Fix"))}
    newer = {"GroupNormalization", "UnitNormalization"} - set(dir(keras.layers))
    assert known - made - merges - alike - vendors - newer == set()


def test_a_made_up_row_gives_shape_parameters_and_operation(monkeypatch):
    row = LayerClass(
        "Halve",
        "max_pool",
        lambda config, inputs, arguments: (inputs[0][0] // 2, inputs[0][1] // 2, inputs[0][2]),
        lambda config, inputs, output: 5 * output[-1],
        lambda operation, config, arguments: operation._replace(kernel=(2, 2), strides=(2, 2)),
    )
    monkeypatch.setitem(LAYERS, "Halve", row)
    config = {
        "name": "halving",
        "layers": [
            {
                "class_name": "InputLayer",
                "config": {"name": "x", "batch_input_shape": [1, 8, 8, 3]},
            },
            {"class_name": "Halve", "config": {"name": "h"}},
        ],
    }
    operation = read_graph({"class_name": "Sequential", "config": config}).operations[1]
    assert operation.output_shape == (4, 4, 3) and operation.params == 15
    assert operation.kind == "max_pool" and operation.kernel == (2, 2)
    layers = inspect_model({"class_name": "Sequential", "config": config}, load_target("zcu102"))
    assert layers.layers[0].device == "DPU" and layers.layers[0].latency_ms > 0


def test_a_class_without_a_row_is_an_operation_of_its_inputs_shape():
    row = layer_class("Mine")
    assert row.kind == "other" and row.shape is None
    assert output_shape("Mine", {}, [(4, 4, 3)], {}) is None


def test_a_row_with_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="Mine"):
        LayerClass("Mine", "fft")


@pytest.mark.parametrize(
    "class_name, config",
    [
        ("Conv2D", {"name": "x", "filters": 4}),
        ("Conv2D", {"name": "x", "filters": "many", "kernel_size": 3}),
        ("Conv2D", {"name": "x", "filters": 4, "kernel_size": 3, "groups": 0}),
        ("Dense", {"name": "x"}),
        ("BatchNormalization", {"name": "x", "axis": ["last"]}),
        ("Concatenate", {"name": "x", "axis": None}),
        ("LeakyReLU", {"name": "x", "alpha": "steep"}),
        ("Bidirectional", {"name": "x", "layer": 3}),
    ],
)
def test_a_damaged_configuration_is_an_error_that_names_the_layer(class_name, config):
    layers = [
        {"class_name": "InputLayer", "config": {"name": "i", "batch_input_shape": [1, 8, 8, 3]}},
        {"class_name": class_name, "config": config},
    ]
    with pytest.raises(ModelError, match="'x'"):
        read_graph({"class_name": "Sequential", "config": {"name": "m", "layers": layers}})
