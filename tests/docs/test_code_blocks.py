"""What the documents tell to type is right: commands, options, settings, scripts, TOML and
Python.
"""

import ast
import os
import re
import shlex
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest
from docs_pages import commands
from documents import DOCUMENTS, ROOT, blocks, inline_codes, made_pages, source_id
from walks import SHORTENED

from vaiopt.errors import SettingsError
from vaiopt.settings import load_settings, section_classes

TEXTS = {path: path.read_text(encoding="utf-8") for path in DOCUMENTS}
TEXTS.update(made_pages())
SHELL = ("bash", "sh", "console")
each_document = pytest.mark.parametrize("path", list(TEXTS), ids=source_id)


# --- the command line


def command_lines(text: str) -> Iterator[List[str]]:
    """Yield the words of each command in a block of shell, without what makes it run elsewhere."""
    for line in text.replace("\\\n", " ").splitlines():
        words: List[str] = []
        for word in shlex.split(re.sub(r"^\$ ", "", line), comments=True) + ["&&"]:
            if word not in ("&&", "||", "|", ";"):
                words.append(word)
            elif words:
                yield words
                words = []


def vaiopt_arguments(words: List[str]) -> List[str]:
    """Return the arguments of a call of vaiopt, here or in the container; none for any other
    command.
    """
    if words[0] == "vaiopt" or words[0].endswith("/vaiopt"):
        return words[1:]
    if words[0] == "docker/run" and "vaiopt" in words or words[1:3] == ["-m", "vaiopt"]:
        return words[words.index("vaiopt") + 1 :]
    return []


def check_arguments(arguments: List[str], whole: bool) -> None:
    """Let the command's own parser read the arguments; if they are not the ``whole`` call,
    arguments may be missing. Check its settings.
    """
    name, rest = (
        arguments[0],
        [word for word in arguments[1:] if word not in ("--help", "-h", "...")],
    )
    if name in ("--help", "-h", "--version", "--install-completion", "COMMAND"):
        return
    assert name in commands(), f"there is no command '{name}'"
    try:
        context = commands()[name].make_context(name, list(rest))
    except Exception as error:
        if not whole and type(error).__name__ == "MissingParameter":
            return
        raise AssertionError(
            "vaiopt {}: {}".format(" ".join(arguments), getattr(error, "message", error))
        ) from error
    load_settings(None, context.params.get("overrides") or ())


@each_document
def test_commands_are_read_by_the_command_line(path: Path) -> None:
    for block in blocks(TEXTS[path], *SHELL):
        for words in command_lines(block.text):
            arguments = vaiopt_arguments(words)
            if arguments:
                check_arguments(arguments, whole=True)


@each_document
def test_commands_in_the_text_are_read_by_the_command_line(path: Path) -> None:
    for code in inline_codes(TEXTS[path]):
        if code.startswith(("vaiopt ", "docker/run vaiopt ")):
            check_arguments(vaiopt_arguments(shlex.split(code)), whole=False)


@pytest.mark.parametrize(
    "line",
    [
        "vaiopt serch settings.toml",
        "vaiopt search settings.toml --rnu runs/first",
        "vaiopt trials",
        "docker/run --release 3.0 vaiopt compile runs/first --tarjet zcu102",
        "scripts/demo && vaiopt report runs/first runs/second",
        "vaiopt search --set search.trails=3",
        "vaiopt search --set search.trials=many",
    ],
)
def test_a_wrong_command_is_found(line: str) -> None:
    with pytest.raises((AssertionError, SettingsError)):
        for words in command_lines(line):
            arguments = vaiopt_arguments(words)
            if arguments:
                check_arguments(arguments, whole=True)


def test_the_documents_show_every_command() -> None:
    shown = set()
    for text in TEXTS.values():
        for block in blocks(text, *SHELL):
            shown.update(
                vaiopt_arguments(words)[0]
                for words in command_lines(block.text)
                if vaiopt_arguments(words)
            )
    assert set(commands()) - shown == set()


# --- settings


@each_document
def test_settings_in_the_text_are_settings(path: Path) -> None:
    for code in inline_codes(TEXTS[path]):
        override = re.match(r"--set '?(.*?)'?$", code)
        if override and override.group(1) != "section.key=value":
            load_settings(None, [override.group(1)])
        named = re.match(r"(\w+)\.(\w+)(?: ?= ?(.+))?$", code)
        if (
            not named
            or named.group(1) not in section_classes()
            or named.group(2) in ("h5", "json", "tflite", "xmodel", "toml", "py", "npz")
        ):
            continue
        assert hasattr(section_classes()[named.group(1)](), named.group(2)), code
        if named.group(3) and not re.match(r".*[A-Z]{2}|\[height", named.group(3)):  # a placeholder
            load_settings(None, ["{}.{}={}".format(*named.groups())])


