"""MNIST and Fashion-MNIST from Keras's files, found here or downloaded by Keras."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import socket
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Iterator, List, Mapping, Optional, Sequence

from vaiopt.data.dataset import Dataset, make_dataset
from vaiopt.data.idx_files import read_idx
from vaiopt.data.paths import DATA_VARIABLE, dataset_folders, keras_datasets
from vaiopt.data.sources.npz import load_npz
from vaiopt.data.sources.source import named
from vaiopt.errors import DataError
from vaiopt.files import scratch
from vaiopt.keras import load_keras

BASE_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
"""Where Keras downloads from, from TensorFlow 2.3 to tf_keras 2.21 (keras/datasets/mnist.py)."""

SECONDS_WITHOUT_ANSWER = 15.0
"""After so long without a byte a download is given up."""

MNIST_SHA256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"
"""Of a downloaded mnist.npz (keras/datasets/mnist.py); one that is found may differ."""

FASHION_FOLDER = "fashion-mnist"
FASHION_FILES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)
FASHION_CLASSES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
"""In the order of their numbers (github.com/zalandoresearch/fashion-mnist, "Labels")."""


def load_mnist() -> Dataset:
    """Return MNIST, uint8 (60000, 28, 28, 1) with its test set of 10,000.

    Raises:
        DataError: it is not on this machine and cannot be downloaded, or the file is damaged.
        MissingToolError: it has to be downloaded, and there is no TensorFlow.
    """
    (path,) = find_files("mnist", "", ["mnist.npz"], {"mnist.npz": MNIST_SHA256})
    return load_npz(path, name="mnist")


def load_fashion_mnist() -> Dataset:
    """Return Fashion-MNIST, of the same form. Raises as :func:`load_mnist`."""
    paths = find_files("fashion_mnist", FASHION_FOLDER, FASHION_FILES, {})
    cure = "The file is damaged or incomplete: download {} again."
    x, y, test_x, test_y = (
        read_idx(path, cure.format(BASE_URL + path.name), axes)
        for path, axes in zip(paths, (3, 1, 3, 1))
    )
    return make_dataset(
        "fashion_mnist",
        x,
        y,
        test_x=test_x,
        test_y=test_y,
        classes=FASHION_CLASSES,
        keys=FASHION_FILES,
    )


MNIST = named("mnist", load_mnist)
FASHION_MNIST = named("fashion_mnist", load_fashion_mnist)


def find_files(
    name: str, subfolder: str, files: Sequence[str], sha256: Mapping[str, str]
) -> List[Path]:
    """Return the paths of the files of a dataset: all in one folder where they are found, else
    downloaded into Keras's folder.

    Args:
        name: of the dataset, for messages.
        subfolder: of each data folder that the files are in, "" for none.
        files: their names.
        sha256: what a downloaded file must have, where it is known.

    Raises:
        DataError: a file is nowhere and cannot be downloaded.
    """
    folders = [folder / subfolder for folder in dataset_folders()]
    for folder in folders:
        if all((folder / file).is_file() for file in files):
            return [folder / file for file in files]
    home = keras_datasets() / subfolder
    for file in files:
        if not (home / file).is_file():
            try:
                download(file, home / file, sha256.get(file))
            except DownloadFailed as error:
                raise _missing(name, subfolder, files, folders, str(error)) from error
    return [home / file for file in files]


class DownloadFailed(Exception):
    """A download did not end well; the text says why."""


def _missing(
    name: str, subfolder: str, files: Sequence[str], folders: Sequence[Path], reason: str
) -> DataError:
    best = max(folders, key=lambda folder: sum((folder / file).is_file() for file in files))
    absent = [file for file in files if not (best / file).is_file()]
    inside = f"'{subfolder}' in" if subfolder else ""
    return DataError(
        f"{name} is not on this machine: no {absent[0]} in {' or '.join(map(str, folders))}; and"
        f" it cannot be downloaded ({reason})",
        f"Download {', '.join(BASE_URL + file for file in absent)} into {best}{os.sep}, or into"
        f" {inside} a folder that {DATA_VARIABLE} names.",
    )


def download(file: str, path: Path, sha256: Optional[str]) -> None:
    """Let Keras download a file, whole or not at all, and without waiting for ever.

    Raises:
        DownloadFailed: no network, no answer, no right to write the folder, or the wrong file.
    """
    host = BASE_URL.split("/")[2]
    with _socket_timeout(SECONDS_WITHOUT_ANSWER):
        try:
            # Asked before Keras is, which takes seconds to import: without a network there is an
            # answer at once.
            urllib.request.urlopen(urllib.request.Request(BASE_URL + file, method="HEAD")).close()
        except urllib.error.HTTPError as error:
            raise DownloadFailed(f"{host} answers {error.code} {error.reason}") from error
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            raise DownloadFailed(f"no answer from {host}: {reason}") from error
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with scratch(path.parent, path.name) as folder:
                got = _get_file(file, folder)
                if sha256 is not None and hashlib.sha256(got.read_bytes()).hexdigest() != sha256:
                    raise DownloadFailed(
                        f"what {host} sends is not the file that Keras knows: its SHA-256 is"
                        " another"
                    )
                os.replace(str(got), str(path))
        except OSError as error:
            raise DownloadFailed(f"'{path}' cannot be written: {error}") from error


def _get_file(file: str, folder: Path) -> Path:
    options = {"origin": BASE_URL + file, "cache_dir": str(folder), "cache_subdir": "."}
    keras = load_keras()
    try:
        # Keras prints its progress, and stdout is for results.
        with contextlib.redirect_stdout(sys.stderr):
            return Path(keras.utils.get_file(file, **options))
    except Exception as error:  # Keras turns every failed download into a bare Exception
        raise DownloadFailed(str(error) or type(error).__name__) from error


@contextlib.contextmanager
def _socket_timeout(seconds: float) -> Iterator[None]:
    """Give every new connection a time-out: Keras's download sets none of its own."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
