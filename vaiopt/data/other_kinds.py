"""What people give as data that no source reads, and what to do with it instead: data for hints."""

from __future__ import annotations

from pathlib import Path
from typing import Iterable, NamedTuple, Sequence

SAVE = (
    "Save arrays with numpy.savez('data.npz', x=x, y=y), or name a Python function that reads the"
    " file: path.py:function."
)


class Kind(NamedTuple):
    """Files of some endings, in small letters, and what to do with them."""

    endings: Sequence[str]
    cure: str


KINDS = (
    Kind(
        (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".7z", ".rar"),
        "It is an archive: unpack it, and name the folder or file that was in it.",
    ),
    Kind(
        (".pkl", ".pickle", ".joblib", ".pt", ".pth"),
        f"It is a pickle, which can run anything when it is read. {SAVE}",
    ),
    Kind(
        (".mat",),
        "Save its arrays once: m = scipy.io.loadmat('data.mat');"
        " numpy.savez('data.npz', x=m['X'], y=m['y'].ravel()), samples along the first axis.",
    ),
    Kind((".xlsx", ".xls", ".ods"), "Save the sheet as CSV, with the names in the first line."),
    Kind(
        (".data", ".txt", ".dat", ".names"),
        "If it is a table, call it .csv (.tsv with tabs), with the names in the first line;"
        " else name a Python function that reads it: path.py:function.",
    ),
    Kind(
        (".json", ".jsonl", ".ndjson", ".arff", ".feather", ".db", ".sqlite"),
        "Save it as a table: pandas.read_json('data.json').to_csv('data.csv', index=False), or as"
        " what it is; or name a Python function that reads it: path.py:function.",
    ),
    Kind(
        (".wav", ".flac", ".mp3", ".ogg", ".mp4", ".avi", ".mov", ".mkv"),
        "Name a Python function that makes samples of all recordings: path.py:function. It returns"
        " (x, y), or a tf.data.Dataset of batches.",
    ),
    Kind(
        (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".gif", ".webp"),
        "It is a single image: name the folder that holds a folder of images for each class.",
    ),
)

ELSEWHERE = {
    "cifar10": "tensorflow.keras.datasets.cifar10:load_data",
    "cifar100": "tensorflow.keras.datasets.cifar100:load_data",
    "boston_housing": "tensorflow.keras.datasets.boston_housing:load_data",
    "california_housing": "sklearn.datasets:fetch_california_housing",
    "iris": "sklearn.datasets:load_iris",
    "wine": "sklearn.datasets:load_wine",
}
"""Functions that return well-known data, by the names that people give them."""


def cure_of(path: Path) -> str:
    """Return what to do with a file that no source reads."""
    return next((kind.cure for kind in KINDS if _is(kind, path)), SAVE)


def _is(kind: Kind, path: Path) -> bool:
    return path.name.lower().endswith(tuple(kind.endings))


def cure_of_folder(files: Iterable[Path], else_do: str) -> str:
    """Return what to do with a folder without images, by the first of its files of which that is
    known.
    """
    cures = (kind.cure for file in files for kind in KINDS if _is(kind, file))
    return next(cures, else_do)


def elsewhere(text: str) -> str:
    """Return the hint to the function that returns well-known data of this name; "" without."""
    function = ELSEWHERE.get(text.lower().replace("-", ""), "")
    return f"A function returns it: data.source = '{function}'. " if function else ""
