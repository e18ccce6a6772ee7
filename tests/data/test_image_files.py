"""Images of anybody's."""

import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from tests.special_files import MAKERS
from vaiopt import memory
from vaiopt.data import image_files, load_dataset
from vaiopt.data.idx_files import read_idx
from vaiopt.errors import DataError
from vaiopt.tasks.class_labels import MOST_CLASSES, check_names


def photo(path, size=(8, 6), mode="RGB", **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.RandomState(0).randint(0, 256, (size[1], size[0], 3)).astype(np.uint8)
    Image.fromarray(pixels).convert(mode).save(str(path), **options)
    return path


@pytest.fixture
def folder(tmp_path):
    for name in ("cat", "dog"):
        photo(tmp_path / "pets" / name / "0.png")
    return tmp_path / "pets"


def refused(match, folder, **options):
    with pytest.raises(DataError, match=match) as caught:
        load_dataset(str(folder), **options)
    return caught.value


def png(width, height):
    """The start of a PNG that says a size and holds no pixels."""
    head = struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)
    check = struct.pack(">I", zlib.crc32(b"IHDR" + head) & 0xFFFFFFFF)
    chunk = struct.pack(">I", len(head)) + b"IHDR" + head + check
    return b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 10) + b"IDAT" + bytes(14)


def note(orientation):
    exif = Image.Exif()
    exif[image_files.ORIENTATION] = orientation
    return exif


def corner(orientation):
    """An image that is stored so that its first pixel is shown at the upper left, by this note."""
    upright = np.zeros((6, 8, 3), np.uint8)
    upright[0, 0] = 255
    back = {0: None, **image_files.TURNS}.get(orientation)
    swap = {"ROTATE_270": "ROTATE_90", "ROTATE_90": "ROTATE_270"}
    image = Image.fromarray(upright)
    return image if back is None else image.transpose(getattr(Image, swap.get(back, back)))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_image_is_read_as_a_viewer_shows_it(tmp_path, orientation):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        corner(orientation).save(str(tmp_path / name / "0.png"), exif=note(orientation))
    dataset = load_dataset(str(tmp_path))
    assert dataset.x.shape == (2, 6, 8, 3)
    assert dataset.x[0, 0, 0].tolist() == [255] * 3 and dataset.x[0].sum() == 3 * 255


def test_a_turned_jpeg_counts_by_the_size_that_is_shown(folder):
    photo(folder / "cat" / "1.jpg", size=(6, 8), exif=note(6))
    assert load_dataset(str(folder)).x.shape == (3, 6, 8, 3)
    before = load_dataset(str(folder)).sha256()
    photo(folder / "cat" / "1.jpg", size=(6, 8), exif=note(8))
    assert load_dataset(str(folder)).sha256() != before


@pytest.mark.parametrize("value", [0, 9, 99, "up"])
def test_a_broken_note_is_left_alone(tmp_path, value):
    exif = note(1)
    exif[0x010E if isinstance(value, str) else image_files.ORIENTATION] = value
    for name in ("a", "b"):
        photo(tmp_path / name / "0.jpg", exif=exif)
    assert load_dataset(str(tmp_path)).x.shape == (2, 6, 8, 3)
    for name in ("a", "b"):
        photo(tmp_path / name / "0.jpg", exif=b"Exif\0\0nonsense")
    assert load_dataset(str(tmp_path)).x.shape == (2, 6, 8, 3)


@pytest.mark.parametrize("suffix", ["gif", "webp"])
def test_the_first_picture_of_an_animation_is_read(folder, suffix):
    pictures = [Image.new("RGB", (8, 6), color) for color in ("white", "black")]
    path = folder / "cat" / ("1." + suffix)
    pictures[0].save(str(path), save_all=True, append_images=pictures[1:])
    assert load_dataset(str(folder)).x[1].min() > 250


def test_a_palette_with_transparency_is_read(folder):
    image = Image.open(str(folder / "cat" / "0.png")).convert("P")
    image.save(str(folder / "dog" / "1.png"), transparency=bytes(range(256)))
    assert load_dataset(str(folder)).x.shape == (3, 6, 8, 3)


