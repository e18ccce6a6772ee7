"""Every message of the troubleshooting page is brought about, so that none stays there which
nothing says any more.

A message that is added to the page gets a function in the module of its heading,
``tests/docs/provoked/HEADING.py``.
"""

import re
from typing import Any, Dict, List, Tuple

import pytest
from documents import DOCS
from test_troubleshooting import SECTIONS, quoted

from tests.docs.provoked import (
    board,
    compile,
    data,
    missing_tool,
    model,
    quantize,
    run,
    settings,
    target,
    trials,
)
from tests.docs.provoked.bench import Bench, Provocations, Said
from vaiopt.search.training.shared import forget_shared

PROVOKED: Dict[str, Provocations] = {
    "settings": settings.MESSAGES,
    "data": data.MESSAGES,
    "model": model.MESSAGES,
    "run": run.MESSAGES,
    "space": trials.SPACE,
    "nan": trials.NAN_MESSAGES,
    "pruned": trials.PRUNED,
    "target": target.MESSAGES,
    "quantize": quantize.MESSAGES,
    "compile": compile.MESSAGES,
    "board": board.MESSAGES,
    "missing-tool": missing_tool.MESSAGES,
}


def in_the_text(section: str) -> List[str]:
    """The messages that a section without a table quotes in its first line."""
    first = section.strip().splitlines()[0]
    return [text for text in re.findall(r"`([^`]+)`", first) if " " in text and "--" not in text]


def on_the_page() -> List[Tuple[str, str]]:
    """Every message of the page, with its code."""
    return [
        (code, message)
        for code, section in SECTIONS.items()
        for message in quoted(section) or in_the_text(section)
    ]


def matches(message: str, said: str) -> bool:
    """Whether what was said is a message as it is quoted, with anything in its fields."""
    text = ".*".join(re.escape(part) for part in message.split("\N{HORIZONTAL ELLIPSIS}"))
    return re.fullmatch(text, said, flags=re.DOTALL) is not None


@pytest.fixture
def bench(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    yield Bench(tmp_path, monkeypatch)
    forget_shared()


def test_every_message_of_the_page_is_provoked_and_nothing_else() -> None:
    provoked = [(code, message) for code, table in PROVOKED.items() for message in table]
    assert sorted(provoked) == sorted(on_the_page())


@pytest.mark.parametrize("code, message", on_the_page())
def test_a_message_is_said_with_its_code_and_a_hint(code: str, message: str, bench: Bench) -> None:
    try:
        said = PROVOKED[code][message](bench)
    except Exception as error:
        if not (hasattr(error, "message") and hasattr(error, "hint")):
            raise
        said = Said(error.message, error.hint)
        assert getattr(error, "code", "board") == code
    assert isinstance(said, Said), "nothing was said"
    assert matches(message, said.message), said.message
    assert said.hint


def test_a_message_that_is_not_said_is_found() -> None:
    assert matches("'\N{HORIZONTAL ELLIPSIS}' is missing", "'run/a.json' is missing")
    assert not matches("'\N{HORIZONTAL ELLIPSIS}' is missing", "there is no 'run/a.json'")
    assert (DOCS / "troubleshooting.md").is_file()
