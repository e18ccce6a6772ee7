"""Measurements that a kit runs, or has ended, when another one is asked for: which of them is the
same and is taken up again, and whose the others are.
"""

from __future__ import annotations

import getpass
import hashlib
import json
import re
import socket
import time
from dataclasses import dataclass
from typing import List, NamedTuple, Optional, Sequence, Tuple

from vaiopt.deploy.launch import Launch
from vaiopt.deploy.result import LONGEST
from vaiopt.deploy.ssh import Connection
from vaiopt.json_text import parse_json
from vaiopt.record import Record, Unfit, part
from vaiopt.text import Progress

SCRIPT = "kit_jobs.py"
"""Tells of them, on the board."""

FOLLOWED_SECONDS = 3.0
"""Who follows a job asks for it several times within so long."""

OLDEST_SECONDS = 24 * 3600.0
"""A result that waits for longer is measured anew."""

YEARS = 1e10
"""Seconds that no job is old: the clock of a kit may begin anywhere."""


@dataclass(frozen=True)
class KitJob(Record):
    """One measurement on a kit.

    Attributes:
        place: the folder of its bundle. name: of its files.
        runs: whether it is at work. code: with which it ended, if it has.
        result: whether it wrote one.
        age, ended: seconds since it began and ended, by the kit's clock.
        heard: when somebody last asked for it, by the kit's clock.
        who: began it. target: of its bundle. last: the last that it said.
    """

    place: str = part()
    name: str = part()
    runs: bool = part(False)
    code: Optional[int] = part(None, low=0, high=10**9)
    result: bool = part(False)
    age: float = part(0.0, low=-YEARS, high=YEARS)
    ended: Optional[float] = part(None, low=-YEARS, high=YEARS)
    heard: Optional[float] = part(None, low=-YEARS, high=YEARS)
    who: str = part("")
    target: str = part("")
    last: str = part("")

    def check(self) -> None:
        """Raise unless the names are those of jobs: they go into the kit's shell."""
        for field, pattern in (("place", r"[0-9A-Za-z_-]{1,64}"), ("name", r"job-[0-9a-z-]{1,64}")):
            if not re.fullmatch(pattern, getattr(self, field)):
                raise Unfit(field, "is not the name of a job")

    @property
    def fetchable(self) -> bool:
        """Whether it ended well, lately, and left a result."""
        lately = self.ended is not None and -60 <= self.ended <= OLDEST_SECONDS
        return self.code == 0 and self.result and lately


@dataclass(frozen=True)
class KitJobs(Record):
    """What ``board/kit_jobs.py`` tells."""

    jobs: Tuple[KitJob, ...] = part(())


class Found(NamedTuple):
    """What there is of the same measurement.

    Attributes:
        same: to be taken up; None: there is nothing.
        left: jobs that came to nothing, whose files may go.
    """

    same: Optional[KitJob]
    left: Tuple[KitJob, ...] = ()


def key_of(entry: str, arguments: Sequence[str], launch: Launch) -> str:
    """Return what two measurements of a bundle share that are the same."""
    asked = json.dumps([entry, *arguments, *launch])
    return hashlib.sha256(asked.encode()).hexdigest()[:8]


def who_asks() -> str:
    """Return who this is, as plain text that a kit may keep."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError, ImportError):  # a user without a name, as in containers
        user = "somebody"
    return re.sub(r"[^A-Za-z0-9_.@-]", "", f"{user}@{socket.gethostname()}")[:80]


def look(
    board: Connection, place: str, key: str, launch: Launch, fresh: bool, progress: Progress
) -> Found:
    """Say what runs on a kit, and return what there is of the same measurement.

    Args:
        board: where.
        place: folder of the bundle.
        key: of the measurement.
        launch: how scripts are started.
        fresh: whether a new one is wanted, whatever there is.
        progress: told of what is found.
    """
    own, others = _split(_listed(board, place, launch), place, key)
    if not fresh and any(job.runs or job.fetchable for job in own):
        # Who asked for it a moment ago may still do so.
        time.sleep(FOLLOWED_SECONDS)
        heard = {job.name: job.heard for job in own}
        own, others = _split(_listed(board, place, launch), place, key)
        followed = [job for job in own if job.runs and job.heard != heard.get(job.name)]
        own = [job for job in own if job not in followed]
        others = [*followed, *others]
    for job in others:
        if job.runs:
            progress(_told(job, board.host, place))
    same = None if fresh else next((job for job in own if job.runs or job.fetchable), None)
    left = tuple(job for job in own if fresh or not (job.runs or job.fetchable))
    for job in left:
        if not fresh and job.code != 0:
            progress(
                f"{_begun(job)} came to nothing ({job.last or 'no message'}): a new one starts"
            )
    if same is not None:
        state = "still runs" if same.runs else f"has ended {_ago(same.ended or 0.0)}"
        progress(f"{_begun(same)} {state}: its result is taken (--new measures again)")
    return Found(same, left)


def _split(jobs: Sequence[KitJob], place: str, key: str) -> Tuple[List[KitJob], List[KitJob]]:
    own = [job for job in jobs if job.place == _last_part(place) and _key(job) == key]
    return own, [job for job in jobs if job not in own]


def _last_part(place: str) -> str:
    return place.rpartition("/")[2]


def _key(job: KitJob) -> str:
    return job.name.split("-")[1]


def _listed(board: Connection, place: str, launch: Launch) -> Tuple[KitJob, ...]:
    """Return the jobs of a kit; none where it does not tell."""
    # Without the line of the settings: it may load the overlay under the feet of who measures.
    told = board.run(launch.python, SCRIPT, folder=place).stdout[-LONGEST:]
    said = told.decode("utf-8", "replace").strip().splitlines()
    try:
        return KitJobs.from_json(parse_json(said[-1] if said else "")).jobs
    except (ValueError, Unfit):
        return ()


def described(job: KitJob) -> str:
    """Return whose a job is and since when, in words."""
    whose = f" by {job.who}" if job.who else ""
    return f"{job.target or 'unknown target'}{whose}, begun {_ago(job.age)}"


def _begun(job: KitJob) -> str:
    return f"the measurement begun {_ago(job.age)}"


def _told(job: KitJob, host: str, place: str) -> str:
    """Return whose a job is that is not the one that is asked for."""
    same = job.place == _last_part(place)
    what = "this bundle" if same else f"another bundle ({job.target or 'of unknown target'})"
    whose = f", by {job.who}" if job.who else ""
    return f"on {host} {what} is measured just now{whose}, begun {_ago(job.age)}"


def _ago(seconds: float) -> str:
    """Return how long ago something was, by a clock that may have jumped."""
    if not 0 <= seconds < YEARS / 100:
        return "some time ago"
    for size, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit} ago"
    return f"{seconds:.0f} s ago"
