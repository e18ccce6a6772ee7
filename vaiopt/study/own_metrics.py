"""Metrics of a person's own: ``objective.metrics = "file.py:function"``, of labels and outputs.

They are computed wherever vaiopt has a model's real outputs: on the validation part of each trial,
before and after quantization, and on the test part.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any, Callable, Dict, Mapping, Optional, Sequence, Tuple

import numpy as np

from vaiopt import user_code
from vaiopt.errors import SettingsError
from vaiopt.tasks.joined import plain_or_parts
from vaiopt.text import Progress

RETURNS = (
    "It takes the labels y (n, ...) and the real outputs (n, ...), of several outputs dictionaries"
    " of them, and returns a number, or numbers by name."
)
NAME = re.compile(r"[A-Za-z]\w{0,63}")
"""Of a metric."""

PREFIX = "val_"
"""Before the names of metrics on validation data."""


class OwnMetrics:
    """A person's function.

    Attributes:
        source: ``file.py:function``. path: of the file. function: its name there.
        names: of the metrics that it returned last.

    Raises:
        SettingsError: there is no such file or function, or the file fails when it is imported.
    """

    def __init__(self, source: str) -> None:
        self.source = source
        path, _, name = source.partition(":")
        self._name = self.function = name or "metrics"
        self.path = Path(path)
        user_code.check_python_file("objective.metrics", source)
        with user_code.running(self._failed):
            function = getattr(user_code.load_file(Path(path)), self._name, None)
        if not callable(function):
            raise SettingsError(f"'{path}' has no function '{self._name}'", f"Define it. {RETURNS}")
        self._function: Callable[[np.ndarray, np.ndarray], Any] = function
        self.names: Tuple[str, ...] = ()

    def __call__(self, y: np.ndarray, outputs: np.ndarray) -> Dict[str, float]:
        """Return the metrics by name: that of the function, or the names that it gives.

        Args:
            y: labels (n, ...), as the task keeps them; of several outputs the function gets them
                by their names.
            outputs: real outputs (n, ...) in the units of the labels; of a classifier
                probabilities; of several by their names.

        Raises:
            SettingsError: the function raised, or returned something else.
        """
        with user_code.running(self._failed, self._function):
            found = self._function(plain_or_parts(y.copy()), plain_or_parts(outputs.copy()))
        named = found if isinstance(found, Mapping) else {self._name: found}
        numbers = {self._checked(name): self._number(name, n) for name, n in named.items()}
        self.names = tuple(numbers)
        return numbers

    def validated(self, y: np.ndarray, outputs: np.ndarray) -> Dict[str, float]:
        """Return the same under the names of metrics on validation data."""
        return {f"{PREFIX}{name}": value for name, value in self(y, outputs).items()}

    def check_new(self, known: Sequence[str]) -> None:
        """Refuse a name, of those that were returned last, that another metric has.

        Args:
            known: names on validation data.

        Raises:
            SettingsError: it is among them.
        """
        for name in self.names:
            if f"{PREFIX}{name}" in known:
                raise SettingsError(
                    f"objective.metrics = '{self.source}' gave '{name}', which trials report"
                    " already",
                    "Give it another name.",
                )

    def _failed(self, what: str) -> SettingsError:
        return SettingsError(
            f"objective.metrics = '{self.source}' raised {what}", f"Mend it. {RETURNS}"
        )

    def _checked(self, name: Any) -> str:
        if isinstance(name, str) and NAME.fullmatch(name):
            return name
        told = repr(name)[:80]
        raise SettingsError(
            f"objective.metrics = '{self.source}' gave a metric of the name {told}",
            "Use a text of letters, digits and _, such as {'map50': 0.5}.",
        )

    def _number(self, name: Any, value: Any) -> float:
        array = np.asarray(value)
        if array.size == 1 and array.dtype.kind in "fiub":
            number = float(array.reshape(()))
            if not math.isinf(number):
                return number
        told = f"{number}" if array.size == 1 and array.dtype.kind in "fiub" else _kind(value)
        raise SettingsError(
            f"objective.metrics = '{self.source}' gave {told} for '{name}'", RETURNS
        )


def own_metrics(source: str) -> Optional[OwnMetrics]:
    """Return the metrics that a setting names; None for "". Raises as :class:`OwnMetrics`."""
    return OwnMetrics(source) if source else None


def metrics_at_hand(source: str, progress: Progress) -> Optional[OwnMetrics]:
    """Return the metrics that the settings of a run name; None, said aloud, where their file is
    not: a run may have come from another computer.
    """
    if source and not Path(source.partition(":")[0]).is_file():
        progress(f"note: objective.metrics = '{source}' is not here: its scores are left out")
        return None
    return own_metrics(source)


def _kind(value: Any) -> str:
    return "None" if value is None else f"a {type(value).__name__}"
