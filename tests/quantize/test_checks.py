"""What cannot be quantized is refused up front, with the name of the layer or array and the
cure.
"""

import zipfile

import numpy as np
import pytest
from float_networks import head, images, network

from vaiopt.errors import DataError, ModelError, QuantizeError
from vaiopt.int8.model import fixed_layers
from vaiopt.keras import load_keras, load_tensorflow, save_model
from vaiopt.models.probabilities import file_attributes
from vaiopt.quantize.checks import (
    calibration_arrays,
    check_scale,
    functional_model,
    load_calibration,
)
from vaiopt.quantize.labels import Judge
from vaiopt.tasks import TASKS


def classes(y):
    """What judges a classifier on class numbers."""
    return Judge(TASKS["classification"], y)


def test_a_sequential_model_becomes_functional():
    keras = load_keras()
    model = keras.Sequential(
        [keras.layers.Dense(3, input_shape=(4,), name="fc"), keras.layers.Dense(2, name="out")]
    )
    functional = functional_model(model)
    assert not isinstance(functional, keras.Sequential)
    x = images(3, (4,))
    assert np.array_equal(functional.predict(x, verbose=0), model.predict(x, verbose=0))


def test_a_model_file_is_loaded(tmp_path):
    save_model(network(head), tmp_path / "model.h5")
    assert functional_model(tmp_path / "model.h5").output_shape == (None, 4)


def test_one_output_that_the_file_says_is_a_logit_becomes_a_probability(tmp_path):
    keras = load_keras()
    model = keras.Sequential([keras.layers.Dense(1, input_shape=(4,))])
    model.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True))
    save_model(model, tmp_path / "model.h5", file_attributes(model))
    x = images(9, (4,))
    logits = model.predict(x, verbose=0)
    found = functional_model(tmp_path / "model.h5").predict(x, verbose=0)
    assert np.array_equal(found > 0.5, logits > 0)
    assert np.array_equal(functional_model(model).predict(x, verbose=0), logits)


def refused(model, *parts):
    with pytest.raises(QuantizeError) as caught:
        functional_model(model)
    for part in parts:
        assert part in caught.value.message
    assert caught.value.hint
    return caught.value


def test_an_already_quantized_model_is_refused_by_its_layer():
    model = network(
        lambda layers, x: head(
            layers, fixed_layers()["FixPosition"](7, "img", "input", name="rounded")(x)
        )
    )
    refused(model, "already quantized", "rounded")


def test_an_already_quantized_file_is_refused_before_it_is_loaded(tmp_path):
    model = network(
        lambda layers, x: head(
            layers, fixed_layers()["FixPosition"](7, "img", "input", name="rounded")(x)
        )
    )
    save_model(model, tmp_path / "q.h5")
    refused(tmp_path / "q.h5", "already quantized", "rounded")


def test_a_keras_3_file_is_refused(tmp_path):
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(str(path), "w") as file:
        file.writestr("metadata.json", '{"keras_version": "3.1.0"}')
    with pytest.raises(ModelError, match="Keras 3") as caught:
        functional_model(path)
    assert "tf_keras" in caught.value.hint


def test_a_subclass_and_an_unbuilt_model_are_refused():
    keras = load_keras()

    class Mine(keras.Model):
        def call(self, inputs):
            return inputs

    assert "functional API" in refused(Mine(name="mine"), "mine", "subclass").hint
    assert (
        "input_shape"
        in refused(keras.Sequential([keras.layers.Dense(2)], name="bare"), "bare").hint
    )
    refused(object(), "object")


def test_groups_channels_first_and_inner_models_are_refused_by_name():
    keras = load_keras()

    def grouped(layers, x):
        return head(layers, layers.Conv2D(4, 3, groups=2, name="grouped")(layers.Conv2D(4, 1)(x)))

    refused(network(grouped), "grouped", "groups=2")
    inner = keras.Sequential([keras.layers.Conv2D(2, 1, input_shape=(8, 8, 2))], name="inner")
    refused(network(lambda layers, x: head(layers, inner(inner(x)))), inner.name)
    x = keras.Input((2, 8, 8))
    first = keras.Model(x, keras.layers.MaxPooling2D(data_format="channels_first", name="cf")(x))
    refused(first, "cf", "channels first")


def test_a_batch_normalisation_along_another_axis_is_refused_by_name():
    refused(
        network(lambda layers, x: head(layers, layers.BatchNormalization(axis=1, name="rows")(x))),
        "rows",
        "axis",
    )


def test_mixed_precision_is_refused_by_name():
    model = network(
        lambda layers, x: head(layers, layers.Conv2D(4, 3, dtype="mixed_float16", name="half")(x))
    )
    assert "mixed precision" in refused(model, "half", "mixed_float16").hint


def test_operations_on_tensors_are_refused():
    tf = load_tensorflow()
    refused(network(lambda layers, x: head(layers, tf.math.cumsum(x))), "tf.math.cumsum")


def test_nan_in_a_weight_is_refused_by_layer_and_weight():
    model = network(lambda layers, x: head(layers, layers.Conv2D(4, 3, name="sick")(x)))
    kernel, bias = model.get_layer("sick").get_weights()
    bias[1] = np.nan
    model.get_layer("sick").set_weights([kernel, bias])
    refused(model, "sick", "bias")


def test_an_unknown_size_is_refused():
    keras = load_keras()
    x = keras.Input((None, None, 3), name="any_size")
    refused(keras.Model(x, keras.layers.Conv2D(3, 3)(x)), "any_size")


