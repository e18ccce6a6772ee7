"""The pictures of the documents: small, used, without anything from a network; and the terminal
that they are taken from.
"""

import re
from pathlib import Path

import pytest
from documents import DOCS, DOCUMENTS
from pictures import Fullest, Screen

pytestmark = pytest.mark.host

PICTURES = sorted((DOCS / "images").iterdir())
MOST_BYTES = 150_000


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.name)
def test_a_picture_is_small_shown_somewhere_and_whole_without_a_network(path: Path) -> None:
    assert path.stat().st_size < MOST_BYTES
    assert any(f"images/{path.name})" in page.read_text(encoding="utf-8") for page in DOCUMENTS)
    if path.suffix == ".svg":
        text = path.read_text(encoding="utf-8")
        assert text.startswith("<svg") and not re.search(r"(?:href|src|url\()\W*https?:", text)
    else:
        assert path.read_bytes().startswith(b"\x89PNG")


def test_all_pictures_together_are_small() -> None:
    assert sum(path.stat().st_size for path in PICTURES) < 1_000_000


def test_a_picture_has_a_text_in_its_place() -> None:
    for page in DOCUMENTS:
        found = re.findall(r"!\[([^\]]*)\]\([^)]*images/", page.read_text(encoding="utf-8"))
        assert all(len(words) > 20 for words in found), page


def test_a_screen_shows_what_was_written_last() -> None:
    screen = Screen()
    screen.write("a line\r\n\x1b[1mlive\x1b[0m 1\r\nmore")
    screen.write("\r\x1b[2K\x1b[1A\x1b[2Ksaid\r\n\x1b[1mlive\x1b[0m 2\r\nmore")
    assert screen.text() == "a line\nsaid\n\x1b[1mlive\x1b[0m 2\nmore"


def test_the_picture_of_a_search_is_taken_where_most_is_seen() -> None:
    fullest = Fullest()
    busy = "trial 3   11/20  0.9\ntrial 4   1/20  0.8\n3/6 done: 3 complete"
    for text in ("loading", "trial 0   1/20  0.1\n0/6 done", busy, "trial 5   1/20  0.1\n5/6 done"):
        fullest(text)
    assert fullest.text == busy
