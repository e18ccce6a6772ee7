"""Everything the report shows, gathered once from the run folder.

Only this module reads the run; what draws and writes works on :class:`ReportData` and can be tried
with made-up values.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple, TypeVar

from vaiopt.data.data_sheet import DataSheet
from vaiopt.data.recipe import DataRecipe, data_held, read_recipe
from vaiopt.delivered import Delivered, delivered
from vaiopt.errors import RunError, VaioptError
from vaiopt.hardware.inspection import Inspection
from vaiopt.int8.positions import read_positions
from vaiopt.next_step import made_elsewhere
from vaiopt.reading import read_text
from vaiopt.record import read_optional, read_record
from vaiopt.report.examples import EXAMPLES
from vaiopt.report.on_targets import OnTarget, on_targets
from vaiopt.report.pictures import Picture
from vaiopt.report.samples import SamplePicture, sample_pictures
from vaiopt.report.weights import WeightTensor, read_weights, with_grid
from vaiopt.runs.commands import command_line, in_vendor_container
from vaiopt.runs.layout import Candidate, Run
from vaiopt.runs.lineage import (
    compiled_records,
    describe_stale,
    manifests,
    measurements,
    stale_parts,
)
from vaiopt.runs.records import (
    CandidateMetrics,
    Chosen,
    CompileRecord,
    Manifest,
    Measured,
    QuantizedMetrics,
)
from vaiopt.search.training.options import augment_amounts
from vaiopt.settings import Settings, read_run_settings
from vaiopt.study.alike import alike_text, cheaper_alike
from vaiopt.study.initial_weights import read_initial_weights
from vaiopt.study.objective import Objective
from vaiopt.study.ranking import best_first, front, fronts
from vaiopt.study.record import COMPLETE, TrialRecord
from vaiopt.study.space import Space
from vaiopt.study.space_file import read_space
from vaiopt.study.storage import open_study
from vaiopt.study.trials import records
from vaiopt.tasks import Evaluation, Task, task_of

DRAWN_TRIALS = 1000
"""Trials that are drawn one by one, at most, in a figure with several axes."""

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
        task: what the model does: sections of other tasks are left out.
        trials: in order of their number.
        minimise: whether a smaller objective is better.
        space: the search space; without dimensions if it is not known.
        choice: ``chosen.json``. chosen: ``metrics.json`` of the chosen candidate, data: its
            ``data.json``.
        float_test, int8_test: ``evaluation.json`` of the float and of the int8 model. quantized:
            ``quantized/metrics.json``.
        compiled, bundles, measured: ``compile.json``, ``manifest.json``, ``measured/*.json`` by
            target.
        weights: the chosen model's weight tensors, in order of the layers.
        inspection: of the chosen model on the target.
        examples: test samples that the task's section shows: misclassified ones with their images
            or values.
        sheet: what the data are. samples: pictures of some, for the section on the data.
        augmented: training samples before and after augmentation; empty where there is none.
        carried: what became of each chosen point of the front, the best first; empty for a single
            one.
        on_targets: each kept candidate on each target.
        elsewhere: whether quantize and compile run in the container, and this is not in it.
        alike: which cheaper trial cannot be told from the chosen one, in a line; empty without one.
        notes: what is left out and why, one line each.
    """

    name: str
    settings: Settings
    folder: str = "RUN"
    toml: str = ""
    environment: Dict[str, Any] = field(default_factory=dict)
    task: str = "classification"
    trials: Sequence[TrialRecord] = ()
    minimise: bool = False
    space: Space = field(default_factory=Space)
    choice: Optional[Chosen] = None
    chosen: Optional[CandidateMetrics] = None
    data: Optional[DataRecipe] = None
    float_test: Optional[Evaluation] = None
    int8_test: Optional[Evaluation] = None
    quantized: Optional[QuantizedMetrics] = None
    compiled: Dict[str, CompileRecord] = field(default_factory=dict)
    bundles: Dict[str, Manifest] = field(default_factory=dict)
    measured: Dict[str, Measured] = field(default_factory=dict)
    weights: Sequence[WeightTensor] = ()
    inspection: Optional[Inspection] = None
    examples: Sequence[Any] = ()
    sheet: Optional[DataSheet] = None
    samples: Sequence[SamplePicture] = ()
    augmented: Sequence[Picture] = ()
    carried: Tuple[Delivered, ...] = ()
    on_targets: Tuple[OnTarget, ...] = ()
    elsewhere: bool = False
    alike: str = ""
    notes: Tuple[str, ...] = ()

    @property
    def learned(self) -> Task:
        """What the model does."""
        return task_of(self.task)

    @property
    def metric(self) -> str:
        """The metric that the search maximised or minimised."""
        return Objective(self.settings.objective).metric

    @property
    def direction(self) -> str:
        """``maximize`` or ``minimize`` the objective."""
        return "minimize" if self.minimise else "maximize"

    @property
    def weighed(self) -> bool:
        """Whether the objective is a score that soft costs weigh in."""
        return bool(self.settings.objective.weights)

    @property
    def complete(self) -> List[TrialRecord]:
        """The trials that have an objective."""
        return [t for t in self.trials if t.status == COMPLETE and t.value is not None]

    @property
    def chosen_trial(self) -> Optional[TrialRecord]:
        """The chosen trial, if one was chosen."""
        return next((t for t in self.trials if t.number == self.chosen_number), None)

    @property
    def chosen_number(self) -> Optional[int]:
        """The number of the chosen trial, if one was chosen."""
        return None if self.choice is None else self.choice.trials[0]

    def loss(self, trial: TrialRecord) -> float:
        """Return the objective of a completed trial as a number of which less is better."""
        return float(trial.value or 0.0) * (1.0 if self.minimise else -1.0)

    def drawn(self, most: int = DRAWN_TRIALS) -> List[int]:
        """Return positions within :attr:`complete` of the trials to draw one by one: all, or the
        best quarter of ``most`` and some of the rest.
        """
        losses = [self.loss(t) for t in self.complete]
        if len(losses) <= most:
            return list(range(len(losses)))
        ranked = sorted(range(len(losses)), key=lambda i: (losses[i], i))
        best, others = ranked[: most // 4], sorted(ranked[most // 4 :])
        return sorted(best + evenly(others, most - len(best)))

    @property
    def objective(self) -> Objective:
        """The objective of the search."""
        return Objective(replace(self.settings.objective, direction=self.direction))

    def front(self, cost: str) -> List[int]:
        """Return the numbers of the trials on the Pareto front of the metric against a predicted
        cost, cheapest first.
        """
        return front(self.complete, self.objective, cost)

    def fronts(self) -> Dict[str, List[int]]:
        """Return the fronts of the search, as :func:`vaiopt.study.ranking.fronts` does."""
        return fronts(self.complete, self.objective)

    def score(self, trial: TrialRecord) -> Optional[float]:
        """Return the trial's metric: the searched one as measured, without the soft costs that its
        objective may contain.
        """
        return trial.metrics.get(self.metric, trial.value)

    @property
    def target(self) -> str:
        """The target's name, which for a target given as a file is what the file calls it."""
        found = self.inspection
        return self.settings.hardware.target if found is None else found.target.name

    def command(self, stage: str) -> str:
        """Return the command line of a stage on this run: in the container what runs only there."""
        if self.elsewhere and stage in ("quantize", "compile"):
            return in_vendor_container(self.folder, self.settings.hardware.release, first=stage)
        return command_line(stage, self.folder)


def gather_search(run: Run) -> ReportData:
    """Read what the search alone left: settings, trials, space and choice; a matter of
    milliseconds. Raises as :func:`gather`.
    """
    settings, environment = read_run_settings(run)
    study = open_study(run)
    space = read_space(run) if run.space.is_file() else None
    found = ReportData(
        elsewhere=made_elsewhere(settings),
        name=run.folder.resolve().name,
        folder=str(run.folder),
        settings=settings,
        toml=read_text(run.settings),
        environment=environment,
        trials=sorted(records(study), key=lambda t: t.number),
        minimise=study.directions[0].name == "MINIMIZE",
        space=Space() if space is None else space.space,
        sheet=None if space is None else space.sheet,
    )
    if not run.chosen_file.is_file():
        return found
    candidate, command = run.chosen, f"vaiopt choose {run.folder}"
    if not candidate.metrics.is_file():
        raise RunError(
            f"'{run.chosen_file}' chooses trial {candidate.number}, whose model was not kept",
            f"Choose another with: {command}",
        )
    chosen = read_record(candidate.metrics, CandidateMetrics, command)
    recipe, choice = read_recipe(candidate), run.read_chosen()
    found = replace(found, choice=choice, chosen=chosen, data=recipe, task=recipe.task)
    trial = found.chosen_trial
    other = None if trial is None else cheaper_alike(run, trial, found.trials, found.metric)
    return found if trial is None else replace(found, alike=alike_text(trial, other))


def gather(run: Run) -> ReportData:
    """Read everything that the report shows.

    Raises:
        RunError, SettingsError: the run's own files are unreadable or of another version. What is
            merely missing is left out, and what cannot be read outside the run (the data, the
            target) becomes a note.
    """
    found = gather_search(run)
    if found.choice is None:
        return found
    candidate, notes = run.chosen, []
    stale = stale_parts(candidate)
    if stale:
        notes.append(describe_stale(candidate, stale))
    quantize, int8 = candidate.command("quantize"), "quantized" not in stale
    quantized = read_optional(candidate.quantized_metrics, QuantizedMetrics, quantize)
    float_test = _evaluation(found, candidate, candidate.evaluation)
    int8_test = _evaluation(found, candidate, candidate.quantized_evaluation) if int8 else None

    def current(part: str, records: Dict[str, _T]) -> Dict[str, _T]:
        return {name: r for name, r in records.items() if f"{part}/{name}" not in stale}

    with data_held():  # both show samples of the same data
        examples = _examples(found.task, candidate, float_test, notes)
        samples = _samples(found, candidate, notes)
    inspection = _inspect(candidate, found.settings, notes)
    several = found.choice.trials if len(found.choice.trials) > 1 else ()
    target = replace(found, inspection=inspection).target
    ranked = [trial.number for trial in best_first(found.trials, found.direction)]
    best = list(dict.fromkeys([*found.choice.trials, *ranked]))
    return replace(
        found,
        float_test=float_test,
        int8_test=int8_test,
        quantized=quantized if int8 else None,
        compiled=current("compiled", compiled_records(candidate)),
        bundles=current("bundle", manifests(candidate)),
        measured=current("measured", measurements(candidate)),
        weights=_weights(candidate, int8),
        inspection=inspection,
        carried=delivered(run, several, target),
        on_targets=on_targets(run, best, found.settings.hardware, notes),
        examples=examples,
        samples=samples,
        augmented=_augmented(found.chosen_trial, candidate, notes),
        notes=tuple(notes),
    )


def _evaluation(data: ReportData, candidate: Candidate, path: Path) -> Optional[Evaluation]:
    """Return an evaluation if there is one. Raises :class:`RunError`: it is damaged, or of other
    classes than the data.
    """
    command = candidate.command("evaluate")
    found = read_optional(path, data.learned.evaluation, command)
    misfit = found.misfit(data.data.classes) if found is not None and data.data is not None else ""
    if misfit:
        raise RunError(
            f"'{path}': {misfit} than '{candidate.data}'",
            f"Make it again with: rm '{path}' && {command}",
        )
    return found


def _inspect(candidate: Candidate, settings: Settings, notes: List[str]) -> Optional[Inspection]:
    """Return the cost of every layer of the chosen model on the target."""
    if not candidate.model.is_file():
        return None
    from vaiopt.hardware import inspect_model, load_target

    hardware = settings.hardware
    try:
        target = load_target(hardware.target, hardware.release)
        return inspect_model(candidate.model, target, threads=hardware.threads)
    except VaioptError as error:
        notes.append(f"The layers' costs are left out: {error.message}.")
        return None


def _weights(candidate: Candidate, int8: bool) -> Sequence[WeightTensor]:
    """Return the chosen model's weights, with their int8 codes where it is quantized and ``int8``
    asks for them.
    """
    if not candidate.model.is_file():
        return ()
    path, before = candidate.initial_weights, None
    if path.is_file():
        before = read_initial_weights(path, candidate.command("choose"))
    weights = read_weights(candidate.model, before)
    path = candidate.fix_positions
    if not int8 or not path.is_file() or not candidate.quantized_model.is_file():
        return weights
    positions = read_positions(path, candidate.command("quantize"))
    return with_grid(weights, positions, read_weights(candidate.quantized_model))


def _samples(data: ReportData, candidate: Candidate, notes: List[str]) -> Sequence[SamplePicture]:
    """Return pictures of training samples, where the data are or have images and are told of; a
    note where they are not here any more.
    """
    if data.sheet is None:
        return ()
    shapes = [one.shape for one in data.sheet.inputs] or [data.sheet.shape]
    if not any(len(shape) == 3 for shape in shapes):
        return ()
    try:
        return sample_pictures(candidate)
    except VaioptError as error:
        notes.append(f"The data are shown without pictures: {error.message}.")
        return ()


def _augmented(
    trial: Optional[TrialRecord], candidate: Candidate, notes: List[str]
) -> Sequence[Picture]:
    """Return training samples before and after the augmentation of a trial; a note instead when
    they cannot be made here.
    """
    amounts = augment_amounts(trial.hyperparameters) if trial is not None else {}
    if not amounts:
        return ()
    from vaiopt.report.augmented import augmented_pictures  # which needs TensorFlow

    try:
        return augmented_pictures(candidate, amounts)
    except VaioptError as error:
        notes.append(f"Training samples are not shown: {error.message}.")
        return ()


def _examples(
    task: str, candidate: Candidate, evaluation: Optional[Evaluation], notes: List[str]
) -> Sequence[Any]:
    """Return the test samples that the task's section shows; a note instead when the data is not
    here any more.
    """
    read = EXAMPLES.get(task)
    if evaluation is None or read is None:
        return ()
    try:
        return read(candidate, evaluation)
    except VaioptError as error:
        notes.append(f"The misclassified samples are shown without their content: {error.message}.")
        return ()
