"""The version of vaiopt, where everything finds it without importing more."""

from __future__ import annotations

__version__ = "0.1.0"
