"""The quantized model as a Keras model, and its integers."""

import numpy as np
import pytest

from vaiopt.errors import ModelError
from vaiopt.int8.arithmetic import average_multiplier, dequantize, quantize_activations
from vaiopt.int8.model import (
    fix_positions,
    fixed_layers,
    integer_outputs,
    load_quantized,
    output_tensors,
    save_quantized,
)
from vaiopt.int8.positions import FixPosition
from vaiopt.keras import load_keras, load_tensorflow


def grid(shape, position, seed=0):
    """Return float values that are int8 numbers at a position."""
    return dequantize(np.random.default_rng(seed).integers(-128, 128, shape), position)


def small_model(kernel_position=6, bias_position=9, output_position=4):
    """Return a convolution with relu between two roundings, its weights on their grids."""
    keras, layers = load_keras(), fixed_layers()
    x = keras.Input((6, 6, 3), name="img")
    y = layers["FixPosition"](7, "img", "input", True, name="fix_in")(x)
    y = keras.layers.Conv2D(4, 3, name="c")(y)
    y = layers["FixPosition"](output_position, "c", "output", name="fix_out")(
        keras.layers.ReLU()(y)
    )
    model = keras.Model(x, keras.layers.Activation("softmax")(keras.layers.Flatten()(y)))
    model.get_layer("c").set_weights(
        [grid((3, 3, 3, 4), kernel_position), grid((4,), bias_position)]
    )
    return model


def reference(model, x, kernel_position=6, bias_position=9, output_position=4):
    """Return the convolution's output in integer arithmetic, as the DPU's documentation has it."""
    image = quantize_activations(x, 7).astype(np.int64)
    kernel, bias = model.get_layer("c").get_weights()
    kernel = np.rint(kernel * 2.0**kernel_position).astype(np.int64)
    bias = np.rint(bias * 2.0**bias_position).astype(np.int64)
    windows = np.stack([image[:, i : i + 4, j : j + 4] for i in range(3) for j in range(3)], axis=3)
    sums = np.einsum("nhwkc,kco->nhwo", windows, kernel.reshape(9, 3, 4))
    accumulator = 7 + kernel_position
    shift = accumulator - bias_position
    sums = sums + (bias << shift) if shift >= 0 else (sums << -shift) + bias
    cut = max(accumulator, bias_position) - output_position
    return np.clip((np.maximum(sums, 0) + (1 << (cut - 1))) >> cut, -128, 127).astype(np.int8)


@pytest.mark.parametrize(
    "bias_position",
    [9, 13, 16],
    ids=["bias shifted left", "bias as it is", "accumulator shifted left"],
)
def test_the_integers_are_those_of_integer_arithmetic(bias_position):
    x = np.random.default_rng(1).uniform(-1.2, 1.2, (5, 6, 6, 3)).astype(np.float32)
    model = small_model(bias_position=bias_position)
    integers = integer_outputs(model, x, batch_size=2)
    assert list(integers) == ["img/input", "c/output"]
    assert np.array_equal(integers["img/input"], quantize_activations(x, 7))
    assert np.array_equal(integers["c/output"], reference(model, x, bias_position=bias_position))
    alone = integer_outputs(model, x, wanted=["c/output"])
    assert list(alone) == ["c/output"]
    assert np.array_equal(alone["c/output"], integers["c/output"])


def test_the_float32_model_is_exact_too_on_ordinary_sizes():
    keras = load_keras()
    model, x = small_model(), grid((5, 6, 6, 3), 7)
    rounded = keras.Model(model.input, model.get_layer("fix_out").output).predict(x, verbose=0)
    assert np.array_equal(rounded * 16, reference(model, x))


def test_a_saved_model_is_loaded_with_its_positions(tmp_path):
    model, x = small_model(), grid((3, 6, 6, 3), 7)
    positions = [
        FixPosition("c", "kernel", 8, 6),
        FixPosition("c", "output", 8, 4),
    ]
    save_quantized(model, positions, tmp_path / "q.h5")
    assert [path.name for path in tmp_path.iterdir()] == ["q.h5"]
    loaded = load_quantized(tmp_path / "q.h5")
    assert fix_positions(loaded) == positions
    assert np.array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))
    assert output_tensors(loaded) == ["c/output"]


