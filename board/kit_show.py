"""Try a model by hand: what it says of image files, or of what a camera sees."""

from __future__ import annotations

import os
import time
from typing import Any, Callable, Iterator, Optional, Tuple

import numpy as np

from kit_bundle import Manifest
from kit_errors import KitError
from kit_measure import alone, load_model
from kit_numbers import Quantizer
from kit_pictures import Pictures, image_files, package
from kit_timing import run_batches

SHOWN_SECONDS = 0.5
"""Between two lines of what a camera sees."""


def show(options: Any, say: Callable[[str], None]) -> None:
    """Say what the model sees in each image of ``options.images``, or in the frames of the camera
    ``options.camera`` until it is interrupted, with frames per second.

    Raises:
        KitError: something is wrong with the bundle, the images or the camera.
    """
    folder = os.path.dirname(os.path.abspath(options.model))
    manifest = Manifest(options.manifest or os.path.join(folder, "manifest.json"))
    manifest.check_file(options.model)
    pictures = Pictures(manifest)
    if not pictures.exact:
        say("note: Pillow is not installed: OpenCV resizes a little differently than the host does")
    if not hasattr(manifest.task, "words"):
        raise KitError(
            f"what a model of the task {manifest.content.get('task')} says are images",
            "See them on the host: vaiopt predict RUN FOLDER",
        )
    with alone(options.model, say):
        model = load_model(options, manifest)
        seer = Seer(manifest, model)
        if options.images:
            _show_files(options.images, pictures, seer, say)
        else:
            _show_camera(options.camera, options.frames, pictures, seer, say)


class Seer:
    """A loaded model that says in words what it sees.

    Args:
        manifest: of the bundle. model: as :func:`kit_measure.load_model` returns it.
    """

    def __init__(self, manifest: Manifest, model: Any) -> None:
        self._manifest, self._model = manifest, model
        self._runner = model.make_runner()
        self._quantize = Quantizer(manifest, model.input_position)

    def __call__(self, sample: np.ndarray) -> Tuple[str, float]:
        """Return what the model says of one raw sample, and the milliseconds that it took."""
        began = time.perf_counter()
        outputs = run_batches(self._runner, self._quantize(sample[np.newaxis]))
        took = 1000.0 * (time.perf_counter() - began)
        manifest, position = self._manifest, self._model.output_position
        predicted = manifest.task.predict(outputs, position, manifest)
        real = manifest.real(outputs).reshape(-1)
        return manifest.task.words(predicted[0], real, manifest), took


def _show_files(given: str, pictures: Pictures, seer: Seer, say: Callable[[str], None]) -> None:
    paths, failed = image_files(given), 0
    began, width = time.perf_counter(), max(len(os.path.basename(path)) for path in paths)
    first: Optional[KitError] = None
    for path in paths:
        try:
            told, took = seer(pictures.read(path))
        except KitError as error:
            failed, first = failed + 1, first or error
            say(f"{os.path.basename(path):{width}}  cannot be read")
            continue
        say(f"{os.path.basename(path):{width}}  {told}  {took:.2f} ms")
    seconds = time.perf_counter() - began
    if first is not None and failed == len(paths):
        raise first
    say(f"{len(paths) - failed} images, {len(paths) / seconds:.1f} a second with reading")


def _show_camera(
    number: int, most: int, pictures: Pictures, seer: Seer, say: Callable[[str], None]
) -> None:
    began, spoke = time.perf_counter(), 0.0
    for count, frame in enumerate(_frames(number), start=1):
        told, took = seer(pictures.of_frame(frame))
        now = time.perf_counter()
        if now - spoke >= SHOWN_SECONDS or count == most:
            say(f"{told}  {took:.2f} ms  {count / (now - began):.1f} frames/s")
            spoke = now
        if count == most:
            break


def _frames(number: int) -> Iterator[np.ndarray]:
    """Yield a camera's frames. Raises KitError: it gives none."""
    cv2 = package("cv2")
    if cv2 is None:
        raise KitError(
            "a camera is read by OpenCV, which is not installed here",
            "Install it (of the image: python3-opencv), or use --images FOLDER.",
        )
    camera = cv2.VideoCapture(number)
    try:
        seen = False
        while True:
            good, frame = camera.read()
            if not good:
                break
            seen = True
            yield frame
    finally:
        camera.release()
    if not seen:
        raise KitError(
            f"camera {number} gives no picture",
            "See which there are: ls /dev/video*; and whether another program has it.",
        )
