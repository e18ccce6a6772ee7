"""Everything the report shows, gathered once from the run folder into plain values.

Only this module reads the run; what draws and writes works on :class:`ReportData` and can be tried
with made-up values.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple, TypeVar

from vaiopt.errors import VaioptError
from vaiopt.files import read_json
from vaiopt.int8.positions import read_positions
from vaiopt.report.examples import Example, read_examples
from vaiopt.report.weights import WeightTensor, read_weights, with_grid
from vaiopt.runs.layout import Run
from vaiopt.runs.lineage import describe_stale, stale_parts
from vaiopt.settings import Settings, read_run_settings
from vaiopt.study.initial_weights import read_initial_weights
from vaiopt.study.record import TrialRecord
from vaiopt.study.space import Space
from vaiopt.study.storage import open_study, quiet_optuna
from vaiopt.study.trials import load_trials

MAX_DRAWN = 1000
"""Trials that are drawn one by one in a figure with several axes."""

_T = TypeVar("_T")


def evenly(items: Sequence[_T], most: int) -> List[_T]:
    """Return at most ``most`` of the items, evenly spaced."""
    if len(items) <= most:
        return list(items)
    return [items[i * len(items) // most] for i in range(most)]


@dataclass(frozen=True)
class ReportData:
    """What the report is made of. A part that the run does not have yet is ``None`` or empty.

    Attributes:
        name: the folder's name. folder: the run folder as it stands in the commands shown.
        settings, toml, environment: ``run.toml`` as settings, as text, and its table ``[run]``.
        trials: records of :mod:`vaiopt.study`, in order of their number.
        minimise: whether a smaller objective is better.
        space: ``space.json``'s dimensions by name.
        chosen: ``float/metrics.json``. data: ``float/data.json``.
        float_test, int8_test: ``evaluation.json`` of the float and of the int8 model. quantized:
            ``quantized/metrics.json``.
        compiled, bundles, measured: ``compile.json``, ``manifest.json``, ``measured/*.json`` by
            target.
        weights: the chosen model's weight tensors, in order of the layers.
        inspection: what :func:`vaiopt.hardware.inspect_model` says of the chosen model on the
            target.
        examples: misclassified test samples with their images or values.
        notes: what is left out and why, one line each.
    """

    name: str
    settings: Settings
    folder: str = "RUN"
    toml: str = ""
    environment: Dict[str, Any] = field(default_factory=dict)
    trials: Sequence[TrialRecord] = ()
    minimise: bool = False
    space: Dict[str, Dict[str, Any]] = field(default_factory=dict)
    chosen: Optional[Dict[str, Any]] = None
    data: Optional[Dict[str, Any]] = None
    float_test: Optional[Dict[str, Any]] = None
    int8_test: Optional[Dict[str, Any]] = None
    quantized: Optional[Dict[str, Any]] = None
    compiled: Dict[str, Dict[str, Any]] = field(default_factory=dict)
    bundles: Dict[str, Dict[str, Any]] = field(default_factory=dict)
    measured: Dict[str, Dict[str, Any]] = field(default_factory=dict)
    weights: Sequence[WeightTensor] = ()
    inspection: Optional[Dict[str, Any]] = None
    examples: Sequence[Example] = ()
    notes: Tuple[str, ...] = ()

    @property
    def metric(self) -> str:
        """The metric that the search maximised or minimised."""
        return str(self.settings.objective.metric)

    @property
    def direction(self) -> str:
        """``maximize`` or ``minimize`` the objective."""
        return "minimize" if self.minimise else "maximize"

    @property
    def search_space(self) -> Space:
        """The search space; without dimensions if it is not known."""
        return Space.from_json({"dimensions": list(self.space.values())})

    @property
    def complete(self) -> List[TrialRecord]:
        """The trials that have an objective."""
        return [t for t in self.trials if t.status == "complete" and t.value is not None]

    @property
    def chosen_number(self) -> Optional[int]:
        """The number of the chosen trial, if one was chosen."""
        return (
            int(self.chosen["trial"])
            if self.chosen and self.chosen.get("trial") is not None
            else None
        )

    def drawn(self, most: int = MAX_DRAWN) -> List[int]:
        """Return positions within :attr:`complete` of the trials to draw one by one: all, or the
        best quarter of ``most`` and some of the rest.
        """
        values = [float(t.value or 0.0) * (1.0 if self.minimise else -1.0) for t in self.complete]
        if len(values) <= most:
            return list(range(len(values)))
        ranked = sorted(range(len(values)), key=lambda i: (values[i], i))
        best, others = ranked[: most // 4], sorted(ranked[most // 4 :])
        return sorted(best + evenly(others, most - len(best)))

    def score(self, trial: TrialRecord) -> Optional[float]:
        """Return the trial's metric: the searched one as measured, without the soft costs that its
        objective may contain.
        """
        value = trial.metrics.get(self.metric, trial.value)
        return None if value is None else float(value)

    @property
    def target(self) -> str:
        """The target's name, which for a target given as a file is what the file calls it."""
        return str((self.inspection or {}).get("target") or self.settings.hardware.target)

    def command(self, stage: str) -> str:
        """Return the command line of a stage on this run."""
        return f"vaiopt {stage} {self.folder}"


def gather(run: Run) -> ReportData:
    """Read everything that the report shows.

    Raises:
        RunError, SettingsError: the run's own files are unreadable or of another version. What is
            merely missing is left out, and what cannot be read outside the run (the data, the
            target) becomes a note.
    """
    found = gather_search(run)
    notes: List[str] = []
    stale = stale_parts(run)
    if stale:
        notes.append(describe_stale(run, stale))
    int8 = "quantized" not in stale
    float_test = _optional(run.float_evaluation, "evaluate", run)
    return replace(
        found,
        float_test=float_test,
        int8_test=_optional(run.quantized_evaluation, "evaluate", run) if int8 else None,
        quantized=_optional(run.quantized_metrics, "quantize", run) if int8 else None,
        compiled=_by_target(run, "compiled", "*/compile.json", stale),
        bundles=_by_target(run, "bundle", "*/manifest.json", stale),
        measured=_by_target(run, "measured", "*.json", stale),
        weights=_weights(run, int8),
        inspection=_inspect(run, found.settings, notes),
        examples=_examples(run, float_test, notes),
        notes=tuple(notes),
    )


