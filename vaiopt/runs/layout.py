"""The run folder: the name and place of every file.

A run is the folder of one search and of all that came of it. Stages may run on different machines,
so what passes between them is files; this module owns their names. Every file is written whole
under another name and renamed into place, every JSON file is a record with a ``version``, and a
folder that a stage makes is built beside its place and swapped in.

What is made of a trial's model stays under the trial: a :class:`Candidate`. Which candidate is
chosen is a pointer, ``chosen.json``; ``chosen``, ``float``, ``quantized``, ``compiled``, ``bundle``
and ``measured`` at the top are links for people, which vaiopt itself does not read.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any, List

from vaiopt.errors import RunError
from vaiopt.files import PathLike, looked_for
from vaiopt.record import read_record
from vaiopt.runs.commands import command_line
from vaiopt.runs.leftovers import clean
from vaiopt.runs.records import Chosen

MODEL_CARD = "MODEL_CARD.md"
"""In a bundle: what its model is, for people."""


class Candidate:
    """Paths of one trial's model and of all that was made of it: ``trials/<number>/``.

    Attributes:
        run: that the trial belongs to.
        number: of the trial.
        folder: of the candidate.
        model: ``model.h5``: the trained model (Keras 2, no optimizer).
        initial_weights: ``initial_weights.npz``: how its weights were distributed before training.
        metrics: ``metrics.json``: hyperparameters, metrics on validation data and costs.
        data: ``data.json``: where the data came from, how it is split, and its preprocessing.
        evaluation: ``evaluation.json``: the model on the test split.
        quantized_folder: ``quantized/``: the int8 model, in the files below.
        quantized_model: ``quantized.h5``.
        fix_positions: ``fix_positions.json``: see :mod:`vaiopt.int8.positions`.
        quantized_metrics: ``metrics.json``: scores of the float and the int8 model, calibration.
        golden: ``golden.npz``: a few int8 inputs, and the int8 outputs to expect from the target.
        quantized_evaluation: ``evaluation.json``: the int8 model on the test split.
    """

    def __init__(self, run: "Run", number: int) -> None:
        self.run = run
        self.number = number
        self.folder = run.trials / f"{number:04d}"
        self.model = self.folder / "model.h5"
        self.initial_weights = self.folder / "initial_weights.npz"
        self.metrics = self.folder / "metrics.json"
        self.data = self.folder / "data.json"
        self.evaluation = self.folder / "evaluation.json"
        self.quantized_folder = self.folder / "quantized"
        self.quantized_model = self.quantized_folder / "quantized.h5"
        self.fix_positions = self.quantized_folder / "fix_positions.json"
        self.quantized_metrics = self.quantized_folder / "metrics.json"
        self.golden = self.quantized_folder / "golden.npz"
        self.quantized_evaluation = self.quantized_folder / "evaluation.json"

    def __repr__(self) -> str:
        return f"Candidate({str(self.folder)!r})"

    def compiled(self, target: str) -> Path:
        """``compiled/<target>/``: ``model.xmodel`` or ``model.tflite``, and ``compile.json``."""
        return self.folder / "compiled" / target

    def bundle(self, target: str) -> Path:
        """``bundle/<target>/``: what is copied to the kit."""
        return self.folder / "bundle" / target

    def measured(self, kit: str) -> Path:
        """``measured/<kit>.json``: what the kit reported."""
        return self.folder / "measured" / f"{kit}.json"

    def kept_model(self) -> Path:
        """Return the path of its model.

        Raises:
            RunError: the model is not there.
        """
        if not self.model.is_file():
            raise RunError(
                f"'{self.model}' is missing",
                f"Choose a trial whose model is kept: {self.command('choose')}",
            )
        return self.model

    def command(self, stage: str) -> str:
        """Return the command line of a stage on this candidate's run."""
        return command_line(stage, self.run.folder)


