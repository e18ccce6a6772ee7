"""Make the pictures of the documents, ``docs/images/``, from a real run: the demo's.

The search and the measurement are taken from a terminal as SVG, the report from a browser as PNG
with few colours. The run is made anew unless one is given; the live view needs a new one.
"""

import argparse
import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
from pathlib import Path
from typing import Callable, Dict, List, Optional, Tuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts.browser import Browser  # noqa: E402
from scripts.sections import LOOKS, look_at, show  # noqa: E402

IMAGES = ROOT / "docs" / "images"
SETTINGS = ROOT / "examples" / "digits.toml"

ROWS, COLUMNS = 40, 106
PAGE_WIDTH = 1400
"""Of a picture of the report, in pixels."""
COLOURS = 64
"""Of a PNG: the report has few, and its size falls to a third."""

CONTROL = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|\r\n|\n|\r")


class Screen:
    """What a terminal shows, of what ``rich`` writes to it: lines with their colours, of which the
    last ones are erased and written again.
    """

    def __init__(self) -> None:
        self.lines: List[str] = [""]
        self._row = 0

    def write(self, text: str) -> None:
        """Take what a program wrote; it must not end within a control sequence."""
        at = 0
        for match in CONTROL.finditer(text):
            self.lines[self._row] += text[at : match.start()]
            self._control(match.group(0), match.group(1), match.group(2))
            at = match.end()
        self.lines[self._row] += text[at:]

    def _control(self, whole: str, number: Optional[str], letter: Optional[str]) -> None:
        if whole.endswith("\n"):
            self._row += 1
            if self._row == len(self.lines):
                self.lines.append("")
        elif letter == "m":
            self.lines[self._row] += whole
        elif letter == "A":
            self._row = max(self._row - int(number or 1), 0)
        elif letter == "K":
            self.lines[self._row] = ""

    def text(self) -> str:
        """Return what is shown, with its colours."""
        return "\n".join(self.lines).rstrip("\n")


def on_terminal(words: List[str], seen: Callable[[str], None]) -> str:
    """Run a command on a terminal of ``COLUMNS``; return what it shows in the end.

    Args:
        words: the command.
        seen: is given what is shown, after each time that something was written.

    Raises:
        SystemExit: If the command fails.
    """
    screen, rest = Screen(), b""
    process, terminal = pty.fork()
    if process == 0:
        environment = {"TERM": "xterm-256color", "COLUMNS": str(COLUMNS), "LINES": str(ROWS)}
        os.environ.update(environment, PYTHONPATH=str(ROOT))
        os.execvp(words[0], words)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    while True:
        try:
            written = os.read(terminal, 65536)
        except OSError:  # the command has ended
            break
        if not written:
            break
        found = re.match(rb"(?s)(.*?)(\x1b[^A-Za-z]*)?\Z", rest + written)
        assert found is not None
        whole, cut = found.groups()
        screen.write(whole.decode("utf-8", "replace"))
        rest = cut or b""
        seen(screen.text())
    _, status = os.waitpid(process, 0)
    if status != 0:
        sys.exit("error: {} failed:\n{}".format(" ".join(words), screen.text()))
    return screen.text()


def write_svg(path: Path, title: str, text: str) -> None:
    """Write a picture of a terminal; it asks no network for a font."""
    from rich.console import Console
    from rich.text import Text

    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(text))
    svg = console.export_svg(title=title, unique_id=path.stem)
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r"Fira Code(?=,)", "DejaVu Sans Mono", svg)
    path.write_text(svg, encoding="utf-8")


def write_png(path: Path, report: Path, section: str, height: int) -> None:
    """Write a picture of a section of a report, as Chromium shows it, with
    ``COLOURS`` colours.
    """
    from PIL import Image

    with tempfile.TemporaryDirectory() as scratch:
        shot, page = Path(scratch) / "shot.png", Path(scratch) / "page.html"
        only = f"<style>section[id]:not(#{section}) {{ display: none !important; }}</style></head>"
        text = report.read_text(encoding="utf-8")
        page.write_text(text.replace("</head>", only, 1), encoding="utf-8")
        with Browser() as browser:
            show(browser, page, LOOKS[0])
            browser.picture(shot, {"x": 0, "y": 0, "width": PAGE_WIDTH, "height": height})
        with Image.open(str(shot)) as image:
            few = image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
            few.save(str(path), optimize=True)


class Fullest:
    """Keeps of all that a terminal showed the picture with most trials running and done."""

    def __init__(self) -> None:
        self.text = ""
        self._best: Tuple[int, int] = (0, 0)

    def __call__(self, text: str) -> None:
        """Take what is shown now."""
        plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
        done = re.search(r"^(\d+)/\d+ done", plain, flags=re.MULTILINE)
        rows = len(re.findall(r"^trial \d+ +\d+/\d+", plain, flags=re.MULTILINE))
        if done and (rows, int(done.group(1))) >= self._best:
            self._best, self.text = (rows, int(done.group(1))), text


def terminal_pictures(run: str, search: bool) -> Dict[str, Tuple[str, str]]:
    """Make the run, if it is asked for; return title and text of each picture of a terminal."""
    made: Dict[str, Tuple[str, str]] = {}
    vaiopt = [sys.executable, "-m", "vaiopt"]
    if search:
        live = Fullest()
        words = ["run", str(SETTINGS), "--run", run]
        on_terminal([*vaiopt, *words], live)
        made["live"] = ("vaiopt run examples/digits.toml", live.text)
    for name, words in {
        "measure": ["measure", run, "--target", "cpu"],
        "inspect": ["inspect", run, "--target", "zcu102"],
    }.items():
        shown = on_terminal([*vaiopt, *words], lambda _: None).replace(f"{run}/", "")
        made[name] = ("vaiopt " + " ".join(words).replace(run, "runs/digits"), shown)
    return {name: (title, text.replace(run, "runs/digits")) for name, (title, text) in made.items()}


def main(arguments: List[str]) -> int:
    """Make all pictures; return the exit code."""
    parser = argparse.ArgumentParser(prog="scripts/pictures", description=__doc__.split("\n\n")[0])
    parser.add_argument("--run", help="of this run, made before; without the live view")
    parser.add_argument("--sections", help="every section of its report into this folder, no more")
    chosen = parser.parse_args(arguments)
    if chosen.sections:
        if not chosen.run:
            parser.error("--sections needs --run")
        subprocess.run([sys.executable, "-m", "vaiopt", "report", chosen.run], check=True)
        return look_at(Path(chosen.run) / "report.html", Path(chosen.sections))
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="pictures-") as scratch:
        run = chosen.run or str(Path(scratch) / "digits")
        for name, (title, text) in terminal_pictures(run, search=not chosen.run).items():
            write_svg(IMAGES / f"{name}.svg", title, text)
        subprocess.run([sys.executable, "-m", "vaiopt", "report", run], check=True)
        report = Path(run) / "report.html"
        write_png(IMAGES / "report.png", report, "summary", 870)
        write_png(IMAGES / "front.png", report, "cost", 720)
        write_png(IMAGES / "layers.png", report, "layers", 1180)
    for path in sorted(IMAGES.iterdir()):
        print(f"{path.stat().st_size:8} {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
