"""What comes back from a bundle's scripts: messages, exit code and result file."""

from __future__ import annotations

import re
from typing import List

from vaiopt.errors import BoardError
from vaiopt.json_text import parse_json
from vaiopt.record import Unfit
from vaiopt.runs.records import KitResult

RESULT_VERSION = 1
"""Of ``result.json``, as written by ``board/kit_measure.py``."""

LONGEST = 1_000_000
"""Bytes of a result; that of a thousand classes has a tenth of it."""


def is_progress(line: str) -> bool:
    """Tell whether a line is neither an error, which is raised, nor TensorFlow Lite's greeting."""
    return not line.startswith(("error: ", "hint: ", "INFO: Created TensorFlow Lite"))


def failure(code: int, lines: List[str], where: str) -> BoardError:
    """Return the error that the scripts reported on their way out with exit code ``code``."""
    message, hint = "", ""
    for line in lines:
        if line.startswith("error: "):
            message, hint = line[len("error: ") :], ""
        elif line.startswith("hint: "):
            hint = line[len("hint: ") :]
    if message:
        return BoardError(message, hint or "See the messages above.")
    last = next((line for line in reversed(lines) if line.strip()), "no message")
    hint = cure_of(last)
    return BoardError(
        f"the scripts stopped with exit code {code} {where}: {last[:300]}",
        hint or CODES.get(code, "Run the command in the bundle's README.md by hand."),
    )


def cure_of(line: str) -> str:
    """Return what cures what a shell or a Python says that cannot begin; empty: not known."""
    return next((cure for pattern, cure in STOPPED if pattern.search(line)), "")


OLD = "Use a board image with Python 3.7 or later (Vitis-AI 1.4 or later has one)."

STOPPED = (
    (re.compile(r"future feature annotations is not defined|^SyntaxError: invalid syntax"), OLD),
    (
        re.compile(r"\bpython3?: (command )?not found|python3: No such file"),
        "It has no python3: name the image's own as deploy.python.",
    ),
    (
        re.compile(r"exec: .*: (not found|cannot execute)|No such file or directory$"),
        "deploy.python names no program that can be run there.",
    ),
    (
        re.compile(r"sudo: .*(password|terminal|not in the sudoers)"),
        "Let this user run sudo without a password (NOPASSWD), or log in as root.",
    ),
    (re.compile(r"sudo: (command )?not found"), "It has no sudo: deploy.sudo = false."),
    (re.compile(r"No space left"), "Free space on its disk ('df'), then measure again."),
)
"""What a shell or a Python says that cannot even begin."""

CODES = {
    126: "May its python3 be run?",
    127: "It has no python3 in the path of commands that ssh runs.",
    137: "The system ended it, for lack of memory: fewer deploy.threads or deploy.samples.",
    143: "Another program ended it: measure again.",
}
"""What exit codes of a shell mean."""


FASTER = 20.0
"""Times that threads together may beat a latency that was disturbed; other units are a thousand."""

BUNDLE_AGAIN = "Make the bundle again with this vaiopt, then measure again."


def too_long() -> BoardError:
    """Return the error for a result that no measurement has."""
    return BoardError(f"the result is more than {LONGEST / 1e6:.0f} MB of text", BUNDLE_AGAIN)


def read_result(text: str) -> KitResult:
    """Return the content of a result file.

    Raises:
        BoardError: it is not JSON, of another version, too long, or a figure in it cannot be.
    """
    if len(text) > LONGEST:
        raise too_long()
    try:
        content = parse_json(text, once=True)
    except ValueError as error:
        raise BoardError(f"the result is not valid JSON ({error})", "Measure again.") from error
    if not isinstance(content, dict) or content.get("version") != RESULT_VERSION:
        raise BoardError("the result has an unknown version", BUNDLE_AGAIN)
    try:
        result = KitResult.from_json(content)
        _check_rate(result)
        return result
    except Unfit as error:
        raise BoardError(f"the result cannot be right: {error}", BUNDLE_AGAIN) from error


def _check_rate(result: KitResult) -> None:
    """Raise Unfit: with so many threads and such a latency no kit is that fast."""
    latency, fps = result.latency_ms, result.fps
    batches = fps.more.get("batches")
    told = [latency.more.get("batch"), *(batches if isinstance(batches, list) else ())]
    batch = max((n for n in told if isinstance(n, int)), default=1)
    if fps.value * latency.p50 > FASTER * 1000.0 * batch * fps.threads:
        raise Unfit("fps.value", f"is {fps.value}, with {fps.threads} threads of {latency.p50} ms")
