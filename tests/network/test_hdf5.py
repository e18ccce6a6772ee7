"""An HDF5 file is read for what is in it, never for what it says about other files."""

import h5py
import numpy as np
import pytest

from vaiopt.errors import ModelError
from vaiopt.keras import load_keras, load_model, save_model
from vaiopt.network.file import read_model_config
from vaiopt.network.hdf5 import open_hdf5
from vaiopt.report.weights import read_weights

KERNEL = "model_weights/d/d/kernel:0"


@pytest.fixture
def path(tmp_path):
    keras = load_keras()
    image = keras.Input((4,), name="i")
    model = keras.Model(image, keras.layers.Dense(3, name="d")(image))
    save_model(model, tmp_path / "m.h5")
    (tmp_path / "secret.bin").write_bytes(np.arange(12, dtype="f4").tobytes())
    with h5py.File(str(tmp_path / "secret.h5"), "w") as file:
        file["x"] = np.arange(12, dtype="f4").reshape(4, 3)
    return tmp_path / "m.h5"


def external_storage(file, folder):
    files = [(str(folder / "secret.bin"), 0, h5py.h5f.UNLIMITED)]
    file.create_dataset(KERNEL, shape=(4, 3), dtype="f4", external=files)


def external_link(file, folder):
    file[KERNEL] = h5py.ExternalLink(str(folder / "secret.h5"), "/x")


def external_group(file, folder):
    del file["model_weights"]
    file["model_weights"] = h5py.ExternalLink(str(folder / "secret.h5"), "/")


def virtual(file, folder):
    layout = h5py.VirtualLayout(shape=(4, 3), dtype="f4")
    layout[:] = h5py.VirtualSource(str(folder / "secret.h5"), "x", shape=(4, 3))
    file.create_virtual_dataset(KERNEL, layout)


@pytest.mark.parametrize("change", [external_storage, external_link, external_group, virtual])
def test_a_file_that_takes_its_weights_from_another_file_is_refused_by_every_reader(path, change):
    with h5py.File(str(path), "r+") as file:
        del file[KERNEL]
        change(file, path.parent)
    for read in (load_model, read_model_config, read_weights):
        with pytest.raises(ModelError, match="from another file, which is not read"):
            read(path)


def test_arrays_that_are_far_larger_than_the_file_are_refused(path):
    with h5py.File(str(path), "r+") as file:
        del file[KERNEL]
        file.create_dataset(KERNEL, shape=(10**6, 10**6), dtype="f4", chunks=(100, 100))
    with pytest.raises(ModelError, match="its arrays would take"):
        load_model(path)


def test_groups_in_a_circle_and_links_to_nothing_are_no_harm(path):
    with h5py.File(str(path), "r+") as file:
        file["model_weights/again"] = file["/"]
        file["model_weights/nowhere"] = h5py.SoftLink("/not/there")
        file["model_weights/self"] = h5py.SoftLink("/model_weights")
    with open_hdf5(path) as file:
        assert "model_weights" in file


def test_what_is_no_regular_hdf5_file_is_refused(tmp_path):
    import os

    (tmp_path / "text.h5").write_text("x")
    (tmp_path / "folder.h5").mkdir()
    os.mkfifo(str(tmp_path / "fifo.h5"))
    for name in ("text.h5", "folder.h5", "fifo.h5", "missing.h5"):
        with pytest.raises(ModelError), open_hdf5(tmp_path / name):
            pass
