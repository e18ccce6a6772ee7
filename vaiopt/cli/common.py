"""What the commands share: their options, and how they print."""

from __future__ import annotations

import contextlib
import json
import sys
from typing import Any, Iterator, List, Mapping, Optional

import typer

from vaiopt.text import printable


def option(*names: str, help: str, **more: Any) -> Any:
    """Declare an option that may be left out: None then."""
    return typer.Option(None, *names, help=help, show_default=False, **more)


def complete_run(incomplete: str) -> List[str]:
    """Return run folders that begin so, for the shell; it completes other paths by itself."""
    from vaiopt.runs.layout import run_folders

    return sorted(f for f in map(str, run_folders(".")) if f.startswith(incomplete))


def complete_target(incomplete: str) -> List[str]:
    """Return targets that begin so, for the shell."""
    from vaiopt.hardware import list_targets

    return [row.name for row in list_targets() if row.name.startswith(incomplete)]


SETTINGS = typer.Argument(
    None,
    help="A settings file; 'vaiopt init' writes one. [default: those of --run, or the defaults]",
    show_default=False,
)
RUN = typer.Argument(
    ...,
    help="The run folder, made by 'vaiopt search'.",
    show_default=False,
    autocompletion=complete_run,
)
RUN_OPTION = option(
    "--run",
    "-r",
    help="The run folder to make or go on with. [default: runs/NAME]",
    autocompletion=complete_run,
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
TRUST = typer.Option(
    False, "--trust-model", help="Run code (Lambda layers) in model files: they are your own."
)
TARGET = option(
    "--target",
    "-t",
    help="cpu, zcu102, ... or an arch.json. [default: the run's]",
    autocompletion=complete_target,
)
ACCEPT = typer.Option(
    [],
    "--accept",
    metavar="DOUBT",
    help="Let a measurement count although this speaks against it: golden, agreement, fingerprint,"
    " unchecked, release, clock, cores, busy; may be given again.",
    show_default=False,
)

READER_GONE = 141
"""Exit code where a pager or ``head`` had enough: that of SIGPIPE, as shells count it."""
UNFOLDED = 1000
"""Characters of a line that nobody looks at on a terminal."""


def say(text: str, err: bool = False) -> None:
    """Print a text on stdout or stderr. It may hold texts from outside, so nothing in it is obeyed
    by the terminal; colours and the like are not printed by this.
    """
    try:
        typer.echo(printable(text, keep="\n"), err=err)
    except BrokenPipeError as error:
        if err:
            raise
        raise typer.Exit(READER_GONE) from error  # typer would make it 1, which is a bug's


def progress(line: str) -> None:
    """Print a line of progress on stderr."""
    say(printable(line), err=True)


def emit(result: Any, as_json: bool, then: str = "") -> None:
    """Print a result: as JSON alone on stdout, or its sheet and one line more."""
    if as_json:
        from vaiopt.record import plain

        # JSON's escape for the one control character that it need not escape.
        text = json.dumps(plain(result), indent=1, allow_nan=False)
        say(text.replace("\x7f", "\\u007f"))
        return
    import vaiopt.sheets.results  # noqa: F401  what the results show
    from vaiopt.present.shown import sheet_of

    # Into a pipe or a file nothing is folded for the width of a terminal.
    say(sheet_of(result).to_text(None if sys.stdout.isatty() else UNFOLDED))
    if then:
        say(f"\n{then}")


def emit_for(result: Any, as_json: bool, run: Any, settings: Any = None) -> None:
    """Print a result, and the commands that come next for its run.

    Args:
        result, as_json: as of :func:`emit`.
        run: a run, or its folder. settings: of it, if the command changed any.
    """
    from vaiopt.next_step import next_lines
    from vaiopt.runs.layout import Run

    emit(result, as_json, "" if as_json else "\n".join(next_lines(Run(run), settings)))


@contextlib.contextmanager
def leading_on(folder: Any, again: str) -> Iterator[None]:
    """Let Ctrl-C carry how to go on with a run, and what can be done with what there is; without
    this the command as it was typed is what goes on.

    Args:
        folder: of the run. again: the command that goes on.
    """
    try:
        yield
    except KeyboardInterrupt as interrupt:
        from vaiopt.next_step import interrupted_lines
        from vaiopt.runs.layout import Run

        interrupt.args = tuple(interrupted_lines(Run(folder), again))
        raise


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
        return load_of_run(run, overrides, target, "search")[1]
    return load_settings(settings_path, [*overrides, *given({"hardware.target": target})])


def load_of_run(
    folder: str, overrides: List[str], target: Optional[str] = None, *steps: str
) -> Any:
    """Return an existing run and its settings with ``--set`` and ``--target`` applied, which the
    steps of the command must read.
    """
    from vaiopt.flow import open_with

    return open_with(folder, [*overrides, *given({"hardware.target": target})], *steps)


def given(options: Mapping[str, Any]) -> List[str]:
    """Return the options that were given, by the settings that they stand for, as ``--set`` takes
    them.
    """
    return [f"{key}={json.dumps(value)}" for key, value in options.items() if value is not None]
