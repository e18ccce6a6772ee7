"""What a value of the settings must hold to besides its type: no setting is taken that cannot
work.
"""

from __future__ import annotations

import math
import re
from typing import Any, Mapping, Optional

from vaiopt.errors import SettingsError, did_you_mean
from vaiopt.settings.choices import CLASS_WEIGHTS, COSTS, DOUBTS, GPUS, TASKS, names
from vaiopt.settings.examples import example
from vaiopt.settings.ranges import is_range, parse_range
from vaiopt.text import is_utf8

HOST = re.compile(
    r"^(?:[A-Za-z0-9_][A-Za-z0-9_.-]*@)?(?:[A-Za-z0-9_][A-Za-z0-9_.-]*|\[[0-9A-Fa-f:.%a-z]+\])"
    r"(?::[0-9]{1,5})?$"
)
"""``user@host``, ``host`` (also an alias of the user's ssh configuration) or ``user@[IPv6]``, each
also with ``:port``.
"""

PROGRAM = re.compile(r"^[A-Za-z0-9_./][A-Za-z0-9_./+-]*$")
"""Name or path of a program on a board."""

LARGEST_WHOLE = 2**63
"""A TOML file, a database and NumPy hold whole numbers below it."""

FLOAT32 = 3.4e38
"""The largest number that float32 holds, rounded down."""


