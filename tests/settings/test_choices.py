import dataclasses

import pytest

from vaiopt.errors import SettingsError
from vaiopt.settings import Settings, choices, commented_toml, load_settings, section_classes
from vaiopt.settings.reading import commented_section
from vaiopt.settings.schema import checked_section, declarations, setting

ROWS = {name: rows for name, rows in vars(choices).items() if isinstance(rows, tuple)}


@pytest.mark.parametrize("name", list(ROWS))
def test_every_row_has_a_name_of_its_own_and_a_meaning(name):
    rows = ROWS[name]
    assert len(set(choices.names(rows))) == len(rows)
    assert all(row.name and row.doc for row in rows)


@pytest.mark.parametrize("name", list(ROWS))
def test_every_table_of_rows_is_the_choices_of_a_setting(name):
    classes = [Settings, *section_classes().values()]
    declared = [d for cls in classes for d in declarations(cls).values()]
    assert ROWS[name] in [rows for d in declared for rows in (d.choices, d.keys)]


def test_the_commented_file_has_every_row_with_its_meaning():
    text = commented_toml()
    for row in (row for rows in ROWS.values() for row in rows):
        assert f"#   {row.name}: {row.doc}\n" in text


def test_a_made_up_row_is_taken_and_explained():
    @dataclasses.dataclass(frozen=True)
    class Made:
        """Made up."""

        kind: str = setting("b", "which", choices=(choices.Choice("b", "made up"),))

    assert checked_section(Made, "made", {"kind": "b"}) == Made()
    with pytest.raises(SettingsError, match="made.kind is 'c'"):
        checked_section(Made, "made", {"kind": "c"})
    assert list(commented_section(Made())) == ["# which", "#   b: made up", 'kind = "b"']


def test_a_release_may_be_written_as_a_number():
    assert load_settings(None, ["hardware.release=2.5"]).hardware.release == "2.5"
