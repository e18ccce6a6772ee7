"""The HTML page: sections, figures as data, plotly.js, style and script in one file that fetches
nothing.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

from vaiopt.errors import MissingToolError
from vaiopt.present.figure import Figure, text
from vaiopt.present.html import Markup, details, escape, join, table, tag
from vaiopt.present.table import Table
from vaiopt.present.theme import PALETTES, css_variables
from vaiopt.report.data import ReportData
from vaiopt.report.places import Places, places_of, shareable
from vaiopt.report.section import Block, Group, Section
from vaiopt.report.section_trials import unlisted_trials

_ASSETS = Path(__file__).with_name("assets")

# It forbids every request to a network; plotly draws parallel coordinates with code that it makes
# itself, hence unsafe-eval.
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline';"
    " img-src data: blob:"
)

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<header class="top"><div><h1>{name}</h1><p>{subtitle}</p></div>
<div class="find" role="search" hidden>
<input id="find" type="search" role="combobox" placeholder="Search: press /" autocomplete="off"
 spellcheck="false" aria-label="Search this page" aria-autocomplete="list" aria-expanded="false"
 aria-controls="found">
<span id="count" role="status"></span>
<div id="found" role="listbox" aria-label="What was found" hidden></div>
</div>
<button id="theme" type="button" hidden>Dark</button></header>
<div class="frame">
<nav aria-label="Sections"><button id="seek" type="button" hidden>Search</button>{links}</nav>
<main>
<noscript><p class="note">The figures need JavaScript; the tables do not.</p></noscript>
{sections}
<footer>{footer}</footer>
</main>
</div>
{specs}
<script type="application/json" id="palettes">{palettes}</script>
<script type="application/json" id="unlisted">{unlisted}</script>
<script type="text/plain" id="plotly">{plotly}</script>
<script>{script}</script>
</body>
</html>
"""


def page(data: ReportData, sections: Sequence[Section]) -> str:
    """Return the report as one HTML text.

    Raises:
        MissingToolError: plotly is not installed.
    """
    written = f"Written by vaiopt from the run folder '{data.folder}'."
    places, unlisted = places_of([data]), unlisted_trials(data)
    return html_page(data.name, _subtitle(data), sections, written, places, unlisted)


def html_page(
    name: str,
    subtitle: str,
    sections: Sequence[Section],
    written: str,
    places: Places = (),
    unlisted: Sequence[Tuple[str, str]] = (),
) -> str:
    """Return sections as one HTML text.

    Args:
        name, subtitle: its heading, and what stands under it.
        sections: of the page.
        written: from what, at its foot.
        places: paths that must not stand in it.
        unlisted: names and words of trials that the search box finds though no table lists them.

    Raises:
        MissingToolError: plotly is not installed.
    """
    figures = [figure for section in sections for figure in section.figures()]
    specs = [_json_script(f"spec-{i}", figure.spec()) for i, figure in enumerate(figures)]
    numbers = {id(figure): i for i, figure in enumerate(figures)}
    return _PAGE.format(
        title=escape(f"{name} · vaiopt"),
        name=escape(name),
        subtitle=shareable(escape(subtitle), places, escape),
        policy=_POLICY,
        style=_style(),
        links=join([tag("a", section.title, href="#" + section.key) for section in sections]),
        sections=shareable("\n".join(_section(s, numbers) for s in sections), places, escape),
        footer=shareable(
            escape(f"{written} Nothing on this page is fetched from a network."), places, escape
        ),
        specs=shareable("\n".join(specs), places, _in_json, _in_label),
        palettes=_json(PALETTES),
        unlisted=shareable(_json([list(item) for item in unlisted]), places, _in_json),
        plotly=_packed_plotly(),
        script="".join((_ASSETS / n).read_text(encoding="utf-8") for n in ("page.js", "find.js")),
    )


def _subtitle(data: ReportData) -> str:
    settings = data.settings
    family, target = f"model family {settings.model.family}", f"target {settings.hardware.target}"
    return " · ".join([settings.data.source, family, target, f"seed {settings.seed}"])


