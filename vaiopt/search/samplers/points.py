"""Points that the settings name: they are tried first, whichever sampler comes after."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping

from vaiopt.errors import SettingsError, did_you_mean
from vaiopt.search.samplers.encoding import key
from vaiopt.settings import SearchSettings
from vaiopt.study.space import Dimension, Space, Value


def given_points(space: Space, settings: SearchSettings) -> List[Dict[str, Value]]:
    """Return the points of ``search.points``, whole and canonical, each once.

    Args:
        space: all dimensions.
        settings: ``[search]`` of the run.

    Raises:
        SettingsError: a point names an unknown hyperparameter or a value outside its range, or the
            sampler is a grid.
    """
    if settings.points and settings.sampler == "grid":
        raise SettingsError(
            "search.points are given, and the sampler is a grid",
            "Leave one of them out; a grid tries its own points.",
        )
    known = {d.name: d for d in space}
    found: Dict[Any, Dict[str, Value]] = {}
    for number, table in enumerate(settings.points, start=1):
        point = space.canonical({**space.defaults(), **_checked(number, table, known)})
        found.setdefault(key(point), point)
    return list(found.values())


def _checked(
    number: int, table: Mapping[str, Any], known: Mapping[str, Dimension]
) -> Dict[str, Value]:
    values: Dict[str, Value] = {}
    for name, value in table.items():
        where = f"point {number} of search.points"
        if name not in known:
            raise SettingsError(
                f"{where} names an unknown hyperparameter '{name}'", did_you_mean(name, known)
            )
        dimension = known[name]
        if dimension.kind == "float" and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if not dimension.contains(value):
            allowed = (
                dimension.values if dimension.kind == "choice" else (dimension.low, dimension.high)
            )
            raise SettingsError(
                f"{where}: {name} cannot be {value!r}",
                "It is {}.".format(
                    "one of {}".format(", ".join(map(repr, allowed)))
                    if dimension.kind == "choice"
                    else "a number from {} to {}".format(*allowed)
                    + (f" in steps of {dimension.step}" if dimension.step else "")
                ),
            )
        values[name] = value
    return values
