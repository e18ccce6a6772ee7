"""Arrays in IDX files, of the format of http://yann.lecun.com/exdb/mnist: two zero bytes, the type,
the number of axes, the length of each as 4 bytes, and the values, the highest byte first.
"""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import numpy as np

from vaiopt import memory
from vaiopt.errors import DataError
from vaiopt.reading import PART, open_regular

TYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
"""NumPy's types by IDX's numbers."""


def read_idx(path: Path, cure: str, axes: int = 0) -> np.ndarray:
    """Read an IDX file.

    Args:
        path: gzipped if it ends with ``.gz``.
        cure: what to do about a file that is damaged.
        axes: how many it must have; 0 for any number.

    Returns:
        The array, in this machine's order of bytes.

    Raises:
        DataError: it is no gzip, cut off, damaged, or holds something else.
    """
    try:
        with open_regular(path) as raw:
            is_packed = path.suffix.lower() == ".gz"
            file = gzip.GzipFile(fileobj=raw, mode="rb") if is_packed else raw
            start = file.read(4)
            known = len(start) == 4 and start[:2] == b"\0\0" and start[2] in TYPES and start[3]
            lengths = file.read(4 * start[3]) if known else b""
            if not known or len(lengths) < 4 * start[3] or (axes and start[3] != axes):
                wanted = f" with {axes} ax{'i' if axes == 1 else 'e'}s" if axes else ""
                raise DataError(f"'{path}' is not an IDX file{wanted}", cure)
            kind = np.dtype(TYPES[start[2]])
            shape = tuple(np.frombuffer(lengths, dtype=">u4").tolist())
            size = int(kind.itemsize * np.prod([float(length) for length in shape]))
            reason = memory.shortage(size)
            if reason:
                raise DataError(f"'{path}' says shape {shape}: {reason}", cure)
            # No more is unpacked than there should be, whatever a few kilobytes can hold; part by
            # part, as gzip sets aside at once what it is asked for.
            content = bytearray()
            while len(content) <= size:
                part = file.read(min(PART, size + 1 - len(content)))
                if not part:
                    break
                content += part
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"'{path}' cannot be read ({type(error).__name__}: {error})", cure
        ) from error
    if len(content) != size:
        held = f"{len(content) // kind.itemsize} values" if len(content) < size else "more"
        raise DataError(f"'{path}' says shape {shape} but holds {held}", cure)
    return np.frombuffer(content, dtype=kind).reshape(shape).astype(kind.newbyteorder("="))
