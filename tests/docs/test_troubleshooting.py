"""The troubleshooting page has a heading for every error code, and the messages that it quotes are
really raised there.
"""

import ast
import re
from typing import Dict, Iterator, List, NamedTuple, Optional, Set, Tuple

import pytest
from documents import DOCS, ROOT

pytestmark = pytest.mark.host

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
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        text = template(node.func.value) if node.func.attr == "format" else None
        return None if text is None else re.sub(r"\{[^{}]*\}", UNKNOWN, text)
    if isinstance(node, ast.JoinedStr):
        return "".join(constant_text(value) or UNKNOWN for value in node.values)
    return constant_text(node)


def constant_text(node: ast.AST) -> Optional[str]:
    """The text of a string constant: its `value`, or `s` in Python 3.7."""
    value = getattr(node, "value" if hasattr(node, "value") else "s", None)
    return value if isinstance(value, str) else None


def texts(tree: ast.AST) -> Set[str]:
    """All texts that are made in a part of the code."""
    found = (template(node) for node in ast.walk(tree))
    return {text for text in found if text is not None}


def called(tree: ast.AST) -> Set[str]:
    """The names of the functions and methods that are called in a part of the code."""
    functions = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
    return {getattr(f, "id", getattr(f, "attr", "")) for f in functions}


class Function(NamedTuple):
    """A function: its name, its code, the texts in it and the functions that it calls."""

    name: str
    code: ast.AST
    texts: Set[str]
    calls: Set[str]


FUNCTIONS = [
    Function(node.name, node, texts(node), called(node))
    for tree in TREES
    for node in ast.walk(tree)
    if isinstance(node, ast.FunctionDef)
]
TEXTS = {text for tree in TREES for text in texts(tree)}


def messages() -> Iterator[Tuple[str, str]]:
    """Yield code and template of every message. Where an error is given a variable, the message
    stands in the same function, in one that it calls, or in one that calls it.
    """
    for function in FUNCTIONS:
        for node in ast.walk(function.code):
            name = getattr(getattr(node, "func", None), "id", "")
            if not isinstance(node, ast.Call) or name not in CODES or not node.args:
                continue
            given = node.args[0]
            for part in [given.body, given.orelse] if isinstance(given, ast.IfExp) else [given]:
                text = template(part)
                if text is not None:
                    yield CODES[name], text
            if isinstance(given, ast.Name):
                near = [
                    f
                    for f in FUNCTIONS
                    if f is function or f.name in function.calls or function.name in f.calls
                ]
                yield from ((CODES[name], text) for f in near for text in f.texts)


MESSAGES = list(messages())


def is_made(message: str, made: str) -> bool:
    """Whether a quoted message is one that the code makes: word by word, or with texts of the code
    in its fields.
    """
    if re.fullmatch(pattern(message), made, flags=re.DOTALL):
        return True
    if not made.strip(UNKNOWN + " "):
        return False
    found = re.fullmatch(pattern(made, "(.+)"), message)
    return found is not None and all(is_text(part) for part in found.groups())


def is_text(part: str) -> bool:
    """Whether what stands in a field is left open, or is a text of the code."""
    return not part.strip(UNKNOWN + "'") or any(re.fullmatch(pattern(part), t) for t in TEXTS)


def pattern(text: str, field: str = ".+") -> str:
    """The regular expression of a text with open fields."""
    return field.join(re.escape(part) for part in text.split(UNKNOWN))


def reasons() -> Set[str]:
    """Every text in the sources of the search: reasons of trials are made in many ways."""
    return {
        text
        for path, tree in zip(SOURCES, TREES)
        if {"search", "study"} & set(path.parts)
        for text in texts(tree)
    }


def refused() -> Set[str]:
    """Every text of the refusals that quantize and inspect share."""
    return {
        text
        for path, tree in zip(SOURCES, TREES)
        if path.name == "refusals.py"
        for text in texts(tree)
    }


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
    others = {"pruned": reasons, "quantize": refused}
    raised = {text for found, text in MESSAGES if found == code} | others.get(code, set)()
    for message in quoted(SECTIONS[code]):
        assert any(is_made(message, text) for text in raised), message


def test_a_message_that_the_code_does_not_make_is_found() -> None:
    raised = [text for code, text in MESSAGES if code == "quantize"]
    made = {
        message: any(is_made(message, text) for text in raised)
        for message in (
            "the vendor's quantizer failed: …",
            "our quantizer failed: …",
            "the model is tired",
        )
    }
    assert list(made.values()) == [True, False, False]


def test_messages_are_quoted_in_all_large_sections() -> None:
    assert all(
        len(quoted(SECTIONS[code])) >= 4 for code in SECTIONS if code not in ("nan", "space")
    )
