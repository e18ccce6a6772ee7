"""A sheet as text and as HTML: it fits the width, and nothing of it is markup by accident."""

import pytest

from vaiopt.present.html import Markup
from vaiopt.present.sheet import Sheet
from vaiopt.present.table import Table, aligned, fitting


def test_a_wide_table_names_the_columns_that_do_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    columns = [f"column{i}" for i in range(9)]
    text = Sheet("Wide", tables=[("", Table(columns, [[1] * 9]))]).to_text()
    shown = fitting(columns, [["1"] * 9], 40)
    assert 0 < shown < 9
    assert " ".join(text.split()).endswith("and: {}".format(", ".join(columns[shown:])))
    assert max(len(line) for line in text.splitlines()) <= 40


def test_nothing_is_left_out_where_there_is_room() -> None:
    columns = [f"column{i}" for i in range(9)]
    text = Sheet("Wide", tables=[("", Table(columns, [["x" * 30] * 9]))]).to_text(1000)
    assert "and:" not in text
    assert text.count("x" * 30) == 9


def test_long_words_are_folded_before_a_column_is_left_out() -> None:
    assert fitting(["a", "b"], [["x" * 70, "y" * 70]], 80) == 2
    text = Sheet("Long", tables=[("", Table(("a", "b"), [["x" * 70, "y" * 70]]))]).to_text(80)
    assert text.count("x") == text.count("y") == 70


def test_a_table_without_headings_keeps_its_columns() -> None:
    assert fitting(["", ""], [["x" * 70, "y" * 70]], 40) == 2


def test_facts_without_a_value_and_tables_without_rows_are_left_out() -> None:
    sheet = Sheet("T", [("known", "1", ""), ("unknown", None, "x")], [("Empty", Table(("a",), []))])
    for shown in (sheet.to_text(), sheet.to_html()):
        assert "known" in shown and "unknown" not in shown and "Empty" not in shown


def test_markup_is_shown_without_its_tags_in_a_terminal() -> None:
    table = Table(("a",), [[Markup("<b>x &amp; y</b>")], ["<i>"], [None]])
    text = Sheet("T", tables=[("", table)]).to_text()
    assert "x & y" in text and "<b>" not in text and "<i>" in text and "-" in text


def test_notes_wrap_between_words() -> None:
    text = Sheet("T", notes=["word " * 40]).to_text(50)
    assert max(map(len, text.splitlines())) <= 50
    assert text.count("word") == 40


def test_columns_are_put_first_with_their_alignment() -> None:
    table = Table(("a", "b", "c"), [[1, 2, 3]], numeric=(1,)).first(("c", "none", "b"))
    assert (list(table.columns), table.rows, table.numeric) == (["c", "b", "a"], [[3, 2, 1]], (1,))


def test_text_has_no_colours_on_a_terminal_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich then takes anything for a terminal
    monkeypatch.setenv("TERM", "xterm-256color")
    assert "\x1b" not in aligned(["trial", "accuracy"], [["0", "98 %"]], (), 60)


@pytest.mark.parametrize("width", [60, 80, 100])
def test_a_column_of_few_sentences_stands_below_a_table_that_is_too_wide(width: int) -> None:
    said = "left to the CPU because of its window, which no target of this kind can do"
    rows = [[f"layer{i}", "DPU", said if i in (1, 3) else None, "memory"] for i in range(5)]
    table = Table(("layer", "runs on", "remark", "limited by"), rows, aside="remark")
    text = Sheet("T", tables=[("", table)]).to_text(width)
    assert max(map(len, text.splitlines())) <= width
    assert "layer1, layer3: left to the CPU" in text and text.count("layer1") == 2
    line = next(line for line in text.splitlines() if line.startswith(" layer1 "))
    assert line.split() == ["layer1", "DPU", "memory"]


def test_the_same_column_stays_where_there_is_room_or_no_sentence() -> None:
    table = Table(("a", "remark", "b"), [[1, "x" * 30, 2]], aside="remark")
    assert "remark" in Sheet("T", tables=[("", table)]).to_text(80).splitlines()[2]
    empty = Table(("a" * 30, "remark", "b" * 60), [[1, None, 2]], aside="remark")
    assert "remark" not in Sheet("T", tables=[("", empty)]).to_text(40)