def gather_search(run: Run) -> ReportData:
    """Read what the search alone left: settings, trials, space and choice; a matter of
    milliseconds. Raises as :func:`gather`.
    """
    settings, environment = read_run_settings(run)
    return ReportData(
        name=run.folder.resolve().name,
        folder=str(run.folder),
        settings=settings,
        toml=run.settings.read_text(encoding="utf-8"),
        environment=environment,
        trials=sorted(load_trials(run), key=lambda t: t.number),
        minimise=_minimises(run),
        space={
            str(d["name"]): d
            for d in (
                (_optional(run.space, "search", run) or {}).get("space", {}).get("dimensions", [])
            )
        },
        chosen=_optional(run.float_metrics, "search", run),
        data=_optional(run.data_spec, "search", run),
    )


def _minimises(run: Run) -> bool:
    """Return the direction of the run's study."""
    return bool(open_study(run).direction == quiet_optuna().study.StudyDirection.MINIMIZE)


def _optional(path: Path, stage: str, run: Run) -> Optional[Dict[str, Any]]:
    return read_json(path, f"vaiopt {stage} {run.folder}") if path.is_file() else None


def _by_target(
    run: Run, part: str, pattern: str, stale: Sequence[str]
) -> Dict[str, Dict[str, Any]]:
    """Return the JSON files of a stage by target (the folder's name, or the file's when the pattern
    has no folder), without stale ones.
    """
    found: Dict[str, Dict[str, Any]] = {}
    folder, stage = (
        run.folder / part,
        {"compiled": "compile", "measured": "measure"}.get(part, part),
    )
    for path in sorted(folder.glob(pattern)) if folder.is_dir() else []:
        target = path.parent.name if "/" in pattern else path.stem
        hidden = any(name.startswith(".") for name in path.relative_to(folder).parts)
        if not hidden and f"{part}/{target}" not in stale:
            found[target] = read_json(path, f"vaiopt {stage} {run.folder} --target {target}")
    return found


def _inspect(run: Run, settings: Settings, notes: List[str]) -> Optional[Dict[str, Any]]:
    """Return the cost of every layer of the chosen model on the target."""
    if not run.float_model.is_file():
        return None
    from vaiopt.hardware import inspect_model, load_target

    try:
        target = load_target(settings.hardware.target, settings.hardware.release)
        content: Dict[str, Any] = inspect_model(
            run.float_model, target, threads=settings.hardware.threads
        ).to_json()
    except VaioptError as error:
        notes.append(f"The layers' costs are left out: {error.message}.")
        return None
    return content


def _weights(run: Run, int8: bool) -> Sequence[WeightTensor]:
    """Return the chosen model's weights, with their int8 codes where it is quantized and ``int8``
    asks for them.
    """
    if not run.float_model.is_file():
        return ()
    kept = run.initial_weights.is_file()
    before = (
        read_initial_weights(run.initial_weights, f"vaiopt choose {run.folder}") if kept else None
    )
    weights = read_weights(run.float_model, before)
    if not int8 or not run.fix_positions.is_file() or not run.quantized_model.is_file():
        return weights
    positions = read_positions(run.fix_positions, f"vaiopt quantize {run.folder}")
    return with_grid(weights, positions, read_weights(run.quantized_model))


def _examples(
    run: Run, evaluation: Optional[Dict[str, Any]], notes: List[str]
) -> Sequence[Example]:
    """Return the misclassified samples with their content; a note instead when the data is not here
    any more.
    """
    if not evaluation or not evaluation.get("misclassified"):
        return ()
    try:
        return read_examples(run, evaluation["misclassified"])
    except VaioptError as error:
        notes.append(f"The misclassified samples are shown without their content: {error.message}.")
        return ()
