"""``vaiopt container``: the folder that builds and runs the Vitis-AI container."""

from __future__ import annotations

import typer

from vaiopt.cli.common import JSON, emit
from vaiopt.releases import DEFAULT, one_of


def command(
    folder: str = typer.Argument("docker", help="The folder to write."),
    release: str = typer.Option(DEFAULT, "--release", help=f"Of Vitis AI: {one_of()}."),
    as_json: bool = JSON,
) -> None:
    """Write docker/: build it once, then run commands with the vendor's quantizer and compiler."""
    from vaiopt.container import write_container
    from vaiopt.releases import find_release

    result = write_container(folder, find_release(release).name)
    emit(result, as_json, f"next: {result.build}\nthen: {result.run} vaiopt doctor")