def test_a_model_without_a_file_tells_the_positions_of_its_activations():
    assert fix_positions(small_model()) == [
        FixPosition("img", "input", 8, 7),
        FixPosition("c", "output", 8, 4),
    ]


def test_damaged_positions_in_a_file_are_refused(tmp_path):
    import h5py

    save_quantized(small_model(), [FixPosition("c", "kernel", 8, 6)], tmp_path / "q.h5")
    with h5py.File(str(tmp_path / "q.h5"), "r+") as file:
        file.attrs["vaiopt_fix_positions"] = b'[{"layer": "c"}]'
    with pytest.raises(ModelError, match=r"entries\[0\].tensor is missing"):
        load_quantized(tmp_path / "q.h5")


def test_a_missing_or_other_file_is_refused(tmp_path):
    with pytest.raises(ModelError, match="there is no model file"):
        load_quantized(tmp_path / "absent.h5")
    (tmp_path / "text.h5").write_text("nothing")
    with pytest.raises(ModelError, match="not an HDF5 file"):
        load_quantized(tmp_path / "text.h5")


def test_rounding_saturates_and_its_gradient_passes_inside_only():
    tf = load_tensorflow()
    x = tf.constant([[-10.0, -0.3, 0.24, 0.25, 9.0]])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = fixed_layers()["FixPosition"](4)(x)
    assert y.numpy().tolist() == [[-8.0, -0.3125, 0.25, 0.25, 7.9375]]
    assert tape.gradient(y, x).numpy().tolist() == [[0, 1, 1, 1, 0]]


def test_the_sigmoid_is_the_dpu_s():
    y = fixed_layers()["FixedSigmoid"]()(
        load_tensorflow().constant([-4.0, -3.0, 0.0, 3.0, 5.0])
    ).numpy()
    assert y.tolist() == [0, 0, 3 * 2731 / 2**14, 6 * 2731 / 2**14, 6 * 2731 / 2**14]


@pytest.mark.parametrize("size", [2, 3, 5, 7])
def test_average_pooling_is_a_sum_times_the_dpu_s_factor(size):
    numerator, shift = average_multiplier(size, size, False)
    layer = fixed_layers()["FixedAveragePooling2D"]((size, size), (1, 1), "valid", numerator, shift)
    x = grid((2, 9, 9, 3), 3)
    sums = sum(
        x[:, i : i + 10 - size, j : j + 10 - size].astype(float)
        for i in range(size)
        for j in range(size)
    )
    assert np.array_equal(layer(x).numpy(), sums * numerator / 2**shift)


def test_average_pooling_with_same_padding_leaves_out_what_is_outside():
    layer = fixed_layers()["FixedAveragePooling2D"]((2, 2), (2, 2), "same", 1, 2)
    assert np.allclose(layer(np.ones((1, 3, 3, 1), np.float32)).numpy(), 1)


def test_a_global_average_is_a_sum_times_the_dpu_s_factor():
    numerator, shift = average_multiplier(7, 7, True)
    x = grid((2, 7, 7, 3), 5)
    for keep in (False, True):
        y = fixed_layers()["FixedGlobalAveragePooling2D"](keep, numerator, shift)(x).numpy()
        assert np.array_equal(y, x.astype(float).sum(axis=(1, 2), keepdims=keep) * 21 / 1024)


def test_several_inputs_are_given_as_a_list():
    keras, layers = load_keras(), fixed_layers()
    first, second = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    ends = [
        layers["FixPosition"](7, tensor.name.split(":")[0], "input", True)(tensor)
        for tensor in (first, second)
    ]
    total = layers["FixPosition"](6, "sum", "output")(keras.layers.Add()(ends))
    x = [grid((3, 4), 7, seed) for seed in (1, 2)]
    integers = integer_outputs(keras.Model([first, second], total), x)
    assert list(integers) == ["a/input", "b/input", "sum/output"]
    assert np.array_equal(integers["sum/output"], quantize_activations(x[0] + x[1], 6))
