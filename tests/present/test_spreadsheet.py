import csv
import io

import pytest

from vaiopt.present.spreadsheet import cell, write_csv


@pytest.mark.parametrize(
    "text",
    ["=1+2", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", " =1", "\uff1d1", "-"],
)
def test_a_text_that_a_spreadsheet_would_run_is_made_a_text(text):
    assert cell(text).startswith("'")


@pytest.mark.parametrize(
    "value", [-1, -2.5, 0, True, "-1", "+2.5e-3", "-inf", "nan", "cat", "a=1", ""]
)
def test_numbers_and_other_texts_stay(value):
    assert cell(value) == value


def test_a_file_holds_no_formula_and_no_control_character():
    file = io.StringIO(newline="")
    write_csv(
        file, ["=name", "x\x1b[2J"], [["@dog", None], ["a\u202eb\udcff", -1.5], ["a,b\nc", 2]]
    )
    text = file.getvalue()
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows == [
        ["'=name", "x\\x1b[2J"],
        ["'@dog", ""],
        ["a\\u202eb\\udcff", "-1.5"],
        ["a,b\\nc", "2"],
    ]
