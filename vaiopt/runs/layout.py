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
from vaiopt.files import PathLike


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
