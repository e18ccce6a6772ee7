"""Old name of :mod:`vaiopt.runs` and :mod:`vaiopt.int8.positions`, kept until 0.3 for scripts that
import from here.
"""

import warnings
from typing import Any, Dict, List

from vaiopt.files import PathLike
from vaiopt.int8 import positions
from vaiopt.runs.layout import Run, open_run

__all__ = ["Run", "open_run", "read_positions"]

warnings.warn(
    "vaiopt.run is now vaiopt.runs.layout and vaiopt.int8.positions", DeprecationWarning, 2
)


def read_positions(path: PathLike, command: str) -> List[Dict[str, Any]]:
    """Return fix positions as dictionaries; see :func:`vaiopt.int8.positions.read_positions`."""
    return [entry.to_json() for entry in positions.read_positions(path, command)]
