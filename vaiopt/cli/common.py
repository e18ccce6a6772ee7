"""What the commands share: their options, and how they print."""

from __future__ import annotations

import json
import sys
from typing import Any, Callable, Iterable, List, Mapping, Optional, Sequence

import typer

SETTINGS = typer.Argument(
    None,
    help="A settings file; 'vaiopt init' writes one. [default: those of --run, or the defaults]",
    show_default=False,
)
RUN = typer.Argument(..., help="The run folder, made by 'vaiopt search'.", show_default=False)
RUN_OPTION = typer.Option(
    None,
    "--run",
    "-r",
    help="The run folder to make or go on with. [default: runs/NAME]",
    show_default=False,
)
SET = typer.Option(
    [],
    "--set",
    "-s",
    metavar="SECTION.KEY=VALUE",
    help="Change a setting; may be given again.",
    show_default=False,
)
JSON = typer.Option(False, "--json", help="Print the result as JSON on stdout, and nothing else.")
TARGET = typer.Option(
    None,
    "--target",
    "-t",
    help="cpu, zcu102, ... or an arch.json. [default: the run's]",
    show_default=False,
)


def progress(line: str) -> None:
    """Print a line of progress on stderr."""
    typer.echo(line, err=True)


def emit(result: Any, as_json: bool, show: Callable[[Any], None]) -> None:
    """Print a typed result: as JSON alone on stdout, or by ``show``."""
    if as_json:
        content = [_plain(item) for item in result] if isinstance(result, list) else _plain(result)
        typer.echo(json.dumps(content, indent=1, allow_nan=False))
    else:
        show(result)


def _plain(result: Any) -> Any:
    return result.to_json() if hasattr(result, "to_json") else result


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], left: Sequence[int] = (0,)
) -> None:
    """Print rows under their headings, aligned; ``left`` columns to the left, the others to the
    right. Wide cells wrap on a terminal.
    """
    from vaiopt.text import aligned

    # Into a pipe or a file nothing is folded for the width of a terminal.
    typer.echo(aligned(columns, rows, left, None if sys.stdout.isatty() else 200))


def number(value: Optional[float], digits: int = 4) -> str:
    """Return a number for a table; ``-`` if there is none."""
    if value is None:
        return "-"
    return (
        f"{value:,.0f}"
        if float(value).is_integer() and abs(value) >= 1000
        else "{:.{}g}".format(value, digits)
    )


def short(value: Any) -> str:
    """Return a hyperparameter's value for one line."""
    return number(value) if isinstance(value, float) else " ".join(str(value).split())


def percent(value: Optional[float]) -> str:
    """Return a share as a percentage; ``-`` if there is none."""
    return "-" if value is None else f"{100 * value:.2f} %"


def run_folder(run: Optional[str], settings_path: Optional[str], source: str) -> str:
    """Return the run folder: as given, else ``runs/`` and the name of the settings file or of the
    data.
    """
    if run is not None:
        return run
    from pathlib import Path

    name = Path(settings_path).stem if settings_path else Path(source.split(":")[0]).stem
    return str(Path("runs") / (name or "run"))


def load(
    settings_path: Optional[str],
    overrides: List[str],
    target: Optional[str] = None,
    run: Optional[str] = None,
) -> Any:
    """Return the settings of a file, else of the run if there is one, else the defaults, with
    ``--set`` and ``--target`` applied.
    """
    from vaiopt.runs.layout import Run
    from vaiopt.settings import load_settings

    if settings_path is None and run is not None and Run(run).settings.is_file():
        return load_of_run(run, overrides, target)[1]
    return load_settings(settings_path, [*overrides, *given({"hardware.target": target})])


def load_of_run(folder: str, overrides: List[str], target: Optional[str] = None) -> Any:
    """Return an existing run and its settings with ``--set`` and ``--target`` applied."""
    from vaiopt.flow import open_with

    return open_with(folder, [*overrides, *given({"hardware.target": target})])


def given(options: Mapping[str, Any]) -> List[str]:
    """Return the options that were given, by the settings that they stand for, as ``--set`` takes
    them.
    """
    return [f"{key}={json.dumps(value)}" for key, value in options.items() if value is not None]
