"""``vaiopt targets``: the known targets, or one of them."""

from __future__ import annotations

from typing import Optional

import typer

from vaiopt.cli.common import JSON, emit
from vaiopt.releases import RELEASES, find_release, one_of

ONE = """'vaiopt targets NAME' shows one, with the sources of its numbers.
An arch.json can be given wherever a target is."""


def command(
    name: Optional[str] = typer.Argument(None, help="Show this one.", show_default=False),
    release: Optional[str] = typer.Option(
        None, "--release", help=f"{one_of(tuple(RELEASES))}; a run can be of {one_of()}."
    ),
    as_json: bool = JSON,
) -> None:
    """List targets, or show one with its numbers and their sources."""
    from vaiopt.hardware import list_targets, load_target

    if name is not None:
        emit(load_target(name, release), as_json, _latency_only(release))
    else:
        emit(list_targets(release), as_json, "\n".join([*_latency_only(release).splitlines(), ONE]))


def _latency_only(release: Optional[str]) -> str:
    """Tell a release that no run can be of, however well a latency is predicted for it."""
    if release is None or not find_release(release).latency_only:
        return ""
    return f"Of release {release} only the latency is known: a run can be of {one_of()}."