@pytest.mark.parametrize(
    "array, part",
    [
        (np.zeros((0, 8, 8, 2)), "empty"),
        (np.zeros((5, 8, 8)), r"\(8, 8\)"),
        (np.zeros((5, 2, 8, 8)), r"\(2, 8, 8\)"),
        (np.full((5, 8, 8, 2), np.inf), "finite"),
        (np.full((5, 8, 8, 2), 200, np.uint8), "raw uint8"),
        (np.full((5, 8, 8, 2), "a"), "dtype"),
    ],
    ids=["empty", "no channels", "channels first", "infinite", "raw", "text"],
)
def test_calibration_data_that_do_not_fit_are_refused_by_the_array_s_name(array, part):
    with pytest.raises(DataError, match=part) as caught:
        calibration_arrays(network(head), array)
    assert "'x'" in caught.value.message and caught.value.hint


def test_calibration_data_that_fit_become_float32():
    (array,) = calibration_arrays(network(head), images(5).astype(np.float64))
    assert array.dtype == np.float32 and array.shape == (5, 8, 8, 2)


def test_raw_pixels_without_a_scale_are_refused_and_preprocessed_ones_are_not():
    model, raw = network(head), np.arange(5 * 128, dtype=np.float32).reshape(5, 8, 8, 2) % 256
    with pytest.raises(DataError, match="wrong scale"):
        check_scale(model, [raw], None, None)
    check_scale(model, [raw / 255], None, None)


def test_raw_pixels_are_taken_where_the_labels_show_that_the_model_understands_them():
    model, raw = (
        network(head),
        np.random.default_rng(0).integers(0, 256, (40, 8, 8, 2)).astype(np.float32),
    )
    y = model.predict(raw, verbose=0).argmax(axis=1)
    check_scale(model, [raw], classes(y), None)
    with pytest.raises(DataError, match="wrong scale"):
        check_scale(model, [raw], classes((y + 1) % 4), None)


def test_data_of_an_unusual_range_on_which_the_model_guesses_are_refused():
    model, x = network(head), images(40)
    y = model.predict(x, verbose=0).argmax(axis=1)
    for factor in (1e-3, 255):
        with pytest.raises(DataError, match="wrong scale"):
            check_scale(model, [x * factor], classes((y + 1) % 4), None)
    check_scale(model, [x], classes((y + 1) % 4), None)
    right = classes(model.predict(x * 255, verbose=0).argmax(axis=1))
    check_scale(model, [x * 255], right, None)


def test_a_model_that_scales_by_itself_takes_raw_pixels():
    model = network(lambda layers, x: head(layers, layers.BatchNormalization(name="bn")(x)))
    check_scale(model, [np.full((5, 8, 8, 2), 200, np.float32)], None, None)


def test_data_far_from_the_preprocessing_s_range_are_refused():
    x = images(5)
    check_scale(network(head), [x], None, (-1.0, 1.0))
    with pytest.raises(DataError, match="wrong scale") as caught:
        check_scale(network(head), [x * 128], None, (-1.0, 1.0))
    assert "float/data.json" in caught.value.hint


def test_a_calibration_file_holds_an_array_for_each_of_several_inputs(tmp_path):
    path = tmp_path / "calib.npz"
    np.savez(str(path), b=np.zeros((3, 2)), a=np.ones((3, 4)), y=[0, 1, 2])
    x, y = load_calibration(path, ("a", "b"))
    assert [array.shape for array in x] == [(3, 4), (3, 2)] and len(y) == 3
    with pytest.raises(DataError, match="no array 'c'") as caught:
        load_calibration(path, ("a", "c"))
    assert "c=..." in caught.value.hint
    np.savez(str(path), x_b=np.zeros((3, 2)), x_a=np.ones((3, 4)))  # as data have them
    x, y = load_calibration(path, ("a", "b"))
    assert [array.shape for array in x] == [(3, 4), (3, 2)] and y is None


def test_a_calibration_file_must_hold_x(tmp_path):
    path = tmp_path / "calib.npz"
    np.savez(str(path), x=images(3), y=[0, 1, 2])
    x, y = load_calibration(path)
    assert x.shape == (3, 8, 8, 2) and y.tolist() == [0, 1, 2]
    np.savez(str(path), images=images(3))
    with pytest.raises(DataError, match="no array 'x', only: images"):
        load_calibration(path)
    path.write_text("nothing")
    with pytest.raises(DataError, match="not a readable"):
        load_calibration(path)
    with pytest.raises(DataError, match="there is no"):
        load_calibration(tmp_path / "absent.npz")


@pytest.mark.parametrize("kept", [0.5, 0.99])
def test_a_calibration_file_that_is_cut_off_is_refused(tmp_path, kept):
    whole = tmp_path / "whole.npz"
    np.savez_compressed(str(whole), x=np.arange(999.0))
    content = whole.read_bytes()
    (tmp_path / "cut.npz").write_bytes(content[: int(kept * len(content))])
    with pytest.raises(DataError, match="cut.npz"):
        load_calibration(tmp_path / "cut.npz")


def test_a_calibration_file_with_a_damaged_array_is_refused(tmp_path):
    path = tmp_path / "calib.npz"
    np.savez_compressed(str(path), x=np.random.RandomState(0).rand(999))
    content = path.read_bytes()
    path.write_bytes(content[:3000] + bytes(100) + content[3100:])
    with pytest.raises(DataError, match="calib.npz"):
        load_calibration(path)
