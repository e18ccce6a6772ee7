"""The troubleshooting page has a heading for every error code, and the messages that it quotes are
really raised there.
"""

import ast
import re
from typing import Dict, Iterator, List, Optional, Set

import pytest
from documents import DOCS, ROOT

PAGE = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
SOURCES = sorted([*(ROOT / "vaiopt").rglob("*.py"), *(ROOT / "board").glob("*.py")])
TREES = [ast.parse(path.read_text(encoding="utf-8")) for path in SOURCES]
SECTIONS: Dict[str, str] = dict(
    re.findall(r"^## (\S+)\n(.*?)(?=^## |\Z)", PAGE, flags=re.MULTILINE | re.DOTALL)
)
UNKNOWN = "\N{HORIZONTAL ELLIPSIS}"


def error_codes() -> Dict[str, str]:
    """The code of each kind of error, by the name of its class."""
    codes = {"KitError": "board"}  # arrives as a BoardError
    for tree in TREES * 2:  # twice: a class may stand in an earlier file than its base
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                inherited = [
                    codes[base.id]
                    for base in node.bases
                    if isinstance(base, ast.Name) and base.id in codes
                ]
                for statement in node.body:
                    if isinstance(statement, ast.Assign) and ast.dump(
                        statement.targets[0]
                    ).startswith("Name(id='code'"):
                        inherited = [ast.literal_eval(statement.value)]
                if inherited:
                    codes[node.name] = inherited[0]
    return codes


CODES = error_codes()


def template(node: ast.AST) -> Optional[str]:
    """The text of a message, with an ellipsis for each field."""
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "format"
    ):
        node = node.func.value
    if isinstance(node, ast.JoinedStr):
        parts = [getattr(value, "value", None) for value in node.values]
        return "".join(part if isinstance(part, str) else UNKNOWN for part in parts)
    try:
        text = ast.literal_eval(node)
    except ValueError:
        return None
    fields = (
        re.sub(r"\{[^{}]*\}", UNKNOWN, text.replace("{{", "\1").replace("}}", "\2"))
        if isinstance(text, str)
        else None
    )
    return fields.replace("\1", "{").replace("\2", "}") if fields is not None else None


def messages() -> Iterator[List[str]]:
    """Yield code and template of every message that is made in the sources."""
    for tree in TREES:
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in CODES
                and node.args
            ):
                text = template(node.args[0])
                if text is not None:
                    yield [CODES[node.func.id], text]


MESSAGES = list(messages())


def reasons() -> Set[str]:
    """Every text in the sources of the search: reasons of trials are made in many ways."""
    texts = set()
    for path, tree in zip(SOURCES, TREES):
        if {"search", "study"} & set(path.parts):
            texts.update(
                text for text in (template(node) for node in ast.walk(tree)) if text is not None
            )
    return texts


def quoted(section: str) -> List[str]:
    """The messages in the first column of a section's table."""
    return [row.split("` |")[0] for row in re.findall(r"^\| `(.+)$", section, flags=re.MULTILINE)]


def test_every_error_code_has_a_heading_and_every_heading_a_code() -> None:
    codes = set(CODES.values()) - {"error"}  # the base class is never raised itself
    assert {
        "settings",
        "data",
        "model",
        "run",
        "target",
        "quantize",
        "compile",
        "board",
        "missing-tool",
        "nan",
        "space",
    } <= codes
    assert set(SECTIONS) == codes


@pytest.mark.parametrize("code", sorted(SECTIONS))
def test_quoted_messages_are_raised_with_this_code(code: str) -> None:
    raised = {text for found, text in MESSAGES if found == code} | (
        reasons() if code == "pruned" else set()
    )
    for message in quoted(SECTIONS[code]):
        pattern = ".+".join(re.escape(part) for part in message.split(UNKNOWN))
        assert any(re.fullmatch(pattern, text, flags=re.DOTALL) for text in raised), message


def test_messages_are_quoted_in_all_large_sections() -> None:
    assert all(
        len(quoted(SECTIONS[code])) >= 4 for code in SECTIONS if code not in ("nan", "space")
    )