@pytest.mark.parametrize("suffix", ["HEIC", "svg"])
def test_an_image_of_a_format_that_is_not_read_is_named(folder, suffix):
    for i in range(3):
        (folder / "dog" / f"{i}.{suffix}").write_bytes(b"x")
    refused(f"3 files .* 'dog.0.{suffix}' is an image of a format that is not read", folder)


@pytest.mark.parametrize("suffix", ["tif", "TIFF", "jfif", "JPE"])
def test_other_endings_of_what_is_read_are_known(folder, suffix):
    image = Image.open(str(folder / "cat" / "0.png"))
    image.save(str(folder / "dog" / f"1.{suffix}"), "TIFF" if suffix[0] in "tT" else "JPEG")
    assert load_dataset(str(folder)).x.shape == (3, 6, 8, 3)


@pytest.mark.parametrize("packed", [None, "tiff_lzw"])
@pytest.mark.parametrize("orientation", [3, 6])
def test_a_tiff_is_turned_once(tmp_path, orientation, packed):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        tiff = corner(orientation)
        path = str(tmp_path / name / "0.tif")
        tiff.save(path, exif=note(orientation), compression=packed)
    dataset = load_dataset(str(tmp_path))
    assert dataset.x.shape == (2, 6, 8, 3)
    assert dataset.x[0, 0, 0].tolist() == [255] * 3 and dataset.x[0].sum() == 3 * 255


def test_a_photo_with_a_second_picture_is_read(folder):
    """Phones write such files (MPO) with the ending of a JPEG."""
    first = Image.new("RGB", (8, 6), "white")
    path = str(folder / "cat" / "1.jpg")
    first.save(path, "MPO", save_all=True, append_images=[Image.new("RGB", (8, 6))])
    assert load_dataset(str(folder)).x[1].min() > 250


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "RGB"])
def test_what_is_transparent_is_seen_on_white(tmp_path, mode):
    """Whatever colour stands below it: half of the image is transparent black."""
    alpha = np.zeros((6, 8), np.uint8)
    alpha[:, 4:] = 255
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        path = str(tmp_path / name / "0.png")
        if "A" in mode:
            image = Image.new(mode[:-1], (8, 6), 0 if mode == "LA" else (0, 0, 0))
            image.putalpha(Image.fromarray(alpha))
            image.save(path)
        else:  # one colour, that of the left half, is transparent
            image = Image.fromarray(np.where(alpha, 9, 0).astype(np.uint8))
            image = image.convert(mode)
            clear = {"P": 0, "L": 0, "RGB": (0, 0, 0)}[mode]
            if mode == "P":
                image.putpalette([0, 0, 0] * 9 + [9, 9, 9])
            image.save(path, transparency=clear)
    dataset = load_dataset(str(tmp_path))
    assert (dataset.x[:, :, :4] == 255).all() and (dataset.x[:, :, 4:] <= 9).all()


@pytest.mark.parametrize(
    "mode, color, shown",
    [("CMYK", (0, 255, 255, 0), (255, 0, 0)), ("1", 1, (255,)), ("L", 9, (9,))],
)
def test_colours_are_those_that_are_shown(tmp_path, mode, color, shown):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        Image.new(mode, (8, 6), color).save(str(tmp_path / name / "0.tif"))
    assert load_dataset(str(tmp_path)).x[0, 0, 0].tolist() == list(shown)


OTHERS = {
    "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n",
    "PostScript (EPS)": b"\xc5\xd0\xd3\xc6" + bytes(28) + b"%!PS-Adobe-3.0 EPSF-3.0\n",
    "PDF": b"%PDF-1.4\n",
    "SVG": b"<?xml version='1.0'?><svg/>",
    "web page": b"\n<!DOCTYPE html><html>",
    "HEIC": b"\0\0\0\x18ftypheic" + bytes(20),
    "zip": b"PK\3\4" + bytes(20),
    "cannot be read as an image": b"P6\n8 6\n255\n" + bytes(144),
}


