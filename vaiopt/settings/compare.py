"""What was changed in the settings that a run's trials depend on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, List

from vaiopt.settings.schema import declarations
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
    sections = [
        (f"{name}.", getattr(saved, name), getattr(settings, name), cls)
        for name, cls in section_classes().items()
    ]
    found = []
    for prefix, old, new, cls in [*sections, ("", saved, settings, Settings)]:
        for name, declared in declarations(cls).items():
            before, after = getattr(old, name), getattr(new, name)
            if before != after and not declared.may_change:
                show = declared.shown or (lambda value: value)
                found.append(Change(prefix + name, show(before), show(after)))
    return found
