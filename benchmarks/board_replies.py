"""1,000 random malformed answers of a kit to ``vaiopt measure``: each must end in a result that is
right, or in an error with a hint that leaves the last good measurement as it was.

    PYTHONPATH=. python benchmarks/board_replies.py [--cases 1000] [--seed 0]

The kit is made up: it answers as a board over ssh does, without one, and its job has ended already.
In each case one of its answers, or all from one on, is damaged (cut, flipped, other text, lost, an
exit code), or the result that it hands over, whole, holds what cannot be. Prints one JSON object;
exit code 1 if any case ends otherwise.
"""

from __future__ import annotations

import argparse
import collections
import copy
import hashlib
import json
import random
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

ROOT = Path(__file__).resolve().parent.parent
for folder in ("board", "deploy", "contract"):
    sys.path.insert(0, str(ROOT / "tests" / folder))

from bundled import bundle_of_a_standin  # noqa: E402
from made_bundles import run_bundle  # noqa: E402

from tests.made_runs import on  # noqa: E402
from vaiopt.deploy import jobs, remote, ssh  # noqa: E402
from vaiopt.deploy.measure import measure_candidate  # noqa: E402
from vaiopt.errors import VaioptError  # noqa: E402
from vaiopt.runs.layout import Candidate, Run  # noqa: E402
from vaiopt.text import silent  # noqa: E402

SAME = ("accuracy", "per_class", "golden", "agreement", "samples", "latency_ms", "fps")

HOSTILE = (
    *(
        b"",
        b"\n",
        b"\0" * 300,
        b"-",
        b"-1\n",
        b"0",
        b"0\n",
        b"gone\n",
        b"999999\n",
        b"\xff\xfe\xff",
    ),
    *(
        b"\x1b[2J\x1b]0;x\x07\n",
        b"Welcome to the board!\n",
        b"{}",
        b"[" * 3000,
        b"null",
        b"0 " * 999,
    ),
    *(b"vaiopt-is-here\n", b"vaiopt-jobs\n", b"error: \x1b[31mno\n", b"x" * 3_000_000, b"1e999"),
    *(
        b"- another\n",
        b"0 another\n",
        b"0 " * 999,
        b"\xc3\x28" * 40,
        "٣ \n".encode(),
        b'{"jobs": [{}]}',
    ),
)
"""Answers that have nothing to do with what was asked."""

SAID = (
    *("", "Connection reset by peer", "scp: write: No space left on device", "\x1b[31m\0"),
    *("Host key verification failed.", "sh: 1: Syntax error", "x" * 5000, "Permission denied"),
)

VALUES: Tuple[Any, ...] = (
    *(None, True, "text", "", [], {}, [None], {"a": []}, -1, -1.5, float("nan"), float("inf")),
    *(10**30, "\x1b[31m", "x" * 100_000, [[[[]]]], {"p50": "fast"}),
)


