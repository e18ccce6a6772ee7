"""Layers of series are quantized in the layers of images, which compute the same."""

import functools
from typing import Any, Callable, Dict

import numpy as np
import pytest

from vaiopt.errors import DataError
from vaiopt.hardware import left_to_cpu, load_target
from vaiopt.int8.feed import fed, in_shape
from vaiopt.int8.model import load_quantized
from vaiopt.keras import load_keras
from vaiopt.network.read import read_graph
from vaiopt.quantize import quantize_model
from vaiopt.quantize.checks import calibration_arrays, functional_model
from vaiopt.quantize.plain import changes_of, plain_model

K = load_keras()
L = K.layers
SERIES = (12, 5)
Build = Callable[[Any], Any]


def same(filters: int = 5) -> Any:
    return L.Conv1D(filters, 3, padding="same")


def squeezed(x: Any) -> Any:
    gate = L.Dense(5, activation="sigmoid")(L.GlobalAveragePooling1D()(x))
    return L.Multiply()([x, L.Reshape((1, 5))(gate)])


ON_THE_DPU: Dict[str, Build] = {
    "valid": lambda x: L.Conv1D(4, 3)(x),
    "same, strided": lambda x: L.Conv1D(4, 4, strides=2, padding="same", activation="relu")(x),
    "causal, dilated": lambda x: L.Conv1D(4, 3, padding="causal", dilation_rate=4)(x),
    "causal, strided": lambda x: L.Conv1D(4, 3, padding="causal", strides=2)(x),
    "causal of one step": lambda x: L.Conv1D(4, 1, padding="causal")(x),
    "same, dilated": lambda x: L.Conv1D(4, 3, padding="same", dilation_rate=2, use_bias=False)(x),
    "a group a channel": lambda x: L.Conv1D(10, 3, groups=5, strides=2)(x),
    "separable": lambda x: L.SeparableConv1D(6, 3, strides=2)(x),
    "separable, causal": lambda x: L.SeparableConv1D(6, 3, padding="causal", dilation_rate=2)(x),
    "transposed": lambda x: L.Conv1DTranspose(6, 3, strides=2, padding="same")(x),
    "largest": lambda x: L.MaxPooling1D(3, strides=2, padding="same")(x),
    "mean": lambda x: L.AveragePooling1D(2, padding="same")(x),
    "largest of all": lambda x: L.GlobalMaxPooling1D()(x),
    "mean of all": lambda x: L.GlobalAveragePooling1D()(x),
    "padded": lambda x: L.ZeroPadding1D((1, 3))(x),
    "cropped": lambda x: L.Cropping1D((1, 2))(x),
    "longer": lambda x: L.UpSampling1D(3)(x),
    "normalised": lambda x: L.BatchNormalization()(L.MaxPooling1D()(x)),
    "dense at each step": lambda x: L.Dense(7, activation="relu")(x),
    "slopes": lambda x: L.PReLU(shared_axes=[1])(same()(x)),
    "sum": lambda x: L.Add()([same()(x), x]),
    "channels": lambda x: L.Concatenate()([same()(x), x]),
    "gate": squeezed,
    "dropout": lambda x: same()(L.SpatialDropout1D(0.2)(L.Dropout(0.3)(x))),
    "another length": lambda x: same()(L.Reshape((6, -1))(x)),
    "scaled": lambda x: L.Conv1D(4, 3)(x * 2.0 + 1.0),
    "an activation layer": lambda x: L.Conv1D(4, 3, activation=L.LeakyReLU(0.1))(x),
}
if hasattr(L, "DepthwiseConv1D"):
    ON_THE_DPU["depthwise"] = lambda x: L.DepthwiseConv1D(
        3, strides=2, padding="same", depth_multiplier=2, activation="relu"
    )(x)
if hasattr(L.GlobalMaxPooling1D(), "keepdims"):
    ON_THE_DPU["largest of all, kept"] = lambda x: L.GlobalMaxPooling1D(keepdims=True)(x)

BESIDE: Dict[str, Build] = {
    "LSTM": lambda x: L.LSTM(4, name="x")(same()(x)),
    "Permute": lambda x: same()(L.Permute((2, 1), name="x")(x)),
    "LayerNormalization": lambda x: L.LayerNormalization(name="x")(same()(x)),
    "time joined, a slope each": lambda x: L.Concatenate(1, name="x")([L.PReLU()(same()(x)), x]),
}


@functools.lru_cache(maxsize=None)
def network(name: str) -> Any:
    inputs = K.Input(SERIES, name="in")
    model = K.Model(inputs, {**ON_THE_DPU, **BESIDE}[name](inputs))
    random = np.random.RandomState(0)
    for variable in model.weights:
        values = random.normal(size=variable.shape) * 0.3
        variable.assign(np.abs(values) + 0.1 if "variance" in variable.name else values)
    return model


