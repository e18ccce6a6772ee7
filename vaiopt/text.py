"""What is told line by line."""

from __future__ import annotations

import logging
import re
from typing import Callable

Progress = Callable[[str], None]
"""Told one line at a time what happens."""


def silent(line: str) -> None:
    """Drop a line of progress."""


def warn(line: str) -> None:
    """Tell what somebody should know where nobody is told of progress: through the logger
    ``vaiopt``, whose lines go to stderr unless they are sent elsewhere.
    """
    logging.getLogger("vaiopt").warning(line)


def without_password(url: str) -> str:
    """Return a database URL as it may be shown."""
    url = re.sub(r"(//[^:@/]*|^[^:@/]*):(?!//).*@", r"\1:***@", url)
    return re.sub(r"([?&](?:password|passwd)=)[^&]*", r"\1***", url)
