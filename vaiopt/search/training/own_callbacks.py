"""Keras callbacks of a person's own: ``train.callbacks = "file.py:function"``."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any, List, Sequence

from vaiopt import user_code
from vaiopt.errors import SettingsError
from vaiopt.keras import load_keras
from vaiopt.study.hyperparameters import HyperParameters

RETURNS = "Return a list of keras.callbacks.Callback."


def own_callbacks(source: str, hp: HyperParameters) -> Sequence[Any]:
    """Return the callbacks that a person's function gives, made anew for each training.

    Args:
        source: ``file.py:function``; "" for none. The function takes nothing, or ``hp``.
        hp: hyperparameters, which it may ask for more.

    Raises:
        SettingsError: there is no such file or function, it raised, or gives something else.
    """
    if not source:
        return ()
    keras = load_keras()
    path, _, name = source.partition(":")
    name = name or "callbacks"

    def failed(what: str) -> SettingsError:
        return SettingsError(f"train.callbacks = '{source}' raised {what}", f"Mend it. {RETURNS}")

    user_code.check_python_file("train.callbacks", source)
    with user_code.running(failed):
        function = getattr(user_code.load_file(Path(path)), name, None)
    if not callable(function):
        raise SettingsError(f"'{path}' has no function '{name}'", f"Define it. {RETURNS}")
    with user_code.running(failed, function):
        made = function(hp) if _takes_one(function) else function()
    found: List[Any] = list(made) if isinstance(made, (list, tuple)) else [made]
    if not all(isinstance(callback, keras.callbacks.Callback) for callback in found):
        kinds = ", ".join(sorted({type(callback).__name__ for callback in found}))
        raise SettingsError(f"train.callbacks = '{source}' gave {kinds}", RETURNS)
    return tuple(found)


def _takes_one(function: Any) -> bool:
    """Return whether a function takes an argument."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return False
    return any(p.kind is not p.VAR_KEYWORD for p in parameters)
