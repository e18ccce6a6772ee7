"""Image to image: denoising, super-resolution, autoencoders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Dict, List, Optional, Sequence, Tuple, Type

import numpy as np

from vaiopt.errors import DataError
from vaiopt.present.table import Table
from vaiopt.record import Record, Unfit, part
from vaiopt.tasks.arrays import as_numbers, output_names
from vaiopt.tasks.likeness import psnr, ssim
from vaiopt.tasks.targets import Targets
from vaiopt.tasks.task import Evaluation, Labels, Task

WORST = 50
"""Samples of which an evaluation keeps the own score."""

CHUNK = 256
"""Images compared at once: their blurred copies take memory."""

BYTES = 255.0
"""Highest value of a uint8 image."""


@dataclass(frozen=True)
class ImageScore(Record):
    """How like its target the image of a sample is; ``index`` is within the test split."""

    index: int = part(low=0)
    psnr: float = part()


@dataclass(frozen=True)
class ImageEvaluation(Evaluation):
    """``evaluation.json`` of a model that gives images.

    Attributes:
        psnr: mean over the samples, dB. ssim: mean over them.
        worst: the least like their targets, worst first.
        own: metrics of a person's own.
    """

    score_names: ClassVar[Tuple[str, ...]] = ("psnr", "ssim")

    psnr: float = part()
    ssim: float = part(low=-1, high=1)
    worst: Tuple[ImageScore, ...] = part()
    own: Dict[str, float] = part({})

    def tables(self, int8: Any, most: int) -> List[Tuple[str, Table]]:
        """Return the worst samples."""
        rows = [[score.index, f"{score.psnr:.1f} dB"] for score in self.worst[:most]]
        table = Table(("test sample", "PSNR"), rows, numeric=(0, 1), name="worst")
        return [("Least like their targets", table)]

    def check(self) -> None:
        """Raise unless the worst samples are some that there are."""
        for position, score in enumerate(self.worst):
            if score.index >= self.samples:
                raise Unfit(f"worst[{position}]", "is of no sample that there is")


class ImageToImage(Task):
    """Images of images: ``y`` holds images (n, H, W, C), uint8 or float32."""

    name = "image_to_image"
    doc = "an image for every image, such as without noise"
    headline = "psnr"
    share = "ssim"
    validation = {"val_psnr": "psnr", "val_ssim": "ssim"}
    evaluation: Type[Evaluation] = ImageEvaluation
    outputs = "channels"
    like_samples = True
    smooth_labels = True

    def check_labels(
        self, arrays: Sequence[Any], labels: Sequence[str], classes: Optional[Sequence[Any]]
    ) -> Labels:
        """Return images (n, H, W, C), uint8 or float32, and the names of the channels."""
        found = [self.labels_of(array, label) for array, label in zip(arrays, labels)]
        if len({array.dtype for array in found}) > 1:
            found = [array.astype(np.float32) for array in found]
        count = found[0].shape[3]
        if found[0].max() == found[0].min():
            raise DataError(
                f"all images of {labels[0]} have the same value, {float(found[0].max()):g},"
                " everywhere",
                "Check how they were made.",
            )
        default = {1: ("grey",), 3: ("red", "green", "blue")}.get(count, range(count))
        return found, output_names(classes, count, labels[0], self.outputs, default)

    def check_samples(self, x: np.ndarray, y: np.ndarray, labels: Sequence[str]) -> None:
        """Check that there are images to make images of; their size may differ."""
        if x.ndim != 4:
            raise DataError(
                f"a sample of {labels[0]} has shape {x.shape[1:]}, and the task is image to image",
                "Give images: (samples, height, width, channels).",
            )

    def labels_of(self, values: Any, label: str) -> np.ndarray:
        """Return images (n, H, W, C), uint8 or float32."""
        array = as_numbers(values, label)
        array = array[..., None] if array.ndim == 3 else array
        if array.ndim != 4:
            raise DataError(
                f"{label} has {array.ndim} axes (shape {array.shape})",
                "Give an image per sample: (samples, height, width, channels).",
            )
        return array if array.dtype == np.uint8 else array.astype(np.float32)

    def fit_targets(
        self, y: np.ndarray, raw: np.ndarray, standardise: bool, value_range: Any = None
    ) -> Targets:
        """Return the range that outputs have: -1 to 127/128 for a family of vaiopt's, else 0 to 1
        for uint8 images, and for others the values themselves.
        """
        if y.dtype == np.uint8:
            low, high = 0.0, BYTES
        elif value_range is not None:
            low, high = map(float, value_range)
        else:
            low, high = (float(y.min()), float(y.max())) if len(y) else (0.0, 1.0)
        if standardise and high > low:
            scale = np.float32((high - low) * 128 / 255)
            return Targets((float(np.float32(low) + scale),), (float(scale),))
        return Targets((0.0,), (BYTES if y.dtype == np.uint8 else 1.0,))

    def output_problem(
        self, shape: Tuple[Any, ...], classes: int, y_shape: Tuple[int, ...] = ()
    ) -> Tuple[str, str]:
        """Return nothing for images of the target's shape."""
        if shape == tuple(y_shape) or (not y_shape and len(shape) == 3 and shape[2] == classes):
            return "", ""
        return (
            f"the model gives outputs of shape {shape}, the data have images of {tuple(y_shape)}",
            "End with Conv2D(hp.classes, ...) at the size of the target.",
        )

    def head(self, keras: Any, x: Any, classes: int) -> Any:
        """Return linear values of each pixel."""
        self.check_hidden(x)
        return keras.layers.Conv2D(classes, 3, padding="same", name="predictions")(x)

    def compile(self, model: Any, optimizer: Any, *, losses: Any = None) -> None:
        """Compile for the squared error."""
        model.compile(optimizer=optimizer, loss="mse")

    def loss_problem(self, names: Sequence[str], outputs: int) -> str:
        """Return the squared error in the place of a cross-entropy of classes."""
        return "mse" if any("categorical" in name for name in names) else ""

    def loss_form(self, model: Any, classes: int) -> str:
        """Return ``values``."""
        return "values"

    def loss_labels(self, y: np.ndarray, form: str, classes: int) -> np.ndarray:
        """Return the values, float32."""
        return y.astype(np.float32)

    def predict(self, outputs: np.ndarray) -> np.ndarray:
        """Return the values, float32."""
        return outputs.astype(np.float32)

    def judged(self, outputs: np.ndarray) -> np.ndarray:
        """Return the values, float32."""
        return self.predict(outputs)

    def scores(self, outputs: np.ndarray, y: np.ndarray, classes: int) -> Dict[str, float]:
        """Return the means of PSNR and SSIM; see :meth:`by_sample`."""
        found = self.by_sample(outputs, y)
        return {name: float(values.mean()) for name, values in found.items()}

    def by_sample(self, outputs: np.ndarray, y: np.ndarray) -> Dict[str, np.ndarray]:
        """Return PSNR and SSIM of each sample, for the span of values that its task has: 255 for
        uint8, else that of the targets given.
        """
        peak = BYTES if y.dtype == np.uint8 else float(y.max()) - float(y.min())
        parts = [slice(i, i + CHUNK) for i in range(0, len(y), CHUNK)]
        of = {"psnr": psnr, "ssim": ssim}
        return {
            name: np.concatenate([like(outputs[part], y[part], peak or 1.0) for part in parts])
            for name, like in of.items()
        }

    def evaluate(
        self, outputs: np.ndarray, y: np.ndarray, classes: Sequence[str], *, kind: str, trial: int
    ) -> ImageEvaluation:
        """Return the scores over all and of single samples."""
        found = self.by_sample(outputs, y)
        order = np.argsort(found["psnr"], kind="stable")[:WORST]
        return ImageEvaluation(
            kind=kind,
            trial=trial,
            samples=len(y),
            psnr=float(found["psnr"].mean()),
            ssim=float(found["ssim"].mean()),
            worst=tuple(ImageScore(int(i), float(found["psnr"][i])) for i in order),
        )
