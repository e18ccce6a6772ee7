"""The run folder: the names and layout of every file, and how they are written.

A run is the folder of one search and of all that came of it. Stages may run on different machines,
so what passes between them is files; this module owns their names. Every file is written whole
under another name and renamed into place, every JSON file has a ``version``, and a folder that a
stage makes is built beside its place and swapped in.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Union

from vaiopt.errors import RunError

FORMAT_VERSION = 1
"""Version of every file in a run folder. Raised when a reader of the old format would misread the
new one.
"""
GOLDEN_ARRAYS = ("inputs", "outputs", "input_position", "output_position")
"""Arrays of ``golden.npz`` that the kit compares; the raw inputs beside them stay on the host."""

NPZ_ERRORS = (
    OSError,
    EOFError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    NotImplementedError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What numpy raises for an ``.npz`` file that is cut off, damaged or something else."""

PathLike = Union[str, "os.PathLike[str]"]


class Run:
    """Paths of one run folder. Making one touches no file; :func:`open_run` checks that it is
    one.
    """

    def __init__(self, folder: PathLike) -> None:
        self.folder = Path(folder)

    def __repr__(self) -> str:
        return f"Run({str(self.folder)!r})"

    def __fspath__(self) -> str:
        """Return the folder: a run may be given wherever a run folder is asked for."""
        return str(self.folder)

    @property
    def settings(self) -> Path:
        """``run.toml``: everything that was asked for, and the versions it ran with."""
        return self.folder / "run.toml"

    @property
    def journal(self) -> Path:
        """``study.journal``: Optuna's journal, the only truth about trials."""
        return self.folder / "study.journal"

    @property
    def space(self) -> Path:
        """``space.json``: the search space as traced from the model function."""
        return self.folder / "space.json"

    @property
    def tensorboard(self) -> Path:
        """``tensorboard/``: one folder of event files per trial."""
        return self.folder / "tensorboard"

    def trial(self, number: int) -> Path:
        """``trials/<number>/``: the model of a trial that is still a candidate, and the
        distribution of its initial weights.
        """
        return self.folder / "trials" / f"{number:04d}"

    @property
    def running(self) -> Path:
        """``running/``: what running trials tell; only there during a search."""
        return self.folder / "running"

    def progress(self, number: int) -> Path:
        """``running/<number>.json``: how far a running trial is."""
        return self.running / f"{number:04d}.json"

    @property
    def search_lock(self) -> Path:
        """``running/lock``: held by the search that is at work in this folder."""
        return self.running / "lock"

    @property
    def float_folder(self) -> Path:
        """``float/``: the chosen model."""
        return self.folder / "float"

    @property
    def float_model(self) -> Path:
        """``float/model.h5``: the chosen model (Keras 2, no optimizer)."""
        return self.float_folder / "model.h5"

    @property
    def initial_weights(self) -> Path:
        """``float/initial_weights.npz``: how the chosen model's weights were distributed before
        training.
        """
        return self.float_folder / "initial_weights.npz"

    @property
    def float_metrics(self) -> Path:
        """``float/metrics.json``: the chosen trial, its hyperparameters, metrics on validation data
        and costs.
        """
        return self.float_folder / "metrics.json"

    @property
    def data_spec(self) -> Path:
        """``float/data.json``: where the data came from, how it is split, its classes and its
        preprocessing.
        """
        return self.float_folder / "data.json"

    @property
    def float_evaluation(self) -> Path:
        """``float/evaluation.json``: the chosen model on the test split."""
        return self.float_folder / "evaluation.json"

    @property
    def quantized_folder(self) -> Path:
        """``quantized/``: the int8 model."""
        return self.folder / "quantized"

    @property
    def quantized_model(self) -> Path:
        """``quantized/quantized.h5``."""
        return self.quantized_folder / "quantized.h5"

    @property
    def fix_positions(self) -> Path:
        """``quantized/fix_positions.json``: a bare list of ``{layer, tensor, bits, position}``; see
        :func:`write_positions`.
        """
        return self.quantized_folder / "fix_positions.json"

    @property
    def quantized_metrics(self) -> Path:
        """``quantized/metrics.json``: float and int8 accuracy on validation data, calibration,
        seconds.
        """
        return self.quantized_folder / "metrics.json"

    @property
    def golden(self) -> Path:
        """``quantized/golden.npz``: a few int8 inputs and the int8 outputs to expect from the
        target.
        """
        return self.quantized_folder / "golden.npz"

    @property
    def quantized_evaluation(self) -> Path:
        """``quantized/evaluation.json``: the int8 model on the test split."""
        return self.quantized_folder / "evaluation.json"

    def compiled(self, target: str) -> Path:
        """``compiled/<target>/``: ``model.xmodel`` or ``model.tflite``, and ``compile.json``."""
        return self.folder / "compiled" / target

    def bundle(self, target: str) -> Path:
        """``bundle/<target>/``: what is copied to the kit."""
        return self.folder / "bundle" / target

    def measured(self, target: str) -> Path:
        """``measured/<target>.json``: what the kit reported."""
        return self.folder / "measured" / f"{target}.json"

    @property
    def report(self) -> Path:
        """``report.html``."""
        return self.folder / "report.html"


