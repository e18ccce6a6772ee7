"""A model is tried by hand: what it sees in image files and in what a camera gives."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Dict

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from made_bundles import (
    BOARD,
    CLASSES,
    Outcome,
    integer_outputs,
    make_bundle,
    make_classifier,
    make_data,
    run_bundle,
    seal,
)

sys.path.insert(0, str(BOARD))

Image = pytest.importorskip("PIL.Image")


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return make_bundle(tmp_path / "bundle")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Six samples as PNG files, and a file that is none."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, sample in enumerate(make_data(6)["x"]):
        Image.fromarray(sample[..., 0]).save(str(folder / f"{number}.png"))
    (folder / "notes.txt").write_text("no image")
    return folder


def shown(bundle: Path, *arguments: str, **environment: str) -> Outcome:
    """Run with what is shown in the place of the samples."""
    return run_bundle(bundle, *arguments, data=False, **environment)


def change(bundle: Path, **values: Any) -> None:
    content: Dict[str, Any] = json.loads((bundle / "manifest.json").read_text())
    content.update(values)
    seal(bundle, content)


def test_each_image_is_named_with_its_class_and_how_sure_the_model_is(
    bundle: Path, photos: Path
) -> None:
    outcome = shown(bundle, "--images", str(photos))
    assert outcome.code == 0 and outcome.result is None, outcome
    outputs = integer_outputs(make_classifier(), make_data(6)["x"])
    real = outputs * 0.25
    sure = np.exp(real) / np.exp(real).sum(axis=1, keepdims=True)
    for number in range(6):
        (line,) = [x for x in outcome.stderr.splitlines() if x.startswith(f"{number}.png")]
        label = outputs[number].argmax()
        assert f"  {'abc'[label]}  {100 * sure[number, label]:.1f} %  " in line
    assert "6 images, " in outcome.stderr and CLASSES == 3


def test_an_image_that_cannot_be_read_is_passed_over_and_none_that_can_is_an_error(
    bundle: Path, photos: Path
) -> None:
    (photos / "broken.jpg").write_bytes(b"\xff\xd8 nonsense")
    outcome = shown(bundle, "--images", str(photos))
    assert outcome.code == 0 and "broken.jpg  cannot be read" in outcome.stderr
    assert "6 images, " in outcome.stderr
    for name in photos.glob("*.png"):
        name.unlink()
    outcome = shown(bundle, "--images", str(photos))
    assert outcome.code == 2 and "cannot be read as an image" in outcome.error


def test_pixels_of_more_than_16_bits_are_no_image_here_either(bundle: Path, photos: Path) -> None:
    Image.fromarray(np.full((8, 8), 0.5, np.float32)).save(str(photos / "deep.tif"))
    outcome = shown(bundle, "--images", str(photos / "deep.tif"))
    assert outcome.code == 2 and "no whole numbers of up to 16 bits" in outcome.error


@pytest.mark.parametrize("given, text", [("nowhere", "cannot be read"), (".", "holds no images")])
def test_a_folder_without_images_is_named(bundle: Path, given: str, text: str) -> None:
    outcome = shown(bundle, "--images", given)
    assert outcome.code == 2 and text in outcome.error and outcome.hint


def test_what_is_no_image_and_a_task_whose_outputs_are_images_are_refused(
    bundle: Path, photos: Path
) -> None:
    preprocessing = json.loads((bundle / "manifest.json").read_text())["preprocessing"]
    change(bundle, preprocessing=dict(preprocessing, raw_dtype="float32"))
    assert "trained on samples of float32" in shown(bundle, "--images", str(photos)).error
    change(bundle, preprocessing=dict(preprocessing, shape=[16]))
    assert "no grey or RGB images" in shown(bundle, "--images", str(photos)).error
    change(bundle, preprocessing=preprocessing, task="segmentation")
    assert "of the task segmentation" in shown(bundle, "--images", str(photos)).error


def test_a_camera_is_shown_until_so_many_frames(bundle: Path, tmp_path: Path) -> None:
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "cv2.py").write_text(
        "import numpy\n"
        "class VideoCapture:\n"
        "    def __init__(self, number): self.left = 5 if number == 1 else 0\n"
        "    def read(self):\n"
        "        self.left -= 1\n"
        "        return self.left >= 0, numpy.full((8, 8, 3), 90, numpy.uint8)\n"
        "    def release(self): pass\n"
    )
    from made_bundles import STANDIN

    path = f"{STANDIN}:{modules}"
    outcome = shown(bundle, "--camera", "1", "--frames", "3", PYTHONPATH=path)
    assert outcome.code == 0 and "frames/s" in outcome.stderr, outcome
    outcome = shown(bundle, "--camera", "0", PYTHONPATH=path)
    assert outcome.code == 2 and "camera 0 gives no picture" in outcome.error


@pytest.mark.parametrize("resize", ["stretch", "crop", "pad"])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_photo_is_read_as_on_the_host(tmp_path: Path, resize: str, channels: int) -> None:
    from kit_bundle import Manifest
    from kit_pictures import Pictures
    from vaiopt.data.image_files import read_picture

    folder = make_bundle(tmp_path / "bundle")
    shape = [12, 18, channels]
    change(
        folder,
        resize=resize,
        preprocessing={"offset": 0.0, "scale": 1.0, "shape": shape, "raw_dtype": "uint8"},
    )
    pictures = Pictures(Manifest(str(folder / "manifest.json")))
    random = np.random.RandomState(0).randint(0, 256, (40, 31, 4)).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    rgb = Image.fromarray(random[..., :3])
    rgb.save(str(tmp_path / "turned.jpg"), exif=exif)
    Image.fromarray(random).save(str(tmp_path / "clear.png"))
    rgb.convert("CMYK").save(str(tmp_path / "print.tif"))
    Image.fromarray((random[..., 0].astype(np.uint16) << 8) + 7).save(str(tmp_path / "deep.png"))
    rgb.convert("P").save(str(tmp_path / "few.gif"))
    for name in ("turned.jpg", "clear.png", "print.tif", "deep.png", "few.gif"):
        ours = pictures.read(str(tmp_path / name))
        theirs = read_picture(tmp_path / name, channels == 1, shape[:2], resize)
        assert np.array_equal(ours, theirs), name
