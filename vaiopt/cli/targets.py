"""``vaiopt targets``: the known targets, or one of them."""

from __future__ import annotations

from typing import Any, Dict, Iterator, Optional, Tuple

import typer

from vaiopt.cli.common import JSON, emit, number, print_table


def command(
    name: Optional[str] = typer.Argument(None, help="Show this one.", show_default=False),
    release: Optional[str] = typer.Option(None, "--release", help="2.5, 3.0 or 3.5."),
    as_json: bool = JSON,
) -> None:
    """List targets, or show one with its numbers and their sources."""
    from vaiopt.hardware import list_targets, load_target

    if name is None:
        emit([target._asdict() for target in list_targets(release)], as_json, _show_all)
    else:
        emit(load_target(name, release), as_json, _show_one)


def _show_all(targets: Any) -> None:
    rows = [
        (
            t["name"],
            t["architecture"],
            t["cores"],
            number(t["clock_mhz"] or None),
            "validated" if t["validated"] else "extrapolated",
        )
        for t in targets
    ]
    print_table(("target", "architecture", "cores", "MHz", "latency"), rows, left=(0, 1, 4))
    typer.echo(
        "'vaiopt targets NAME' shows one, with the sources of its numbers; an arch.json can be"
        " given wherever a target is."
    )


def _show_one(target: Any) -> None:
    print_table(("", ""), list(_rows(target.to_json())), left=(0, 1))


def _rows(content: Dict[str, Any], prefix: str = "") -> Iterator[Tuple[str, str]]:
    for key, value in content.items():
        if isinstance(value, dict):
            yield from _rows(value, prefix + key + ".")
        elif value is not None:
            yield (
                prefix + key,
                (", ".join(map(str, value)) if isinstance(value, list) else str(value)),
            )
