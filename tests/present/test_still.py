"""The still image of a figure: what it draws, and what it leaves to plotly."""

import pickle
import xml.etree.ElementTree as ElementTree
from typing import Any, Dict, List

import pytest

from vaiopt.present.figure import Figure, axis
from vaiopt.present.still import still

NAMESPACE = "{http://www.w3.org/2000/svg}"


def drawn(traces: List[Dict[str, Any]], **layout: Any) -> Any:
    """The parts of the image of a figure, by their names."""
    figure = Figure("f", "A < B", "", traces, layout).to_plotly()
    page = ElementTree.fromstring(figure._repr_mimebundle_()["image/svg+xml"])
    return lambda name: page.iter(NAMESPACE + name)


def numbers(part: Any, *names: str) -> List[float]:
    return [float(part.get(name)) for name in names]


def test_points_and_lines_lie_where_their_values_do() -> None:
    line = {"type": "scatter", "mode": "lines+markers", "x": [1, 2, 3], "y": [0.5, None, 0.9]}
    parts = drawn([line], xaxis=axis("trial"))
    first, last = (numbers(p, "cx", "cy") for p in parts("circle"))
    assert first[0] < last[0] and first[1] > last[1]
    (path,) = [p.get("d") for p in parts("path")]
    assert path.count("M") == 2  # the gap
    texts = [part.text for part in parts("text")]
    assert "A < B" in texts and "trial" in texts


def test_a_logarithmic_axis_has_equal_steps_for_equal_factors() -> None:
    points = {"type": "scatter", "mode": "markers", "x": [1, 10, 100, 0], "y": [1, 2, 3, 4]}
    xs = [numbers(p, "cx")[0] for p in drawn([points], xaxis={"type": "log"})("circle")]
    assert len(xs) == 3 and xs[1] - xs[0] == pytest.approx(xs[2] - xs[1], abs=0.11)


def test_stacked_bars_stand_on_each_other() -> None:
    traces = [
        {"type": "bar", "orientation": "h", "name": n, "y": ["a", "b"], "x": [1.0, 2.0]}
        for n in ("DPU", "CPU")
    ]
    parts = drawn(traces, barmode="stack", yaxis={"type": "category", "autorange": "reversed"})
    bars = [p for p in parts("rect") if p.get("fill") and p.get("width") not in ("10", "100%")]
    boxes = [numbers(bar, "x", "y", "width") for bar in bars]
    assert boxes[2][0] == pytest.approx(boxes[0][0] + boxes[0][2], abs=0.2)
    assert boxes[0][1] < boxes[1][1]
    assert {"DPU", "CPU", "a", "b"} <= {part.text for part in parts("text")}


def test_a_trace_at_an_axis_that_is_not_seen_is_left_out_alone() -> None:
    points = {"type": "scatter", "mode": "markers", "x": [1, 2], "y": [0.5, 0.6]}
    parts = drawn([points, {**points, "yaxis": "y2"}], yaxis2={"visible": False})
    assert len(list(parts("circle"))) == 2


def test_bars_begin_at_zero_or_where_they_are_said_to() -> None:
    bar = {"type": "bar", "orientation": "h", "y": ["a", "b"], "x": [2.0, 4.0]}
    for traces, starts_alike in (([bar], True), ([{**bar, "base": [0.0, 2.0]}], False)):
        bars = [p for p in drawn(traces)("rect") if p.get("width") != "100%"]
        (first, long), (second, longer) = (numbers(p, "x", "width") for p in bars)
        assert (first == second) == starts_alike
        assert longer == pytest.approx(2 * long, abs=0.2)


def test_bars_of_several_kinds_stand_side_by_side() -> None:
    traces = [{"type": "bar", "name": n, "x": ["a", "b"], "y": [1.0, 2.0]} for n in ("1", "2")]
    bars = [p for p in drawn(traces)("rect") if p.get("width") not in ("10", "100%")]
    (first, width), _, (second, _), _ = (numbers(p, "x", "width") for p in bars)
    assert second == pytest.approx(first + width, abs=0.2)


def test_marks_that_a_figure_gives_stand_at_its_axis() -> None:
    points = {"type": "scatter", "mode": "markers", "x": [-3, -2], "y": [1, 2]}
    marks = {"tickvals": [-3, -2], "ticktext": ["0.001", "0.01"]}
    texts = [part.text for part in drawn([points], xaxis=marks)("text")]
    assert {"0.001", "0.01"} <= set(texts) and not {"-3", "-2"} & set(texts)


@pytest.mark.parametrize(
    "traces",
    [
        [{"type": "heatmap", "z": [[1]]}],
        [{"type": "scatter", "x": [], "y": []}],
        [{"type": "scatter", "x": [1], "y": [1], "xaxis": "x2"}],
        [],
    ],
)
def test_what_is_not_drawn_has_no_image(traces: List[Dict[str, Any]]) -> None:
    assert still({"data": traces, "layout": {}}) == ""


