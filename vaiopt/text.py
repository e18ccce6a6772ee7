"""What is told line by line."""

from __future__ import annotations

import re
from typing import Callable

Progress = Callable[[str], None]
"""Told one line at a time what happens."""


def silent(line: str) -> None:
    """Drop a line of progress."""


def without_password(url: str) -> str:
    """Return a database URL as it may be shown."""
    url = re.sub(r"(//[^:@/]*|^[^:@/]*):(?!//).*@", r"\1:***@", url)
    return re.sub(r"([?&](?:password|passwd)=)[^&]*", r"\1***", url)
