"""Messages about data."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable

import numpy as np

from tests.docs.provoked.bench import Bench, Provocations, classifier, samples
from tests.made_runs import made_candidate, write_data
from vaiopt import memory
from vaiopt.data import load_dataset, load_splits, read_recipe, scratch, split_dataset
from vaiopt.data.dataset import make_dataset
from vaiopt.data.load import load_request
from vaiopt.data.sources import keras_files
from vaiopt.data.sources.function import check_repeats, dataset_returned
from vaiopt.keras import load_tensorflow
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


def other_each_time(bench: Bench) -> None:
    lines = ("import numpy as np", "def load():", "    random = np.random.default_rng()")
    bench.file("mine.py", "\n".join((*lines, "    return random.random((20, 4)), [0, 1] * 10")))
    check_repeats(load_dataset("mine.py:load"), load_request)


def two_sizes(bench: Bench) -> None:
    from PIL import Image

    for number, size in enumerate([(8, 8), (9, 8), (8, 8), (8, 8)]):
        path = bench.folder / "images" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", size).save(str(path))
    load_dataset(str(bench.folder / "images"))


def image(name: str, write: Callable[[Path], object]) -> Callable[[Bench], Any]:
    """Load a folder of two classes, of which one image is written in another way."""

    def load(bench: Bench) -> None:
        from PIL import Image

        for number in range(20):
            path = bench.folder / "images" / "ab"[number % 2] / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("L", (8, 8), number).save(str(path))
        write(bench.folder / "images" / "a" / name)
        load_dataset(str(bench.folder / "images"))

    return load


def float_image(path: Path) -> None:
    from PIL import Image

    Image.new("F", (8, 8)).save(str(path))


def photos(bench: Bench, *folders: str) -> None:
    """Load a folder with an image in each of these."""
    from PIL import Image

    for folder in folders:
        path = bench.folder / "photos" / folder / "0.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8)).save(str(path))
    load_dataset(str(bench.folder / "photos"))


def wrong_mask(bench: Bench) -> None:
    from PIL import Image

    for name, size in (("images", (8, 8)), ("masks", (8, 4))):
        (bench.folder / "roads" / name).mkdir(parents=True)
        Image.new("L", size).save(str(bench.folder / "roads" / name / "0.png"))
    load_dataset(str(bench.folder / "roads"))


def large_image(path: Path) -> None:
    from PIL import Image

    Image.new("1", (13000, 13000)).save(str(path))


def table(text: str, encoding: str = "utf-8", task: str = "auto") -> Callable[[Bench], Any]:
    """Load a table of this text."""

    def load(bench: Bench) -> None:
        (bench.folder / "t.csv").write_bytes(text.encode(encoding))
        load_dataset(str(bench.folder / "t.csv"), task=task)

    return load


def full_memory(action: Callable[[Bench], Any]) -> Callable[[Bench], Any]:
    """Do something on a computer without free memory."""

    def do(bench: Bench) -> None:
        bench.patch.setattr(memory, "available", lambda: 100)
        action(bench)

    return do


def changed_data(bench: Bench) -> None:
    candidate = made_candidate(bench.folder / "run")
    write_data(candidate, 100)
    write_record(candidate.data, replace(read_recipe(candidate), sha256="0" * 64))
    load_splits(candidate)


def lone(bench: Bench) -> None:
    np.save(str(bench.folder / "x.npy"), np.zeros((20, 4)))
    load_dataset(str(bench.folder / "x.npy"))


def in_file(bench: Bench) -> Any:
    """Return data that stay in their file."""
    path = bench.arrays(x=np.random.RandomState(0).rand(20, 4), y=LABELS)
    return path, load_dataset(str(path), in_memory_mb=0)


def full_disk(bench: Bench) -> None:
    bench.patch.setattr(scratch, "SPARE", 10**18)
    scratch.Scratch().append(np.zeros((20, 4)))


def too_many_at_once(bench: Bench) -> None:
    splits = split_dataset(in_file(bench)[1], (7, 2, 1), seed=0)
    bench.patch.setattr(memory, "available", lambda: 0)
    assert splits.train.x is not None


def streamed(change: Callable[[Any], Any]) -> Callable[[Bench], Any]:
    """Take a dataset of TensorFlow's as a function returned it."""

    def take(bench: Bench) -> None:
        tf = load_tensorflow()
        arrays = np.arange(80).reshape(20, 4), LABELS
        dataset_returned(change(tf.data.Dataset.from_tensor_slices(arrays)), "mine")

    return take


