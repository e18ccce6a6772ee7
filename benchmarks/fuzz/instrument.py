"""Imports what reads files: the scripts of the kit, and all of vaiopt so that atheris sees what an
input reaches. Nothing of vaiopt may be imported before that.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from pathlib import Path
from typing import Any

BOARD = Path(__file__).resolve().parent.parent.parent / "board"

KIT = ("kit_errors", "kit_bundle", "kit_dpu", "kit_numbers", "kit_board", "kit_tflite")
"""What runs on the kit and reads a file."""


def on_kit(name: str) -> Any:
    """Import one of the scripts that run on a kit, which have nothing of vaiopt."""
    if str(BOARD) not in sys.path:
        sys.path.append(str(BOARD))
    return importlib.import_module(name)


def import_watched() -> None:
    """Import what the readers import in their functions, under the eyes of atheris."""
    import atheris  # type: ignore[import-untyped]

    with atheris.instrument_imports(include=["vaiopt", *KIT]):
        import vaiopt

        for module in pkgutil.walk_packages(vaiopt.__path__, "vaiopt."):
            if module.name.split(".")[1] not in ("cli", "__main__"):
                importlib.import_module(module.name)
        for name in KIT:
            on_kit(name)
