"""Running a bundle on a board: copied by ``scp``, started by ``ssh``, followed until it is done,
whatever the connection does.

The scripts run detached on the board and write their messages to a file, so a dropped connection
does not stop them: it is made again, and the messages are read on from where they stopped. Files
that are already there, whole, are not copied again.
"""

from __future__ import annotations

import contextlib
import hashlib
import shlex
import time
import uuid
from functools import partial
from pathlib import Path
from typing import Dict, List, Mapping, Optional, Sequence

from vaiopt.deploy.jobs import Found, KitJob, key_of, look, who_asks
from vaiopt.deploy.launch import QUIET as QUIET_PYTHON
from vaiopt.deploy.launch import Launch
from vaiopt.deploy.result import LONGEST, cure_of, failure, is_progress, too_long
from vaiopt.deploy.ssh import Connection, Lost, NotCopied
from vaiopt.deploy.ssh_failures import failure_of, hint_of
from vaiopt.errors import BoardError, UnreachableError
from vaiopt.files import PathLike
from vaiopt.runs.lineage import file_sha256
from vaiopt.signals import raised
from vaiopt.text import Progress

HOME = ".vaiopt"
"""Folder in the user's home on the board; bundles are in it by the hash of their manifest."""

DEFAULT = Launch()

JOB = "kit_job.py"
"""Runs and watches the script, on the board."""

SETUP = "Did deploy.setup end it? Try that line on the kit by hand."
OFF = "Is its disk full ('df'), or was it switched off? Then measure again."

RUNS, GONE = "-", "gone"
"""What a board says of a job without an exit code."""

OTHERS = "vaiopt-jobs"
"""What a board says that has jobs already, where one was to be started."""

POLL_SECONDS = 0.5
PART = 2**18
"""Bytes of messages that are read at a time."""

LONGEST_LINE, MOST_LINES = 2000, 1000
"""Bytes of a line, and lines, that are kept of the messages."""

STALLED_SECONDS = 900.0
"""Without any message for so long, a measurement is given up."""


def run_remote(
    folder: Path,
    names: Sequence[str],
    entry: str,
    arguments: Sequence[str],
    host: str,
    config: Optional[PathLike],
    progress: Progress,
    launch: Launch = DEFAULT,
    fresh: bool = False,
) -> str:
    """Run a bundle's entry script on a board and return the text of its result file. Where the same
    measurement runs there, or has ended, nothing is run: its result is taken.

    Args:
        folder: of the bundle, here.
        names: of its files.
        entry: name of the script.
        arguments: of the script, without ``--output``.
        host: ``user@host``.
        config: configuration file for ssh, instead of the user's own.
        progress: told every line that the script writes, and of copies and retries.
        launch: how the script is started there.
        fresh: run it, whatever there is.

    Raises:
        BoardError: the board cannot be reached, the script reports an error, or a file arrives
            damaged.
        MissingToolError: no ``ssh`` or ``scp`` is installed here.
    """
    with raised(), Connection(host, config, progress) as board:
        return run_on(board, folder, names, entry, arguments, progress, None, launch, fresh)


def run_on(
    board: Connection,
    folder: Path,
    names: Sequence[str],
    entry: str,
    arguments: Sequence[str],
    progress: Progress,
    seen: Optional[Dict[str, str]] = None,
    launch: Launch = DEFAULT,
    fresh: bool = False,
) -> str:
    """As :func:`run_remote`, over a connection that is open.

    Args:
        board: the connection, which stays open.
        folder, names, entry, arguments, progress, launch, fresh: as there.
        seen: where on the board files are that went there before, by hash; those of this bundle
            are added. What is there under another name is not sent again.
    """
    digests = {name: file_sha256(folder / name) for name in names}
    place = f"{HOME}/{digests['manifest.json'][:16]}"

    def copy() -> None:
        _copy(board, folder, digests, place, progress, seen or {})

    board.keep_trying("copying the bundle", copy)
    if seen is not None:
        seen.update({digest: f"{place}/{name}" for name, digest in digests.items()})
    job = _Job(board, place, progress, JOB in names, launch, key_of(entry, arguments, launch))
    start = partial(job.start, entry, arguments)
    try:
        if board.keep_trying("starting the measurement", lambda: start(look=True)):
            board.keep_trying("looking for measurements", lambda: job.find(fresh))
            board.keep_trying("starting the measurement", start)
        board.keep_trying("measuring", job.follow)
        if job.code != 0:
            raise failure(job.code, job.lines, f"on {board.host}")
        return str(board.keep_trying("fetching the result", job.fetch))
    except UnreachableError as error:
        job.leave()
        raise UnreachableError(error.message, f"{error.hint} {GOES_ON}") from None
    finally:
        job.end()


