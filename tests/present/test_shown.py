"""Results that show themselves: figures where a notebook can show them, and never an error."""

import importlib.util
import sys
import types
from dataclasses import dataclass
from typing import Any, Iterator, List

import pytest

from vaiopt.present import shown
from vaiopt.present.figure import Figure
from vaiopt.present.sheet import Sheet


@dataclass(frozen=True)
class Made(shown.Shown):
    """A made-up result."""

    value: int


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Say what the made-up result shows."""
    figure = Figure("f", "Convergence", "", [{"type": "scatter", "y": [1, 2]}])
    monkeypatch.setitem(shown.SHEETS, "Made", lambda made: Sheet(f"made {made.value}"))
    monkeypatch.setitem(shown.SHEETS, "List[Made]", lambda made: Sheet(f"{len(made)} made"))
    monkeypatch.setitem(shown.FIGURES, "Made", lambda made: [figure, None])
    yield


@pytest.mark.usefixtures("rows")
def test_a_result_and_a_list_of_results_show_their_sheets() -> None:
    assert repr(Made(3)) == "made 3"
    assert "made 3" in Made(3)._repr_html_()
    assert repr(shown.ShownList([Made(1), Made(2)])) == "2 made"
    assert [figure.name for figure in shown.figures_of(Made(1))] == ["f"]


def test_without_a_row_a_result_shows_its_fields() -> None:
    assert repr(Made(3)) == "Made(value=3)"
    with pytest.raises(TypeError, match="Made"):
        shown.sheet_of(Made(3))


def fake_ipython(monkeypatch: pytest.MonkeyPatch, in_kernel: bool) -> List[Any]:
    """Let the results meet an IPython that keeps what is displayed."""
    displayed: List[Any] = []
    shell = types.SimpleNamespace(**({"kernel": object()} if in_kernel else {}))
    display = types.ModuleType("IPython.display")
    vars(display).update(
        display=lambda what, raw=False: displayed.append(what), HTML=lambda text: text
    )
    package = types.ModuleType("IPython")
    vars(package).update(get_ipython=lambda: shell, display=display)
    monkeypatch.setitem(sys.modules, "IPython", package)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    return displayed


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("in_kernel", [True, False])
def test_figures_follow_the_tables_in_a_notebook_but_not_in_a_terminal(
    monkeypatch: pytest.MonkeyPatch, in_kernel: bool
) -> None:
    displayed = fake_ipython(monkeypatch, in_kernel)
    Made(1)._ipython_display_()
    assert set(displayed[0]) == {"text/plain", "text/html"}
    assert len(displayed) == (2 if in_kernel else 1)


@pytest.mark.usefixtures("rows")
def test_without_nbformat_a_figure_is_html_that_needs_no_network(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    displayed = fake_ipython(monkeypatch, True)
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *more: None if name == "nbformat" else real(name, *more),
    )
    shown.display_figure(shown.figures_of(Made(1))[0].to_plotly())
    (page,) = displayed
    assert "Convergence" in page
    assert len(page) > 1e6 and 'src="http' not in page
