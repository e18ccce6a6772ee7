"""Figures as PNG, and figures and tables as CSV."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Iterable, List, Sequence, Tuple

from vaiopt.environment import has_module
from vaiopt.files import atomic_path, scratch
from vaiopt.present import spreadsheet
from vaiopt.present.figure import Figure
from vaiopt.report.section import Section

BROWSER_INSTALL = "plotly_get_chrome, or apt-get install chromium"
SCALE = 2
"""Pixels of a PNG for each pixel of the page."""


def export(sections: Sequence[Section], folder: Path) -> Tuple[List[Path], List[str]]:
    """Write every figure's and table's data as CSV and every figure as PNG.

    Args:
        sections: of the report. folder: made if it is not there; files of the same name are
            replaced.

    Returns:
        the files written, and remarks: why there are no PNG files, if so.
    """
    folder.mkdir(parents=True, exist_ok=True)
    figures = [figure for section in sections for figure in section.figures()]
    written = [
        write_csv(folder / (figure.name + ".csv"), figure.columns, figure.rows)
        for figure in figures
    ]
    for table in [table for section in sections for table in section.tables()]:
        heading, *rows = table.data or (table.columns, *table.rows)
        written.append(write_csv(folder / (table.name + ".csv"), heading, rows))
    images, remarks = write_images(figures, folder)
    return written + images, remarks


def write_csv(path: Path, columns: Sequence[Any], rows: Iterable[Sequence[Any]]) -> Path:
    """Write a CSV file (UTF-8, comma, a heading line, an empty cell for no value), whole."""
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        spreadsheet.write_csv(file, columns, rows)
    return path


def write_images(figures: Sequence[Figure], folder: Path) -> Tuple[List[Path], List[str]]:
    """Write figures as PNG through kaleido; without it, or without a browser that it can start,
    write none and say what is missing.
    """
    if not has_module("kaleido"):
        return [], [
            "No PNG files: kaleido is not installed. Install it and a browser: pip install"
            f" kaleido, then {BROWSER_INSTALL}."
        ]
    paths = [folder / (figure.name + ".png") for figure in figures]
    with scratch(folder, "png") as temporary:
        drawn = [temporary / path.name for path in paths]
        try:
            _draw(figures, drawn)
        except (RuntimeError, ValueError, OSError) as error:
            reason = " ".join(str(error).split())[:160] or type(error).__name__
            return [], [
                f"No PNG files: kaleido cannot draw ({reason}). It needs a Chrome or Chromium:"
                f" {BROWSER_INSTALL}."
            ]
        for source, path in zip(drawn, paths):
            source.replace(path)
    return paths, []


def _draw(figures: Sequence[Figure], paths: Sequence[Path]) -> None:
    """Draw all figures at once where plotly can (6.1 and later: one browser for all), else one by
    one.
    """
    import plotly.io

    # The size of each figure stands in its layout: write_images takes one size for all.
    made = [figure.to_plotly(width=_width(figure)) for figure in figures]
    if hasattr(plotly.io, "write_images"):
        plotly.io.write_images(made, [str(path) for path in paths], format="png", scale=SCALE)
        return
    for figure, path in zip(made, paths):
        plotly.io.write_image(figure, str(path), format="png", scale=SCALE)


def _width(figure: Figure) -> int:
    return max(figure.min_width, 460 if figure.small else 860)
