"""Chromium without a window, told what to do over a pipe: opens a page, takes its picture, asks it
things. It needs nothing but the browser; no name is looked up and nothing is fetched.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Dict, List, Optional, Type

NAMES = ("chromium", "chromium-browser", "google-chrome")

FLAGS = [
    *"--headless --no-sandbox --disable-gpu --disable-dev-shm-usage --hide-scrollbars".split(),
    *"--no-first-run --disable-background-networking --disable-component-update".split(),
    *"--disable-sync --disable-extensions --remote-debugging-pipe".split(),
    "--host-resolver-rules=MAP * ~NOTFOUND",
]

WAIT = 120.0
"""Seconds that a page has for anything that is asked of it."""


def browser() -> Optional[str]:
    """Return the path of a Chromium or Chrome, or None if none is installed."""
    return next((found for found in map(shutil.which, NAMES) if found), None)


class Browser:
    """A browser with one page, to be used in a ``with`` statement."""

    def __init__(self, *flags: str) -> None:
        self._flags = flags
        self._number = 0
        self._session = ""
        self._seen: List[Dict[str, Any]] = []
        self._rest = b""

    def __enter__(self) -> Browser:
        """Start it.

        Raises:
            SystemExit: none is installed.
        """
        command = browser()
        if command is None:
            raise SystemExit("error: chromium is not installed")
        self._profile = tempfile.mkdtemp(prefix="browser-")
        told, self._write = os.pipe()
        self._read, tells = os.pipe()
        # It reads from the descriptor 3 and writes to 4, whatever these are here.
        shell = f'exec "$@" 3<&{told} 4>&{tells}'
        words = [command, *FLAGS, *self._flags, f"--user-data-dir={self._profile}", "about:blank"]
        self._process = subprocess.Popen(
            ["bash", "-c", shell, "bash", *words],
            pass_fds=(told, tells),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(told)
        os.close(tells)
        targets = self.call("Target.getTargets")["targetInfos"]
        page = next(target["targetId"] for target in targets if target["type"] == "page")
        found = self.call("Target.attachToTarget", targetId=page, flatten=True)
        self._session = found["sessionId"]
        for name in ("Page", "Runtime"):
            self.call(f"{name}.enable")
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        """End it, and remove what it wrote."""
        self._session = ""
        try:
            self.call("Browser.close")
        except (OSError, RuntimeError):
            self._process.kill()
        self._process.wait()
        os.close(self._write)
        os.close(self._read)
        shutil.rmtree(self._profile, ignore_errors=True)

    def call(self, method: str, **parameters: Any) -> Dict[str, Any]:
        """Return what a method of the browser's protocol returns.

        Raises:
            RuntimeError: it refused, or it has ended.
        """
        self._number += 1
        message: Dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode("utf-8") + b"\0")
        while True:
            found = self._next()
            if found.get("id") == self._number:
                if "error" in found:
                    raise RuntimeError(f"{method}: {found['error']['message']}")
                return dict(found["result"])
            self._seen.append(found)

    def _next(self) -> Dict[str, Any]:
        while b"\0" not in self._rest:
            part = os.read(self._read, 1 << 20)
            if not part:
                raise RuntimeError("the browser has ended")
            self._rest += part
        first, self._rest = self._rest.split(b"\0", 1)
        return dict(json.loads(first.decode("utf-8")))

    def size(self, width: int, height: int, phone: bool = False) -> None:
        """Show the page in a window of so many pixels; with ``phone`` as one with a finger."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=phone,
        )
        self.call("Emulation.setTouchEmulationEnabled", enabled=phone)

    def media(self, scheme: str = "light", media: str = "") -> None:
        """Show the page in ``light`` or ``dark`` colours, on the medium ``screen`` or ``print``."""
        scheme_is = {"name": "prefers-color-scheme", "value": scheme}
        self.call("Emulation.setEmulatedMedia", media=media, features=[scheme_is])

    def open(self, page: Path) -> None:
        """Open a file and wait until it is loaded."""
        self._seen.clear()
        self.call("Page.navigate", url=page.resolve().as_uri())
        self.until("document.readyState === 'complete'")

    def ask(self, expression: str) -> Any:
        """Return the value of JavaScript in the page, of a promise what it is kept by.

        Raises:
            RuntimeError: it threw.
        """
        found = self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in found:
            told = found["exceptionDetails"]
            raise RuntimeError(told.get("exception", {}).get("description") or told["text"])
        return found["result"].get("value")

    def until(self, condition: str, seconds: float = WAIT) -> None:
        """Wait until JavaScript is true in the page.

        Raises:
            RuntimeError: it was not in time.
        """
        end = time.monotonic() + seconds
        while not self.ask(f"Boolean({condition})"):
            if time.monotonic() > end:
                raise RuntimeError(f"still not so after {seconds:g} s: {condition}")
            time.sleep(0.05)

    def messages(self) -> List[str]:
        """Return what the page told its console, and what it threw, since it was opened."""
        found = []
        for event in self._seen:
            told = event.get("params", {})
            if event.get("method") == "Runtime.exceptionThrown":
                found.append(str(told["exceptionDetails"]["exception"].get("description")))
            elif event.get("method") == "Runtime.consoleAPICalled":
                found.append(" ".join(str(a.get("value", "")) for a in told["args"]))
        return found

    def picture(self, path: Path, clip: Optional[Dict[str, float]] = None) -> None:
        """Write the page, or the part ``x, y, width, height`` of it, as PNG."""
        options: Dict[str, Any] = {} if clip is None else {"clip": {**clip, "scale": 1}}
        found = self.call("Page.captureScreenshot", captureBeyondViewport=True, **options)
        path.write_bytes(base64.b64decode(found["data"]))

    def pdf(self, path: Path) -> None:
        """Write the page as it is printed."""
        found = self.call("Page.printToPDF", printBackground=True)
        path.write_bytes(base64.b64decode(found["data"]))