def check_plain(key: str, value: Any) -> None:
    """Check a value, and all that it holds: numbers are finite and fit into 64 bits, texts are in
    one line of what can be written as UTF-8, names are not empty.

    Raises:
        SettingsError: it is something else.
    """
    if isinstance(value, Mapping):
        for name, item in value.items():
            if not str(name).strip():
                raise SettingsError(f"{key} has a key without a name", "Name it, or leave it out.")
            check_plain(key, name)
            check_plain(f"{key}.{name}", item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            check_plain(key, item)
    elif isinstance(value, float) and not math.isfinite(value):
        raise SettingsError(f"{key} is {value}", "It must be a finite number.")
    elif isinstance(value, int) and not -LARGEST_WHOLE <= value < LARGEST_WHOLE:
        raise SettingsError(f"{key} is beyond 64 bits", "Give a smaller number.")
    elif isinstance(value, str) and not is_utf8(value):
        raise SettingsError(f"{key} is {ascii(value)}, which is not UTF-8", "Rename what it names.")
    elif isinstance(value, str) and any(ord(letter) < 32 for letter in value):
        raise SettingsError(f"{key} is {value!r}", "Write it in one line, without such characters.")


def limit_words(low: Optional[float], above: Optional[float], high: Optional[float]) -> str:
    """Return the limits of a number in words, such as ``above 0 and at most 1``; empty without."""
    words = [
        f"{word} {limit:,.12g}"
        for word, limit in (("at least", low), ("above", above), ("at most", high))
        if limit is not None
    ]
    return " and ".join(words)


def check_limits(
    key: str, value: Any, low: Optional[float], above: Optional[float], high: Optional[float]
) -> None:
    """Check a number against the limits of a declaration. Raises SettingsError."""
    if (
        (low is not None and not value >= low)
        or (above is not None and not value > above)
        or (high is not None and not value <= high)
    ):
        raise SettingsError(f"{key} is {value}", f"It must be {limit_words(low, above, high)}.")


OUTPUT = re.compile(r"^[A-Za-z0-9.][A-Za-z0-9_./>-]*$")
"""Name of an output: of a Keras layer."""


def check_tasks(key: str, tasks: Mapping[str, str]) -> None:
    """Check that a table gives tasks to several outputs, by their names. Raises SettingsError."""
    for name, task in tasks.items():
        if not OUTPUT.match(name):
            raise SettingsError(
                f"{key} names the output '{name}'", "Give the name of the layer that it comes from."
            )
        if task not in names(TASKS):
            raise SettingsError(f"{key}.{name} is '{task}'", did_you_mean(task, names(TASKS)))
    if len(tasks) == 1:
        name, task = next(iter(tasks.items()))
        raise SettingsError(
            f"{key} names one output, '{name}'",
            f"Of a model with one output say it by: --set task={task}",
        )


def check_split(key: str, text: str) -> None:
    """Check the text of a split ratio: three numbers, the last of which may be 0 where a test set
    was given (``data.pool = false``). Raises SettingsError.
    """
    try:
        shares = [float(part) for part in text.split(":")]
    except ValueError:
        shares = []
    positive = [share for share in shares if math.isfinite(share) and share > 0]
    if len(shares) != 3 or len(positive) + (shares[2] == 0) != 3:
        raise SettingsError(
            f"{key} is '{text}'",
            "Give three positive numbers, train : validation : test, such as 7:2:1.",
        )


def check_image_size(key: str, value: Any) -> None:
    """Check that a size is none, height and width, or one side. Raises SettingsError."""
    if isinstance(value, list) and len(value) not in (0, 2):
        raise SettingsError(
            f"{key} is {list(value)!r}",
            "Give [height, width] in pixels, such as [32, 32], or [] to keep images as they are.",
        )


def text_keys(value: Any) -> Any:
    """Return a table with texts as keys, as TOML has them, and tables in it as well; anything else
    as it is.
    """
    if not isinstance(value, Mapping):
        return value
    return {str(key): text_keys(item) for key, item in value.items()}


def number_text(value: Any) -> Any:
    """Return a whole number as a text; anything else as it is."""
    return str(value) if type(value) is int and value >= 0 else value


def check_gpus(key: str, value: str) -> None:
    """Check that GPUs are a known name, or a number of them. Raises SettingsError."""
    if value not in names(GPUS) and not (value.isdigit() and int(value) > 0):
        raise SettingsError(f"{key} is '{value}'", "Give auto, none, or a number of at least 1.")


def check_class_weights(key: str, value: Any) -> None:
    """Check that class weights are a known name, or numbers of which one counts, or that for each
    of several outputs. Raises SettingsError.
    """
    known = names(CLASS_WEIGHTS)
    hint = (
        f"Give {', '.join(known)}, or a table such as {{cat = 1.0, dog = 5.0}}; of several outputs"
        ' by their names: {animal = "balanced"}.'
    )
    if isinstance(value, str) and value not in known:
        raise SettingsError(f"{key} is '{value}'", did_you_mean(value, known))
    if not isinstance(value, (str, Mapping)):
        raise SettingsError(f"{key} is {value!r}", hint)
    if isinstance(value, Mapping):
        weights = list(value.values())
        by_output = any(isinstance(weight, (str, Mapping)) for weight in weights)
        for name, item in value.items() if by_output else ():
            check_class_weights(f"{key}.{name}", item)
        if not by_output and any(
            isinstance(w, bool) or not isinstance(w, (int, float)) for w in weights
        ):
            raise SettingsError(f"{key} holds what is no number", hint)
        if not any(weights):
            raise SettingsError(f"{key} holds no weight above 0", hint)


def check_host(key: str, value: str) -> None:
    """Check the name of a board. Raises SettingsError."""
    if not HOST.match(value):
        raise SettingsError(f"{key} is '{value}'", "Give local, or a board: root@192.168.1.10.")


def check_program(key: str, value: str) -> None:
    """Check the name or path of a program. Raises SettingsError."""
    if not PROGRAM.match(value):
        raise SettingsError(
            f"{key} is '{value}', which is no program", "Give a name or a path, such as python3.9."
        )


def check_doubts(key: str, value: Any) -> None:
    """Check the names of what is accepted of a measurement. Raises SettingsError."""
    for name in value:
        if name not in names(DOUBTS):
            raise SettingsError(
                f"{key} names '{name}', which is no doubt about a measurement",
                did_you_mean(name, names(DOUBTS)),
            )


def check_hyperparameters(key: str, value: Mapping[str, Any]) -> None:
    """Check that each is a plain value or a search range. Raises SettingsError."""
    for name, item in value.items():
        if is_range(item):
            parse_range(f"{key}.{name}", item)
        else:
            _check_choice(f"{key}.{name}", item)


def release_text(value: Any) -> Any:
    """Return a release that a TOML file or ``--set`` gives as a number, 3.0, as the text that it is
    named by; anything else as it is.
    """
    return str(value) if isinstance(value, float) else value


def check_names(key: str, value: Any) -> None:
    """Check that a list holds different names. Raises SettingsError."""
    if len(set(value)) != len(value) or not all(str(name).strip() for name in value):
        raise SettingsError(f"{key} is {value!r}", "Give different names, such as ['11'].")


def check_points(key: str, value: Any) -> None:
    """Check that points are tables of plain values. Raises SettingsError."""
    for number, point in enumerate(value, start=1):
        for name, item in point.items():
            _check_choice(f"{name} in point {number} of {key}", item)


def _check_choice(key: str, value: Any) -> None:
    if not isinstance(value, (bool, int, float, str)):
        raise SettingsError(
            f"{key} cannot be {value!r}", "Give one number, text, true or false, or a search range."
        )


def check_front(key: str, value: Any) -> None:
    """Check the costs of a front: known ones, each once. Raises SettingsError."""
    for name in value:
        if name not in names(COSTS):
            raise SettingsError(
                f"{key} names '{name}', which is no cost",
                f"{did_you_mean(name, names(COSTS))} {example(key, [])}",
            )
    if len(set(value)) < len(value):
        raise SettingsError(f"{key} names a cost twice", "Name each once.")
