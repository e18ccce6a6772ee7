"""Colours: readable for everyone, and never mixed up with what users wrote."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from vaiopt.present.theme import (
    CELL_STEPS,
    DARK,
    LIGHT,
    PALETTES,
    contrast,
    css_variables,
    on_cell,
    resolve,
    scale_colour,
)

TEXT = ("ink", "muted", "accent", "good", "warn", "bad")
SURFACES = ("page", "card", "sunken")


@pytest.mark.parametrize("theme", sorted(PALETTES))
@pytest.mark.parametrize("text", TEXT)
@pytest.mark.parametrize("surface", SURFACES)
def test_text_passes_wcag_aa_on_every_surface(theme: str, text: str, surface: str) -> None:
    assert contrast(PALETTES[theme][text], PALETTES[theme][surface]) >= 4.5


@pytest.mark.parametrize("theme", sorted(PALETTES))
@pytest.mark.parametrize("mark", ["blue", "orange", "teal", "rose", "grey", "bad"])
def test_marks_in_figures_pass_wcag_for_graphics(theme: str, mark: str) -> None:
    assert contrast(PALETTES[theme][mark], PALETTES[theme]["card"]) >= 3.0


@pytest.mark.parametrize("theme", sorted(PALETTES))
@pytest.mark.parametrize("scale", ["scale", "diverging"])
def test_numbers_in_heat_map_cells_pass_wcag_aa_wherever_the_cell_lies(
    theme: str, scale: str
) -> None:
    palette = PALETTES[theme]
    for step in range(10 * CELL_STEPS + 1):
        place = step / (10 * CELL_STEPS)
        assert (
            contrast(palette[on_cell(scale, place)[1:]], scale_colour(palette[scale], place)) >= 4.5
        )


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_both_palettes_have_the_same_colours() -> None:
    assert set(LIGHT) == set(DARK)


def test_every_variable_of_the_style_sheet_is_a_colour_of_the_palettes(root: Path) -> None:
    style = (root / "vaiopt" / "report" / "assets" / "style.css").read_text(encoding="utf-8")
    defined = set(re.findall(r"--([a-z]+):", css_variables(LIGHT)))
    assert set(re.findall(r"var\(--([a-z]+)\)", style)) <= defined


def test_tokens_are_replaced_only_where_a_colour_is_meant() -> None:
    figure = {
        "x": ["@blue"],
        "marker": {"color": ["@blue", "@bad"], "colorscale": "@scale"},
        "name": "@ink",
        "paper_bgcolor": "@card",
    }
    drawn = resolve(figure, LIGHT)
    assert drawn["x"] == ["@blue"]
    assert drawn["name"] == "@ink"
    assert drawn["marker"] == {"color": [LIGHT["blue"], LIGHT["bad"]], "colorscale": LIGHT["scale"]}
    assert drawn["paper_bgcolor"] == LIGHT["card"]
