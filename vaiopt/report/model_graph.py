"""The chosen model drawn as a graph: what each layer takes its values from, where it runs, and its
share of the time; with the same in words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Sequence, Tuple

from vaiopt.hardware.inspection import Inspection
from vaiopt.present import words
from vaiopt.present.html import Markup, details, join, tag
from vaiopt.report.graph_layout import Point, layout
from vaiopt.sheets.inspection import layer_rows

DRAWN_LAYERS = 250
"""Of a larger model there is no drawing: the table of its layers tells more."""

WIDTH, HEIGHT, GAP, DROP, EDGE = 216.0, 48.0, 28.0, 34.0, 6.0
"""Pixels: of a layer, between two side by side, between two rows, around the drawing."""

NAME_LETTERS, KIND_LETTERS = 20, 34
"""Letters of a layer's name, and of what it is, that fit into its box."""


@dataclass(frozen=True)
class Node:
    """One box: its name, what it is, its shape, where it runs, its share of the time (0 to 1), and
    the names of those that it takes its values from.
    """

    name: str
    kind: str
    shape: str
    device: str
    share: float = 0.0
    inputs: Tuple[str, ...] = ()

    @property
    def told(self) -> str:
        """What is known of it, in a line."""
        share = words.percent(self.share, 1) if self.device != "input" else None
        source = "from " + " and ".join(self.inputs) if self.inputs else ""
        parts = (self.kind, self.shape, self.device, share, source)
        return ", ".join(part for part in parts if part and part != "input")


def model_graph(inspection: Inspection) -> Optional[Markup]:
    """Return the drawing with its title and its text; None if nothing is known of what the layers
    take their values from, or there are too many.
    """
    nodes = _nodes(inspection)
    if len(nodes) > DRAWN_LAYERS or not any(node.inputs for node in nodes):
        return None
    accelerated = any(node.device == "DPU" for node in nodes)
    title = "The model, from its input to its output"
    said = "Each box is a layer with the shape of its output; its bar is its share of the"
    said += " predicted time."
    if accelerated:
        said += " Blue layers run on the DPU; those with a broken, orange edge are left to the CPU."
    caption = tag("figcaption", join([tag("b", title), tag("span", said)]))
    lines = [tag("li", join([tag("b", node.name), f": {node.told}"])) for node in nodes]
    in_words = details("the same in words", tag("ol", join(lines)))
    scroll = tag("div", _drawing(nodes, accelerated), class_="scroll graph")
    return tag("figure", join([caption, scroll, in_words]))


def _nodes(inspection: Inspection) -> List[Node]:
    nodes = [
        Node(name, "input", " × ".join(map(str, shape)), "input")
        for name, shape in inspection.inputs
    ]
    for layer, row in zip(inspection.layers, layer_rows(inspection)):
        nodes.append(Node(row.name, row.kind, row.output, row.device, row.share, layer.inputs))
    known = {node.name for node in nodes}
    return [node for node in nodes if known.issuperset(node.inputs)]


def _drawing(nodes: Sequence[Node], accelerated: bool) -> Markup:
    found = layout({node.name: node.inputs for node in nodes}, WIDTH, HEIGHT, GAP, DROP)
    largest = max(node.share for node in nodes) or 1.0
    parts = [tag("title", f"{len(nodes)} layers as boxes, joined from top to bottom")]
    parts += [_line(points) for _, _, points in found.lines]
    for node in nodes:
        kind = {"DPU": "dpu", "input": "input"}.get(node.device, "cpu" if accelerated else "dpu")
        parts.append(_box(node, kind, found.places[node.name], node.share / largest))
    width, height = found.width + 2 * EDGE, found.height + 2 * EDGE
    inner = tag("g", join(parts), transform=f"translate({EDGE:g} {EDGE:g})")
    label = f"Graph of the model's {len(nodes)} inputs and layers; the same in words stands below"
    size: Dict[str, Any] = {"width": f"{width:.0f}", "height": f"{height:.0f}"}
    # The name of this attribute has a capital letter.
    svg = tag("svg", inner, class_="model", role="img", aria_label=label, **size)
    return Markup(str(svg).replace("<svg ", f'<svg viewBox="0 0 {width:.0f} {height:.0f}" ', 1))


def _line(points: Sequence[Point]) -> Markup:
    """Return a line that leaves each point downwards, with a tip at its end."""
    path, (x, y) = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"], points[0]
    end = points[-1][1] - 6
    for to_x, to_y in points[1:]:
        to_y = min(to_y, end)
        bend = (y + to_y) / 2
        path.append(f"C{x:.1f} {bend:.1f} {to_x:.1f} {bend:.1f} {to_x:.1f} {to_y:.1f}")
        x, y = to_x, to_y
    tip = f"M{x - 4:.1f} {y:.1f}h8l-4 6z"
    line = tag("path", "", class_="line", d=" ".join(path))
    return join([line, tag("path", "", class_="tip", d=tip)])


def _box(node: Node, kind: str, place: Point, part: float) -> Markup:
    """Return the box of a layer; ``part`` is the length of its bar, of the longest."""
    left, top = place[0] - WIDTH / 2, place[1]

    def box(class_: str, width: float, height: float, y: float = 0.0) -> Markup:
        size = {"width": f"{width:.1f}", "height": f"{height:g}", "y": f"{y:g}", "rx": "6"}
        return tag("rect", "", class_=class_, **size)

    what = " · ".join(filter(None, (node.shape, node.kind if kind != "input" else "input")))
    if kind == "cpu":
        what = f"CPU · {what}"
    parts = [tag("title", f"{node.name}: {node.told}"), box("box", WIDTH, HEIGHT)]
    bar = part * (WIDTH - 16)
    parts += [tag("rect", "", class_="bar", x="8", y="39", width=f"{bar:.1f}", height="4")]
    parts.append(tag("text", _short(node.name, NAME_LETTERS), class_="name", x="8", y="17"))
    if kind != "input":
        share = words.percent(node.share, 1)
        parts.append(tag("text", share, class_="share", x=f"{WIDTH - 8:g}", y="17"))
    parts.append(tag("text", _short(what, KIND_LETTERS), class_="what", x="8", y="32"))
    move = f"translate({left:.1f} {top:.1f})"
    told = {"data_name": node.name, "data_told": node.told}
    return tag("g", join(parts), class_=f"layer {kind}", transform=move, **told)


def _short(said: str, most: int) -> str:
    return said if len(said) <= most else said[: most - 1] + "…"
