"""Every link of a document leads somewhere; without MkDocs, which checks the same when it builds
the site.
"""

import importlib
import re
from pathlib import Path

import pytest
from documents import DOCS, DOCUMENTS, anchors, blocks, links, made_pages, slug, source_id

pytestmark = pytest.mark.host

MADE = made_pages()


def has_anchor(path: Path, anchor: str) -> bool:
    text = MADE[path] if path in MADE else path.read_text(encoding="utf-8")
    if anchor.startswith("vaiopt."):  # an object of the Python reference
        module, _, name = anchor.rpartition(".")
        return "::: " + module in text and hasattr(importlib.import_module(module), name)
    return anchor in anchors(text)


@pytest.mark.parametrize("path", [*DOCUMENTS, *MADE], ids=source_id)
def test_links_and_anchors_lead_somewhere(path: Path) -> None:
    text = MADE[path] if path in MADE else path.read_text(encoding="utf-8")
    for target, anchor in links(text):
        # A made page is there on the site only, so only pages of the site may link to it.
        found = (path.parent / target).resolve() if target else path
        assert found.exists() or (found in MADE and DOCS in path.parents), target
        assert not anchor or has_anchor(found, anchor), f"{target}#{anchor}"


def test_the_links_of_the_documents_are_found() -> None:
    assert links(
        "see [a](b.md#c), `[x](no)` and [d](#e)\n```\n[f](no.md)\n```\n[g](https://h)"
    ) == [("b.md", "c"), ("", "e")]


def test_a_slug_is_what_the_site_makes_of_a_heading() -> None:
    assert (
        slug("A hard limit: what breaks it is never trained")
        == "a-hard-limit-what-breaks-it-is-never-trained"
    )
    assert slug("[data]") == "data"
    assert slug("`vaiopt run` – the *whole*") == "vaiopt-run-the-whole"


def test_every_page_is_in_the_navigation() -> None:
    navigation = (DOCS.parent / "mkdocs.yml").read_text(encoding="utf-8").split("\nnav:\n")[1]
    named = re.findall(r": ([\w/-]+\.md)$", navigation, flags=re.MULTILINE)
    pages = {str(path.relative_to(DOCS)) for path in [*DOCUMENTS, *MADE] if DOCS in path.parents}
    assert len(named) == len(set(named))
    assert set(named) <= pages
    # docs/README.md or the like would be no page of the site
    assert pages - set(named) == set()


def test_the_python_reference_names_objects_that_exist() -> None:
    text = (DOCS / "reference" / "api.md").read_text(encoding="utf-8")
    modules = re.findall(
        r"^::: ([\w.]+)(?:\n    options:\n      members: \[([^\]]*)\])?", text, flags=re.MULTILINE
    )
    assert len(modules) == text.count("\n::: ")
    for name, members in modules:
        module = importlib.import_module(name)
        for member in members.split(", ") if members else []:
            assert hasattr(module, member), f"{name}.{member}"
    assert not blocks(text)
