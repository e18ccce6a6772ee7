"""Decoded samples are kept for the next command, and only for the same data."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any, List

import numpy as np
import pytest
from PIL import Image

from vaiopt.data import load_dataset
from vaiopt.data.sources import folder
from vaiopt.errors import DataError


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    place = tmp_path / "photos"
    for name, level in ("cat", 10), ("dog", 200):
        (place / name).mkdir(parents=True)
        for number in range(4):
            image = np.full((6, 5, 3), level + number, np.uint8)
            image[0, 0] = (255, number, 3)
            Image.fromarray(image).save(str(place / name / f"{number}.png"))
    return place


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> List[str]:
    """What was decoded, by name."""
    calls: List[str] = []
    real = folder.decoded

    def counted(path: Path, *args: Any, **kwargs: Any) -> Any:
        calls.append(path.name)
        return real(path, *args, **kwargs)

    monkeypatch.setattr(folder, "decoded", counted)
    return calls


def same(one: Any, other: Any) -> bool:
    return (
        np.array_equal(one.x[:], other.x[:])
        and np.array_equal(one.y, other.y)
        and one.classes == other.classes
        and one.sha256() == other.sha256()
        and one.files == other.files
    )


@pytest.mark.parametrize("in_memory_mb", [64.0, 0.0])
def test_the_second_command_decodes_nothing_and_has_the_same(
    photos: Path, decoded: List[str], tmp_path: Path, in_memory_mb: float
) -> None:
    options: Any = {"cache": str(tmp_path / "kept"), "in_memory_mb": in_memory_mb}
    plain = load_dataset(str(photos))
    first, second = (load_dataset(str(photos), **options) for _ in range(2))
    assert decoded == ["photos", "photos"]
    assert same(plain, first) and same(plain, second)
    assert isinstance(second.x, np.ndarray) == (in_memory_mb > 0)
    assert "data.cache" in first.notes[-1] and "data.cache" in second.notes[-1]


def test_what_auto_came_to_is_found_as_well(
    photos: Path, decoded: List[str], tmp_path: Path
) -> None:
    options: Any = {"cache": str(tmp_path / "kept")}
    load_dataset(str(photos), **options)
    load_dataset(str(photos), task="classification", kind="image", **options)
    assert len(decoded) == 1 and len(list((tmp_path / "kept").glob("*.samples"))) == 1


def test_other_files_and_other_settings_are_decoded_anew(
    photos: Path, decoded: List[str], tmp_path: Path
) -> None:
    options: Any = {"cache": str(tmp_path / "kept")}
    load_dataset(str(photos), **options)
    load_dataset(str(photos), image_size=(3, 3), **options)
    Image.fromarray(np.zeros((6, 5, 3), np.uint8)).save(str(photos / "cat" / "9.png"))
    assert len(load_dataset(str(photos), **options).x) == 9
    os.utime(str(photos / "cat" / "0.png"), ns=(1, 1))
    load_dataset(str(photos), **options)
    assert len(decoded) == 4


def test_a_cache_among_the_data_is_refused(photos: Path) -> None:
    with pytest.raises(DataError, match="within the data"):
        load_dataset(str(photos), cache=str(photos / "kept"))
    assert not (photos / "kept").exists()


@pytest.mark.parametrize("ending, content", [(".samples", b"1"), (".json", b"{"), (".json", b"")])
def test_damaged_files_of_the_cache_are_made_again(
    photos: Path, decoded: List[str], tmp_path: Path, ending: str, content: bytes
) -> None:
    options: Any = {"cache": str(tmp_path / "kept")}
    first = load_dataset(str(photos), **options)
    for path in (tmp_path / "kept").glob("*" + ending):
        path.write_bytes(content)
    assert same(first, load_dataset(str(photos), **options)) and len(decoded) == 2


def test_a_cache_that_names_other_files_is_made_again(
    photos: Path, decoded: List[str], tmp_path: Path
) -> None:
    options: Any = {"cache": str(tmp_path / "kept")}
    first = load_dataset(str(photos), **options)
    samples = next((tmp_path / "kept").glob("*.samples"))
    other = tmp_path / samples.name
    shutil.copy2(str(samples), str(other))  # its name, size and time are right
    for path in (tmp_path / "kept").glob("*.json"):
        path.write_text(path.read_text().replace(str(samples), str(other)))
    assert same(first, load_dataset(str(photos), **options)) and len(decoded) == 2


def test_a_folder_that_cannot_be_made_is_refused(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="nothing can be written"):
        load_dataset(str(photos), cache=str(tmp_path / "file" / "kept"))


def test_a_failed_load_leaves_nothing(photos: Path, tmp_path: Path) -> None:
    (photos / "cat" / "bad.png").write_bytes(b"no image")
    with pytest.raises(DataError):
        load_dataset(str(photos), cache=str(tmp_path / "kept"))
    assert list((tmp_path / "kept").iterdir()) == []


def test_where_nothing_is_decoded_it_says_that_it_has_no_effect(tmp_path: Path) -> None:
    found = load_dataset("digits", cache=str(tmp_path / "kept"))
    assert "data.cache has no effect" in found.notes[-1] and not (tmp_path / "kept").exists()
