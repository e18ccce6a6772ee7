"""TFRecord files are the samples that their declared features say."""

import io

import numpy as np
import pytest

from vaiopt.data import load_dataset
from vaiopt.data.rows import Rows
from vaiopt.errors import DataError, SettingsError
from vaiopt.keras import load_tensorflow
from vaiopt.settings.features import check_features, parse_feature

tf = load_tensorflow()
X = np.random.RandomState(0).randint(0, 256, (30, 4, 5, 3)).astype("uint8")
Y = np.arange(30) % 3
RAW = {"x": "image:uint8:4x5x3", "y": "label:int64"}


def feature(value):
    if isinstance(value, bytes):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
    if np.asarray(value).dtype.kind == "f":
        return tf.train.Feature(float_list=tf.train.FloatList(value=np.ravel(value)))
    return tf.train.Feature(int64_list=tf.train.Int64List(value=np.ravel(value)))


def write(path, records):
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            features = tf.train.Features(feature={k: feature(v) for k, v in record.items()})
            writer.write(tf.train.Example(features=features).SerializeToString())
    return str(path)


def raw(x=X, y=Y):
    return [{"image": row.tobytes(), "label": int(label)} for row, label in zip(x, y)]


def png(pixels):
    image = pytest.importorskip("PIL.Image")
    file = io.BytesIO()
    image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def test_raw_bytes_are_read_in_memory_and_to_a_file(tmp_path):
    path = write(tmp_path / "a.tfrecord", raw())
    one = load_dataset(path, features=RAW)
    other = load_dataset(path, features=RAW, in_memory_mb=0)
    assert isinstance(one.x, np.ndarray) and isinstance(other.x, Rows)
    assert np.array_equal(one.x, X) and np.array_equal(other.x[:], X)
    assert np.array_equal(one.y, Y) and one.sha256() == other.sha256()


def test_images_texts_numbers_and_weights_are_read(tmp_path):
    names = [b"ab", b"c", b"d"]
    records = [
        {"i": png(x), "n": names[y], "w": 0.5, "v": np.arange(3) + 0.5} for x, y in zip(X, Y)
    ]
    path = write(tmp_path / "a.tfrecords", records)
    found = load_dataset(path, features={"x": "i:image", "y": "n:text", "weight": "w:float32"})
    assert np.array_equal(found.x, X) and found.classes == ("ab", "c", "d")
    assert found.weights.tolist() == [0.5] * 30
    found = load_dataset(path, features={"x": "v:float32", "y": "n:text"})
    assert found.x[4].tolist() == [0.5, 1.5, 2.5]
    features = {"x": "i:image", "y": "n:text"}
    small = load_dataset(path, features=features, image_size=(2, 2), grayscale=True)
    assert small.sample_shape == (2, 2, 1)


def test_a_folder_has_the_sets_that_its_files_are_called_after(tmp_path):
    write(tmp_path / "train.tfrecord-00000-of-00002", raw(X[:15], Y[:15]))
    write(tmp_path / "train.tfrecord-00001-of-00002", raw(X[15:24], Y[15:24]))
    write(tmp_path / "val-0.tfrecord", raw(X[24:], Y[24:]))
    found = load_dataset(str(tmp_path), features=RAW)
    assert np.array_equal(found.x, X[:24]) and np.array_equal(found.validation_x, X[24:])
    write(tmp_path / "other.tfrecord", raw())
    with pytest.raises(DataError, match="and also 'other.tfrecord'"):
        load_dataset(str(tmp_path), features=RAW)


def cut(path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2 + 9])


@pytest.mark.parametrize(
    "features, change, message",
    [
        ({}, None, r"data.features is not set, .* with 'image' \(bytes\), 'label' \(whole"),
        (RAW, cut, "is cut off or damaged: record 15 "),
        (RAW, lambda path: path.write_bytes(b"hello" * 9), "is cut off or damaged: record 0 "),
        (RAW, lambda path: path.write_bytes(b""), "hold no record"),
        ({**RAW, "y": "lable:int64"}, None, r"no feature 'lable' \(it has: image, label\)"),
        ({**RAW, "x": "image:uint8:9x9"}, None, "record 0 .* is not uint8 of 9x9"),
        ({**RAW, "x": "image:image"}, None, "record 0 .* is not image"),
        ({**RAW, "x": "label:text"}, None, "record 0 .* is not text"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path, features, change, message):
    path = tmp_path / "a.tfrecord"
    write(path, raw())
    if change is not None:
        change(path)
    with pytest.raises(DataError, match=message) as caught:
        load_dataset(str(path), features=features)
    assert caught.value.hint


def test_samples_and_labels_have_one_shape(tmp_path):
    records = [{"x": np.arange(n % 2 + 2), "y": np.arange(n % 3 + 2)} for n in range(9)]
    path = write(tmp_path / "a.tfrecord", records)
    with pytest.raises(DataError, match=r"record 1 .* has shape \(3,\), the first \(2,\)"):
        load_dataset(path, features={"x": "x:int64", "y": "y:int64"})
    records = [{"x": np.arange(2), "y": np.arange(n % 3 + 2)} for n in range(9)]
    path = write(tmp_path / "a.tfrecord", records)
    with pytest.raises(DataError, match="labels or weights of .* have the shapes"):
        load_dataset(path, features={"x": "x:int64", "y": "y:int64"})


def test_declarations_are_checked():
    assert parse_feature("k", "a:b:uint8:3x4").name == "a:b"
    for wrong in (
        {"x": "image"},
        {"x": "image:unit8", "y": "y:int64"},
        {"x": "image:uint8:0x3", "y": "y:int64"},
        {"x": 3, "y": "y:int64"},
        {"x": "image:uint8"},
        {"z": "image:uint8"},
    ):
        with pytest.raises(SettingsError) as caught:
            check_features("data.features", wrong)
        assert caught.value.hint
