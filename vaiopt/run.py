"""Old name of :mod:`vaiopt.runs`, kept until 0.3 for scripts that import from here."""

import warnings

from vaiopt.int8.positions import read_positions, write_positions
from vaiopt.runs.layout import Run, open_run

__all__ = ["Run", "open_run", "read_positions", "write_positions"]

warnings.warn("vaiopt.run is now vaiopt.runs", DeprecationWarning, stacklevel=2)