class Kit:
    """A board whose measurement has ended, over a connection that may damage what it says.

    Args:
        bundle: what is measured. text: of the result. damage: is given each answer, and its number.
    """

    host = "kit"
    _progress = staticmethod(silent)

    def __init__(self, bundle: Path, text: str, damage: Any) -> None:
        self._bundle, self._text, self._damage = bundle, text.encode(), damage
        self._calls = 0

    def _answer(self, stdout: bytes) -> ssh.Answer:
        self._calls += 1
        answer: ssh.Answer = self._damage(self._calls, ssh.Answer(0, stdout, "no message"))
        if answer.code == ssh.LOST:
            raise ssh.Lost(answer.message, answer.said)
        return answer

    def shell(self, text: str) -> ssh.Answer:
        """Answer to what is asked of a shell."""
        if remote.READY in text:
            return self._answer(f"{remote.READY}\nFilesystem\n/ 9 9 99999999 9% /\n".encode())
        if "tail -c" in text:
            # The first look is given all messages, later ones nothing new.
            new = b"checking the bundle\n" if "tail -c +1 " in text else b""
            return self._answer(b"0 \n" + new)
        return self._answer(b"")

    def run(self, *words: str, folder: str = "") -> ssh.Answer:
        """Answer to a command."""
        if words[0] == "sha256sum" and words[1].startswith("job-"):
            return self._answer(f"{hashlib.sha256(self._text).hexdigest()}  x\n".encode())
        if words[0] == "sha256sum":
            pairs = ((name, (self._bundle / name).read_bytes()) for name in words[1:])
            lines = [f"{hashlib.sha256(data).hexdigest()}  {name}" for name, data in pairs]
            return self._answer("\n".join(lines).encode())
        if words[0] == "head" and words[-1].endswith(".json"):
            return self._answer(self._text[: int(words[2])])
        return self._answer(b"")

    def copy(self, files: Sequence[Path], folder: str) -> None:
        """Take files."""
        answer = self._answer(b"")
        if answer.code:
            raise ssh.NotCopied(answer.message, answer.said)

    def keep_trying(self, what: str, action: Any) -> object:
        """As the connection's own."""
        return ssh.Connection.keep_trying(self, what, action)  # type: ignore[arg-type]


def damaged(r: random.Random, answer: ssh.Answer) -> ssh.Answer:
    """Return an answer as a broken, hostile or full kit gives it, or a bad line."""
    data = answer.stdout
    kind = r.choice(["hostile", "cut", "flip", "more", "code", "lost", "noise", "before"])
    if kind == "cut":
        return answer._replace(stdout=data[: r.randrange(len(data) + 1)])
    if kind == "flip" and data:
        out = bytearray(data)
        for _ in range(r.randint(1, 8)):
            out[r.randrange(len(out))] ^= 1 << r.randrange(8)
        return answer._replace(stdout=bytes(out))
    if kind == "more":
        return answer._replace(stdout=data + r.choice(HOSTILE))
    if kind == "before":
        return answer._replace(stdout=r.choice(HOSTILE) + data)
    said = r.choice(SAID)
    if kind == "code":
        return ssh.Answer(r.choice([1, 2, 126, 127, 137, 143]), data, said or "no message", said)
    if kind == "lost":
        return ssh.Answer(ssh.LOST, b"", said or "no message", said)
    noise = bytes(r.randrange(256) for _ in range(r.randint(1, 400)))
    return answer._replace(stdout=noise if kind == "noise" else r.choice(HOSTILE))


def answers(r: random.Random, good: str) -> Tuple[str, str, Any]:
    """Damage one answer, or all from one on."""
    first, all_on = r.randint(1, 9), r.random() < 0.3

    def damage(number: int, answer: ssh.Answer) -> ssh.Answer:
        hit = number >= first if all_on else number == first
        return damaged(r, answer) if hit else answer

    return f"answer {first}{' and all after it' * all_on}", good, damage


def result_text(r: random.Random, good: str) -> Tuple[str, str, Any]:
    """Hand over a result, whole, that is not what a measurement writes."""
    data = bytearray(good.encode())
    kind = r.choice(["cut", "empty", "list", "doubled", "deep", "long", "hostile"])
    texts = {
        "cut": data[: r.randrange(len(data))].decode("utf-8", "replace"),
        "empty": "",
        "list": f"[{good}]",
        "doubled": good + good,
        "deep": '{"version": 1, "a": ' + "[" * 20_000,
        "long": json.dumps({**json.loads(good), "warnings": ["x" * 2_000_000]}),
    }
    text = texts.get(kind) or (
        r.choice(HOSTILE).decode("utf-8", "replace") if kind != "empty" else ""
    )
    return f"result {kind}", text, lambda number, answer: answer


