"""What the provocations share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable, Dict, NamedTuple

import numpy as np
import pytest

from tests.search.quick import SETTINGS
from vaiopt.keras import load_keras
from vaiopt.search.training.describe import describe_search
from vaiopt.settings import Settings, override


class Said(NamedTuple):
    """What a script or a trial said in the place of an error that is raised."""

    message: str
    hint: str


class Bench(NamedTuple):
    """Where something is provoked: a folder of its own, which is the current one."""

    folder: Path
    patch: pytest.MonkeyPatch

    def file(self, name: str, text: str) -> Path:
        """Write a text file."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def arrays(self, name: str = "data.npz", **arrays: Any) -> Path:
        """Write an ``.npz`` file."""
        np.savez(str(self.folder / name), **arrays)
        return self.folder / name

    def hidden(self, *modules: str) -> None:
        """Let modules be missing."""
        for name in modules:
            self.patch.setitem(__import__("sys").modules, name, None)


Provocation = Callable[[Bench], Any]
Provocations = Dict[str, Provocation]


def quick(*overrides: str) -> Settings:
    """Settings of a search of seconds."""
    return override(SETTINGS, list(overrides))


def describe(*overrides: str) -> Any:
    """Prepare a search, up to its first trial."""
    return describe_search(quick(*overrides))


def family(bench: Bench, text: str) -> str:
    """Write a model file; return the setting that names it."""
    return f"model.family={json.dumps(str(bench.file('mine.py', text)))}"


def classifier(*layers: Any, shape: Any = (8, 8, 1)) -> Any:
    """A small model of two classes, with some layers at its beginning."""
    keras = load_keras()
    rest = [keras.layers.Flatten(), keras.layers.Dense(2, activation="softmax")]
    return keras.Sequential([keras.layers.InputLayer(input_shape=shape), *layers, *rest])


def samples(count: int = 20, scale: float = 1.0) -> Any:
    """Preprocessed samples for :func:`classifier`."""
    shape = (count, 8, 8, 1)
    return np.random.RandomState(0).uniform(-scale, scale, shape).astype(np.float32)
