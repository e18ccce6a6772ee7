"""Command lines in messages, ready to paste."""

from __future__ import annotations

import shlex

from vaiopt.files import PathLike
from vaiopt.releases import DEFAULT


def command_line(stage: str, folder: PathLike, *words: str) -> str:
    """Return the command line of a stage on a run folder, quoted for a shell.

    Args:
        stage: such as ``quantize``. folder: of the run.
        words: further arguments.
    """
    place = ("--run", str(folder)) if stage in ("run", "search") else (str(folder),)
    ordered = (*words, *place) if place[1:] else (*place, *words)
    return " ".join(["vaiopt", stage, *map(shlex.quote, ordered)])


def in_container(command: str, release: str = DEFAULT) -> str:
    """Return a command line as it is given to the Vitis-AI container of a release."""
    of = "" if release == DEFAULT else f"--release {release} "
    return f"docker/run {of}{command}"


def in_vendor_container(
    folder: PathLike, release: str = DEFAULT, *words: str, first: str = "quantize"
) -> str:
    """Return the command line that quantizes (or only compiles, by ``first``) in the container,
    which alone has the vendor's quantizer and compiler.
    """
    steps = ("--from", first, "--to", "compile")
    return in_container(command_line("run", folder, *steps, *words), release)