FIELDS = (
    *(("version",), ("model",), ("model", "sha256"), ("samples",), ("samples_sha256",)),
    *(("latency_ms",), ("latency_ms", "p50"), ("latency_ms", "p99"), ("latency_ms", "mean")),
    *(("fps",), ("fps", "value"), ("fps", "threads"), ("golden",), ("golden", "compared")),
    *(("accuracy",), ("modules",), ("machine",), ("agreement", "equal"), ("per_class",)),
    *(("golden", "equal"), ("golden", "elements"), ("warnings",), ("doubts",), ("release",)),
)
"""What vaiopt reads of a result."""


def result_field(r: random.Random, good: str) -> Tuple[str, str, Any]:
    """Hand over a result with a field that cannot be, or without one."""
    content = json.loads(good)
    place = r.choice(FIELDS)
    where = content
    for key in place[:-1]:
        where = where[key]
    if r.random() < 0.15:
        del where[place[-1]]
        what = "removed"
    else:
        where[place[-1]] = copy.deepcopy(r.choice(VALUES))
        what = repr(where[place[-1]])[:30]
    return f"{'.'.join(place)} {what}", json.dumps(content), lambda number, answer: answer


KINDS = {"answers": answers, "results": result_text, "fields": result_field}


def same(found: Dict[str, Any], good: Dict[str, Any], text: str) -> bool:
    """Tell whether a kept measurement says what the kit measured. What a reply leaves out, or what
    it may say otherwise, such as warnings, is as it says.
    """
    try:
        told = json.loads(text)
    except ValueError:
        return False
    return all(found.get(key) == good.get(key) for key in SAME if told.get(key) == good.get(key))


def run_case(number: int, seed: int, candidate: Candidate, good: str) -> Tuple[str, str, str]:
    """Return kind, description and verdict of one case: "refused", "measured", or what went
    wrong.
    """
    r = random.Random(f"{seed}/{number}")
    kind = sorted(KINDS)[number % len(KINDS)]
    what, text, damage = KINDS[kind](r, good)
    bundle, path = candidate.bundle("zcu102"), candidate.measured("zcu102")
    before = path.read_bytes()
    board: Any = Kit(bundle, text, damage)

    def kit(folder: Path, files: Any, entry: str, arguments: Any, progress: Any) -> str:
        return remote.run_on(board, folder, files, entry, arguments, progress)

    try:
        record = measure_candidate(candidate, on("zcu102", "kit"), kit=kit).record
    except VaioptError as error:
        whole = path.read_bytes() == before and error.hint and "\x1b" not in str(error.message)
        return kind, what, "refused" if whole else f"refused, but {error.message[:200]!r}"
    except Exception as error:  # noqa: BLE001 - what vaiopt must never do
        return kind, what, f"{type(error).__name__}: {error}"[:300]
    path.write_bytes(before)
    right = same(json.loads(json.dumps(record.to_json())), json.loads(good), text)
    return kind, what, "measured" if right else f"a wrong result: {record}"[:300]


def main() -> int:
    """Run the cases, print the counts, and return 1 if any ended otherwise."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    remote.POLL_SECONDS = remote.STALLED_SECONDS = ssh.PAUSE_SECONDS = jobs.FOLLOWED_SECONDS = 0.0
    with tempfile.TemporaryDirectory(prefix="replies-") as temporary:
        candidate = Run(Path(temporary) / "run").trial(0)
        bundle_of_a_standin(candidate)
        good = json.dumps(run_bundle(candidate.bundle("zcu102")).result)
        measure_candidate(candidate, on("zcu102", "kit"), kit=lambda *given: good)
        rows = [run_case(n, given.seed, candidate, good) for n in range(given.cases)]
    counts: Dict[str, Dict[str, int]] = {}
    bad: List[Dict[str, str]] = []
    for kind, what, verdict in rows:
        fine = verdict in ("refused", "measured")
        counts.setdefault(kind, collections.Counter())[verdict if fine else "wrong"] += 1
        if not fine:
            bad.append({"kind": kind, "case": what, "verdict": verdict})
    told = {"cases": len(rows), "seed": given.seed, "counts": counts, "wrong": bad}
    print(json.dumps(told, indent=1))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
