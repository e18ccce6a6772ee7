"""The report in a real browser, where one is installed."""

from __future__ import annotations

import re
import shutil
import subprocess
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import List, Tuple

import pytest

from tests.report.synthetic import make_run
from vaiopt.report import write_report

BROWSER = next(
    (
        found
        for found in map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))
        if found
    ),
    None,
)
# No name can be looked up, so nothing can be fetched but from the test's own server.
FLAGS = [
    *"--headless --no-sandbox --disable-gpu --disable-quic --no-first-run"
    " --disable-background-networking --disable-component-update".split(),
    *"--disable-sync --disable-dev-shm-usage --enable-logging=stderr --window-size=1300,1000"
    " --dump-dom".split(),
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]

# The report stands untouched in a frame. From outside, each figure is scrolled into sight until it
# is drawn, then the button is clicked if asked for; when the page has become what it should be (or
# after two minutes, as it is then), its text is posted. Only that ends the load event, for which
# the browser waits.
WATCHER = """<!doctype html>
<html><head><link rel="icon" href="data:,"></head><body>
<iframe src="/report.html" style="width: WIDTHpx; height: 900px"></iframe>
<script>
var page, end = Date.now() + 120000, toClick = CLICK;
function backgrounds() {
  return Array.from(page.querySelectorAll("div.plot"), function (plot) {
    return (plot.querySelector(".main-svg") || { style: {} }).style.background;
  });
}
function look() {
  page = document.querySelector("iframe").contentDocument;
  var shown = backgrounds(), waiting = shown.indexOf(undefined);
  var done = shown.length > 0 && waiting < 0, middle = { block: "center", inline: "center" };
  if (waiting >= 0) page.querySelectorAll("div.plot")[waiting].scrollIntoView(middle);
  if (done && toClick) {
    page.getElementById("theme").click();
    toClick = false;
  }
  if (done && page.documentElement.dataset.theme === "dark")
    done = backgrounds().indexOf("rgb(255, 255, 255)") < 0;
  if (done || Date.now() > end)
    fetch("/done", { method: "POST", body: page.documentElement.outerHTML });
  else setTimeout(look, 50);
}
look();
</script>
<img src="/held"></body></html>
"""


class Watched(ThreadingHTTPServer):
    """Serves a report and the page that watches it, and keeps what that page posts."""

    daemon_threads = True

    def __init__(self, report: bytes, watcher: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.texts = {"/": watcher, "/report.html": report, "/held": b""}
        self.done = Event()
        self.page = ""
        self.asked: List[str] = []


class Handler(BaseHTTPRequestHandler):
    server: Watched

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        if self.path == "/held":
            self.server.done.wait(180)
        self.answer(self.server.texts.get(self.path, b""))

    def do_POST(self) -> None:
        self.server.page = self.rfile.read(int(self.headers["Content-Length"])).decode("utf-8")
        self.answer(b"")
        self.server.done.set()

    def answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def open_page(
    report: Path, profile: Path, width: int, click: bool = False
) -> Tuple[str, List[str]]:
    """Return the report as the browser has built it, and its console messages."""
    watcher = WATCHER.replace("WIDTH", str(width)).replace("CLICK", "true" if click else "false")
    with Watched(report.read_bytes(), watcher.encode("utf-8")) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        command = [
            str(BROWSER),
            *FLAGS,
            f"--user-data-dir={profile}",
            f"http://127.0.0.1:{server.server_port}/",
        ]
        result = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300
        )
        server.shutdown()
    assert sorted(server.asked) == ["/", "/held", "/report.html"]
    return server.page, [
        line for line in result.stderr.decode("utf-8", "replace").splitlines() if "CONSOLE" in line
    ]


@pytest.mark.slow
@pytest.mark.host
@pytest.mark.skipif(BROWSER is None, reason="no Chromium or Chrome here")
@pytest.mark.parametrize("width", [1280, 390])
def test_every_figure_is_drawn_without_a_console_error(tmp_path: Path, width: int) -> None:
    result = write_report(make_run(tmp_path / "run", trials=30))
    page, messages = open_page(result.path, tmp_path / "profile", width)
    assert [
        m for m in messages if re.search(r"error|refused|violat|exception|uncaught", m, re.I)
    ] == []
    assert len(re.findall(r'class="plot js-plotly-plot"', page)) == len(result.figures)


@pytest.mark.slow
@pytest.mark.host
@pytest.mark.skipif(BROWSER is None, reason="no Chromium or Chrome here")
def test_a_click_changes_the_colours_and_keeps_the_figures(tmp_path: Path) -> None:
    result = write_report(make_run(tmp_path / "run", trials=30))
    page, messages = open_page(result.path, tmp_path / "profile", 1280, click=True)
    assert [m for m in messages if re.search(r"error|uncaught", m, re.I)] == []
    assert re.search(r'<html[^>]* data-theme="dark"', page)
    assert len(re.findall(r'class="plot js-plotly-plot"', page)) == len(result.figures)
    backgrounds = re.findall(r'<svg class="main-svg"[^>]*style="background: ([^;]+);', page)
    assert "rgb(255, 255, 255)" not in backgrounds
    assert backgrounds.count("rgb(22, 28, 36)") >= len(result.figures) - 1