GOES_ON = "What was begun there goes on: measure again, and its result is taken."


def _copy(
    board: Connection,
    folder: Path,
    digests: Dict[str, str],
    place: str,
    progress: Progress,
    seen: Mapping[str, str],
) -> None:
    """Copy what is not there yet, and check that all is there, whole."""
    free = make_folder(board, place)
    missing = _missing(board, digests, place)
    known = {name: seen[digests[name]] for name in missing if digests[name] in seen}
    if known:
        # What other bundles of this session brought is taken from there, checked like the rest.
        copies = [
            f"cp -p {shlex.quote(source)} {shlex.quote(f'{place}/{name}')}"
            for name, source in known.items()
        ]
        board.shell("; ".join(copies))
        missing = _missing(board, digests, place)
    if not missing:
        return
    size = sum((folder / name).stat().st_size for name in missing)
    if free is not None and size > free:
        raise _no_space(
            board, f"{size / 1e6:.1f} MB are to be copied, {free / 1e6:.1f} MB are free"
        )
    count = f"{len(missing)} of {len(digests)} files ({size / 1e6:.1f} MB)"
    progress(f"copying {count} to {board.host}:{place}")
    try:
        board.copy([folder / name for name in missing], place)
    except NotCopied as error:
        raise _not_copied(board, place, error) from None
    damaged = _missing(board, digests, place)
    if damaged:
        raise BoardError(
            f"'{', '.join(damaged)}' arrived damaged on '{board.host}'",
            "Is its disk full ('df')? Then free space and measure again.",
        )


def make_folder(board: Connection, place: str) -> Optional[int]:
    """Make a folder on the board, and return the bytes that are free there, if it tells.

    Raises:
        BoardError: it cannot be made or written to, or the board's shell says more than it is
            asked for.
    """
    quoted = shlex.quote(place)
    text = (
        f"mkdir -p {quoted} && : > {quoted}/.vaiopt && rm -f {quoted}/.vaiopt && echo {READY}"
        f" && df -Pk {quoted} 2>/dev/null; true"
    )
    answer = board.shell(text)
    said = answer.stdout.decode("utf-8", "replace").splitlines()
    line = next((line for line in said if READY in line), "")
    if not line:
        told = answer.said or "\n".join(said)
        row = failure_of(told)
        raise BoardError(
            f"nothing can be written to '{place}' on '{board.host}':"
            f" {(told.splitlines() or ['its shell ended before that'])[-1][:300]}",
            hint_of(row, board.host) if row is not None else WRITABLE if told else ENDS,
        )
    if said[0] != READY:
        raise BoardError(f"'{board.host}' answers {said[0][:80]!r}", QUIET)
    figures = said[-1].split()
    whole = len(said) > 2 and len(figures) > 3 and figures[3].isdigit()
    return int(figures[3]) * 1024 if whole else None


READY = "vaiopt-is-here"
QUIET = "Its shell prints something at login (.bashrc, .profile): it must not, for commands."
ENDS = "Does something end its shell at login (.bashrc, .profile)? It must not, for commands."
WRITABLE = "Is there space ('df'), and may the user write into the home?"


def _no_space(board: Connection, told: str) -> BoardError:
    return BoardError(
        f"the disk of '{board.host}' is full: {told}",
        f"Free space there: ssh {shlex.quote(board.host)} rm -rf {HOME} removes earlier bundles.",
    )


def _not_copied(board: Connection, place: str, error: NotCopied) -> Exception:
    """Return what is wrong with the board, where scp could not write; scp itself says little."""
    row = failure_of(error.said)
    free = make_folder(board, place)
    if free is not None and free < SMALL:
        return _no_space(board, f"{free / 1e6:.1f} MB are free ({error})")
    if not error.said:
        return Lost(str(error))
    return BoardError(
        f"the bundle cannot be copied to '{board.host}': {error}",
        "Is its disk full ('df')?" if row is None else hint_of(row, board.host),
    )


SMALL = 1_000_000
"""Bytes that are free on a disk that is as good as full."""