def two_shapes(given: Any) -> Any:
    rows = [np.zeros((4, 3), np.float32), np.zeros((4, 2), np.float32)]
    types = (load_tensorflow().float32, load_tensorflow().int64)
    pairs = [(row, LABELS[:4]) for row in rows]
    return type(given).from_generator(lambda: iter(pairs), types, ((None, None), (None,)))


def records(features: Any = None, size: int = 0) -> Callable[[Bench], Any]:
    """Load a TFRecord file, as long as it is or shorter."""

    def load(bench: Bench) -> None:
        tf = load_tensorflow()
        path = bench.folder / "a.tfrecord"
        number = tf.train.Feature(int64_list=tf.train.Int64List(value=[1]))
        record = tf.train.Example(features=tf.train.Features(feature={"a": number}))
        with tf.io.TFRecordWriter(str(path)) as writer:
            writer.write(record.SerializeToString())
        if size:
            os.truncate(str(path), size)
        load_dataset(str(path), features=features)

    return load


def cut_off(bench: Bench) -> None:
    path, found = in_file(bench)
    os.truncate(str(path), 0)
    found.gather(np.arange(20))


def quantized(x: Any, **options: Any) -> Any:
    return lambda bench: quantize_model(classifier(), x, out=bench.folder / "q", **options)


def of_outputs(y: Any, task: str = "a=binary,b=binary") -> Callable[[Bench], Any]:
    """Make data of labels by output."""
    return lambda bench: make_dataset("mine", np.zeros((20, 3)), y, task=task)


def of_inputs(**x: Any) -> Callable[[Bench], Any]:
    arrays = {f"x_{name}": array for name, array in x.items()}
    test = {"y_test": LABELS} if "test_a" in x else {}
    return lambda bench: load_dataset(str(bench.arrays(y=LABELS, **arrays, **test)))


PLAIN = np.zeros((20, 3))


