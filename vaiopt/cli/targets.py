"""``vaiopt targets``: the known targets, or one of them."""

from __future__ import annotations

from typing import Any, Dict, Iterator, Optional, Tuple

import typer

from vaiopt.cli.common import JSON, emit, number, print_table
from vaiopt.releases import RELEASES, find_release, one_of


def command(
    name: Optional[str] = typer.Argument(None, help="Show this one.", show_default=False),
    release: Optional[str] = typer.Option(
        None, "--release", help=f"{one_of(tuple(RELEASES))}; a run can be of {one_of()}."
    ),
    as_json: bool = JSON,
) -> None:
    """List targets, or show one with its numbers and their sources."""
    from vaiopt.hardware import list_targets, load_target

    if name is None:
        emit([target._asdict() for target in list_targets(release)], as_json, _show_all)
    else:
        emit(load_target(name, release), as_json, _show_one)
    # However well the latency is predicted.
    if release and not as_json and find_release(release).latency_only:
        typer.echo(f"Of release {release} only the latency is known: a run can be of {one_of()}.")


def _show_all(targets: Any) -> None:
    rows = []
    for t in targets:
        latency = "validated" if t["validated"] else "extrapolated"
        clock = number(t["clock_mhz"] or None)
        rows.append((t["name"], t["architecture"], t["cores"], clock, latency))
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
            text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            yield prefix + key, text
