"""Arrays and functions that are passed in Python, kept in the run folder: ``inputs/``."""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Tuple

import numpy as np

from vaiopt import reading, user_code
from vaiopt.data import Dataset, load_dataset
from vaiopt.data.dataset import SAMPLES
from vaiopt.data.inputs import plain_or_by_input
from vaiopt.data.sources.function import RETURNS, dataset_returned
from vaiopt.errors import DataError, SettingsError, did_you_mean
from vaiopt.files import atomic_path, write_text
from vaiopt.runs.layout import Run
from vaiopt.runs.lineage import file_sha256
from vaiopt.settings import Settings, section_classes
from vaiopt.settings.schema import declarations
from vaiopt.tasks.joined import parts_of
from vaiopt.user_source import place_of, source_of

NAMES = {
    **{"x": "x", "y": "y", "test_x": "x_test", "test_y": "y_test"},
    **{"validation_x": "x_val", "validation_y": "y_val", "weights": "sample_weight"},
    **{"test_weights": "sample_weight_test", "validation_weights": "sample_weight_val"},
}
"""Fields of a dataset, and what their arrays are called in the file."""


@dataclass
class Passed:
    """Puts what is passed in Python into a run, and says so in its settings.

    Attributes:
        run: the run.
        settings: with ``data.source`` and ``model.family`` as they stand in the run.
        written: files that were written.
    """

    run: Run
    settings: Settings
    written: List[Path]

    def take_model(self, model: Any) -> None:
        """Take a model function or class, or what ``model.family`` may be. Raises ModelError."""
        if not isinstance(model, str):
            place = place_of(model)
            model = place or f"{self._file('model.py', source_of(model))}:{model.__qualname__}"
        self.settings = replace(self.settings, model=replace(self.settings.model, family=model))

    def take_data(self, data: Any) -> None:
        """Take arrays, a function that returns them (called once), or what ``data.source`` may be.

        Raises:
            DataError: they are no data.
        """
        source = data if isinstance(data, str) else str(self._arrays(_dataset(data)))
        self.settings = replace(self.settings, data=replace(self.settings.data, source=source))

    def _file(self, name: str, text: str) -> Path:
        """Write a text into a file that it alone has, and return its path."""
        path = self._free(name, hashlib.sha256(text.encode("utf-8")).hexdigest())
        if not path.exists():
            write_text(path, text)
            self.written.append(path)
        return path

    def _arrays(self, dataset: Dataset) -> Path:
        path = self._free("data.npz", dataset.sha256())
        if not path.exists():
            arrays = arrays_of(dataset)
            with atomic_path(path) as temporary:
                np.savez(str(temporary), **arrays)
            self.written.append(path)
        return path

    def _free(self, name: str, sha256: str) -> Path:
        """Return the path of a content: by its plain name if that is free or holds the same, else
        by its hash. What stands in a run is never replaced: earlier trials are of it.
        """
        folder = self.run.inputs.resolve()
        first = folder / name
        if not first.exists() or _content(first) == sha256:
            return first
        return folder / f"{first.stem}-{sha256[:8]}{first.suffix}"


def _content(path: Path) -> str:
    """Return the hash that what is passed has, of a file where it was put."""
    if path.suffix == ".npz":
        return load_dataset(str(path)).sha256()
    return file_sha256(path)


@contextlib.contextmanager
def passed_into(run: Run, settings: Settings) -> Iterator[Passed]:
    """Put what is passed in Python into a run while the block lasts.

    When it ends with an error before the run's settings name a file, the file is deleted.
    """
    passed = Passed(run, settings, [])
    try:
        yield passed
    except BaseException:
        known = reading.read_text(run.settings) if run.settings.is_file() else ""
        for path in passed.written:
            if str(path) not in known:
                path.unlink()
        for folder in (run.inputs, run.folder):
            with contextlib.suppress(OSError):  # something is in it
                folder.rmdir()
        raise


def _dataset(data: Any) -> Dataset:
    """Return a checked dataset of what was passed."""
    if callable(data) and not isinstance(data, Dataset):

        def failed(what: str) -> DataError:
            return DataError(f"the function that was passed as data raised {what}", RETURNS)

        with user_code.running(failed, data):
            data = data()
    return dataset_returned(data, "data")


def arrays_of(dataset: Dataset) -> Dict[str, Any]:
    """Return a dataset as arrays by the names that an ``.npz`` file has them."""
    found = {name: getattr(dataset, field) for field, name in NAMES.items()}
    for field in SAMPLES:
        found[NAMES[field]] = plain_or_by_input(found[NAMES[field]], dataset.inputs)
    arrays = {
        f"{name}_{end}" if end else name: part
        for name, array in found.items()
        if array is not None
        for end, part in _parts(array).items()
    }
    arrays.update(classes=np.asarray(dataset.classes), task=np.asarray(dataset.task))
    if dataset.value_range is not None:
        arrays["value_range"] = np.asarray(dataset.value_range)
    if dataset.feature_names:
        arrays["feature_names"] = np.asarray(dataset.feature_names)
    return arrays


def _parts(array: Any) -> Mapping[str, Any]:
    """Return an array by input or by output, with "" for one that is of neither."""
    return array if isinstance(array, dict) else parts_of(array) or {"": array}


def overrides_of(given: Dict[str, Any]) -> Dict[str, Any]:
    """Return keyword arguments such as ``trials=20`` as ``{"search.trials": 20}``.

    Raises:
        SettingsError: no setting has such a name, or several have.
    """
    by_name: Dict[str, Tuple[str, ...]] = {name: (name,) for name in declarations(Settings)}
    for section, cls in section_classes().items():
        for name in declarations(cls):
            by_name[name] = (*by_name.get(name, ()), f"{section}.{name}")
    found = {}
    for name, value in given.items():
        keys = by_name.get(name, ())
        if len(keys) != 1:
            some = f"is one of {', '.join(keys)}" if keys else "is no setting"
            hint = "Give it in settings={'section.key': value}." if keys else ""
            raise SettingsError(f"'{name}' {some}", hint or did_you_mean(name, by_name))
        found[keys[0]] = value
    return found
