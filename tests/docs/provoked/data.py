"""Messages about data."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from tests.docs.provoked.bench import Bench, Provocations, classifier, samples
from tests.made_runs import made_candidate, write_data
from vaiopt.data import load_dataset, load_splits, read_recipe, split_dataset
from vaiopt.data.dataset import make_dataset
from vaiopt.data.sources import keras_files
from vaiopt.quantize import quantize_model
from vaiopt.record import write_record

LABELS = np.arange(20) % 2


def dataset(x: Any = None, y: Any = LABELS) -> Any:
    return make_dataset("mine", np.random.RandomState(0).rand(20, 8, 8, 1) if x is None else x, y)


def no_download(bench: Bench) -> None:
    def fail(*arguments: Any) -> None:
        raise keras_files.DownloadFailed("no network")

    bench.patch.setattr(keras_files, "download", fail)
    bench.patch.setattr(keras_files, "dataset_folders", lambda: [bench.folder])
    bench.patch.setattr(keras_files, "keras_datasets", lambda: bench.folder)
    keras_files.load_mnist()


def not_a_number(bench: Bench) -> None:
    x = np.zeros((20, 4), np.float32)
    x[3, 1] = np.nan
    dataset(x)


def two_sizes(bench: Bench) -> None:
    from PIL import Image

    for number, size in enumerate([(8, 8), (9, 8), (8, 8), (8, 8)]):
        path = bench.folder / "images" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", size).save(str(path))
    load_dataset(str(bench.folder / "images"))


def changed_data(bench: Bench) -> None:
    candidate = made_candidate(bench.folder / "run")
    write_data(candidate, 100)
    write_record(candidate.data, replace(read_recipe(candidate), sha256="0" * 64))
    load_splits(candidate)


def quantized(x: Any, **options: Any) -> Any:
    return lambda bench: quantize_model(classifier(), x, out=bench.folder / "q", **options)


MESSAGES: Provocations = {
    "there is no '…' (looked at …)": lambda b: load_dataset("none/data.npz"),
    "… is not on this machine: no … in …; and it cannot be downloaded (…)": no_download,
    "unknown data source '…'": lambda b: load_dataset("digitz"),
    "… holds no array '…' (it holds: …)": lambda b: load_dataset(
        str(b.arrays(images=np.zeros((20, 4)), labels=LABELS))
    ),
    "… holds pickled Python objects": lambda b: load_dataset(
        str(b.arrays(x=np.array([{}] * 20, dtype=object), y=LABELS))
    ),
    "… has its channels first (shape …)": lambda b: dataset(np.zeros((20, 3, 8, 8))),
    "… holds … at index … (… such values in all)": not_a_number,
    "images differ in size: '…' is …x…, '…' is …x…": two_sizes,
    "class '…' of '…' has … …: with the split … none is left for …": lambda b: split_dataset(
        dataset(y=np.r_[np.zeros(19), 1].astype(int)), (7, 2, 1), seed=0
    ),
    "data.offset and data.scale take the values of '…' from … to … to … and …": (
        lambda b: split_dataset(dataset(), (7, 2, 1), seed=0, offset=1e30)
    ),
    "… holds a single class, '…'": lambda b: dataset(y=np.zeros(20, int)),
    "the data of '…' is not what the run '…' was made from (SHA-256 ……, was ……)": changed_data,
    "calibration array '…' …: it is at the wrong scale": quantized(
        samples(scale=90.0), input_range=(-1.0, 1.0)
    ),
    "calibration array '…' holds raw … values": quantized(np.full((20, 8, 8, 1), 200, np.uint8)),
    "quantization-aware training needs class numbers, and there is no array 'y'": quantized(
        samples(), method="qat"
    ),
}
