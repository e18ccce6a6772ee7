"""Walk a page of the documents: do what it tells to type, in a folder that has only what a clone
offers, and write what was printed into the page.

A comment before a fenced block says what is done with it:

- ``<!-- walk -->``: shell or Python that is run. The Python blocks of a page share their names, and
  a last expression is shown, as in a notebook.
- ``<!-- file: NAME -->``: written to that file.
- ``<!-- output -->``: gets what the block before printed; of long output,
  ``<!-- output: first 5, last 8 -->`` keeps so many lines.
"""

import argparse
import ast
import contextlib
import io
import os
import re
import subprocess
import sys
import tempfile
import textwrap
import types
from pathlib import Path
from typing import Any, Dict, List, Match, Optional

ROOT = Path(__file__).resolve().parent.parent
OF_A_CLONE = ("docker", "examples", "scripts")
"""Folders that commands name; the folder of a walk has links to them."""
COLUMNS = 120
"""Of the terminal of the commands."""
WIDEST = 132
"""Characters of a line of output, since a page scrolls badly sideways."""

BLOCK = re.compile(
    r"^<!-- (?P<mark>[^>]+) -->\n(?P<fence>```(?P<language>\w*)[^\n]*\n)(?P<text>.*?)^```\s*?$",
    flags=re.MULTILINE | re.DOTALL,
)
SHORTENED = re.compile(r"output(?:: first (?P<first>\d+), last (?P<last>\d+))?$")


class WalkError(Exception):
    """A command of the page failed."""


def shorten(text: str, first: Optional[int], last: Optional[int]) -> str:
    """Return the first and the last lines of a text, with ``...`` for what lies between."""
    lines = text.splitlines()
    if first is None or last is None or len(lines) <= first + last + 1:
        return text
    return "\n".join([*lines[:first], "...", *lines[len(lines) - last :]]) + "\n"


def cut(line: str) -> str:
    """Return a line as a page has room for it, with ``…`` where something is missing."""
    return line if len(line) <= WIDEST else line[: WIDEST - 2].rstrip() + " …"


def fitted(line: str) -> List[str]:
    """Return a line as a page has room for it: sentences are folded, rows of tables are cut."""
    if re.match(r"(error|hint|note|warning): ", line):
        return textwrap.wrap(line, WIDEST, subsequent_indent="  ", break_long_words=False)
    return [cut(line)]


def tidy(text: str, folder: Path) -> str:
    """Return what was printed without colours, folders of this machine and blank ends, in
    lines that fit.
    """
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).replace("\r\n", "\n")
    text = text.replace(f"{folder}/", "").replace(str(folder), ".")
    text = re.sub(r"(?<=/tmp/tmp\.)\w+", "X", text)
    lines = [part for line in text.splitlines() for part in fitted(line.rstrip())]
    return "\n".join(lines).strip("\n") + "\n"


class Walk:
    """One page in one folder: what its blocks do there, one after the other."""

    def __init__(self, folder: Path) -> None:
        """Walk in this folder, which should be empty."""
        self.folder = folder
        for name in OF_A_CLONE:
            if not (folder / name).exists():
                (folder / name).symlink_to(ROOT / name)
        self.printed = ""
        # As IPython has it: a module without a file, whose cells are kept.
        notebook = types.ModuleType("notebook")
        sys.modules["notebook"] = notebook
        self._cells: List[str] = []
        self._names: Dict[str, Any] = vars(notebook)
        self._names["In"] = self._cells
        self._environment = {
            **os.environ,
            "COLUMNS": str(COLUMNS),
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
        }

    def shell(self, text: str) -> str:
        """Run lines of shell, ``vaiopt`` being that of this checkout; return what they print.

        Raises:
            WalkError: If one fails.
        """
        # A function that is exported is a command of scripts, too.
        vaiopt = f'vaiopt() {{ "{sys.executable}" -m vaiopt "$@"; }}; export -f vaiopt\n'
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", vaiopt + text],
            cwd=str(self.folder),
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode != 0:
            raise WalkError(f"{text}\nended with {done.returncode}:\n{done.stdout}")
        return done.stdout

    def python(self, text: str) -> str:
        """Run lines of Python in the folder; return what they print and their last expression."""
        self._cells.append(text)
        tree, shown = ast.parse(text), io.StringIO()
        last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        before = os.getcwd()
        os.chdir(str(self.folder))
        try:
            with contextlib.redirect_stdout(shown), contextlib.redirect_stderr(shown):
                exec(compile(tree, "page", "exec"), self._names)
                if isinstance(last, ast.Expr):
                    value = eval(compile(ast.Expression(last.value), "page", "eval"), self._names)
                    if value is not None:
                        print(value)
        finally:
            os.chdir(before)
        return shown.getvalue()

    def block(self, match: Match[str]) -> str:
        """Do what the comment before a block says; return the block as it now is.

        Raises:
            WalkError: If a command fails.
        """
        kind, _, name = match.group("mark").partition(": ")
        text = match.group("text")
        if kind == "file":
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        elif kind == "walk":
            print(text, end="", flush=True)
            ran = self.python(text) if match.group("language") == "python" else self.shell(text)
            self.printed = tidy(ran, self.folder)
        elif kind == "output":
            asked = SHORTENED.match(match.group("mark"))
            if asked is None:
                raise WalkError(f"not understood: {match.group('mark')}")
            kept = [asked.group(side) for side in ("first", "last")]
            text = shorten(self.printed, *(int(n) if n else None for n in kept))
        return f"<!-- {match.group('mark')} -->\n{match.group('fence')}{text}```"


def walk(page: str, folder: Path) -> str:
    """Return the text of a page with the outputs of its commands, run in a folder."""
    return BLOCK.sub(Walk(folder).block, page)


def main(arguments: List[str]) -> int:
    """Walk pages, each in a folder of its own, and write them; return the exit code."""
    parser = argparse.ArgumentParser(prog="scripts/walks", description=__doc__.split("\n\n")[0])
    parser.add_argument("pages", nargs="+", type=Path)
    parser.add_argument("--keep", type=Path, help="walk in this folder, and leave it there")
    chosen = parser.parse_args(arguments)
    os.environ["COLUMNS"] = str(COLUMNS)  # of Python's blocks, which run in this process
    for page in chosen.pages:
        with tempfile.TemporaryDirectory(prefix="walk-") as scratch:
            folder = chosen.keep / page.stem if chosen.keep else Path(scratch)
            folder.mkdir(parents=True, exist_ok=True)
            try:
                text = walk(page.read_text(encoding="utf-8"), folder.resolve())
            except WalkError as error:
                print(f"error: {page}: {error}", file=sys.stderr)
                return 1
        page.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