MESSAGES: Provocations = {
    "… has nothing for the input '…', only for …": of_inputs(a=PLAIN, b=PLAIN, test_a=PLAIN),
    "… has … samples of the input '…' and … of '…'": of_inputs(a=PLAIN, b=PLAIN[:9]),
    "there are … inputs (…), and the task is …": lambda b: make_dataset(
        "mine", {"a": PLAIN, "b": PLAIN}, np.zeros((20, 4, 4), int), task="segmentation"
    ),
    "… has nothing for the output '…', only for …": of_outputs({"a": LABELS}),
    "… has labels of '…', for which there is no task": of_outputs(dict.fromkeys("abc", LABELS)),
    "… is one array, and there are tasks for the outputs …": of_outputs(LABELS),
    "there are labels of several outputs (…), and one task: …": of_outputs(
        dict.fromkeys("ab", LABELS), "binary"
    ),
    "… does not fit into memory (…)": full_memory(
        lambda b: load_dataset(str(b.arrays(x=np.zeros((20, 4)), y=LABELS)))
    ),
    "'…' does not fit into memory: … images of …x…, …": full_memory(
        image("more.png", lambda path: None)
    ),
    "beside '…' are no labels": lone,
    "there is no room for… samples in '…' (…)": full_disk,
    "… samples of '…' are needed at once: …": too_many_at_once,
    "'…' was cut off while it was read": cut_off,
    "data.features is not set, and '…' holds records…": records(),
    "record … of '…' (counted from 0) has no feature '…' (it has: …)": records(
        {"x": "a:int64", "y": "b:int64"}
    ),
    "'…' is cut off or damaged: record … (counted from 0) cannot be read": records(
        {"x": "a:int64", "y": "a:int64"}, 14
    ),
    "'…' never ends…": streamed(lambda given: given.repeat()),
    "'…' gives other samples, or the same in another order, the second time": streamed(
        lambda given: given.shuffle(20)
    ),
    "batch … of '…' (counted from 0) has …, the first …": streamed(two_shapes),
    "… cannot be read (…)": lambda b: load_dataset(str(b.file("data.npz", "none"))),
    "'…' cannot be read as an image (…)": image("x.png", lambda path: path.write_bytes(b"\x89PNG")),
    "'…' is no … image but …": image("x.png", lambda path: path.write_bytes(b"%!PS-Adobe-3.0 EPS")),
    "… files of '…' cannot be used: …": image(
        "x.png", lambda path: [(path.parent / f"x{i}.png").write_bytes(b"") for i in range(2)]
    ),
    "'…' has pixels of a kind that is not read (mode …)": image("x.tif", float_image),
    "class folder '…' holds no image…": image("x", lambda path: (path.parent.parent / "c").mkdir()),
    (
        "the class folders of '…' ('…', '…', ...) hold no images themselves, but folders of images,"
        " such as '…'"
    ): lambda b: photos(b, "v1/a", "v1/b", "v2/a"),
    "'…' has no class folder '…': it has no folders at all": lambda b: photos(
        b, "train/a", "train/b", "test"
    ),
    "'…' is …x…, its image …x…": wrong_mask,
    "'…' is an image of a format that is not read": image(
        "x.heic", lambda path: path.write_bytes(b"x")
    ),
    "'…' is …x…, … million pixels; at most … million are read": image("x.png", large_image),
    "'…' is a link to nothing": image("x.png", lambda path: path.symlink_to("nowhere")),
    "the class names … and … of … look the same": lambda b: dataset(
        y=np.where(LABELS, "cat", "cat ")
    ),
    "… has … classes; at most … are possible": lambda b: dataset(
        np.zeros((6000, 2)), [str(number) for number in range(6000)]
    ),
    "there is no '…' (looked at …)": lambda b: load_dataset("none/data.npz"),
    "… is not on this machine: no … in …; and it cannot be downloaded (…)": no_download,
    "unknown data source '…'": lambda b: load_dataset("digitz"),
    "… holds no array '…' (it holds: …)": lambda b: load_dataset(
        str(b.arrays(photos=np.zeros((20, 4)), kinds=LABELS))
    ),
    "… holds pickled Python objects": lambda b: load_dataset(
        str(b.arrays(x=np.array([{}] * 20, dtype=object), y=LABELS))
    ),
    "there is … but no …": lambda b: load_dataset(
        str(b.arrays(x=np.zeros((20, 4)), y=LABELS, x_val=np.zeros((9, 4))))
    ),
    "… holds both '…' and '…'": lambda b: load_dataset(
        str(b.arrays(x=np.zeros((20, 4)), y=LABELS, sample_weight=LABELS, sample_weights=LABELS))
    ),
    "line … of … has … cells, the first line …": table("a,b\n1,x,2\n"),
    "… begins with numbers, not with the names of the columns": table("1,0\n2,1\n"),
    "… begins with a line of data, not with the names of the columns (…)": table("1,a\n2,a\n"),
    "column '…' of … holds … different texts (such as '…'); at most … are coded": table(
        "a,b\n" + "".join(f"name {n},{n % 2}\n" for n in range(60))
    ),
    "the target '…' of … has gaps: …": table("a,b\n1,x\n2,\n"),
    "the target '…' of … holds …, which is no class": table(
        "a,b\n1,0.5\n2,1\n", task="classification"
    ),
    "… is not UTF-8 (byte …)": table("größe,b\n1,x\n", "latin-1"),
    "the weights of … hold … at index …": lambda b: load_dataset(
        str(b.arrays(x=np.zeros((20, 4)), y=LABELS, sample_weight=-LABELS))
    ),
    "… has its channels first (shape …)": lambda b: dataset(np.zeros((20, 3, 8, 8))),
    "… holds … at index … (… such values in all)": not_a_number,
    "images differ in size: '…' is …x…, '…' is …x……": two_sizes,
    "class '…' of '…' has … …: with the split … none is left for …": lambda b: split_dataset(
        dataset(y=np.r_[np.zeros(19), 1].astype(int)), (7, 2, 1), seed=0
    ),
    "data.offset and data.scale take the values of '…' from … to … to … and …": (
        lambda b: split_dataset(dataset(), (7, 2, 1), seed=0, offset=1e30)
    ),
    "… holds a single class, '…'": lambda b: dataset(y=np.zeros(20, int)),
    "'…' returns other data each time it is called": other_each_time,
    "the data of '…' is not what the run '…' was made from (SHA-256 ……, was ……)": changed_data,
    "calibration array '…' …: it is at the wrong scale": quantized(
        samples(scale=90.0), input_range=(-1.0, 1.0)
    ),
    "calibration array '…' holds raw … values": quantized(np.full((20, 8, 8, 1), 200, np.uint8)),
    "quantization-aware training needs labels, and there is no array 'y'": quantized(
        samples(), method="qat"
    ),
}
