"""The kinds of data sources, one module each; all that may stand in ``data.source``.

A kind is added by a module with a :class:`Source`, a row in :data:`SOURCES`, and one in
``vaiopt.settings.choices.SOURCES`` that says what it is.
"""

from vaiopt.data.sources import (
    bundled,
    folder,
    function,
    hdf5,
    idx,
    image_list,
    keras_files,
    masks,
    named_images,
    npy,
    npz,
    table_file,
    tfrecord,
)
from vaiopt.data.sources.source import Source

SOURCES = (
    bundled.DIGITS,
    bundled.BREAST_CANCER,
    bundled.DIABETES,
    keras_files.MNIST,
    keras_files.FASHION_MNIST,
    tfrecord.SOURCE,
    masks.SOURCE,
    idx.SOURCE,
    named_images.SOURCE,
    folder.SOURCE,
    npz.SOURCE,
    npy.SOURCE,
    hdf5.SOURCE,
    image_list.SOURCE,
    table_file.SOURCE,
    function.SOURCE,
)
"""In the order in which a text is held against them: the first that matches loads it."""

__all__ = ["SOURCES", "Source"]
