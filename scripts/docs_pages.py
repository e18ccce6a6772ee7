"""The pages of the site that are made and not written: settings and commands; and the check that no
page asks for anything from a network.

MkDocs loads this file as a hook (``mkdocs.yml``). The functions that make the text need neither
MkDocs nor the quantizers, only vaiopt.
"""

import html
import json
import re
import sys
import typing
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Sequence

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from vaiopt.settings import Settings, section_classes  # noqa: E402
from vaiopt.settings.schema import Declaration, declarations, type_hints  # noqa: E402
from vaiopt.settings.values import limit_words  # noqa: E402

MADE_HERE = "<!-- Made by scripts/docs_pages.py: do not edit. -->\n\n"

SETTINGS_HEAD = """# Settings

Every setting has a default, so a file names only what differs. `vaiopt init` writes a file with all
of them. The same settings can be changed on the command line, one at a time, where the value is
TOML or a bare text:

```bash
vaiopt run settings.toml --set search.trials=30 --set objective.max_latency_ms=1.5
```

An unknown name, a wrong type or a value out of range is an
[error](../troubleshooting.md#settings) before anything starts.

**Search ranges.** Where *search range* stands below, and for everything in
`[model.hyperparameters]`, a table may take the place of the value; the search then chooses it:

```toml
[model.hyperparameters]
dense_nodes = {int = [32, 256], step = 32}
learning_rate = {float = [1e-4, 1e-2], log = true, default = 1e-3}
batch_norm = true

[train]
batch_size = {choice = [32, 64, 128]}
```

`int` and `float` take the lowest and the highest value, both included. `step` is the distance
between neighbours, `log = true` makes the range even in the logarithm, `default` is the value of
the first trial.
"""

CLI_HEAD = """# Commands

`vaiopt COMMAND --help` prints the same. Every command that reports has `--json`: the result alone
on stdout, as JSON; progress goes to stderr.

| exit code | meaning |
| --- | --- |
| 0 | done |
| 1 | a bug in vaiopt: one line says so and names the file that holds the traceback |
| 2 | an error that you can cure; see [Troubleshooting](../troubleshooting.md) |
| 130 | interrupted with Ctrl-C |

`vaiopt --version` prints the version.
"""


def plain(text: str) -> str:
    """Return a text in which Markdown and HTML see nothing special; fit for the cell of a table."""
    return re.sub(
        r"([\\`*_\[\]{}#|])",
        lambda found: f"&#{ord(found.group())};",
        html.escape(" ".join(text.split()), quote=False),
    )


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table; the cells are Markdown already."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join("| {} |\n".format(" | ".join(line)) for line in lines) + "\n"


def code(text: str) -> str:
    """Return an inline code that may hold any character and stand in a table."""
    return f"<code>{plain(text)}</code>"


# --- settings


def type_words(annotation: Any) -> str:
    """Return the type of a setting in words."""
    words = {bool: "true or false", int: "whole number", float: "number", str: "text", Any: "value"}
    words[list] = "list of whole numbers"
    if annotation in words:
        return words[annotation]
    origin, arguments = annotation.__origin__, annotation.__args__
    if origin is typing.Union:
        return type_words(arguments[0])
    if origin in (list, List):
        return f"list of {type_words(arguments[0])}s"
    return "table"


def kind_of(declared: Declaration, annotation: Any) -> str:
    """Return what a setting takes: its type, its choices and its lowest value."""
    if declared.choices and not declared.other_texts:
        text = ", ".join(code(choice.name) for choice in declared.choices)
    elif declared.searchable is not None:
        either = '"auto" or ' if declared.default == "auto" else "or "
        text = plain(f"{type_words(declared.searchable)}, {either}search range")
    else:
        text = plain(type_words(annotation))
    limits = limit_words(declared.low, declared.above, declared.high)
    return f"{text}; {limits}" if limits else text


def meaning_of(declared: Declaration) -> str:
    """Return what a setting means, and each of its choices."""
    explained = [choice for choice in (*declared.choices, *declared.keys) if choice.doc]
    return plain(declared.doc) + "".join(
        f"<br>{code(choice.name)}: {plain(choice.doc)}" for choice in explained
    )


def setting_rows(cls: Any, prefix: str = "") -> Iterator[List[str]]:
    """Yield an anchor with the name, kind, default and meaning of each setting of a class."""
    for name, declared in declarations(cls).items():
        yield [
            f'<a id="{prefix}{name}"></a>{code(prefix + name)}',
            kind_of(declared, type_hints(cls)[name]),
            "unset" if declared.default is None else code(json.dumps(declared.default)),
            meaning_of(declared),
        ]


