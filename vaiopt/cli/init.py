"""``vaiopt init``: write a commented settings file."""

from __future__ import annotations

from pathlib import Path
from typing import List

import typer

from vaiopt.cli.common import SET, progress


def command(
    path: Path = typer.Argument(Path("settings.toml"), help="The file to write."),
    overrides: List[str] = SET,
    force: bool = typer.Option(False, "--force", help="Replace the file if it is there."),
) -> None:
    """Write a settings file in which every key stands with its default and meaning."""
    from vaiopt.errors import SettingsError
    from vaiopt.files import write_text
    from vaiopt.settings import commented_toml, load_settings

    if path.is_dir():
        raise SettingsError(
            f"'{path}' is a folder", f"Name the file to write: vaiopt init {path / 'settings.toml'}"
        )
    if path.exists() and not force:
        raise SettingsError(
            f"'{path}' is there already", "Give another name, or replace it with --force."
        )
    write_text(path, commented_toml(load_settings(None, overrides)))
    progress(f"wrote {path}; next: vaiopt run {path}")
