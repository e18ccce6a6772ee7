"""The steps as data: what each is called, needs and does; any of them first or last. The only place
that composes stages.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Sequence, Tuple

from vaiopt.data import data_held, read_recipe
from vaiopt.errors import SettingsError, did_you_mean
from vaiopt.files import PathLike
from vaiopt.next_step import off_board_lines
from vaiopt.runs.layout import Candidate, Run, open_run
from vaiopt.settings import Overrides, Settings, load_settings, override, settings_from_run
from vaiopt.settings.of_run import open_with as open_with
from vaiopt.settings.reads import check_read
from vaiopt.signals import raised
from vaiopt.study.record import TrialRecord
from vaiopt.summary import Summary as Summary
from vaiopt.summary import summarise as summarise
from vaiopt.text import Progress, silent

if TYPE_CHECKING:
    from vaiopt.carry import Convoy
    from vaiopt.compile import CompileResult
    from vaiopt.data.data_sheet import DataSheet
    from vaiopt.deploy import BundleResult, MeasureResult
    from vaiopt.evaluate import Evaluations
    from vaiopt.hardware import Inspection
    from vaiopt.quantize import QuantizeResult
    from vaiopt.report import ReportResult
    from vaiopt.search import SearchResult
    from vaiopt.tasks import Evaluation


@dataclass(frozen=True)
class Context:
    """What the steps of one flow share.

    Attributes:
        run: the run.
        settings: of it.
        progress: told one line at a time.
        on_trial: told each trial of the search as it ends.
        steps: names of all steps.
    """

    run: Run
    settings: Settings
    progress: Progress = silent
    on_trial: Optional[Callable[[TrialRecord], None]] = None
    steps: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Step:
    """One step of the flow. Each reads what those before it left in the run folder.

    Attributes:
        name: of the step.
        doc: what it does, in words.
        do: does it.
        check: raises what is known beforehand to stop it, so that no search comes before.
    """

    name: str
    doc: str
    do: Callable[[Context], Any]
    check: Callable[[Settings, Run], None] = lambda settings, run: None


def steps_between(first: Optional[str], last: Optional[str]) -> List[Step]:
    """Return the steps from ``first`` to ``last``, both included; None means from the start, or to
    the end.

    Raises:
        SettingsError: there is no such step, or the last comes before the first.
    """
    for step in (first, last):
        if step is not None and step not in STEPS:
            raise SettingsError(f"there is no step '{step}'", did_you_mean(step, STEPS))
    start = STEPS.index(first) if first else 0
    end = STEPS.index(last) if last else len(STEPS) - 1
    if end < start:
        raise SettingsError(
            f"step '{last}' comes before '{first}'", f"The order is: {', '.join(STEPS)}."
        )
    return list(FLOW[start : end + 1])


def run_flow(
    settings: Settings,
    folder: PathLike,
    *,
    first: Optional[str] = None,
    last: Optional[str] = None,
    front: int = 1,
    progress: Progress = silent,
    on_trial: Optional[Callable[[TrialRecord], None]] = None,
) -> Summary:
    """Run the steps from ``first`` to ``last`` on a run folder.

    Args:
        settings: of the run. When the search is not among the steps, the run's own settings count,
            with these for the later stages.
        folder: the run's.
        first, last: steps; None for all.
        front: how many points of the front, spread over it, are chosen and go through the steps
            after the search together; 1: the chosen one alone. What a step refuses is left out,
            the others go on (``front`` of the summary says which and why).
        progress: told one line at a time.
        on_trial: told each trial of the search as it ends.

    Raises:
        VaioptError: as the steps do; of several candidates, if it failed for all of them.
    """
    steps = steps_between(first, last)
    _check_front(front)
    run = Run(folder) if steps[0].name == "search" else open_run(folder)
    context = Context(run, settings, progress, on_trial, tuple(step.name for step in steps))
    seconds: Dict[str, float] = {}
    for step in steps:
        step.check(settings, run)
    convoy = _convoy(context, front) if front > 1 else None
    with data_held(), raised() as check:
        for step in steps:
            check()
            progress(f"[{STEPS.index(step.name) + 1}/{len(STEPS)}] {step.name}")
            started = time.perf_counter()
            if convoy is None or not convoy.takes(step.name):
                step.do(context)
            else:
                convoy.do(step.name, check)
            seconds[step.name] = time.perf_counter() - started
        if convoy is not None:
            convoy.gather()
    summary = summarise(run, settings, seconds)
    return summary if convoy is None else convoy.told(summary)


def _check_front(front: int) -> None:
    if isinstance(front, bool) or not isinstance(front, int) or front < 1:
        raise SettingsError(
            f"front is {front!r}, which is no number of points",
            "Give how many points of the front are carried to the kit, such as 5; 1: the chosen"
            " one.",
        )


def _convoy(context: Context, front: int) -> Convoy:
    """Return what carries points of the front through the steps, and say before a search what will
    be kept of the front.
    """
    from vaiopt.carry import Convoy

    settings = context.settings
    if context.steps[0] == "search" and not settings.objective.front:
        context.progress(
            f"note: the models of the best {settings.search.keep_models} trials are kept; with"
            " objective.front set, those of the whole front are"
        )
    return Convoy(context.run, settings, front, context.progress)


def search(
    settings: Settings,
    folder: PathLike,
    *,
    progress: Progress = silent,
    on_trial: Optional[Callable[[TrialRecord], None]] = None,
    accept: bool = False,
    then: Sequence[str] = (),
) -> SearchResult:
    """Search; with hardware in the loop, if ``objective.measure_every`` asks for it; then choose,
    by int8 accuracy if ``rank_int8`` does.

    Args:
        settings: of the run.
        folder: the run's; made if it is not there, gone on with if it is.
        progress: told one line at a time.
        on_trial: told each trial as it ends.
        accept: go on with a run although its settings have changed.
        then: names of the steps that follow, for what they will say of the models.

    Raises:
        VaioptError: as :func:`vaiopt.search.search_run` and
            :func:`vaiopt.quantize.quantize_candidate`.
    """
    from vaiopt.candidates import measure_best, rank_by_int8
    from vaiopt.deployable import Deployable
    from vaiopt.search import search_run
    from vaiopt.track import check_track, settled_track, tracked

    run, settings = Run(folder), settled_track(settings)
    _check_search(settings, run)
    check_track(settings, run)
    steps = (*then, *_within_search(settings))
    with data_held(), tracked(run, settings, on_trial, progress) as told:
        result = search_run(
            settings,
            folder,
            progress=progress,
            on_trial=told,
            accept=accept,
            every=settings.objective.measure_every,
            measure=lambda: measure_best(run, settings, progress),
            afterwards=Deployable(settings, steps),
        )
        if settings.objective.rank_int8 < 2:
            return result
        return replace(result, chosen=rank_by_int8(run, settings, progress))


def _within_search(settings: Settings) -> Tuple[str, ...]:
    """Return the names of the steps that a search does itself with its best candidates."""
    objective = settings.objective
    if objective.measure_every:
        return ("quantize", "compile", "measure")
    return ("quantize",) if objective.rank_int8 > 1 else ()


def _check_search(settings: Settings, run: Run) -> None:
    """Check that what a search does with its best candidates can be done here."""
    steps = _within_search(settings)
    for step in FLOW:
        if step.name in steps:
            step.check(settings, run)


def _check_quantize(settings: Settings, run: Run) -> None:
    from vaiopt.quantize import check_quantize

    check_quantize(settings)


def _check_compile(settings: Settings, run: Run) -> None:
    from vaiopt.compile import check_compile

    check_compile(settings, run.folder)


def _check_measure(settings: Settings, run: Run) -> None:
    from vaiopt.deploy import check_measure

    check_measure(settings)


def quantize(run: Run, settings: Settings, progress: Progress = silent) -> QuantizeResult:
    """Make the chosen model int8."""
    from vaiopt.quantize import quantize_candidate

    for line in off_board_lines(run, settings):
        progress(line)
    return quantize_candidate(run.chosen, settings, progress=progress)


def quantize_bare(
    model: Path,
    calib: Optional[Path],
    out: Optional[Path],
    settings: Settings,
    progress: Progress = silent,
) -> QuantizeResult:
    """Make a bare Keras 2 ``.h5`` int8, without a run.

    Args:
        model: the file.
        calib: ``.npz`` with ``x`` (samples as the model reads them) and, for accuracies, ``y``.
        out: the folder to write, as ``quantized/`` of a run.
        settings: whose sections ``quantize`` and ``hardware`` count.
        progress: told one line at a time.

    Raises:
        SettingsError: ``calib`` or ``out`` is missing.
        VaioptError: the model or the data cannot be used.
    """
    from vaiopt.network.file import input_names, output_names
    from vaiopt.quantize import load_calibration, quantize_model

    if calib is None or out is None:
        raise SettingsError(
            "a bare model needs --calib and --out",
            f"vaiopt quantize {model} --calib calib.npz --out quantized",
        )
    x, y = load_calibration(calib, input_names(model), output_names(model))
    return quantize_model(
        model,
        x,
        y,
        out=out,
        backend=settings.quantize.backend,
        release=settings.hardware.release,
        method=settings.quantize.method,
        calib_batch_size=settings.quantize.calib_batch_size,
        qat_epochs=settings.quantize.qat_epochs,
        seed=settings.seed,
        target=settings.hardware.target,
        progress=progress,
    )


def inspect(
    model: Any, target: str, *, release: Optional[str] = None, threads: int = 1
) -> Inspection:
    """Return what a model costs on a target, layer by layer.

    Args:
        model: an ``.h5`` or architecture JSON (neither is executed), ``file.py:function``, a run or
            its folder, or a live Keras 2 model.
        target: a known one, or an ``arch.json``.
        release: of Vitis AI; by default the target's newest.
        threads: for frames per second.

    Raises:
        VaioptError: the model or the target cannot be used.
    """
    from vaiopt.hardware import inspect_model, load_target

    found = load_target(target, release)
    if not isinstance(model, (str, os.PathLike)):
        return inspect_model(model, found, threads=threads)
    path = Path(model)
    if path.is_dir():
        return _inspect_candidate(open_run(path).chosen, found, threads)
    if str(model).partition(":")[0].endswith(".py"):
        from vaiopt.models import build, load_family
        from vaiopt.study.hyperparameters import HyperParameters

        built = build(load_family(str(model)), HyperParameters())
        return inspect_model(built, found, threads=threads)
    return inspect_model(path, found, threads=threads)


def _inspect_candidate(candidate: Candidate, target: Any, threads: int) -> Inspection:
    from vaiopt.hardware import inspect_model

    model = candidate.kept_model()
    input_range = read_recipe(candidate).preprocessing.input_range
    return inspect_model(model, target, threads=threads, input_range=input_range)


def choose(run: Run, **asked: Any) -> TrialRecord:
    """Choose another trial of a finished search, and return it.

    Args:
        run: the run.
        asked: by what; see :func:`vaiopt.choosing.choose`.

    Raises:
        VaioptError: as that.
    """
    from vaiopt.choosing import choose as choose_of

    return choose_of(run, **asked)


def evaluate(run: Run, settings: Settings, progress: Progress = silent) -> Evaluations:
    """Evaluate the chosen model, and its int8 form if there is one, on the test split.

    The test split is read once for a chosen model: what is on file is returned as it is.

    Raises:
        RunError: no model was chosen yet.
    """
    from vaiopt.evaluate import evaluate_candidate

    return evaluate_candidate(run.chosen, progress)


def evaluate_trials(
    run: Run, numbers: Sequence[int], progress: Progress = silent
) -> List[Evaluation]:
    """Evaluate trials on the test split, to compare variants; none stands for all whose models are
    kept. Nothing is chosen by it. Raises as :func:`vaiopt.evaluate.evaluate_trials`.
    """
    from vaiopt.evaluate import evaluate_trials as evaluate_all

    with data_held():
        return evaluate_all(run, numbers, progress)


def compile_model(run: Run, settings: Settings, progress: Progress = silent) -> CompileResult:
    """Make the int8 model run on the target."""
    from vaiopt.compile import compile_candidate

    return compile_candidate(run.chosen, settings, progress=progress)


def bundle(run: Run, settings: Settings, progress: Progress = silent) -> BundleResult:
    """Put all that the kit needs into one folder."""
    from vaiopt.deploy import bundle_candidate

    return bundle_candidate(run.chosen, settings, progress=progress)


def measure(
    run: Run, settings: Settings, progress: Progress = silent, new: bool = False
) -> MeasureResult:
    """Run the bundle here or on a kit; ``new``: also where the same measurement runs there."""
    from vaiopt.deploy import measure_candidate

    return measure_candidate(run.chosen, settings, new=new, progress=progress)


def report(
    run: Run, settings: Settings, progress: Progress = silent, export: Optional[Path] = None
) -> ReportResult:
    """Write ``report.html``, and figures into the folder ``export`` if one is given; then give the
    trackers of ``track.to`` what came of the run.
    """
    from vaiopt.report import write_report
    from vaiopt.track import add_results

    result = write_report(run, export=export)
    if settings.track.to:
        add_results(run, settings, summarise(run, settings).to_json(), progress)
    return result


def describe_data(source: str, overrides: Overrides = ()) -> DataSheet:
    """Return what data are: samples by class and part, repeated samples, files left out.

    Args:
        source: as ``data.source``, or a settings file (.toml) that names it.
        overrides: settings other than the defaults, or than those of the file.

    Raises:
        VaioptError: the settings are wrong, or the data cannot be loaded.
    """
    from vaiopt.search.training.data_sheet import sheet_of_settings

    is_file = source.endswith(".toml")
    settings = load_settings(source if is_file else None, overrides)
    check_read(load_settings(source if is_file else None), settings, ["data"])
    return sheet_of_settings(settings if is_file else override(settings, {"data.source": source}))


FLOW = (
    Step(
        "search",
        "find the best model",
        lambda c: search(
            c.settings, c.run.folder, progress=c.progress, on_trial=c.on_trial, then=c.steps
        ),
    ),
    Step(
        "quantize",
        "make it int8",
        lambda c: quantize(c.run, c.settings, c.progress),
        _check_quantize,
    ),
    Step("evaluate", "test both", lambda c: evaluate(c.run, c.settings, c.progress)),
    Step(
        "compile",
        "for the target",
        lambda c: compile_model(c.run, c.settings, c.progress),
        _check_compile,
    ),
    Step("bundle", "pack for the kit", lambda c: bundle(c.run, c.settings, c.progress)),
    Step(
        "measure",
        "run it there",
        lambda c: measure(c.run, c.settings, c.progress),
        _check_measure,
    ),
    Step("report", "write the report", lambda c: report(c.run, c.settings, c.progress)),
)
"""In order."""

STEPS = tuple(step.name for step in FLOW)


def refit(
    run: Run,
    *,
    trial: Optional[int] = None,
    epochs: Optional[int] = None,
    on: str = "train",
    progress: Progress = silent,
) -> TrialRecord:
    """Train a point once more, for longer or on more, and keep the model as a candidate. Arguments
    and errors as :func:`vaiopt.search.refit.refit`.
    """
    from vaiopt.search.refit import refit as train_again

    with data_held():
        return train_again(
            run, settings_from_run(run), trial=trial, epochs=epochs, on=on, progress=progress
        )