@pytest.mark.parametrize("what", sorted(OTHERS))
def test_what_stands_behind_an_ending_is_named_and_not_opened(folder, what, monkeypatch):
    monkeypatch.setattr("subprocess.Popen", lambda *a, **k: pytest.fail("a program was started"))
    (folder / "dog" / "0.png").write_bytes(OTHERS[what])
    assert what in refused("dog.0.png'", folder).message


@pytest.mark.parametrize("side", [9_434, 13_000, 13_400, 65_000])
def test_an_image_of_too_many_pixels_is_named_with_its_size(folder, side):
    (folder / "dog" / "0.png").write_bytes(png(side, side))
    error = refused("dog.0.png' (is|has) .*pixels", folder, image_size=[8, 8])
    assert str(side) in error.message or str(side * side) in error.message


def test_an_image_below_the_limit_is_opened(folder):
    (folder / "dog" / "0.png").write_bytes(png(9_433, 9_434))
    assert image_files.read_header(folder / "dog" / "0.png").size == (9_433, 9_434)


def test_images_that_do_not_fit_into_memory_together_are_refused(folder, monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 500)
    refused("'pets' does not fit into memory: 2 images of 8x6", folder)
    assert len(load_dataset(str(folder), image_size=[2, 2])) == 2


def test_arrays_that_become_too_large_when_resized_are_refused(tmp_path, monkeypatch):
    x = np.zeros((50, 4, 4), np.uint8)
    np.savez(str(tmp_path / "a.npz"), x=x, y=np.arange(50) % 2)
    monkeypatch.setattr(memory, "available", lambda: 100_000)
    with pytest.raises(DataError, match="does not fit into memory: 50 images of 400x300"):
        load_dataset(str(tmp_path / "a.npz"), image_size=[300, 400])


@pytest.mark.parametrize("kind", sorted(MAKERS))
def test_what_is_called_like_an_image_and_is_no_file_is_named(folder, kind):
    MAKERS[kind](folder / "dog" / "1.png")
    error = refused("dog.1.png'|pets' cannot be read", folder)
    assert "1.png" in error.message


def test_an_image_that_may_not_be_read_is_named(folder, monkeypatch):
    def closed(path, *arguments, **options):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "open", closed)
    refused("cat.0.png' cannot be read as an image .*Permission denied", folder)


def test_a_gzip_bomb_is_unpacked_no_further_than_it_says(tmp_path):
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    path = tmp_path / "a.gz"
    head = bytes([0, 0, 8, 1]) + struct.pack(">I", 10)
    path.write_bytes(packer.compress(head + bytes(10**8)) + packer.flush())
    with pytest.raises(DataError, match=r"says shape \(10,\) but holds more"):
        read_idx(path, "again", 1)
    path.write_bytes(zlib.compress(b""))
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    head = bytes([0, 0, 8, 3]) + b"\xff" * 12
    path.write_bytes(packer.compress(head) + packer.flush())
    with pytest.raises(DataError, match="are free"):
        read_idx(path, "again", 3)


@pytest.mark.parametrize(
    "names, told",
    [
        (["cafe\u0301", "caf\xe9"], r"'cafe\\u0301' and 'caf\\xe9'"),
        (["cat", "cat "], "'cat' and 'cat '"),
        (["cat", "c\u200bat"], r"'cat' and 'c\\u200bat'"),
        (["cat", "\u200b"], r"class name '\\u200b'"),
        (["cat", " "], "class name ' '"),
        ([f"{i}" for i in range(MOST_CLASSES + 1)], "5,001 classes"),
    ],
)
def test_classes_that_a_person_cannot_tell_apart_are_refused(tmp_path, names, told):
    with pytest.raises(DataError, match=told):
        check_names(names, "y")
    for name in names:
        (tmp_path / "x" / name).mkdir(parents=True)
    refused(told, tmp_path / "x")


def test_classes_that_differ_visibly_stay(tmp_path):
    check_names(["a", "A", "a\x01", "\u202ea", "m2", "m\xb2"], "y")
    np.savez(str(tmp_path / "a.npz"), x=np.ones((4, 2)), y=["cat", "cat\u200b"] * 2)
    with pytest.raises(DataError, match="look the same"):
        load_dataset(str(tmp_path / "a.npz"))
