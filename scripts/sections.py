"""Every section of a report as a browser shows it: pictures at two widths, light, dark and printed,
and what axe-core finds against it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional

from scripts.browser import Browser

WIDE, PHONE, PAPER = 1400, 390, 794
"""Pixels: of a window, of a telephone, of an A4 page."""

DRAW = """(async () => {
  for (const part of document.querySelectorAll("details")) part.open = OPEN;
  for (const plot of document.querySelectorAll(".plot")) {
    if (!plot.offsetParent) continue;
    plot.scrollIntoView({ block: "center" });
    for (let i = 0; i < 500 && !plot.classList.contains("js-plotly-plot"); i += 1)
      await new Promise((done) => setTimeout(done, 20));
  }
  window.scrollTo(0, 0);
  if (PRINTED) window.dispatchEvent(new Event("beforeprint"));
  await new Promise((done) => setTimeout(done, 800));
})()"""

UNSTUCK = """document.querySelector("nav").style.position = "static"; null"""
"""Else a picture of a tall section has the bar of the sections in its middle."""

PLACES = """Array.from(document.querySelectorAll("section[id]"), (section) => {
  const box = section.getBoundingClientRect();
  return { id: section.id, x: box.x, y: box.y + scrollY, width: box.width, height: box.height };
})"""

PLAIN = """document.head.appendChild(Object.assign(document.createElement("style"),
  { textContent: "section .scroll { background: none !important; }" })) && null"""
"""The shade at the edge of a table is all that axe-core needs to tell no contrast in it."""


class Look(NamedTuple):
    """One way to look at a page: its name, pixels across, the colours, and whether on paper."""

    name: str
    width: int
    scheme: str
    printed: bool = False


LOOKS = (
    Look("light-wide", WIDE, "light"),
    Look("dark-wide", WIDE, "dark"),
    Look("light-phone", PHONE, "light"),
    Look("dark-phone", PHONE, "dark"),
    Look("print", PAPER, "dark", printed=True),
)


def axe_script() -> Optional[Path]:
    """Return ``axe.min.js`` of ``$AXE``, or of a folder ``node_modules`` here; None without it."""
    places = [os.environ.get("AXE", ""), "node_modules/axe-core/axe.min.js"]
    return next((Path(place) for place in places if place and Path(place).is_file()), None)


def show(browser: Browser, report: Path, look: Look, opened: bool = False) -> None:
    """Open a report in one way, with every figure drawn.

    Args:
        opened: whether folded parts are open.
    """
    browser.size(look.width, 900, phone=look.width == PHONE)
    browser.media(look.scheme, "print" if look.printed else "screen")
    browser.open(report)
    opens = str(opened).lower()
    browser.ask(DRAW.replace("OPEN", opens).replace("PRINTED", str(look.printed).lower()))


def violations(browser: Browser, report: Path, axe: Path) -> List[str]:
    """Return what axe-core finds in a report, everything opened, in each way but on paper."""
    found = []
    for look in LOOKS:
        if look.printed:
            continue
        show(browser, report, look, opened=True)
        browser.ask(PLAIN)
        browser.ask(axe.read_text(encoding="utf-8") + "; null")
        result = browser.ask("axe.run(document, { resultTypes: ['violations'] })")
        for rule in result["violations"]:
            for node in rule["nodes"]:
                place = json.dumps(node["target"])
                found.append(f"{look.name}: {rule['id']} ({rule['impact']}) at {place}")
    return found


def pictures(browser: Browser, report: Path, folder: Path) -> List[str]:
    """Write a picture of each section in each way, and the printed report as PDF; return what the
    page told its console, and where it is wider than the window.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for look in LOOKS:
        show(browser, report, look)
        found += [f"{look.name}: {line}" for line in browser.messages()]
        across = browser.ask("document.documentElement.scrollWidth")
        if across > look.width and not look.printed:  # a browser prints a wide page smaller
            found.append(f"{look.name}: the page is {across} pixels wide")
        browser.ask(UNSTUCK)
        places: List[Dict[str, Any]] = browser.ask(PLACES)
        for place in places:
            name = place.pop("id")
            browser.picture(folder / f"{name}-{look.name}.png", place)
        if look.printed:
            browser.pdf(folder / "report.pdf")
    return found


def look_at(report: Path, folder: Path) -> int:
    """Make the pictures, print what is wrong, and return the exit code."""
    axe = axe_script()
    with Browser() as browser:
        found = pictures(browser, report, folder)
        found += violations(browser, report, axe) if axe is not None else []
    told = "not looked for: npm install axe-core makes node_modules/axe-core/axe.min.js"
    print(f"{len(list(folder.iterdir()))} files in {folder}")
    print(f"violations that axe-core knows: {told if axe is None else 'looked for'}")
    for line in found:
        print(line)
    return 1 if found else 0
