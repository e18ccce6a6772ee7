"""The documents of the project as the tests read them: their text, links, anchors and blocks of
code.
"""

import re
import unicodedata
from pathlib import Path
from typing import Dict, List, NamedTuple, Tuple

from docs_pages import PAGES

ROOT = Path(__file__).resolve().parent.parent.parent
DOCS = ROOT / "docs"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])

FENCE = re.compile(
    r"^(?:<!-- (?P<mark>[^>]+) -->\n)?```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^```\s*$",
    flags=re.MULTILINE | re.DOTALL,
)


class Block(NamedTuple):
    """A fenced block of code: its language, its text, and what the comment before it says ("run",
    "file: NAME").
    """

    language: str
    text: str
    mark: str


def source_id(path: Path) -> str:
    """Return how a document is called in the names of tests."""
    return str(path.relative_to(ROOT))


def made_pages() -> Dict[Path, str]:
    """Return the pages that are made and not written, as if they lay in docs/."""
    return {DOCS / name: make() for name, make in PAGES.items()}


def blocks(text: str, *languages: str) -> List[Block]:
    """Return the fenced blocks of a text, in one of the languages if any is given."""
    found = [
        Block(match.group("language"), match.group("text"), match.group("mark") or "")
        for match in FENCE.finditer(text)
    ]
    return [block for block in found if not languages or block.language in languages]


def prose(text: str) -> str:
    """Return a text without its blocks of code."""
    return FENCE.sub("", text)


def inline_codes(text: str) -> List[str]:
    """Return what stands in backticks in the prose."""
    return re.findall(r"`([^`\n]+)`", prose(text))


def links(text: str) -> List[Tuple[str, str]]:
    """Return path and anchor of each link within the project; a path is empty for an anchor of the
    same page.
    """
    found = re.findall(r"\]\(([^)\s]*)\)", re.sub(r"`[^`\n]*`", "", prose(text)))
    inside = [
        target for target in found if "://" not in target and not target.startswith("mailto:")
    ]
    return [(path, anchor) for path, _, anchor in (target.partition("#") for target in inside)]


def slug(heading: str) -> str:
    """Return the anchor of a heading, as Python-Markdown makes it."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").replace("*", "")
    ascii_only = unicodedata.normalize("NFKD", plain).encode("ascii", "ignore").decode("ascii")
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", ascii_only).strip().lower())


def anchors(text: str) -> List[str]:
    """Return the anchors of a page: its headings and its named places."""
    headings = re.findall(r"^#{1,6} (.+?)\s*$", prose(text), flags=re.MULTILINE)
    return [slug(heading) for heading in headings] + re.findall(r'<a id="([^"]+)">', text)
