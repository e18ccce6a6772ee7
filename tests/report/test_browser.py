"""The report in a real browser, where one is installed."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import List, Tuple

import pytest

from tests.report.synthetic import make_run
from vaiopt.report import write_report

BROWSER = next((found for found in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if found), None)
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update "
    "--disable-sync --hide-scrollbars --enable-logging=stderr --virtual-time-budget=60000"
)


def open_page(path: Path, profile: Path, width: int) -> Tuple[str, List[str]]:
    """Return the page as the browser has built it, and its console messages."""
    # Tall enough that every figure is near the screen and so is drawn; and no name can be looked up, so nothing can be fetched.
    window = ["--window-size={},30000".format(width), "--host-resolver-rules=MAP * ~NOTFOUND", "--user-data-dir={}".format(profile)]
    command = [str(BROWSER), *FLAGS.split(), *window, "--dump-dom", "file://{}".format(path)]
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
    messages = [line for line in result.stderr.decode("utf-8", "replace").splitlines() if "CONSOLE" in line]
    return result.stdout.decode("utf-8"), messages


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="no Chromium or Chrome here")
@pytest.mark.parametrize("width", [1280, 500])
def test_every_figure_is_drawn_without_a_console_error(tmp_path: Path, width: int) -> None:
    run = make_run(tmp_path / "run", trials=30)
    result = write_report(run)
    drawn = 0
    for attempt in range(4):  # the browser's virtual time runs out early where other work keeps the machine busy
        page, messages = open_page(result.path.resolve(), tmp_path / "profile{}".format(attempt), width)
        assert [m for m in messages if re.search(r"error|refused|violat|exception|uncaught", m, re.I)] == []
        drawn = max(drawn, len(re.findall(r'class="plot js-plotly-plot"', page)))
        if drawn >= len(result.figures):
            break
    # On a narrow screen small figures stand in strips, and those outside are drawn when they are pushed into sight.
    assert drawn == len(result.figures) if width > 640 else drawn > 15


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="no Chromium or Chrome here")
def test_a_click_changes_the_colours_and_keeps_the_figures(tmp_path: Path) -> None:
    result = write_report(make_run(tmp_path / "run", trials=12))
    click = "<script>setTimeout(function () { document.getElementById('theme').click(); }, 8000);</script></body>"
    text = result.path.read_text(encoding="utf-8")
    page = tmp_path / "clicked.html"
    page.write_text(text.replace("</body>", click), encoding="utf-8")
    dom, messages = open_page(page, tmp_path / "profile", 1280)
    assert [m for m in messages if re.search(r"error|uncaught", m, re.I)] == []
    assert re.search(r'<html[^>]* data-theme="dark"', dom)
    assert len(re.findall(r'class="plot js-plotly-plot"', dom)) == len(result.figures)
    backgrounds = re.findall(r'<svg class="main-svg"[^>]*style="background: ([^;]+);', dom)
    assert "rgb(255, 255, 255)" not in backgrounds
    assert backgrounds.count("rgb(22, 28, 36)") >= len(result.figures) - 1