def _missing(board: Connection, digests: Dict[str, str], place: str) -> List[str]:
    """Return what is not on the board, whole (sha256sum is in coreutils and in busybox)."""
    done = board.run("sha256sum", *sorted(digests), folder=place)
    there = {}
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        digest, _, name = line.partition(" ")
        there[name.lstrip(" *")] = digest
    if done.code == 127:
        raise BoardError(
            f"'{board.host}' has no sha256sum", "Use a board image with coreutils or busybox."
        )
    return [name for name, digest in sorted(digests.items()) if there.get(name) != digest]


class _Job:
    """One measurement on the board, whose files have a name of their own."""

    def __init__(
        self,
        board: Connection,
        place: str,
        progress: Progress,
        watched: bool = True,
        launch: Launch = DEFAULT,
        key: str = "0",
    ) -> None:
        self.code = -1
        self.lines: List[str] = []
        self._board, self._place, self._progress = board, place, progress
        self._me, self._key = uuid.uuid4().hex[:12], key
        self._name = f"job-{key}-{self._me}"
        self._read = 0
        self._rest = b""
        self._watched, self._launch = watched, launch
        self._followed: Optional[KitJob] = None
        self._mine, self._asked = True, False

    def start(self, entry: str, arguments: Sequence[str], look: bool = False) -> bool:
        """Start the script, detached; once, even if called again after the connection was lost.
        Return whether nothing was started, since there are jobs to look at first.
        """
        if self._followed is not None:
            return False
        words = [entry, *arguments, "--output", self._name + ".json"]
        name, script = self._name, " ".join(shlex.quote(word) for word in words)
        python = shlex.quote(self._launch.python)
        if self._watched:
            started = self._launch.shell(f"{JOB} {name} {python} {script}")
        else:  # bundles of older versions have nothing that watches the script
            text = f"{python} {script} >> {name}.log 2>&1; echo $? > {name}.part"
            started = f"sh -c {shlex.quote(f'{text}; mv {name}.part {name}.code')}"
        detached = f"nohup {started} >/dev/null 2>{name}.nohup </dev/null & echo $! > {name}.pid;"
        others = f"ls ../*/job-*.pid >/dev/null 2>&1 && echo {OTHERS} || " if look else ""
        signed = f"echo {self._me} > {name}.by; echo {who_asks()} > {name}.who;"
        # Who calls a second time finds the log, so the job started. What comes late, after this
        # process has ended, finds that it is not wanted, before or after it has begun.
        late = f"{{ [ -e not-{name} ] && rm -f not-{name}; }}"
        stop = f"if {late}; then {ended(name, self._launch.kill)}; fi"
        text = (
            f"cd {shlex.quote(self._place)} && {{ [ -e {name}.log ] || {late} || {others}"
            f"{{ : > {name}.log; {signed} {QUIET_PYTHON} {detached} {stop}; }}; }}"
        )
        self._asked = True
        answer = self._board.shell(text)
        self._asked = False
        if answer.code != 0:
            row = failure_of(answer.said)
            raise BoardError(
                f"the measurement cannot be started on '{self._board.host}': {answer.message}",
                WRITABLE if row is None else hint_of(row, self._board.host),
            )
        return answer.stdout.strip() == OTHERS.encode()

    def find(self, fresh: bool) -> None:
        """Take up the same measurement, if the board has one, and let go what came to nothing."""
        where = (self._board, self._place, self._key, self._launch)
        found: Found = look(*where, fresh, self._progress)
        for job in found.left:
            kill = ended(job.name, self._launch.kill)
            self._board.shell(f"cd {shlex.quote(self._place)} && {kill}")
        if found.same is not None:
            name = found.same.name
            self._board.run("sh", "-c", f"echo {self._me} > {name}.by", folder=self._place)
            self._followed, self._name = found.same, name

    def leave(self) -> None:
        """Let the job go on, whatever becomes of this process."""
        self._mine = False

    def follow(self) -> None:
        """Pass messages on until the script has ended, and keep its exit code."""
        last = time.monotonic()
        while True:
            head, _, new = self._board.shell(self._look()).stdout.partition(b"\n")
            status, _, by = head.strip().decode("utf-8", "replace").partition(" ")
            if status in (RUNS, "0") and by not in ("", self._me):
                raise self._taken()
            self._take(new)
            if new:
                last = time.monotonic()
            if len(new) == PART:
                continue  # there is more to read
            if status == GONE:
                raise self._gone()
            if status not in (RUNS, ""):
                if (
                    not status.isdigit() or len(status) > 3 or " " in by
                ):  # shells have codes up to 255
                    raise BoardError(f"'{self._board.host}' answers {head[:80]!r}", QUIET)
                self.code = int(status)
                self._take(b"\n")
                return
            if time.monotonic() - last > STALLED_SECONDS:
                raise BoardError(
                    f"'{self._board.host}' has said nothing for {STALLED_SECONDS:.0f} s",
                    f"Is the DPU alive? Try: ssh {self._board.host} xdputil query",
                )
            time.sleep(POLL_SECONDS)

    def _look(self) -> str:
        """Return the text that says how the job is, and what is new of its messages."""
        name = self._name
        # The code is looked for before the messages: when it is there, all messages are.
        code = f"cat {name}.code"
        runs = f'{{ {self._launch.kill} -0 "$(cat {name}.pid)" && echo {RUNS}; }}'
        status = f"{{ : > {name}.alive; {code} || {runs} || {code} || echo {GONE}; }} 2>/dev/null"
        new = f"tail -c +{self._read + 1} {name}.log 2>/dev/null | head -c {PART}"
        there = f"cd {shlex.quote(self._place)} 2>/dev/null || {{ echo {GONE}; exit 0; }}"
        told = f's="$({status})"; echo "$s $(cat {name}.by 2>/dev/null)"'
        return f"{there}; {told}; {new}; true"

    def _taken(self) -> BoardError:
        self.leave()
        return BoardError(
            f"another vaiopt has taken up the measurement on '{self._board.host}'",
            "See there. Or measure again, with --new if that one is to be left alone.",
        )

    def _gone(self) -> BoardError:
        """Return the error for a job that ended without a word."""
        said = self._board.run("head", "-c", "500", f"{self._name}.nohup", folder=self._place)
        lines = [*self.lines, *said.stdout.decode("utf-8", "replace").splitlines()]
        last = next((line for line in reversed(lines) if line.strip()), "no message")
        return BoardError(
            f"the measurement on '{self._board.host}' ended without a word: {last}",
            cure_of(last) or (SETUP if self._launch.setup and not self.lines else OFF),
        )

    def _take(self, new: bytes) -> None:
        self._read += len(new)
        *whole, rest = (self._rest + new).split(b"\n")
        self._rest = rest[:PART]
        for raw in whole:
            line = raw[:LONGEST_LINE].decode("utf-8", "replace").rstrip()
            if line:
                self.lines.append(line)
                del self.lines[:-MOST_LINES]
                if is_progress(line):
                    self._progress(line)

    def fetch(self) -> str:
        """Return the text of the result file, checked against its hash on the board."""
        name = self._name + ".json"
        told = self._board.run("sha256sum", name, folder=self._place).stdout.split()
        # One byte more than is read tells that it is too long.
        most = str(LONGEST + 1)
        content = bytes(self._board.run("head", "-c", most, name, folder=self._place).stdout)
        if len(content) > LONGEST:
            raise too_long()
        if not told or hashlib.sha256(content).hexdigest() != told[0].decode("ascii", "replace"):
            raise BoardError(
                f"the result of '{self._board.host}' arrived damaged", "Measure again."
            )
        return content.decode("utf-8", "replace")

    def end(self) -> None:
        """End the job with all that it started, if it still runs, and remove its files; the bundle
        stays for the next time. Whatever happens here hides nothing of what was before.
        """
        if not self._mine:
            return
        # Where the connection is lost the job ends by itself: nobody waits for it.
        with contextlib.suppress(Lost):
            stop = ended(self._name, self._launch.kill)
            first = f": > not-{self._name}; " if self._asked else ""
            self._board.shell(f"cd {shlex.quote(self._place)} && {{ {first}{stop}; }}")


def ended(name: str, kill: str = "kill") -> str:
    """Return the text that ends a job in a shell and removes its files; ``kill`` is the command
    that does.
    """
    alive = f'[ -e {name}.pid ] && [ ! -e {name}.code ] && p="$(cat {name}.pid)"'
    # After a restart of the board the number is another's.
    alive += f' && case "$(readlink "/proc/$p/cwd")" in ""|*/{HOME}/*) true;; *) false;; esac'
    end = f'{kill} -TERM "-$p" || {kill} -TERM "$p"; sleep 1; {kill} -KILL "-$p"'
    return f"{{ {alive} && {{ {end}; }}; rm -rf {name} {name}.*; }} >/dev/null 2>&1; true"