def samples(count: int = 3) -> np.ndarray:
    return np.random.RandomState(1).uniform(-1, 1, (count, *SERIES)).astype(np.float32)


@pytest.mark.parametrize("name", [*ON_THE_DPU, *BESIDE])
def test_the_layers_of_images_compute_the_same(name: str) -> None:
    model = network(name)
    plain, x = plain_model(model), samples()
    assert plain is not model
    kinds = {type(layer).__name__ for layer in plain.layers}
    assert not any(kind.endswith("1D") for kind in kinds)
    given, found = (np.asarray(m(fed(m, x), training=False)) for m in (model, plain))
    assert given.shape == found.shape
    np.testing.assert_allclose(found, given, rtol=0, atol=1e-6 * max(1.0, np.abs(given).max()))


@pytest.mark.parametrize("name", [*ON_THE_DPU, *BESIDE])
def test_a_file_and_a_live_model_have_one_graph_with_all_parameters(name: str) -> None:
    model = network(name)
    live = read_graph(model)
    read = read_graph({"class_name": "Functional", "config": model.get_config()})
    assert live.params == read.params == model.count_params()
    assert [op.output_shape for op in live.operations] == [o.output_shape for o in read.operations]


@pytest.mark.parametrize("name", [*ON_THE_DPU, *BESIDE])
def test_only_what_no_image_can_do_falls_to_the_cpu(name: str) -> None:
    left = left_to_cpu(network(name), load_target("zcu102"))
    assert [row.layer for row in left] == (["x"] if name in BESIDE else [])


def test_a_table_of_rows_without_a_layer_of_series_stays_as_it_is() -> None:
    inputs = K.Input(SERIES)
    model = K.Model(inputs, L.Dense(3)(L.Flatten()(inputs)))
    assert plain_model(model) is model


def test_channels_first_is_refused_as_before() -> None:
    inputs = K.Input((5, 12))
    pool = L.MaxPooling1D(2, data_format="channels_first")
    assert plain_model(K.Model(inputs, pool(inputs))).input_shape == (None, 5, 12)


def test_each_change_is_told_once() -> None:
    model = functional_model(network("causal, dilated"))
    told = [(change.layer, change.what) for change in changes_of(model)]
    assert told[0] == ("in", "the model's input (12, 5) is fed as (12, 1, 5)")
    assert "becomes ZeroPadding2D and Conv2D, over a single column" in told[1][1]


def test_a_model_that_was_changed_before_remembers_it() -> None:
    once = functional_model(network("valid"))
    assert changes_of(once) and changes_of(functional_model(once)) == changes_of(once)


def test_series_are_calibrated_with_and_without_the_column() -> None:
    model, x = functional_model(network("valid")), samples()
    for given in (x, x[:, :, None]):
        (found,) = calibration_arrays(model, given)
        np.testing.assert_array_equal(found, x[:, :, None])
    with pytest.raises(DataError) as refused:
        calibration_arrays(model, x.transpose(0, 2, 1))
    assert "the model reads (12, 5)" in refused.value.message


def test_only_axes_of_length_one_are_put_in() -> None:
    x = samples()
    assert in_shape(x, (12, 1, 5)).shape == (3, 12, 1, 5)
    assert in_shape(x, (5, 12)) is x


def test_an_int8_model_whose_mean_is_reshaped_is_read_again(tmp_path: Any) -> None:
    # Its file is checked before Keras builds it, and needs the shape of the mean for that.
    quantize_model(network("gate"), samples(20), out=tmp_path / "q")
    assert load_quantized(tmp_path / "q" / "quantized.h5").output_shape == (None, 12, 5)


def test_a_causal_network_is_quantized_as_images_of_one_column(tmp_path: Any) -> None:
    inputs = K.Input(SERIES)
    x = L.Conv1D(8, 3, padding="causal", activation="relu", name="first")(inputs)
    x = L.Conv1D(8, 3, padding="causal", dilation_rate=2, activation="relu")(x)
    model = K.Model(inputs, L.Dense(2, activation="softmax")(L.GlobalMaxPooling1D()(x)))
    model.compile("adam", "sparse_categorical_crossentropy")
    x, y = samples(120), (samples(120)[:, 0, 0] > 0).astype(int)
    found = quantize_model(model, x, y, out=tmp_path / "q")
    assert found.record.float_layers == () and found.record.samples == 120
    assert "layer 'first': becomes ZeroPadding2D and Conv2D, over a single column" in (
        found.record.changes
    )
    golden = np.load(str(tmp_path / "q" / "golden.npz"))
    assert golden["inputs"].shape[1:] == (12, 1, 5)