def _style() -> str:
    light, dark = (f"color-scheme:{p};{css_variables(PALETTES[p])}" for p in ("light", "dark"))
    rules = (
        f":root{{{light}}}@media (prefers-color-scheme:dark){{:root{{{dark}}}}}"
        f":root[data-theme=light]{{{light}}}:root[data-theme=dark]{{{dark}}}"
        f"@media print{{:root,:root[data-theme=dark],:root[data-theme=light]{{{light}}}}}"
    )
    return rules + (_ASSETS / "style.css").read_text(encoding="utf-8")


def _section(section: Section, numbers: Dict[int, int]) -> Markup:
    parts: List[Any] = [tag("h2", section.title)]
    if section.lead:
        parts.append(tag("p", section.lead, class_="lead"))
    parts += [_block(block, numbers) for block in section.blocks]
    return tag("section", join(parts, "\n"), id=section.key)


def _block(block: Block, numbers: Dict[int, int]) -> Markup:
    if isinstance(block, Figure):
        return _figure(block, numbers[id(block)])
    if isinstance(block, Table):
        return table(block)
    if isinstance(block, Group):
        kind = "grid wide" if block.wide else "grid"
        figures = join([_figure(figure, numbers[id(figure)]) for figure in block.figures])
        head = [tag("h3", block.title)] if block.title else []
        head += [tag("p", block.caption)] if block.caption else []
        whole = tag("div", join([*head, tag("div", figures, class_=kind)]), class_="group")
        return details(block.folded, whole) if block.folded else whole
    return block


def _figure(figure: Figure, number: int) -> Markup:
    is_parallel = bool(figure.traces) and figure.traces[0].get("type") == "parcoords"
    style = f"height:{figure.height}px;"
    style += f"min-width:{figure.min_width}px" if figure.min_width else ""
    plot = tag(
        "div",
        "drawing …",
        class_="plot waiting",
        style=style,
        role="group",  # no image: the buttons in it can have the focus
        aria_label=f"{figure.title}. {figure.caption}".strip(),
        data_spec=f"spec-{number}",
        data_height=figure.height,
        data_name=figure.name,
        data_small="1" if figure.small else None,
        data_trials=json.dumps([row[0] for row in figure.rows]) if is_parallel else None,
    )
    said: List[Any] = [figure.caption] if figure.caption else []
    if figure.full:
        said += [" ", tag("button", "All trials", class_="view", type="button", hidden="hidden")]
    caption = [tag("b", figure.title)] + ([tag("span", join(said))] if said else [])
    parts = [
        tag("figcaption", join(caption)),
        tag("div", plot, class_="scroll") if figure.min_width else plot,
    ]
    if is_parallel:
        parts.append(tag("p", "", class_="brushed", aria_live="polite"))
    return tag("figure", join(parts))


def _in_json(value: str) -> str:
    """Return a text as it stands within one of JSON."""
    return _json(value)[1:-1]


def _in_label(value: str) -> str:
    """Return the same of a text in plotly's labels, which are HTML."""
    return _in_json(text(value))


def _json(content: Any) -> str:
    """Return JSON that cannot end the script element that it stands in."""
    return (
        json.dumps(content, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
        .replace("<", "\\u003c")
        .replace("\u2028", "\\u2028")
    )


def _json_script(key: str, content: Any) -> str:
    return f'<script type="application/json" id="{key}">{_json(content)}</script>'


def _packed_plotly() -> str:
    """Return plotly.js, as the installed plotly package brings it, gzipped (the same bytes each
    time) and in base 64.
    """
    try:
        from plotly.offline import get_plotlyjs
    except ImportError as error:
        raise MissingToolError(
            f"plotly cannot be imported ({error})", "Install it with: pip install plotly"
        ) from error
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=packed, mtime=0) as file:
        file.write(get_plotlyjs().encode("utf-8"))
    return base64.b64encode(packed.getvalue()).decode("ascii")
