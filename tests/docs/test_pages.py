"""The pages that are made hold all that there is, and the site asks for nothing from a network."""

import dataclasses
import re
from typing import List

import pytest
from docs_pages import (
    cli_page,
    code,
    commands,
    foreign_requests,
    plain,
    settings_page,
    tidy_docstring,
)

from vaiopt.settings import Settings, section_classes
from vaiopt.settings.schema import declarations

pytestmark = pytest.mark.host

SETTINGS = [f.name for f in dataclasses.fields(Settings) if f.name not in section_classes()]
SETTINGS += [
    f"{name}.{f.name}" for name, cls in section_classes().items() for f in dataclasses.fields(cls)
]


@pytest.fixture(scope="module")
def settings() -> str:
    return settings_page()


@pytest.fixture(scope="module")
def cli() -> str:
    return cli_page()


def row_of(page: str, name: str) -> List[str]:
    (row,) = [line for line in page.splitlines() if f'<a id="{name}"></a>' in line]
    return [cell.strip() for cell in row.strip("|").split(" | ")]


def test_the_settings_page_has_every_setting_once(settings: str) -> None:
    assert re.findall(r'<a id="([^"]+)">', settings) == SETTINGS


@pytest.mark.parametrize("section", list(section_classes()))
def test_a_row_tells_type_default_choices_and_meaning(settings: str, section: str) -> None:
    cls = section_classes()[section]
    for name, declared in declarations(cls).items():
        _, takes, default, meaning = row_of(settings, f"{section}.{name}")
        assert meaning.startswith(plain(declared.doc))
        for choice in declared.choices:
            assert declared.other_texts or code(choice.name) in takes
            assert plain(choice.doc) in meaning
        assert takes and default
        assert (default == "unset") == (getattr(cls(), name) is None)


def test_a_row_says_what_a_setting_takes(settings: str) -> None:
    assert row_of(settings, "search.trials")[1:3] == [
        "whole number; at least 1 and at most 1,000,000",
        code("15"),
    ]
    assert row_of(settings, "train.learning_rate")[1] == 'number, "auto" or search range; above 0'
    sizes = "list of whole numbers, or search range; at least 1 and at most 8,192"
    assert row_of(settings, "data.image_size")[1] == sizes
    assert row_of(settings, "objective.max_latency_ms")[1:3] == ["number; above 0", "unset"]
    assert row_of(settings, "quantize.method")[1] == ", ".join(
        code(method) for method in ("ptq", "finetune", "qat")
    )


def test_the_commands_page_has_every_command_and_option(cli: str) -> None:
    for name, command in commands().items():
        (part,) = re.findall(
            rf"^## vaiopt {name}\n(.*?)(?=^## |\Z)", cli, flags=re.MULTILINE | re.DOTALL
        )
        assert plain(command.help) in part
        for parameter in command.params:
            if parameter.param_type_name == "option":
                assert all(option in part for option in parameter.opts), parameter.name
                assert plain(parameter.help) in part
            else:
                assert (parameter.metavar or parameter.name.upper()) in part.replace("&#124;", "|")


def test_a_table_is_not_broken_by_what_stands_in_it() -> None:
    assert (
        plain("a|b *c* _d_ [e](f) <g> `h` {i}")
        == "a&#124;b &#42;c&#42; &#95;d&#95; &#91;e&#93;(f) &lt;g&gt; &#96;h&#96; &#123;i&#125;"
    )


@pytest.mark.parametrize(
    "element",
    [
        '<script src="https://unpkg.com/x"></script>',
        '<link rel="stylesheet" href="//fonts.googleapis.com/css">',
        "<img alt=a src=http://example.org/a.png>",
        '<iframe title="a" src="https://example.org">',
    ],
)
def test_a_page_that_asks_the_network_is_found(element: str) -> None:
    assert len(foreign_requests("<p>" + element)) == 1


def test_links_to_follow_and_files_beside_the_page_are_allowed() -> None:
    page = (
        '<a href="https://example.org">x</a><script src="assets/a.js"></script><link rel="next"'
        ' href="../b.html"><img src="data:,">'
    )
    page += '<link rel="canonical" href="http://127.0.0.1:8000/index.html">'
    assert foreign_requests(page) == []


def test_docstrings_are_made_readable() -> None:
    text = (
        "Do it as :func:`vaiopt.runs.layout.open_run`.\n\nArgs:\n    first, last: steps;\n"
        "        None for all.\n    other: one, two: three"
    )
    assert (
        tidy_docstring(text) == "Do it as ``vaiopt.runs.layout.open_run``.\n\nArgs:\n"
        "    first: steps;\n        None for all.\n"
        "    last: steps;\n        None for all.\n    other: one, two: three"
    )
