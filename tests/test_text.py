import ast
from pathlib import Path

import pytest

import vaiopt
from vaiopt.errors import DataError
from vaiopt.text import printable, say

NASTY = "a\x1b]0;owned\x07\x1b[2J\x9b31m\x7f\u202eb\u2066\udcff\r\n\tc"
SHOWN = r"a\x1b]0;owned\x07\x1b[2J\x9b31m\x7f\u202eb\u2066\udcff\r\n\tc"


def test_nothing_that_a_terminal_obeys_is_left():
    assert printable(NASTY) == SHOWN
    assert printable("a\n\tb\x1b", keep="\n\t") == "a\n\tb\\x1b"
    printable(NASTY).encode("ascii")


@pytest.mark.parametrize("text", ["", "cat", "Größe µs ±2 – „…“", "猫 кот \U0001f431", "a\\x1b"])
def test_other_texts_stay_as_they_are(text):
    assert printable(text) == text


def test_errors_and_progress_are_printable(capsys):
    error = DataError(f"'{NASTY}' is wrong", f"Mend {NASTY}.")
    shown = " ".join([str(error), error.message, error.hint, *error._render_traceback_()])
    say(NASTY)
    shown += capsys.readouterr().out
    assert printable(shown, keep="\n") == shown and "\\x1b" in shown


PRINTERS = {"text.py", "cli/common.py", "compile/vitis/dump_xmodel.py"}
"""Two functions print; the third module runs in a process of its own and prints JSON."""

OWN_TEXTS = {"__main__.py": 1, "cli/main.py": 3}
"""Texts of our own that are printed as they are: version, help, 'interrupted'."""


def test_everything_is_printed_by_one_function():
    root = Path(vaiopt.__file__).parent
    for path in root.rglob("*.py"):
        name = path.relative_to(root).as_posix()
        calls = [
            node.func
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call)
        ]
        printed = [
            call
            for call in calls
            if getattr(call, "id", "") == "print"
            or getattr(call, "attr", "") in ("echo", "secho")
            or (getattr(call, "attr", "") == "write" and "std" in ast.dump(call))
        ]
        assert name in PRINTERS or len(printed) <= OWN_TEXTS.get(name, 0), name
