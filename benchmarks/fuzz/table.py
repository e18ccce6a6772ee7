"""All readers."""

from __future__ import annotations

from typing import Tuple

from benchmarks.fuzz.readers import RUNS, SETTINGS, Reader
from benchmarks.fuzz.readers_data import PEOPLE
from benchmarks.fuzz.readers_kit import KITS, MODELS

READERS: Tuple[Reader, ...] = (*SETTINGS, *RUNS, *PEOPLE, *KITS, *MODELS)
"""In the order in which they are run."""
