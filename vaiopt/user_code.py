"""A person's own Python file, loaded as Python itself would, and what goes wrong in it."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import sys
import traceback
from pathlib import Path
from typing import Any

from vaiopt.errors import ModelError, VaioptError
from vaiopt.keras import load_keras


def _load_module(path: Path) -> Any:
    """Import a model file of the user's, under a name of its own.

    Raises:
        ModelError: it is missing, or raises when it is imported; the message gives its last line of
            traceback.
    """
    if not path.is_file():
        raise ModelError(
            f"there is no model file '{path}'",
            "Paths are looked up beside the settings file, then here.",
        )
    # A user's file imports tensorflow by itself; Keras must be settled before that.
    load_keras()
    name = f"vaiopt_user_{path.stem}"
    specification = importlib.util.spec_from_file_location(name, str(path))
    if specification is None or specification.loader is None:
        raise ModelError(f"'{path}' cannot be imported", "Give a Python file.")
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    try:
        with contextlib.redirect_stdout(sys.stderr):  # stdout belongs to the command's result
            specification.loader.exec_module(module)
    except VaioptError:
        raise
    except (
        Exception,
        SystemExit,
    ) as error:  # a user's code: anything may happen in it, and all of it is theirs to mend
        raise ModelError(
            f"'{path}' fails when it is imported: {describe(error)}", f"Run it alone: python {path}"
        ) from error
    return module


def _class_name(value: Any) -> str:
    return (
        "None"
        if value is None
        else "{}.{}".format(type(value).__module__.split(".")[0], type(value).__name__)
    )


def describe(error: BaseException) -> str:
    """Return one line that says what was raised, and in which line of whose file."""
    text = str(error).strip().splitlines()
    ours = str(Path(__file__).parent)
    frames = [
        f
        for f in traceback.extract_tb(error.__traceback__)
        if "site-packages" not in f.filename and not f.filename.startswith(ours)
    ]
    place = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return "{}: {}{}".format(type(error).__name__, text[0][:200] if text else "no message", place)
