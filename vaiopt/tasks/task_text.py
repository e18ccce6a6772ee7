"""How several tasks are written in one text: ``digit=classification,size=regression``."""

from __future__ import annotations

from typing import Dict, Mapping

IS, BETWEEN = "=", ","
"""Between an output and its task, and between outputs; no name of a layer has either."""


def is_several(text: str) -> bool:
    """Return whether a text names tasks by output."""
    return IS in text


def text_of(by_output: Mapping[str, str]) -> str:
    """Return texts by output as one: what :func:`tasks_in` reads."""
    return BETWEEN.join(f"{output}{IS}{name}" for output, name in by_output.items())


def tasks_in(text: str) -> Dict[str, str]:
    """Return the name of each output's task, by output, in their order."""
    pairs = (pair.partition(IS) for pair in text.split(BETWEEN) if pair)
    return {output: name for output, _, name in pairs}
