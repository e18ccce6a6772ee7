"""What is read as one word is set as one: none is broken for want of room, where there is any."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.browser import Browser, browser
from scripts.sections import LOOKS, Look, show
from tests.report.synthetic import make_run
from vaiopt.present.html import tiles
from vaiopt.report import write_report

SHORT = 14
"""Letters of a word that has room on a telephone; a key may break between its words."""

BROKEN = """(() => {
  const found = [];
  for (const part of document.querySelectorAll("td, th.num, .tile dd")) {
    const walker = document.createTreeWalker(part, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode())
      for (const word of node.data.matchAll(/[^\\s._/-]+/g)) {
        if (word[0].length > SHORT || !part.offsetParent) continue;
        const range = document.createRange();
        range.setStart(node, word.index);
        range.setEnd(node, word.index + word[0].length);
        if (new Set(Array.from(range.getClientRects(), (box) => box.top)).size > 1)
          found.push(word[0]);
      }
  }
  return found;
})()"""


def test_a_long_word_in_a_tile_is_set_in_smaller_letters() -> None:
    assert 'class="value wordy">image to segmentation<' in tiles(
        [("task", "image to segmentation", "")]
    )
    assert 'class="value">8×8×1 uint8<' in tiles([("of", "8×8×1 uint8", "")])


@pytest.mark.host
@pytest.mark.skipif(browser() is None, reason="no Chromium or Chrome here")
@pytest.mark.parametrize("look", [look for look in LOOKS if "wide" not in look.name], ids=str)
def test_no_short_word_of_a_table_or_tile_is_broken(tmp_path: Path, look: Look) -> None:
    report = write_report(make_run(tmp_path / "run", trials=12)).path
    with Browser() as page:
        show(page, report, look, opened=True)
        assert page.ask(BROKEN.replace("SHORT", str(SHORT))) == []
