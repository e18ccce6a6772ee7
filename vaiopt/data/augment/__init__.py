"""Augmentation: training samples are changed a little, anew each time they are seen.

Each kind of change is a row of :data:`vaiopt.data.augment.operations.OPERATIONS`. Nothing of it is
in a model: samples are changed in the batches that a training is fed, and nowhere else.
"""

from vaiopt.data.augment.batch import Batch, Frame, frame_of
from vaiopt.data.augment.operations import OPERATIONS, Operation, mixes_labels, refusal
from vaiopt.data.augment.pipeline import augmented, changed

__all__ = [
    "OPERATIONS",
    "Batch",
    "Frame",
    "Operation",
    "augmented",
    "changed",
    "frame_of",
    "mixes_labels",
    "refusal",
]
