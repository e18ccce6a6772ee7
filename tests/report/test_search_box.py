"""The search box: everything on the page is found, in a browser too where there is one."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, List

import pytest

from scripts.browser import Browser, browser
from tests.report.synthetic import make_records, make_run
from vaiopt.report import ReportData, build, gather, write_report
from vaiopt.report.page import page as page_of
from vaiopt.report.section_repeat import settings_table
from vaiopt.report.section_trials import LISTED_TRIALS
from vaiopt.report.section_words import WORDS
from vaiopt.settings import SearchSettings, Settings

TYPE = """(() => {{
  const box = document.getElementById("find");
  box.value = {};
  box.dispatchEvent(new Event("input"));
  const told = (found) => ["b", ".where"].map((part) => found.querySelector(part).textContent);
  return Array.from(document.querySelectorAll("#found > div"), (found) => told(found).join("|"));
}})()"""


def test_the_words_stand_in_the_order_of_the_alphabet_once_each() -> None:
    names = [word.lower() for word, _ in WORDS]
    assert names == sorted(names) and len(set(names)) == len(names)


def test_every_setting_is_listed_with_its_meaning_and_no_password() -> None:
    storage = replace(SearchSettings(), storage="mysql://me:secret@server/db")
    table = settings_table(replace(Settings(), search=storage))
    rows = {row[0]: row for row in table.rows}
    assert "server/db" in rows["search.storage"][1] and "secret" not in str(table.rows)
    assert rows["seed"][1:3] == ["0", "0"] and "proposals" in rows["seed"][3]
    assert rows["search.trials"][1] == str(Settings().search.trials)
    assert all(row[3] for row in rows.values())


def test_trials_beyond_the_table_are_found_by_number_and_value() -> None:
    trials = make_records(LISTED_TRIALS + 5)
    data = ReportData(name="run", settings=Settings(), trials=trials)
    page = page_of(data, [s for s in build(data) if s.key == "trials"])
    (found,) = re.findall(r'id="unlisted">(.*?)</script>', page)
    items = json.loads(found)
    assert len(items) == 5 and all(re.match(r"trial \d+$", name) for name, _ in items)
    assert all("filters" in told for _, told in items)


def test_nothing_that_can_have_the_focus_stands_in_an_image(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", trials=6)
    page = page_of(gather(run), build(gather(run))).split('id="spec-0"')[0]
    assert not re.search(r'class="plot[^>]*role="img"', page)
    assert not re.search(r"<th[^>]*></th>", page)
    assert re.search(r'<input id="find"[^>]*role="combobox"', page)


def ask(page: Browser, text: str) -> List[Any]:
    return list(page.ask(TYPE.format(json.dumps(text))))


@pytest.mark.host
@pytest.mark.skipif(browser() is None, reason="no Chromium or Chrome here")
def test_a_key_opens_the_box_and_enter_leads_to_what_was_found(tmp_path: Path) -> None:
    report = write_report(make_run(tmp_path / "run", trials=8)).path
    with Browser() as page:
        page.size(390, 800)
        page.open(report)
        page.ask("document.getElementById('trials').scrollIntoView()")
        page.call("Input.dispatchKeyEvent", type="keyDown", key="/", text="/")
        assert page.ask("document.activeElement.id") == "find"
        assert ask(page, "trial 7")[0] == "trial 7|trial in Trials"
        assert ask(page, "fix pos")[0] == "fix position|term in Words"
        assert ask(page, "Weights")[0] == "Weights|section"
        assert "train.batch_size|setting in Repeat it" in ask(page, "batch_size")
        assert any(found.startswith("conv|layer") for found in ask(page, "conv"))
        assert ask(page, "no such thing at all") == []
        ask(page, "train.batch_size")
        page.call("Input.dispatchKeyEvent", type="keyDown", key="Enter")
        assert page.ask("document.activeElement.textContent").startswith("train.batch_size")
        assert page.ask("document.activeElement.closest('details').open")
        assert page.messages() == []
        assert page.ask("document.documentElement.scrollWidth") <= 390


@pytest.mark.host
@pytest.mark.skipif(browser() is None, reason="no Chromium or Chrome here")
def test_the_button_stands_for_the_box_where_that_is_out_of_sight(tmp_path: Path) -> None:
    report = write_report(make_run(tmp_path / "run", trials=8)).path
    with Browser() as page:
        for width in (1400, 390):
            page.size(width, 800)
            page.open(report)
            page.until("document.getElementById('seek').hidden")
            first = "document.querySelector('nav a').getBoundingClientRect().top"
            assert page.ask("Boolean(document.getElementById('find').offsetParent)")
            page.ask("document.getElementById('trials').scrollIntoView()")
            page.until("!document.getElementById('seek').hidden")
            before = page.ask(first)
            page.ask("document.getElementById('seek').click()")
            assert page.ask("document.activeElement.id") == "find"
            assert page.ask(first) == before
            page.ask("document.activeElement.blur() || window.scrollTo(0, 0)")
            page.until("document.getElementById('seek').hidden")