class Run:
    """Paths of one run folder. Making one touches no file; :func:`open_run` checks that it is one.

    Attributes:
        folder: of the run.
        settings: ``run.toml``: everything that was asked for, and the versions it ran with.
        journal: ``study.journal``: Optuna's journal, the only truth about trials.
        space: ``space.json``: the search space as traced from the model function.
        start: ``start.json``: what the search knew before its first trial, if it was given any.
        survey: ``survey.json``: what points cost, asked before the first trial of a search with
            limits or for a front.
        inputs: ``inputs/``: arrays and functions that were passed in Python.
        trials: ``trials/``: one folder per trial that is a candidate.
        chosen_file: ``chosen.json``: which candidates are chosen, and why.
        tensorboard: ``tensorboard/``: one folder of event files per trial.
        running: ``running/``: what running trials tell; only there during a search.
        search_lock: ``running/lock``: held by the search that is at work in this folder.
        report: ``report.html``.
        tracked: ``tracked.json``: which trials are kept elsewhere, too, as ``track.to`` asks.
    """

    def __init__(self, folder: PathLike) -> None:
        self.folder = Path(folder)
        self.settings = self.folder / "run.toml"
        self.journal = self.folder / "study.journal"
        self.space = self.folder / "space.json"
        self.start = self.folder / "start.json"
        self.survey = self.folder / "survey.json"
        self.inputs = self.folder / "inputs"
        self.trials = self.folder / "trials"
        self.chosen_file = self.folder / "chosen.json"
        self.tensorboard = self.folder / "tensorboard"
        self.running = self.folder / "running"
        self.search_lock = self.running / "lock"
        self.report = self.folder / "report.html"
        self.tracked = self.folder / "tracked.json"

    def __repr__(self) -> str:
        return f"Run({str(self.folder)!r})"

    def __fspath__(self) -> str:
        """Return the folder: a run may be given wherever a run folder is asked for."""
        return str(self.folder)

    def trial(self, number: int) -> Candidate:
        """Return what was made of a trial."""
        return Candidate(self, number)

    def candidates(self) -> List[Candidate]:
        """Return the candidates whose models are kept, by number."""
        names = (path.parent.name for path in self.trials.glob("[0-9]*/model.h5"))
        return [self.trial(number) for number in sorted(int(n) for n in names if n.isdecimal())]

    def progress(self, number: int) -> Path:
        """``running/<number>.json``: how far a running trial is."""
        return self.running / f"{number:04d}.json"

    def read_chosen(self) -> Chosen:
        """Return which candidates are chosen.

        Raises:
            RunError: none is yet, or ``chosen.json`` is damaged.
        """
        if not self.chosen_file.is_file():
            raise RunError(
                f"no trial of '{self.folder}' is chosen yet",
                f"Choose the best so far with: vaiopt choose {self.folder} (after a search: vaiopt"
                f" search --run {self.folder})",
            )
        return read_record(self.chosen_file, Chosen, f"vaiopt choose {self.folder}")

    @property
    def chosen(self) -> Candidate:
        """The candidate that is chosen, the best if there are several. Raises as
        :meth:`read_chosen`.
        """
        return self.trial(self.read_chosen().trials[0])

    def __getattr__(self, name: str) -> Any:
        """Return what was an attribute of the run before 0.2: a file of the chosen candidate."""
        if name not in _MOVED:
            raise AttributeError(f"a run has no attribute '{name}'")
        warnings.warn(f"run.{name} is now run.chosen.{_MOVED[name]}", DeprecationWarning, 2)
        return getattr(self.chosen, _MOVED[name])


_MOVED = {
    "float_folder": "folder",
    "float_model": "model",
    "float_metrics": "metrics",
    "float_evaluation": "evaluation",
    "initial_weights": "initial_weights",
    "data_spec": "data",
    "quantized_folder": "quantized_folder",
    "quantized_model": "quantized_model",
    "fix_positions": "fix_positions",
    "quantized_metrics": "quantized_metrics",
    "golden": "golden",
    "quantized_evaluation": "quantized_evaluation",
    "compiled": "compiled",
    "bundle": "bundle",
    "measured": "measured",
}


def open_run(folder: PathLike) -> Run:
    """Return the run in ``folder``, without what commands that were killed left there.

    Raises:
        RunError: there is no such folder, or it is not a run.
    """
    run = Run(folder)
    if run.folder.is_file():
        raise RunError(
            f"'{run.folder}' is a file, not a run",
            "Give the folder that 'vaiopt search' made (by default runs/NAME).",
        )
    if not run.folder.is_dir():
        raise RunError(
            f"there is no run folder '{run.folder}'",
            f"{looked_for(run.folder)} Make one with: vaiopt search SETTINGS.toml --run"
            f" {run.folder}",
        )
    if (run.folder / "saved_model.pb").is_file():
        raise RunError(
            f"'{run.folder}' is a SavedModel of TensorFlow, not a run; models are read from .h5",
            "Write it as .h5 with Keras 2: load_model(folder).save('model.h5')",
        )
    if not run.settings.is_file():
        raise RunError(
            f"'{run.folder}' is not a run: it has no run.toml",
            f"{_runs_near(run.folder)} Give the folder that 'vaiopt search' made (by default"
            " runs/NAME).",
        )
    check_layout(run)
    clean(run.folder, run.search_lock)
    return run


def _runs_near(folder: Path) -> str:
    """Return a question for the run that a folder is within, or for the first that it holds;
    nothing where there is none.
    """
    parents = Path(os.path.abspath(str(folder))).parents
    above = [path for path in parents if Run(path).settings.is_file()]
    found = [Path(os.path.relpath(str(path))) for path in above[:1]] or run_folders(folder)[:3]
    meant = " or ".join(f"'{path}'" for path in found)
    return f"Did you mean {meant}?" if meant else ""


def run_folders(folder: PathLike, depth: int = 3) -> List[Path]:
    """Return the folders that are runs, sorted: this one, or those below it, at most so many deep;
    within a run there is none. A folder that cannot be read is left out.
    """
    here = Path(folder)
    if (here / "run.toml").is_file():
        return [here]
    try:
        inside = sorted(entry.name for entry in os.scandir(str(here)) if entry.is_dir())
    except OSError:
        return []
    below = [here / name for name in inside if not name.startswith(".")]
    return [run for path in below for run in run_folders(path, depth - 1)] if depth else []


def check_layout(run: Run) -> None:
    """Raise :class:`RunError` for a run of vaiopt 0.1, which kept the chosen model in ``float/``:
    making links there would delete it.
    """
    model = run.folder / "float" / "model.h5"
    if model.is_file() and not model.is_symlink() and not run.chosen_file.exists():
        raise RunError(
            f"'{run.folder}' was made by vaiopt 0.1, whose runs had another layout",
            "Search again into a new folder: --run runs/NAME; or use the vaiopt that made it.",
        )
