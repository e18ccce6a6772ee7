"""Pictures of training samples before and after augmentation."""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Tuple

import numpy as np

from vaiopt.data import Splits, load_splits
from vaiopt.data.augment import Batch, Frame, changed, frame_of
from vaiopt.keras import load_tensorflow
from vaiopt.report.images import data_uri, over, to_pixels
from vaiopt.report.pictures import LONGEST, Picture
from vaiopt.runs.layout import Candidate
from vaiopt.tasks.task import UNSCORED

SHOWN = 6
"""Samples that are shown."""
WAYS = 2
"""In how many ways each is shown changed."""
PLOT = (60, 160)
"""Height and width of the picture of a signal, in pixels."""


class _Seen(NamedTuple):
    """Samples (n, ...), preprocessed, and the masks over them; None without."""

    x: np.ndarray
    masks: Any


def augmented_pictures(candidate: Candidate, amounts: Dict[str, float]) -> List[Picture]:
    """Return some samples of a candidate's training split, as they are and as trainings see them.

    Args:
        candidate: whose data are shown.
        amounts: how strong each operation is.

    Returns:
        Nothing of tables, and where nothing is changed.

    Raises:
        VaioptError: the data are not here, or not those of the run.
    """
    if not amounts:
        return []
    splits = load_splits(candidate)
    frame = frame_of(splits.preprocessing, splits.task)
    if len(frame.shape) < 2:
        return []
    part = splits.train.take(slice(0, SHOWN))
    y = part.y
    has_masks = splits.task.like_samples and not splits.task.smooth_labels
    plain = _Seen(part.x, y if has_masks else None)
    seen = {"as it is": plain}
    for number in range(1, WAYS + 1):
        seen[f"changed, {number}"] = _changed(amounts, plain, number, frame)
    return [
        Picture(
            index,
            _told(splits, y[index]),
            tuple((name, _uri(version, index, frame)) for name, version in seen.items()),
        )
        for index in range(len(part))
    ]


def _told(splits: Splits, y: Any) -> str:
    """Return what a sample is, in words."""
    return f"class '{splits.classes[y]}'" if splits.task.has_classes else "of the training split"


def _changed(amounts: Dict[str, float], seen: _Seen, number: int, frame: Frame) -> _Seen:
    """Return samples as a training may see them. Labels that are no masks are not looked at."""
    tf = load_tensorflow()
    masks, weights = seen.masks, None
    y = tf.zeros([len(seen.x), 1, 1, 1])
    if masks is not None:
        y = tf.constant(np.where(masks == UNSCORED, 0, masks))
        weights = tf.constant((masks != UNSCORED).astype(np.float32))
    found = changed(
        Batch(tf.constant(seen.x), y, weights), amounts, 0, tf.constant(number, tf.int64), frame
    )
    if masks is not None:
        masks = np.where(found.weights.numpy() > 0, found.y.numpy(), UNSCORED)
    return _Seen(found.x.numpy(), masks)


def _uri(seen: _Seen, index: int, frame: Frame) -> str:
    """Return a preprocessed sample as a picture, its mask over it if there is one."""
    span = np.where(frame.span > 0, frame.span, 1.0)
    shares = (seen.x[index] - frame.low) / span
    if frame.kind == "signal":
        return data_uri(_plot(shares.reshape(-1, shares.shape[-1])[:, 0]))
    pixels = to_pixels(shares, 0.0, 1.0, LONGEST)
    return data_uri(pixels if seen.masks is None else over(pixels, seen.masks[index]))


def _plot(values: np.ndarray) -> np.ndarray:
    """Return a signal (T,) of 0 to 1 as a dark line on white."""
    height, width = PLOT
    places = np.linspace(0, len(values) - 1, width)
    line = np.interp(places, np.arange(len(values)), np.clip(values, 0, 1))
    rows: Tuple[int, ...] = tuple(np.rint((1 - line) * (height - 1)).astype(int))
    pixels = np.full(PLOT, 255, np.uint8)
    for column, (row, before) in enumerate(zip(rows, (rows[0], *rows[:-1]))):
        pixels[min(row, before) : max(row, before) + 1, column] = 40
    return pixels
