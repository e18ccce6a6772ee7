"""Where images have the runtime of the DPU, though their Python does not look there."""

from __future__ import annotations

import glob
import sys
from typing import List, Tuple

PLACES = (
    *("/usr/lib/python3/site-packages", "/usr/lib/python3*/site-packages"),
    *("/usr/lib/python3/dist-packages", "/usr/local/share/pynq-venv/lib/python3*/site-packages"),
)
"""Folders, as patterns. PYNQ's own Python is a virtual environment, which does not see the first
two.
"""


def look_there_too(places: Tuple[str, ...] = PLACES) -> List[str]:
    """Let Python look for modules in these folders, after all others; return those that are new."""
    found = [folder for place in places for folder in sorted(glob.glob(place))]
    new = [folder for folder in dict.fromkeys(found) if folder not in sys.path]
    sys.path.extend(new)
    return new
