"""What was changed in the settings that a run's trials depend on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Tuple

from vaiopt.settings.schema import Declaration, declarations
from vaiopt.settings.sections import Settings, section_classes


@dataclass(frozen=True)
class Change:
    """One setting that differs; as text ``section.key: old -> new``, without passwords."""

    key: str
    old: Any
    new: Any

    def __str__(self) -> str:
        return f"{self.key}: {self.old!r} -> {self.new!r}"


def changes(saved: Settings, settings: Settings) -> List[Change]:
    """Return what differs, without what may change in a run (``Declaration.may_change``)."""
    found = []
    for (key, declared, before), (_, _, after) in zip(values_of(saved), values_of(settings)):
        if before != after and not declared.may_change:
            show = declared.shown or (lambda value: value)
            found.append(Change(key, show(before), show(after)))
    return found


def shown_values(settings: Settings) -> Dict[str, Any]:
    """Return every setting by its key, ``section.key``, without passwords."""
    return {
        key: value if declared.shown is None else declared.shown(value)
        for key, declared, value in values_of(settings)
    }


def values_of(settings: Settings) -> Iterator[Tuple[str, Declaration, Any]]:
    """Yield key, declaration and value of every setting, those of the sections first."""
    sections: List[Tuple[str, Any, Any]] = [
        (f"{name}.", getattr(settings, name), cls) for name, cls in section_classes().items()
    ]
    for prefix, values, cls in [*sections, ("", settings, Settings)]:
        for name, declared in declarations(cls).items():
            yield prefix + name, declared, getattr(values, name)
