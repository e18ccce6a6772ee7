import json
import zipfile

import h5py
import numpy as np
import pytest

from vaiopt.errors import ModelError
from vaiopt.keras import load_keras, load_model, load_tensorflow, save_model
from vaiopt.network.file import read_model_config


@pytest.fixture(scope="module")
def model():
    keras = load_keras()
    inner = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    inputs = keras.Input((4,))
    return keras.Model(inputs, inner(inputs))


def test_keras_is_keras_2():
    assert load_tensorflow().keras is load_keras()
    assert "Model" in dir(load_keras())


def test_a_saved_model_predicts_the_same_and_has_no_field_that_old_tensorflow_cannot_read(
    model, tmp_path
):
    save_model(model, tmp_path / "m.h5")
    x = np.ones((2, 4), np.float32)
    assert np.array_equal(
        load_model(tmp_path / "m.h5").predict(x, verbose=0), model.predict(x, verbose=0)
    )
    assert '"optional"' not in str(read_model_config(tmp_path / "m.h5")).replace("'", '"')


def test_a_full_disk_is_an_error_and_leaves_nothing(model, tmp_path):
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(OSError):
            save_model(model, tmp_path / "model.h5")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_keras_2_model_is_refused_with_the_reason(model, tmp_path):
    cases = {
        "missing.h5": "there is no model",
        "k.keras": "no archive",
        "text.h5": "not an HDF5 file",
        "w.h5": "no architecture",
        "k3.h5": "Keras 3.1",
    }
    (tmp_path / "k.keras").write_text("x")
    (tmp_path / "text.h5").write_text("x")
    model.save_weights(str(tmp_path / "w.h5"))
    save_model(model, tmp_path / "k3.h5")
    with h5py.File(str(tmp_path / "k3.h5"), "r+") as file:
        file.attrs["keras_version"] = "3.1"
    for name, says in cases.items():
        with pytest.raises(ModelError) as caught:
            load_model(tmp_path / name)
        assert says in caught.value.message


def test_what_is_in_a_file_counts_not_its_ending(model, tmp_path):
    save_model(model, tmp_path / "m.h5")
    (tmp_path / "m.h5").rename(tmp_path / "old.keras")  # as TensorFlow up to 2.11 writes it
    assert load_model(tmp_path / "old.keras").count_params() == model.count_params()
    with zipfile.ZipFile(str(tmp_path / "new.h5"), "w") as file:
        file.writestr("metadata.json", json.dumps({"keras_version": "2.15.0"}))
    with pytest.raises(ModelError, match=r"new.h5' is a .keras archive of Keras 2.15.0") as caught:
        load_model(tmp_path / "new.h5")
    assert "Rename it to" in caught.value.hint


def test_fields_that_tensorflow_2_3_refuses_are_neither_written_nor_in_the_way(
    tmp_path, monkeypatch
):
    keras = load_keras()
    x = keras.Input((4, 4, 2))
    y = keras.layers.GlobalAveragePooling2D(name="gap")(keras.layers.GaussianNoise(0.1)(x))
    model = keras.Model(x, y)
    save_model(model, tmp_path / "ours.h5")
    assert "keepdims" not in str(read_model_config(tmp_path / "ours.h5"))
    model.save(str(tmp_path / "another's.h5"), include_optimizer=False)
    monkeypatch.setattr("vaiopt.keras.OLDER", ("2.",))
    loaded = load_model(tmp_path / "another's.h5")
    sample = np.ones((1, 4, 4, 2), np.float32)
    assert np.array_equal(loaded.predict(sample, verbose=0), model.predict(sample, verbose=0))
