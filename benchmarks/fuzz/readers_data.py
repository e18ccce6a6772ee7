"""Rows of the table of readers: a person's data and code."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List

from benchmarks.fuzz import made
from benchmarks.fuzz.readers import Reader, json_file, text_file


def load_data(path: Path) -> None:
    """Load data from a file or folder."""
    from vaiopt.data import load_dataset, split_dataset

    split_dataset(load_dataset(str(path)), (7, 2, 1), seed=0)


def load_in_file(path: Path) -> None:
    """Load data that stay in their file, and read all of them."""
    from vaiopt.data import load_dataset

    features = {"x": "x:float32", "y": "y:int64"}
    loaded = load_dataset(str(path), features=features, in_memory_mb=0)
    for given in loaded.sets:
        given.x[:]


def load_folder_of(path: Path) -> None:
    """Load the folder of images that one belongs to."""
    load_data(path.parent.parent)


def load_function_in(path: Path) -> None:
    """Load data from a function in a person's file."""
    from vaiopt.data import load_dataset

    load_dataset(f"{path}:data")


def read_idx_file(path: Path) -> None:
    """Read a file of Fashion-MNIST."""
    from vaiopt.data.idx_files import read_idx

    read_idx(path, "again", 3)


def read_calibration(path: Path) -> None:
    """Read calibration samples."""
    from vaiopt.quantize.checks import load_calibration

    load_calibration(path)


def read_scheduler_file(path: Path) -> None:
    """Read where a Dask scheduler is."""
    from vaiopt.search.execution.dask import _address_in

    _address_in(str(path))


def make_npz(folder: Path) -> List[Path]:
    """Write samples of two classes."""
    import numpy as np

    x = np.arange(40 * 3, dtype=np.float32).reshape(40, 3)
    y = np.arange(40) % 2
    arrays: Dict[str, Any] = {"x": x, "y": y, "x_test": x[:10], "y_test": y[:10]}
    np.savez(str(folder / "data.npz"), classes=np.array(["a", "b"]), **arrays)
    return [folder / "data.npz"]


def make_npy(folder: Path) -> List[Path]:
    """Write samples of two classes, each array in a file."""
    import numpy as np

    np.save(str(folder / "x.npy"), np.arange(40 * 3, dtype=np.float32).reshape(40, 3))
    np.save(str(folder / "y.npy"), np.arange(40) % 2)
    return [folder / "x.npy"]


def make_hdf5(folder: Path) -> List[Path]:
    """Write samples of two classes into an HDF5 file."""
    import h5py
    import numpy as np

    with h5py.File(str(folder / "data.hdf5"), "w") as file:
        file["x"] = np.arange(40 * 3, dtype=np.float32).reshape(40, 3)
        file["y"] = np.arange(40) % 2
    return [folder / "data.hdf5"]


def make_tfrecord(folder: Path) -> List[Path]:
    """Write samples of two classes into a TFRecord file."""
    from vaiopt.keras import load_tensorflow

    train = load_tensorflow().train
    path = folder / "data.tfrecord"
    with load_tensorflow().io.TFRecordWriter(str(path)) as writer:
        for number in range(40):
            x = train.Feature(float_list=train.FloatList(value=[number, 1.0, 2.0]))
            y = train.Feature(int64_list=train.Int64List(value=[number % 2]))
            features = train.Features(feature={"x": x, "y": y})
            writer.write(train.Example(features=features).SerializeToString())
    return [path]


def make_images(folder: Path) -> List[Path]:
    """Write two classes of small images, of every kind that is read."""
    import numpy as np
    from PIL import Image

    damaged = []
    for name in ("a", "b"):
        (folder / "images" / name).mkdir(parents=True)
        for number, ending in enumerate(("png", "jpg", "bmp", "tif", "gif", "webp")):
            pixels = np.random.RandomState(number).randint(0, 255, (6, 5, 3)).astype(np.uint8)
            path = folder / "images" / name / f"{number}.{ending}"
            Image.fromarray(pixels).save(str(path))
            damaged.append(path)
    return damaged[:6]


def make_gz(folder: Path) -> List[Path]:
    """Write an IDX file."""
    (folder / "images.gz").write_bytes(made.idx_file())
    return [folder / "images.gz"]


SOURCE = """import numpy as np


def data():
    x = np.arange(60, dtype=np.float32).reshape(20, 3)
    return x, np.arange(20) % 2
"""

PEOPLE = [
    Reader("data .npz", make_npz, load_data, 6),
    Reader("data .npz in its file", make_npz, load_in_file, 3),
    Reader("data .npy", make_npy, load_in_file, 3),
    Reader("data .hdf5", make_hdf5, load_in_file, 3),
    Reader("TFRecord file", make_tfrecord, load_in_file, 1),
    Reader("folder of images", make_images, load_folder_of, 2),
    Reader("IDX file", make_gz, read_idx_file, 40),
    Reader("function in a .py file", text_file("source.py", lambda: SOURCE), load_function_in, 1.5),
    Reader("calibration .npz", make_npz, read_calibration, 6),
    Reader(
        "Dask scheduler file",
        json_file("scheduler.json", lambda: {"address": "tcp://1.2.3.4:8786"}),
        read_scheduler_file,
        60,
    ),
]
