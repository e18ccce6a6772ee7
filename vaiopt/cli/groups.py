"""The commands in groups, and the help that shows them so."""

from __future__ import annotations

from typing import Any, Tuple

from typer.core import TyperGroup

GROUPS: Tuple[Tuple[str, Tuple[str, ...]], ...] = (
    ("From a model family to the kit, step by step", ("init", "run", "search", "choose", "refit")),
    (
        "With the chosen model",
        ("evaluate", "predict", "quantize", "compile", "bundle", "measure", "report", "export"),
    ),
    ("Look at what there is", ("data", "runs", "trials", "compare", "dashboard")),
    ("Targets and tools", ("inspect", "targets", "kit", "calibrate", "container", "doctor")),
)
"""Each name is a module beside this one, with a function ``command``; as ``--help`` has them."""

COMMANDS = tuple(name for _, names in GROUPS for name in names)


class Grouped(TyperGroup):
    """Shows the commands in their groups, each with the first sentence of its help, uncut."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the groups, in order."""
        width = max(map(len, COMMANDS))
        for title, names in GROUPS:
            with formatter.section(title):
                # One width for all groups, so that the texts stand below each other.
                formatter.write_dl([(name.ljust(width), _sentence(self, name)) for name in names])


def _sentence(group: Any, name: str) -> str:
    text = " ".join((group.commands[name].help or "").split())
    return text.partition(". ")[0].rstrip(".")
