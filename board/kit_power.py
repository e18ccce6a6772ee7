"""What the board takes while it works: its power sensors, sampled during the timed run.

Boards have a sensor on each rail (``hwmon``, as on ZCU102 and ZCU104) or one for the whole module
(KV260); ``xmutil platformstats`` tells of the latter too. All are summed: what the board takes, its
ARM cores and memory included. Where there is no sensor nothing is told.
"""

from __future__ import annotations

import contextlib
import glob
import os
import re
import shutil
import subprocess
import threading
import time
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional

from kit_errors import one_line

SENSORS = "/sys/class/hwmon/hwmon*/power*_input"
"""Files with microwatts."""

LARGEST_WATTS = 10_000.0
IDLE_SECONDS = 0.5
FEWEST = 3
"""Samples that a mean needs."""

MOST_RAILS = 64

PLATFORMSTATS = ("xmutil", "platformstats")
TOTAL = re.compile(rb"total power\s*:\s*([0-9.]+)\s*(uW|mW|W)\b", re.IGNORECASE)
UNITS = {b"uw": 1e-6, b"mw": 1e-3, b"w": 1.0}
ANSWER_SECONDS = 10


class Source(NamedTuple):
    """Something that tells the power.

    Attributes:
        name: of it.
        read: returns watts by rail; empty: it does not tell just now.
        seconds: between two samples.
    """

    name: str
    read: Callable[[], Dict[str, float]]
    seconds: float


def find_source() -> Optional[Source]:
    """Return what tells the power of this board; None: nothing does."""
    for source in (Source("hwmon", _hwmon, 0.05), Source("xmutil platformstats", _tool, 0.25)):
        if source.read():
            return source
    return None


def _hwmon() -> Dict[str, float]:
    rails: Dict[str, float] = {}
    for path in sorted(glob.glob(SENSORS))[:MOST_RAILS]:
        watts = _number(path)
        if watts is not None:
            rails[_label(path)] = watts
    return rails


def _number(path: str) -> Optional[float]:
    """Return the watts of one sensor; None: it does not tell, or what cannot be."""
    try:
        with open(path, encoding="ascii") as file:
            watts = int(file.read(32)) / 1e6
    except (OSError, ValueError):
        return None
    return watts if 0 <= watts <= LARGEST_WATTS else None


def _label(path: str) -> str:
    """Return a sensor's own name, or that of its chip, with what tells it from others."""
    folder, name = os.path.split(path)
    place = f"{os.path.basename(folder)}/{name.replace('_input', '')}"
    for file in (name.replace("_input", "_label"), "name"):
        with contextlib.suppress(OSError), open(
            os.path.join(folder, file), encoding="utf-8", errors="replace"
        ) as stream:
            told = one_line(stream.read(100))
            if told:
                return f"{told} ({place})"
    return place


def _tool() -> Dict[str, float]:
    program = shutil.which(PLATFORMSTATS[0])
    if program is None:
        return {}
    try:
        done = subprocess.run(
            [program, *PLATFORMSTATS[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=ANSWER_SECONDS,
        )
    except (OSError, subprocess.SubprocessError):
        return {}
    found = TOTAL.search(done.stdout)
    if found is None:
        return {}
    try:
        watts = float(found.group(1)) * UNITS[found.group(2).lower()]
    except ValueError:
        return {}
    return {"module": watts} if 0 <= watts <= LARGEST_WATTS else {}


class Meter:
    """Samples the power, if something tells it.

    Attributes:
        idle: watts before the run; None: not told.
    """

    def __init__(self) -> None:
        self._source = find_source()
        self.idle: Optional[float] = None
        self._samples: List[Dict[str, float]] = []
        self._stop = threading.Event()

    def rest(self) -> None:
        """Measure what the board takes with the model loaded and nothing to do."""
        if self._source is None:
            return
        with self.running():
            time.sleep(max(IDLE_SECONDS, (FEWEST + 1) * self._source.seconds))
        self.idle = self._mean()

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Sample within this context, from a thread of its own."""
        if self._source is None:
            yield
            return
        self._samples = []
        self._stop.clear()
        sampler = threading.Thread(target=self._loop, args=(self._source,), daemon=True)
        sampler.start()
        try:
            yield
        finally:
            self._stop.set()
            sampler.join(ANSWER_SECONDS + 1)

    def _loop(self, source: Source) -> None:
        while not self._stop.is_set():
            rails = source.read()
            if rails and not self._stop.is_set():  # the last may tell of the time after
                self._samples.append(rails)
            self._stop.wait(source.seconds)

    def _whole(self) -> List[Dict[str, float]]:
        """Return the samples in which every rail was told: a sum of fewer is too low."""
        most = max((len(rails) for rails in self._samples), default=0)
        return [rails for rails in self._samples if len(rails) == most]

    def _mean(self) -> Optional[float]:
        whole = self._whole()
        if len(whole) < FEWEST:
            return None
        return sum(sum(rails.values()) for rails in whole) / len(whole)

    def result(self, frames_per_second: float) -> Optional[Dict[str, Any]]:
        """Return what the last run took at this rate; None: nothing tells it, or not often enough.

        ``mj_per_image`` is the energy of the whole board for an image in millijoules,
        ``mj_per_image_above_idle`` what working adds to doing nothing.
        """
        mean, whole = self._mean(), self._whole()
        if self._source is None or mean is None or frames_per_second <= 0:
            return None
        above = None if self.idle is None else max(0.0, mean - self.idle)
        each = 1000.0 / frames_per_second
        return {
            "source": self._source.name,
            "samples": len(whole),
            "idle_w": self.idle,
            "mean_w": mean,
            "mj_per_image": mean * each,
            "mj_per_image_above_idle": None if above is None else above * each,
            "rails_w": {
                name: sum(rails.get(name, 0.0) for rails in whole) / len(whole) for name in whole[0]
            },
        }
