"""Results that show themselves: which sheet each has, and which figures stand under it.

The rows are kept by the names of the classes, since the classes stand in packages that take long to
load. :mod:`vaiopt.sheets.results` adds the rows of the stages, :mod:`vaiopt.report.shown` that of
the report, and all figures.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Generic, List, Mapping, Optional, TypeVar

from vaiopt.environment import has_module
from vaiopt.present.figure import Figure
from vaiopt.present.sheet import Sheet

MakeSheet = Callable[[Any], Sheet]
MakeFigures = Callable[[Any], List[Optional[Figure]]]

SHEETS: Dict[str, MakeSheet] = {}
FIGURES: Dict[str, MakeFigures] = {}

T = TypeVar("T")
Row = TypeVar("Row")


def add_sheets(rows: Mapping[str, MakeSheet]) -> None:
    """Add what makes the sheet of a result, by the name of its class; ``List[...]`` for a list."""
    SHEETS.update(rows)


def add_figures(rows: Mapping[str, MakeFigures]) -> None:
    """Add what makes the figures under a sheet; it may give None for one that is not there."""
    FIGURES.update(rows)


def row_name(result: Any, rows: Mapping[str, Row]) -> str:
    """Return the name of the row of a result's class, or of the nearest class that it is derived
    from; the name of its own class where there is no row.
    """
    if isinstance(result, list) and not result:
        return "List[]"
    kinds = type(result[0] if isinstance(result, list) else result).__mro__
    name = "List[{}]" if isinstance(result, list) else "{}"
    names = [name.format(kind.__name__) for kind in kinds]
    return next((name for name in names if name in rows), names[0])


def sheet_of(result: Any) -> Sheet:
    """Return what a result shows.

    Raises:
        TypeError: nobody said what a result of this class shows.
    """
    make = SHEETS.get(row_name(result, SHEETS))
    if make is None:
        raise TypeError(f"no sheet is known for {row_name(result, SHEETS)}")
    return make(result)


def figures_of(result: Any) -> List[Figure]:
    """Return the figures that stand under a result's sheet in a notebook, if it has any."""
    make = FIGURES.get(row_name(result, FIGURES))
    return [figure for figure in make(result) if figure is not None] if make is not None else []


class Shown:
    """A result that shows itself: as text in a terminal, as tables and figures in a notebook."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        # A data class makes a __repr__ of its own, unless the class itself has one.
        cls.__repr__ = Shown.__repr__  # type: ignore[method-assign]

    def __repr__(self) -> str:
        if row_name(self, SHEETS) in SHEETS:
            return sheet_of(self).to_text()
        fields = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({fields})"

    def _repr_html_(self) -> str:
        return sheet_of(self).to_html()

    def _ipython_display_(self) -> None:
        from IPython import get_ipython
        from IPython.display import display

        sheet = sheet_of(self)
        display({"text/plain": sheet.to_text(), "text/html": sheet.to_html()}, raw=True)
        # A terminal would open a browser's window for each figure.
        if hasattr(get_ipython(), "kernel"):
            for figure in figures_of(self):
                display_figure(figure.to_plotly())


class ShownList(Shown, List[T], Generic[T]):
    """A list of results that shows itself."""

    def to_json(self) -> List[Any]:
        """Return it as JSON values."""
        return [item.to_json() if hasattr(item, "to_json") else item for item in self]


def display_figure(figure: Any) -> None:
    """Display a plotly figure in a notebook; without nbformat, which plotly asks for, as HTML that
    holds all of plotly.js.
    """
    from IPython.display import HTML, display

    if has_module("nbformat"):
        display(figure)
    else:
        display(HTML(figure.to_html(full_html=False, include_plotlyjs=True)))