def settings_page() -> str:
    """Return the page of all settings, from their declarations in ``vaiopt.settings``."""
    columns = ["setting", "takes", "default", "meaning"]
    top = table(columns, list(setting_rows(Settings)))
    parts = [MADE_HERE, SETTINGS_HEAD, "\n## At the top\n\n", top]
    for name, cls in section_classes().items():
        parts.append(f"## [{name}]\n\n{cls.__doc__.splitlines()[0]}\n\n")
        parts.append(table(columns, list(setting_rows(cls, name + "."))))
    return "".join(parts)


# --- commands


def commands() -> Dict[str, Any]:
    """Return the commands of ``vaiopt`` by name, as typer reads them."""
    import typer

    from vaiopt.cli.main import app

    return dict(typer.main.get_command(app).commands)


def placeholder(parameter: Any) -> str:
    """Return the word that stands for the value of an argument or option."""
    longest = max(parameter.opts, key=len)
    return str(parameter.metavar or longest.lstrip("-").replace("-", "_").upper())


def argument_words(parameter: Any) -> str:
    """Return an argument as it stands in a synopsis."""
    word = placeholder(parameter) + ("..." if parameter.nargs == -1 else "")
    return word if parameter.required else f"[{word}]"


def parameter_row(parameter: Any) -> List[str]:
    """Return an argument or option and its meaning."""
    meaning = parameter.help or ""
    if parameter.default not in (None, False, [], ()) and parameter.show_default:
        meaning += f" [default: {parameter.default}]"
    if parameter.param_type_name != "option":
        return [code(argument_words(parameter)), plain(meaning)]
    value = "" if parameter.is_flag else f" {placeholder(parameter)}"
    return [code(", ".join(sorted(parameter.opts, key=len)) + value), plain(meaning)]


def cli_page() -> str:
    """Return the page of all commands, from the declarations in ``vaiopt.cli``."""
    parts = [MADE_HERE, CLI_HEAD]
    for name, command in commands().items():
        arguments = [p for p in command.params if p.param_type_name == "argument"]
        options = [p for p in command.params if p.param_type_name == "option"]
        words = ["vaiopt", name, *map(argument_words, arguments), *["[OPTION]..."][: len(options)]]
        parts += [
            f"\n## vaiopt {name}\n\n{plain(command.help or '')}\n\n",
            f"```text\n{' '.join(words)}\n```\n\n",
            table(["argument or option", "meaning"], list(map(parameter_row, arguments + options))),
        ]
    return "".join(parts)


def project_page(name: str) -> Callable[[], str]:
    """Return a function that reads a document of the project's top folder."""
    return lambda: (ROOT / name).read_text(encoding="utf-8")


PAGES: Dict[str, Callable[[], str]] = {
    "reference/settings.md": settings_page,
    "reference/cli.md": cli_page,
    "contributing.md": project_page("CONTRIBUTING.md"),
    "changelog.md": project_page("CHANGELOG.md"),
    "security.md": project_page("SECURITY.md"),
}
"""What makes each page that is no file of docs/, by its path there."""


# --- docstrings

ROLE = re.compile(r":\w+:`[~.]?([^`]+)`")
"""A reference as Sphinx writes it."""

SHARED = re.compile(
    r"^(?P<indent>\s+)(?P<names>\w+(?:, \w+)+): (?P<text>.+(?:\n(?P=indent)\s+.+)*)",
    flags=re.MULTILINE,
)
"""Several arguments with one description; the reader of docstrings takes one name a line."""


def tidy_docstring(text: str) -> str:
    """Return a docstring with references as plain code and one argument a line."""

    def apart(found: Any) -> str:
        return "\n".join(
            f"{found.group('indent')}{name}: {found.group('text')}"
            for name in found.group("names").split(", ")
        )

    return SHARED.sub(apart, ROLE.sub(r"``\1``", text))


# --- the site


def foreign_requests(page: str) -> List[str]:
    """Return the elements of a page with which a browser would ask a network by itself."""
    # A canonical address, which "mkdocs serve" adds, is not fetched.
    elements = re.findall(
        r"""<(?:script|link(?! rel=["']?canonical)|img|iframe|source|video|audio|embed|object)\b"""
        r"[^>]*>",
        page,
    )
    address = re.compile(r"""\b(?:src|srcset|href|data)=["']?(?:https?:)?//""")
    return [element for element in elements if address.search(element)]


def on_files(files: Any, config: Any, **_: Any) -> Any:
    """MkDocs: add the pages that are made."""
    from mkdocs.structure.files import File

    for path, make in PAGES.items():
        files.append(File.generated(config, path, content=make()))
    return files


def on_post_page(output: str, page: Any, **_: Any) -> str:
    """MkDocs: refuse a page that would not open without a network."""
    from mkdocs.exceptions import PluginError

    found = foreign_requests(output)
    if found:
        raise PluginError(f"{page.file.src_path} asks the network for {found[0]}")
    return output
