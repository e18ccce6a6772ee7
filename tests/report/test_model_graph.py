"""The drawing of a model: branches side by side, nothing over anything else, the same in words."""

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from typing import Dict, List, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.report.synthetic import inspection, layer
from vaiopt.hardware import inspect_model, load_target
from vaiopt.hardware.inspection import Inspection
from vaiopt.report.graph_layout import Layout, layout
from vaiopt.report.model_graph import DRAWN_LAYERS, model_graph

WIDTH, HEIGHT, GAP, DROP = 100.0, 40.0, 20.0, 30.0


def placed(inputs: Dict[str, Sequence[str]]) -> Layout:
    return layout(inputs, WIDTH, HEIGHT, GAP, DROP)


def test_a_chain_is_straight() -> None:
    found = placed({"image": (), "conv": ["image"], "dense": ["conv"]})
    assert {x for x, _ in found.places.values()} == {WIDTH / 2}
    assert [y for _, y in found.places.values()] == [0, HEIGHT + DROP, 2 * (HEIGHT + DROP)]
    assert (found.width, found.height) == (WIDTH, 3 * HEIGHT + 2 * DROP)


def test_many_residual_blocks_stay_in_one_column_and_shortcuts_pass_beside_it() -> None:
    inputs: Dict[str, Sequence[str]] = {"image": ()}
    last = "image"
    for block in range(12):
        inputs[f"a{block}"], inputs[f"b{block}"] = [last], [f"a{block}"]
        inputs[f"add{block}"] = [last, f"b{block}"]
        last = f"add{block}"
    found = placed(inputs)
    middle = found.places["image"][0]
    assert all(abs(x - middle) < 5 for x, _ in found.places.values())
    for source, name, points in found.lines:
        if len(points) > 2:
            assert all(abs(x - middle) >= WIDTH / 2 for x, _ in points[1:-1]), (source, name)
    assert found.width < 2 * WIDTH


def test_branches_stand_side_by_side_and_an_input_just_above_its_use() -> None:
    found = placed(
        {"x": (), "a": ["x"], "b": ["x"], "c": ["x"], "late": (), "sum": ["a", "b", "c", "late"]}
    )
    row = [found.places[name] for name in "abc"]
    assert len({y for _, y in row}) == 1 and len({x for x, _ in row}) == 3
    assert found.places["late"][1] == row[0][1]


@st.composite
def graphs(draw: st.DrawFn) -> Dict[str, Sequence[str]]:
    inputs: Dict[str, Sequence[str]] = {}
    for number in range(draw(st.integers(1, 14))):
        known = sorted(inputs)
        most = min(3, len(known))
        inputs[f"n{number}"] = (
            draw(st.lists(st.sampled_from(known), max_size=most)) if known else ()
        )
    return inputs


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_no_layer_stands_over_another_and_each_below_its_inputs(
    inputs: Dict[str, Sequence[str]],
) -> None:
    found = placed(inputs)
    rows: Dict[float, List[float]] = {}
    for name, (x, y) in found.places.items():
        rows.setdefault(y, []).append(x)
        assert WIDTH / 2 - 1e-6 <= x <= found.width - WIDTH / 2 + 1e-6
        assert all(found.places[source][1] + HEIGHT < y for source in inputs[name])
    for xs in map(sorted, rows.values()):
        assert all(b - a >= WIDTH + GAP - 1e-6 for a, b in zip(xs, xs[1:]))
    assert {(a, b) for a, b, _ in found.lines} == {(s, n) for n in inputs for s in inputs[n]}


def branching() -> Inspection:
    layers = [
        layer("conv", "Conv2D", "DPU", 0.2)._replace(inputs=("image",), share=0.5),
        layer("<side>", "Lambda", "CPU", 0.1)._replace(inputs=("image",), share=0.25),
        layer("add", "Add", "DPU", 0.1)._replace(inputs=("conv", "<side>"), share=0.25),
    ]
    return replace(inspection(layers), inputs=(("image", (8, 8, 1)),))


def test_the_drawing_tells_shape_device_and_share_of_each_layer() -> None:
    drawn = str(model_graph(branching()))
    (svg,) = re.findall(r"<svg .*</svg>", drawn)
    boxes = [part for part in ElementTree.fromstring(svg).iter("g") if part.get("data-name")]
    assert [box.get("class") for box in boxes] == [
        "layer input",
        "layer dpu",
        "layer cpu",
        "layer dpu",
    ]
    texts = [" ".join(filter(None, (t.text for t in box.iter("text")))) for box in boxes]
    assert "8 × 8 × 1" in texts[0] and "50.0 %" in texts[1] and "2 × 2" in texts[1]
    assert "CPU" in texts[2] and boxes[2].get("data-name") == "<side>"
    bars = [
        float(r.get("width", "")) for b in boxes for r in b.iter("rect") if r.get("class") == "bar"
    ]
    assert bars[0] == 0 and bars[1] == pytest.approx(2 * bars[2], abs=0.11)


def test_the_same_stands_below_in_words_and_the_drawing_has_a_name() -> None:
    drawn = str(model_graph(branching()))
    assert 'role="img"' in drawn and "aria-label=" in drawn
    assert "&lt;side&gt;" in drawn and "<side>" not in drawn
    assert "<b>add</b>: Add, 2 × 2, DPU, 25.0 %, from conv and &lt;side&gt;" in drawn


def test_what_is_too_large_or_of_unknown_connections_is_not_drawn() -> None:
    assert model_graph(inspection([layer("conv", "Conv2D", "DPU", 0.2)])) is None
    many = [
        layer(f"n{i}", "Conv2D", "DPU", 0.2)._replace(inputs=(f"n{i - 1}",) if i else ("x",))
        for i in range(DRAWN_LAYERS)
    ]
    assert model_graph(replace(inspection(many), inputs=(("x", (1,)),))) is None


def test_an_inspection_tells_where_each_layer_takes_its_values_from() -> None:
    window = {"strides": [1, 1], "padding": "same", "activation": "linear", "use_bias": True}
    names = [[["image", 0, 0, {}]], [["image", 0, 0, {}]], [["a", 0, 0, {}], ["b", 0, 0, {}]]]
    layers = [
        {
            "class_name": "InputLayer",
            "name": "image",
            "config": {"name": "image", "batch_input_shape": [None, 8, 8, 3]},
            "inbound_nodes": [],
        },
        *[
            {
                "class_name": "Conv2D",
                "name": name,
                "config": {"name": name, "filters": 4, "kernel_size": [3, 3], **window},
                "inbound_nodes": [names[0]],
            }
            for name in "ab"
        ],
        {
            "class_name": "Add",
            "name": "sum",
            "config": {"name": "sum"},
            "inbound_nodes": [names[2]],
        },
    ]
    body = {"name": "m", "layers": layers, "input_layers": [["image", 0, 0]]}
    config = {"class_name": "Functional", "config": {**body, "output_layers": [["sum", 0, 0]]}}
    found = inspect_model(config, load_target("zcu102", "3.0"))
    assert found.inputs == (("image", (8, 8, 3)),)
    sources = {report.name: report.inputs for report in found.layers}
    assert sources["a"] == ("image",) and sources["sum"] == ("a", "b")
    assert found.layers[-1].to_json()["inputs"] == ["a", "b"]