@each_document
def test_toml_is_settings_that_vaiopt_reads(path: Path, tmp_path: Path) -> None:
    for block in blocks(TEXTS[path], "toml"):
        (tmp_path / "settings.toml").write_text(block.text, encoding="utf-8")
        load_settings(tmp_path / "settings.toml")


# --- files


@each_document
def test_scripts_that_are_named_exist(path: Path) -> None:
    named = r"(?:^\s*|[\s`])((?:scripts|docker|benchmarks|examples|\.ci)/[\w./-]*\w)(?=[\s`:])"
    for name in re.findall(named, TEXTS[path], flags=re.MULTILINE):
        assert (ROOT / name).exists() or re.search("[A-Z]{3}", name), (
            name
        )  # in capitals: a placeholder


EARLIER = {"vaiopt/space.py"}
"""Of the revision that docs/performance.md compares with."""


@each_document
def test_files_of_the_code_that_are_named_exist(path: Path) -> None:
    named = re.findall(r"`((?:vaiopt|board|tests|requirements)/[\w./-]*)`", TEXTS[path])
    # In capitals: a placeholder.
    names = {name for name in named if not re.search("[A-Z]{3}", name)} - EARLIER
    assert [n for n in sorted(names) if not (ROOT / n).exists()] == []


# --- Python


@each_document
def test_python_compiles_and_its_imports_exist(path: Path) -> None:
    for block in blocks(TEXTS[path], "python"):
        for node in ast.walk(ast.parse(block.text)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "vaiopt":
                exec(
                    "from {} import {}".format(
                        node.module, ", ".join(alias.name for alias in node.names)
                    ),
                    {},
                )


MARKS = {"", "file", "run", "walk", "output"}
"""What a comment before a block may say; a walk is done by scripts/walks, not by tests."""
RUN = [path for path, text in TEXTS.items() if any(block.mark == "run" for block in blocks(text))]


@pytest.mark.parametrize("path", RUN, ids=source_id)
def test_python_that_is_marked_to_run_runs(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names: Dict[str, Any] = {}
    for block in blocks(TEXTS[path]):
        kind, _, name = block.mark.partition(": ")
        if kind == "file":
            Path(name).write_text(block.text, encoding="utf-8")
        elif kind == "run":
            exec(compile(block.text, source_id(path), "exec"), names)
    assert os.listdir(".")


@each_document
def test_marks_of_blocks_are_known_and_outputs_follow_a_walk(path: Path) -> None:
    walked = False
    for block in blocks(TEXTS[path]):
        kind = block.mark.partition(": ")[0]
        assert kind in MARKS
        assert kind != "output" or (walked and SHORTENED.match(block.mark) and block.text.strip())
        walked = kind == "walk" or (walked and kind != "output")


def test_the_function_of_the_data_page_is_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vaiopt.data import load_dataset

    monkeypatch.chdir(tmp_path)
    (block,) = [
        block
        for block in blocks(TEXTS[ROOT / "docs" / "how-to" / "data.md"])
        if block.mark == "file: sensors.py"
    ]
    Path("sensors.py").write_text(block.text, encoding="utf-8")
    assert load_dataset("sensors.py:load").sample_shape == (8,)


def test_the_space_of_the_model_page_is_conditional(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vaiopt.models import load_family
    from vaiopt.study.hyperparameters import HyperParameters
    from vaiopt.study.trace import trace_space

    monkeypatch.chdir(tmp_path)
    (block,) = [
        block
        for block in blocks(TEXTS[ROOT / "docs" / "how-to" / "model.md"])
        if block.mark == "file: mine.py"
    ]
    Path("mine.py").write_text(block.text, encoding="utf-8")
    space = trace_space(
        load_family("mine.py"),
        lambda values: HyperParameters(values, input_shape=(8, 8, 1), classes=10),
    )
    assert {dimension.name for dimension in space} == {
        "blocks",
        "filters",
        "dropout",
        "rate",
        "learning_rate",
    }
    assert "rate" not in space.active({"dropout": False}) and "rate" in space.active(
        {"dropout": True}
    )
