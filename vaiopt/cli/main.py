"""The ``vaiopt`` command: its commands, and what it says when something goes wrong.

Nothing heavy is imported here: ``vaiopt --help`` answers at once.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
import tempfile
import traceback
from shlex import quote
from typing import Any, List, NoReturn, Optional, Sequence

import typer

from vaiopt._version import __version__
from vaiopt.cli.common import READER_GONE, say
from vaiopt.cli.groups import COMMANDS, Grouped
from vaiopt.errors import VaioptError
from vaiopt.signals import raised
from vaiopt.text import printable

app = typer.Typer(
    name="vaiopt",
    cls=Grouped,
    help=(
        "From a Keras search space to a measured accuracy on an FPGA kit. Start with: vaiopt init,"
        " then vaiopt run."
    ),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich's help costs as much time again as all else
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"vaiopt {__version__}")
        raise typer.Exit()


@app.callback()
def _options(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """Hold the options that stand before a command."""


INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells count it."""

# The base of what typer raises for arguments it cannot use: click's up to typer 0.2x, then its own
# copy of it.
UsageError: Any = typer.BadParameter.__bases__[0]

for command in COMMANDS:
    app.command(command)(importlib.import_module(f"vaiopt.cli.{command}").command)


class _Echo(logging.Handler):
    """Prints what :func:`vaiopt.text.warn` tells on stderr, as progress is."""

    def emit(self, record: logging.LogRecord) -> None:
        say(f"warning: {record.getMessage()}", err=True)


def main(arguments: Optional[List[str]] = None) -> NoReturn:
    """Run the command line and exit: 0 done, 1 a bug, 2 a user's error, 130 interrupted, 141 nobody
    reads on, 143 and 129 ended by SIGTERM or SIGHUP.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # what the terminal's encoding lacks is escaped
            stream.reconfigure(errors="backslashreplace")
    logger = logging.getLogger("vaiopt")
    logger.handlers, logger.propagate = [_Echo()], False
    try:
        with raised() as check:
            code = app(args=arguments, prog_name="vaiopt", standalone_mode=False)
            check()
        if code == INTERRUPTED:  # what some versions of typer make of Ctrl-C
            raise KeyboardInterrupt
        sys.stdout.flush()
        sys.exit(code if isinstance(code, int) else 0)
    except VaioptError as error:
        _fail(error.message, error.hint)
    except UsageError as error:
        context: Any = getattr(error, "ctx", None)
        if type(error).__name__ == "NoArgsIsHelpError":
            typer.echo(context.get_help())
            sys.exit(2)
        see = "See: {} --help".format(context.command_path if context else "vaiopt")
        _fail(f"{error.format_message()}{_value_of(error)}", f"{_setting_meant(error)} {see}")
    except (KeyboardInterrupt, typer.Abort) as error:
        typed = sys.argv[1:] if arguments is None else arguments
        _interrupted(error.args or [f"go on with: {' '.join(map(quote, ['vaiopt', *typed]))}"])
    except BrokenPipeError:
        # The reader of our output went away (a pager, head); Python would complain once more when
        # it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(READER_GONE)
    except OSError as error:
        if error.filename is None and error.errno is None:
            _bug()
        _fail(
            ": ".join(str(part) for part in (error.strerror or error, error.filename) if part),
            "Check that the path exists, is yours to write, and that the disk has room.",
        )
    except Exception:  # noqa: BLE001  anything else is a bug: keep the traceback, show one line
        _bug()


def _interrupted(lines: Sequence[str]) -> NoReturn:
    """Exit after Ctrl-C; the lines say what goes on."""
    say("\n".join(printable(line) for line in (f"interrupted; {lines[0]}", *lines[1:])), err=True)
    sys.exit(INTERRUPTED)


def _value_of(error: Any) -> str:
    """Return the value that an option cannot be, where typer's message is pydantic's, which does
    not tell it; nothing for any other error.
    """
    problems: Any = getattr(error.__cause__, "errors", list)()
    given = [str(problem["input"]) for problem in problems if "input" in problem]
    return "".join(f": '{value}'" for value in given if f"'{value}'" not in error.format_message())


def _setting_meant(error: Any) -> str:
    """Return a question for the setting that an unknown option is the last word of, where the
    command takes settings; nothing for any other error.
    """
    word = str(getattr(error, "option_name", "")).lstrip("-").replace("-", "_")
    if word in ("set", "s"):
        return "For instance: --set search.trials=30."
    context: Any = getattr(error, "ctx", None)
    if not word or context is None or all(p.name != "overrides" for p in context.command.params):
        return ""
    from vaiopt.settings.schema import declarations
    from vaiopt.settings.sections import section_classes

    sections = section_classes().items()
    keys = [f"{name}.{word}" for name, section in sections if word in declarations(section)]
    meant = " or ".join(f"--set {key}=VALUE" for key in keys)
    return f"Did you mean {meant}?" if meant else ""


def _fail(message: str, hint: str) -> NoReturn:
    for line in (f"error: {message}", f"hint: {hint}"):
        say(" ".join(line.split()), err=True)
    if "docker/run " in hint:
        from vaiopt.next_step import container_notes

        for line in container_notes([hint]):
            say(line, err=True)
    sys.exit(2)


def _bug() -> NoReturn:
    head = f"vaiopt {__version__}, {' '.join(sys.argv)}\n{sys.version}\n\n"
    with tempfile.NamedTemporaryFile(
        "w", prefix="vaiopt-bug-", suffix=".txt", delete=False, encoding="utf-8"
    ) as file:
        file.write(printable(head + traceback.format_exc(), keep="\n"))
    last = (traceback.format_exc().strip().splitlines() or ["unknown"])[-1]
    say(f"error: a bug in vaiopt: {last[:300]}", err=True)
    say(f"hint: The traceback is in {file.name}; please report it.", err=True)
    sys.exit(1)