def open_run(folder: PathLike) -> Run:
    """Return the run in ``folder``.

    Raises:
        RunError: there is no such folder, or it is not a run.
    """
    run = Run(folder)
    if not run.folder.is_dir():
        raise RunError(
            f"there is no run folder '{run.folder}'",
            f"Make one with: vaiopt search SETTINGS.toml --run {run.folder}",
        )
    if not run.settings.is_file():
        raise RunError(
            f"'{run.folder}' is not a run: it has no run.toml",
            "Give the folder that 'vaiopt search' made (by default runs/NAME).",
        )
    return run


def require(path: Path, command: str) -> Path:
    """Return ``path`` if it exists.

    Raises:
        RunError: it does not; the hint names the ``command`` that makes it.
    """
    if not path.exists():
        raise RunError(f"'{path}' is missing", f"Make it first with: {command}")
    return path


@contextlib.contextmanager
def atomic_path(path: PathLike) -> Iterator[Path]:
    """Give a temporary name beside ``path`` to write to; rename it into place when the block ends
    well, delete it otherwise.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(
        prefix=f".{path.stem}.", suffix=path.suffix, dir=str(path.parent)
    )
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        os.chmod(str(temporary), 0o666 & ~_umask())
        os.replace(str(temporary), str(path))
    finally:
        if temporary.exists():
            temporary.unlink()


@contextlib.contextmanager
def atomic_folder(folder: PathLike) -> Iterator[Path]:
    """Give an empty temporary folder beside ``folder``; swap it into place when the block ends
    well, delete it otherwise.

    A folder that was there before is replaced as a whole, and only once the new one is complete.
    """
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=str(folder.parent)))
    try:
        yield temporary
        os.chmod(str(temporary), 0o777 & ~_umask())
        old = None
        if folder.exists():
            old = Path(tempfile.mkdtemp(prefix=f".old.{folder.name}.", dir=str(folder.parent)))
            os.replace(str(folder), str(old))
        try:
            os.replace(str(temporary), str(folder))
        except BaseException:
            if old is not None and not folder.exists():
                os.replace(str(old), str(folder))
            raise
        if old is not None:
            shutil.rmtree(str(old), ignore_errors=True)
    finally:
        if temporary.exists():
            shutil.rmtree(str(temporary), ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_text(path: PathLike, text: str) -> None:
    """Write a UTF-8 text file whole."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: PathLike, content: Dict[str, Any]) -> None:
    """Write a JSON object whole, with the format's ``version`` first. NaN and infinity are refused:
    JSON has neither.
    """
    text = json.dumps({"version": FORMAT_VERSION, **content}, indent=1, allow_nan=False)
    write_text(path, text + "\n")


def read_json(path: PathLike, command: str) -> Dict[str, Any]:
    """Read a JSON object that :func:`write_json` wrote.

    Args:
        path: the file.
        command: the command that makes it, for the hint.

    Raises:
        RunError: it is missing, not JSON, or of another version.
    """
    path = require(Path(path), command)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, UnicodeDecodeError) as error:
        raise RunError(
            f"'{path}' is not valid JSON ({error})", f"Make it again with: {command}"
        ) from error
    if not isinstance(content, dict):
        raise RunError(f"'{path}' does not hold a JSON object", f"Make it again with: {command}")
    check_version(content.get("version"), path, command)
    return content


def read_arrays(path: PathLike, names: Iterable[str], command: str) -> Dict[str, Any]:
    """Return arrays of an ``.npz`` file of a run by their names.

    Args:
        path: the file.
        names: of the arrays.
        command: the command that makes it, for the hint.

    Raises:
        RunError: it is missing or damaged, or lacks one of the arrays.
    """
    import numpy as np

    path = require(Path(path), command)
    try:
        with np.load(str(path), allow_pickle=False) as file:
            return {name: file[name] for name in names}
    except NPZ_ERRORS as error:
        raise RunError(
            f"'{path}' is damaged ({error})", f"Make it again with: {command}"
        ) from error


def write_positions(path: PathLike, positions: Iterable[Mapping[str, Any]]) -> None:
    """Write fix positions: a bare list of ``{layer, tensor, bits, position}``, the form in which
    other tools exchange them.

    It is the one JSON file without a ``version``; that of ``metrics.json`` beside it counts for
    both.
    """
    rows = [
        {key: entry[key] for key in ("layer", "tensor", "bits", "position")} for entry in positions
    ]
    write_text(path, json.dumps(rows, indent=1) + "\n")


def read_positions(path: PathLike, command: str) -> List[Dict[str, Any]]:
    """Read what :func:`write_positions` wrote.

    Raises:
        RunError: it is missing or something else; the hint names the ``command`` that makes it.
    """
    path = require(Path(path), command)
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        return [
            {
                "layer": str(r["layer"]),
                "tensor": str(r["tensor"]),
                "bits": int(r["bits"]),
                "position": int(r["position"]),
            }
            for r in rows
        ]
    except (ValueError, TypeError, KeyError) as error:
        raise RunError(
            f"'{path}' is no list of fix positions ({error})", f"Make it again with: {command}"
        ) from error


def check_version(version: object, path: PathLike, command: str) -> None:
    """Raise :class:`RunError` unless ``version`` is the one this vaiopt reads."""
    if version != FORMAT_VERSION:
        raise RunError(
            f"'{path}' has format version {version}, this vaiopt reads {FORMAT_VERSION}",
            f"Use the vaiopt that made the run, or make it again with: {command}",
        )
