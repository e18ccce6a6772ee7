"""What is told line by line."""

from __future__ import annotations

import re
from typing import Callable

Progress = Callable[[str], None]
"""Told one line at a time what happens."""


def silent(line: str) -> None:
    """Drop a line of progress."""
import re
from typing import Callable
