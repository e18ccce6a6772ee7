"""What a kit has for a measurement, and what cures what it lacks; and clearing away what
measurements left there.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from vaiopt.deploy.jobs import KitJob, described
from vaiopt.deploy.kit_files import board_files
from vaiopt.deploy.remote import HOME, ended, make_folder
from vaiopt.deploy.ssh import Connection
from vaiopt.errors import BoardError
from vaiopt.files import PathLike
from vaiopt.json_text import parse_json
from vaiopt.present.shown import Shown
from vaiopt.record import Record, Unfit, part
from vaiopt.signals import raised
from vaiopt.text import Progress, silent

SCRIPT = "kit_check.py"
NEEDED = (
    *(SCRIPT, "kit_board.py", "kit_busy.py", "kit_errors.py", "kit_jobs.py", "kit_places.py"),
)
PLACE = f"{HOME}/check"
OLDEST = (3, 7)

LITTLE = 200_000_000
"""Bytes of a disk on which few bundles have room."""

WAITING = 0.25
"""As in ``board/kit_verdict.py``."""


@dataclass(frozen=True)
class KitFacts(Record):
    """What ``board/kit_check.py`` tells."""

    system: str = part("")
    python: str = part("")
    numpy: str = part("")
    xir: str = part("")
    vart: str = part("")
    elsewhere: Tuple[str, ...] = part(())
    interpreter: str = part("")
    board: Dict[str, Any] = part({})
    release: str = part("")
    unchecked: bool = part(False)
    devices: Tuple[str, ...] = part(())
    usable: bool = part(True)
    users: Tuple[str, ...] = part(())
    jobs: Tuple[KitJob, ...] = part(())
    sensors: Tuple[str, ...] = part(())
    platformstats: bool = part(False)
    waiting: Optional[float] = part(None, low=0, high=1)
    free_bytes: int = part(0, low=0)


@dataclass(frozen=True)
class KitRow(Record):
    """One thing that a kit has or lacks.

    Attributes:
        name: what it is. ok: whether it will do. told: what was found. cure: what to do if not.
    """

    name: str = part()
    ok: bool = part()
    told: str = part("")
    cure: str = part("")


@dataclass(frozen=True)
class KitCheck(Shown):
    """What ``vaiopt kit`` found.

    Attributes:
        host: that was asked.
        measures: kinds of targets that can be measured there, such as ``dpu`` and ``cpu``.
        rows: all that was looked at.
        cleaned: jobs that were ended, where the kit was to be cleaned; None: it was not.
    """

    host: str
    measures: Tuple[str, ...] = ()
    rows: Tuple[KitRow, ...] = ()
    cleaned: Optional[int] = None

    def to_json(self) -> Dict[str, Any]:
        """Return it as a JSON object."""
        return {
            **vars(self),
            "measures": list(self.measures),
            "rows": [row.to_json() for row in self.rows],
        }


def check_kit(
    host: str, ssh_config: Optional[PathLike] = None, progress: Progress = silent
) -> KitCheck:
    """Say what a kit has for a measurement.

    Args:
        host, ssh_config, progress: as in :func:`vaiopt.deploy.measure.measure_candidate`.

    Raises:
        BoardError: it cannot be reached or written to, or has no Python that will do.
        MissingToolError: no ``ssh`` or ``scp`` is installed here.
    """
    with raised(), Connection(host, ssh_config, progress) as board:
        facts = board.keep_trying("asking the kit", lambda: _ask(board))
    assert isinstance(facts, KitFacts)
    rows = [KitRow("ssh", True, f"{host} answers"), *(row.of(facts) for row in ROWS)]
    wrong = {row.name for row in rows if not row.ok}
    measures = [name for name, needs in MEASURES.items() if not wrong & set(needs)]
    return KitCheck(host, tuple(measures), tuple(rows))


def clean_kit(
    host: str, ssh_config: Optional[PathLike] = None, progress: Progress = silent
) -> KitCheck:
    """End every measurement of this user on a kit, and remove all bundles there.

    Raises:
        BoardError: it cannot be reached.
        MissingToolError: no ``ssh`` or ``scp`` is installed here.
    """
    job = ended('"$j"')
    text = (
        f"[ -d {HOME} ] && cd {HOME} && n=0 && for f in */job-*.pid; do"
        ' if [ -e "$f" ]; then j="${f%.pid}"; n=$((n+1)); '
        f"{job}; fi; done; cd; rm -rf {HOME}; echo cleaned ${{n:-0}}"
    )
    with raised(), Connection(host, ssh_config, progress) as board:
        answer: Any = board.keep_trying("cleaning the kit", lambda: board.shell(text))
    words = answer.stdout.decode("utf-8", "replace").split()
    if words[-2:-1] != ["cleaned"] or not words[-1].isdigit():
        raise BoardError(
            f"'{host}' cannot be cleaned: {answer.message}",
            f"Try by hand: ssh {shlex.quote(host)} rm -rf {HOME}",
        )
    return KitCheck(host, cleaned=int(words[-1]))


def _ask(board: Connection) -> KitFacts:
    make_folder(board, PLACE)
    _check_python(board)
    files = board_files()
    board.copy([files[name] for name in NEEDED], PLACE)
    answer = board.run("python3", SCRIPT, folder=PLACE)
    lines = answer.stdout.decode("utf-8", "replace").strip().splitlines()
    try:
        return KitFacts.from_json(parse_json(lines[-1][:100_000] if lines else ""))
    except (ValueError, Unfit) as error:
        raise BoardError(
            f"'{board.host}' does not tell what it has: {answer.message} ({error})",
            "Is its python3 whole?",
        ) from error


def _check_python(board: Connection) -> None:
    """Raise BoardError unless the kit has a Python that the scripts run with."""
    ask = "import sys; print(*sys.version_info[:2])"
    answer = board.run("python3", "-c", ask)
    words = answer.stdout.split()
    if answer.code != 0 or len(words) != 2 or not all(word.isdigit() for word in words):
        raise BoardError(
            f"'{board.host}' has no python3 that answers: {answer.message}",
            "Use an image with Python 3.7 or later.",
        )
    if tuple(map(int, words)) < OLDEST:
        found = ".".join(word.decode() for word in words)
        raise BoardError(
            f"'{board.host}' has Python {found}; 3.7 or later is needed",
            "Use the image of Vitis-AI 1.4 or later.",
        )


class _Row(NamedTuple):
    """One thing to look at: whether it will do and what was found, and the cure."""

    name: str
    look: Callable[[KitFacts], Tuple[bool, str]]
    cure: Callable[[KitFacts], str]

    def of(self, facts: KitFacts) -> KitRow:
        """Return what was found."""
        ok, told = self.look(facts)
        return KitRow(self.name, ok, told, "" if ok else self.cure(facts))


def _dpu(facts: KitFacts) -> Tuple[bool, str]:
    prints = facts.board.get("fingerprints") or []
    clock, name = facts.board.get("frequency_mhz"), str(facts.board.get("dpu") or "DPU")
    told = [f"{len(prints)} core(s) {name}", f"fingerprint {', '.join(sorted(set(prints)))}"]
    told += [f"{clock:g} MHz"] if isinstance(clock, (int, float)) else []
    return bool(prints), ", ".join(told) if prints else "none answers"


def _modules(facts: KitFacts) -> Tuple[bool, str]:
    missing = [name for name in ("xir", "vart") if not getattr(facts, name)]
    if missing:
        return False, f"python3 does not find {' and '.join(missing)}"
    return True, f"{facts.vart}" + (f", release {facts.release}" if facts.release else "")


def _modules_cure(facts: KitFacts) -> str:
    if facts.elsewhere:
        return f"They lie in {facts.elsewhere[0]}: let PYTHONPATH of the ssh login name it."
    return "Use a board image with Vitis-AI's runtime (VART)."


def _sensors(facts: KitFacts) -> str:
    told = [f"{len(facts.sensors)} in hwmon"] if facts.sensors else []
    return ", ".join([*told, *(["xmutil platformstats"] if facts.platformstats else [])]) or "none"


ROWS: Tuple[_Row, ...] = (
    _Row(
        "space",
        lambda f: (f.free_bytes >= LITTLE, f"{f.free_bytes / 1e6:,.0f} MB free"),
        lambda f: "Free space, or: vaiopt kit HOST --clean",
    ),
    _Row("python", lambda f: (True, f"Python {f.python}, {f.system}"), lambda f: ""),
    _Row(
        "numpy",
        lambda f: (bool(f.numpy), f.numpy or "missing"),
        lambda f: "Install it: pip3 install numpy, or apt-get install python3-numpy",
    ),
    _Row("runtime", _modules, _modules_cure),
    _Row(
        "dpu",
        _dpu,
        lambda f: "Load the overlay (KV260: xmutil loadapp; PYNQ: DpuOverlay); xdputil query",
    ),
    _Row(
        "rights",
        lambda f: (f.usable, ", ".join(f.devices) or "no device"),
        lambda f: "This user may not use the device: log in as root, or join its group.",
    ),
    _Row(
        "users",
        lambda f: (not f.users, ", ".join(f.users) or "nobody else uses the DPU"),
        lambda f: "End them before measuring.",
    ),
    _Row(
        "jobs",
        lambda f: (not f.jobs, "; ".join(map(described, f.jobs)) or "nothing is measured"),
        lambda f: "Wait for it, take it up (vaiopt measure), or end it: vaiopt kit HOST --clean",
    ),
    _Row(
        "check",
        lambda f: (not f.unchecked, "off" if f.unchecked else "fingerprints are checked"),
        lambda f: "Unset XLNX_ENABLE_FINGERPRINT_CHECK.",
    ),
    _Row(
        "load",
        lambda f: (
            f.waiting is None or f.waiting < WAITING,
            "not told" if f.waiting is None else f"{100 * f.waiting:.0f} % of the time busy",
        ),
        lambda f: "End what else runs there ('top').",
    ),
    _Row("power", lambda f: (True, _sensors(f)), lambda f: ""),
    _Row(
        "interpreter",
        lambda f: (bool(f.interpreter), f.interpreter or "no TFLite interpreter"),
        lambda f: "For the target cpu: pip3 install ai-edge-litert, or tflite-runtime",
    ),
)
"""What is looked at, in the order in which a measurement needs it."""

MEASURES: Dict[str, List[str]] = {
    "dpu": ["numpy", "runtime", "dpu", "rights"],
    "cpu": ["numpy", "interpreter"],
}
"""What can be measured, and the rows that it needs."""
