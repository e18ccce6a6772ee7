"""Whatever is a row of a table has a line in the guide that CONTRIBUTING.md names."""

from pathlib import Path

import pytest

from vaiopt.compile.compilers import COMPILERS
from vaiopt.hardware.devices import named_targets
from vaiopt.releases import RELEASES
from vaiopt.report.write import SECTIONS
from vaiopt.search.execution.choose import EXECUTORS
from vaiopt.settings import choices
from vaiopt.settings.augment import augmentations
from vaiopt.tasks import TASKS

pytestmark = pytest.mark.host

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = {
    "docs/how-to/model.md": [f"`{row.name}`" for row in choices.FAMILIES],
    "docs/how-to/augment.md": [f"`{name}`" for name in augmentations()],
    "docs/how-to/data.md": [f"`{row.name}`" for row in choices.SOURCES],
    "docs/how-to/search.md": [
        f"`{row.name}`"
        for rows in (
            *(choices.SAMPLERS, choices.ACQUISITIONS, choices.PRUNERS, choices.SCHEDULES),
            choices.TRACKERS,
        )
        for row in rows
    ],
    "docs/how-to/quantize.md": [f"`{row.name}`" for row in choices.QUANTIZERS],
    "docs/how-to/compile.md": [f"`{row.name}`" for row in COMPILERS],
    "docs/how-to/inspect.md": [f"`{name}`" for name in named_targets()],
    "docs/how-to/container.md": [f"| {row.name} |" for row in RELEASES.values() if row.lock],
    "docs/how-to/report.md": [f"| {row.title} |" for row in SECTIONS],
    "docs/concepts.md": [f"`{name}`" for name in TASKS],
}


@pytest.mark.parametrize("page", PAGES)
def test_every_row_has_its_line(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    assert [name for name in PAGES[page] if name not in text] == []


def test_an_executor_says_what_it_is() -> None:
    assert all(row.name and row.doc for row in EXECUTORS)


def test_contributing_names_files_that_there_are() -> None:
    import re

    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:vaiopt|board|tests|docs|docker|requirements)/[\w./-]+)`", text)
    made_up = [name for name in named if "NAME" in name or "RELEASE" in name]
    missing = [name for name in named if name not in made_up and not (ROOT / name).exists()]
    assert len(named) > 40 and missing == []
