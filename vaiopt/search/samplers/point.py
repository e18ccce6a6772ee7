"""A point of the search space, and that there is none left."""

from __future__ import annotations

from typing import Dict

from vaiopt.errors import VaioptError
from vaiopt.study.space import Value

Point = Dict[str, Value]


class SpaceExhausted(VaioptError):
    """No point is left to try."""

    code = "space"