def test_text_of_a_figure_is_no_markup() -> None:
    trace = {"type": "scatter", "x": ["<script>"], "y": [1], "mode": "markers"}
    image = still({"data": [trace], "layout": {"font": {"color": '"/><script>'}}})
    assert "<script>" not in image and ElementTree.fromstring(image) is not None


def test_a_figure_shows_itself_with_the_image_beside_plotlys_own(monkeypatch: Any) -> None:
    pio = pytest.importorskip("plotly.io")
    pytest.importorskip("IPython")
    shown: List[Any] = []
    monkeypatch.setattr("IPython.display.display", lambda what, raw=False: shown.append(what))
    monkeypatch.setattr(pio.renderers, "default", "plotly_mimetype")
    trace = {"type": "scatter", "x": [1], "y": [1]}
    figure = Figure("f", "title", "", [trace]).to_plotly()
    figure._ipython_display_()
    assert set(shown[0]) == {"application/vnd.plotly.v1+json", "image/svg+xml"}
    assert pickle.loads(pickle.dumps(figure)) == figure


def cells(parts: Any) -> List[Any]:
    return [part for part in parts("rect") if part.get("width") != "100%"]


def test_a_heat_map_has_its_cells_numbers_and_names_in_their_places() -> None:
    matrix = [[1.0, 0.25], [None, 0.0]]
    trace = {"type": "heatmap", "x": ["a", "b"], "y": ["up", "down"], "z": matrix, "zmin": 0}
    trace.update(zmax=1, colorscale=[[0, "#ffffff"], [1, "#000000"]], showscale=False)
    notes = [{"x": 0, "y": 0, "text": "17", "font": {"color": "#ffffff"}}]
    names = {"type": "category", "autorange": "reversed"}
    parts = drawn([trace], annotations=notes, yaxis=names)
    boxes = cells(parts)
    assert [box.get("fill") for box in boxes] == ["#000000", "#bfbfbf", "#ffffff"]
    assert numbers(boxes[0], "y") < numbers(boxes[2], "y")
    assert numbers(boxes[0], "x") < numbers(boxes[1], "x")
    assert {"a", "b", "up", "down", "17"} <= {part.text for part in parts("text")}
    upwards = cells(drawn([trace]))
    assert numbers(upwards[0], "y") > numbers(upwards[2], "y")


def test_a_heat_map_over_numbers_has_marks_and_says_what_its_colours_mean() -> None:
    trace = {"type": "heatmap", "x": [-3.0, -2.0, -1.0], "y": [0.0, 1.0], "z": [[1, 2, 3]] * 2}
    trace.update(colorscale=[[0, "#ffffff"], [1, "#000000"]], reversescale=True)
    across = {"tickvals": [-2.5, 5.0], "ticktext": ["0.003", "outside"]}
    parts = drawn([trace], xaxis=across)
    texts = {part.text: part for part in parts("text")}
    assert {"1", "3", "0.003"} <= set(texts) and "outside" not in texts
    first, second = (numbers(cell, "x", "width") for cell in cells(parts)[:2])
    middle = (first[0] + second[0] + second[1]) / 2
    assert numbers(texts["0.003"], "x")[0] == pytest.approx(middle, abs=1)
    assert cells(parts)[0].get("fill") == "#000000"  # the smallest is the strongest


def parallel(**line: Any) -> Dict[str, Any]:
    axes = [
        {"label": "filters", "values": [8, 16], "tickvals": [8, 16], "ticktext": ["8", "16"]},
        {"label": "a < b", "values": [1, 1], "tickvals": [1], "ticktext": ["relu"]},
    ]
    scale = [[0, "#ffffff"], [1, "#000000"]]
    return {"type": "parcoords", "dimensions": axes, "line": {"colorscale": scale, **line}}


def test_parallel_coordinates_have_a_line_a_trial_and_the_best_in_front() -> None:
    parts = drawn([parallel(color=[0.9, 0.5])])
    assert [path.get("stroke") for path in parts("path")] == ["#ffffff", "#000000"]
    assert {"filters", "a < b", "8", "16", "relu"} <= {part.text for part in parts("text")}
    front = list(parts("path"))[-1].get("d")
    turned = list(drawn([parallel(color=[0.5, 0.9], reversescale=True)])("path"))
    assert turned[-1].get("stroke") == "#000000" and turned[-1].get("d") == front


@pytest.mark.parametrize("trace", [{"type": "heatmap", "z": [[None]]}, {"type": "parcoords"}])
def test_what_has_nothing_to_draw_has_no_image(trace: Dict[str, Any]) -> None:
    assert still({"data": [trace], "layout": {}}) == ""
