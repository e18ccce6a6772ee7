"""The named steps in their order, any of them first or last. The only place that composes
stages.
"""

from __future__ import annotations

import os
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Sequence, Tuple

from vaiopt.candidates import measure_best, rank_by_int8
from vaiopt.errors import RunError, SettingsError, did_you_mean
from vaiopt.files import PathLike, read_json, require, write_json
from vaiopt.runs.layout import Run, open_run
from vaiopt.runs.lineage import describe_stale, stale_parts
from vaiopt.settings import Overrides, Settings, override, settings_from_run
from vaiopt.study.record import TrialRecord
from vaiopt.text import Progress, silent

if TYPE_CHECKING:
    from vaiopt.compile import CompileResult
    from vaiopt.deploy import BundleResult, MeasureResult
    from vaiopt.evaluate import Evaluation, Evaluations
    from vaiopt.hardware import Inspection
    from vaiopt.quantize import QuantizeResult
    from vaiopt.report import ReportResult
    from vaiopt.search import SearchResult

STEPS = ("search", "quantize", "evaluate", "compile", "bundle", "measure", "report")
"""In order. Each reads what those before it left in the run folder."""


@dataclass(frozen=True)
class Summary:
    """What a run came to, as far as its stages have run.

    Attributes:
        run: its folder.
        target: where the model was compiled for.
        trial: the chosen one.
        float_accuracy, int8_accuracy: on the test split, on this machine.
        measured_accuracy: on the bundle's samples, where it ran.
        params: parameters of the chosen model.
        predicted_latency_ms, measured_latency_ms: of one sample; measured is the median.
        report: path of ``report.html``, if there is one.
        seconds: wall time of each step of this call.
        stale: what is left out because it was not made from the model that is chosen now, in a
            sentence; empty if there is nothing.
    """

    run: str
    target: str
    trial: Optional[int] = None
    float_accuracy: Optional[float] = None
    int8_accuracy: Optional[float] = None
    measured_accuracy: Optional[float] = None
    params: Optional[float] = None
    predicted_latency_ms: Optional[float] = None
    measured_latency_ms: Optional[float] = None
    report: Optional[str] = None
    seconds: Dict[str, float] = field(default_factory=dict)
    stale: str = ""

    def to_json(self) -> Dict[str, Any]:
        """Return it as a JSON object."""
        return asdict(self)


def steps_between(first: Optional[str], last: Optional[str]) -> List[str]:
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
            f"step '{last}' comes before '{first}'", "The order is: {}.".format(", ".join(STEPS))
        )
    return list(STEPS[start : end + 1])


def run_flow(
    settings: Settings,
    folder: PathLike,
    *,
    first: Optional[str] = None,
    last: Optional[str] = None,
    progress: Progress = silent,
    on_trial: Optional[Callable[[TrialRecord], None]] = None,
) -> Summary:
    """Run the steps from ``first`` to ``last`` on a run folder.

    Args:
        settings: of the run. When the search is not among the steps, the run's own settings count,
            with these for the later stages.
        folder: the run's.
        first, last: steps; None for all.
        progress: told one line at a time.
        on_trial: told each trial of the search as it ends.

    Raises:
        VaioptError: as the steps do.
    """
    steps = steps_between(first, last)
    run = Run(folder) if steps[0] == "search" else open_run(folder)
    seconds: Dict[str, float] = {}
    for step in steps:
        progress(f"[{STEPS.index(step) + 1}/{len(STEPS)}] {step}")
        started = time.perf_counter()
        if step == "search":
            search(settings, folder, progress=progress, on_trial=on_trial)
        else:
            STAGES[step](run, settings, progress)
        seconds[step] = time.perf_counter() - started
    return summarise(run, settings, seconds)


def open_with(folder: PathLike, overrides: Overrides = ()) -> Tuple[Run, Settings]:
    """Return an existing run and its settings with overrides applied. Raises as :func:`open_run`
    and :func:`override`.
    """
    run = open_run(folder)
    return run, override(settings_from_run(run), overrides)


def search(
    settings: Settings,
    folder: PathLike,
    *,
    progress: Progress = silent,
    on_trial: Optional[Callable[[TrialRecord], None]] = None,
    accept: bool = False,
) -> SearchResult:
    """Search; with hardware in the loop, if ``objective.measure_every`` asks for it; then choose,
    by int8 accuracy if ``rank_int8`` does.

    Args:
        settings: of the run.
        folder: the run's; made if it is not there, gone on with if it is.
        progress: told one line at a time.
        on_trial: told each trial as it ends.
        accept: go on with a run although its settings have changed.

    Raises:
        VaioptError: as :func:`vaiopt.search.search_run` and :func:`vaiopt.quantize.quantize_run`.
    """
    from vaiopt.search import search_run

    every, total = settings.objective.measure_every, settings.search.trials
    for count in range(every, total, every) if every else ():
        search_run(
            settings, folder, progress=progress, on_trial=on_trial, accept=accept, until=count
        )
        measure_best(Run(folder), settings, progress)
    result = search_run(settings, folder, progress=progress, on_trial=on_trial, accept=accept)
    if every:
        measure_best(Run(folder), settings, progress)
        result = replace(result, chosen=choose(Run(folder)))
    if settings.objective.rank_int8 < 2:
        return result
    return replace(result, chosen=rank_by_int8(Run(folder), settings, progress))


def quantize(run: Run, settings: Settings, progress: Progress = silent) -> QuantizeResult:
    """Make the chosen model int8."""
    from vaiopt.quantize import quantize_run

    require(run.float_model, f"vaiopt search --run {run.folder}")
    return quantize_run(run, settings, progress=progress)


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
    from vaiopt.quantize import load_calibration, quantize_model

    if calib is None or out is None:
        raise SettingsError(
            "a bare model needs --calib and --out",
            f"vaiopt quantize {model} --calib calib.npz --out quantized",
        )
    x, y = load_calibration(calib)
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
        run = open_run(path)
        require(run.float_model, f"vaiopt search --run {path}")
        low, high = read_json(run.data_spec, f"vaiopt search --run {path}")["preprocessing"][
            "input_range"
        ]
        return inspect_model(run.float_model, found, threads=threads, input_range=(low, high))
    if str(model).partition(":")[0].endswith(".py"):
        from vaiopt.models import build, load_family
        from vaiopt.study.hyperparameters import HyperParameters

        return inspect_model(
            build(load_family(str(model)), HyperParameters()), found, threads=threads
        )
    return inspect_model(path, found, threads=threads)


def evaluate(run: Run, settings: Settings, progress: Progress = silent) -> Evaluations:
    """Evaluate the chosen model, and its int8 form if there is one, on the test split.

    The test split is read once for a chosen model: what is on file is returned as it is.

    Returns:
        Both; the int8 one is None without a quantized model, and for that of an earlier choice.

    Raises:
        RunError: no model was chosen yet.
    """
    from vaiopt.evaluate import Evaluations

    command = f"vaiopt search --run {run.folder}"
    trial = int(read_json(run.float_metrics, command)["trial"])
    float_test = _evaluated(run, run.float_model, run.float_evaluation, "float", trial, progress)
    stale = stale_parts(run)
    if "quantized" in stale:
        progress(describe_stale(run, stale))
    elif run.quantized_model.exists():
        return Evaluations(
            float_test,
            _evaluated(run, run.quantized_model, run.quantized_evaluation, "int8", trial, progress),
        )
    return Evaluations(float_test, None)


def evaluate_trials(
    run: Run, numbers: Sequence[int], progress: Progress = silent
) -> List[Evaluation]:
    """Evaluate trials on the test split, to compare variants. Nothing is chosen by it, and the
    search never looks at it.

    Args:
        run: a run whose search is done.
        numbers: of the trials; none stands for all whose models are kept.
        progress: told one line at a time.

    Returns:
        That of each trial, by number; they are kept in ``trials/<number>/evaluation.json``.

    Raises:
        RunError: no model was chosen yet, or the model of a trial is not kept.
    """
    require(run.float_metrics, f"vaiopt search --run {run.folder}")
    kept = [int(path.parent.name) for path in sorted((run.folder / "trials").glob("*/model.h5"))]
    missing = [number for number in numbers if number not in kept]
    if missing:
        raise RunError(
            f"the model of trial {missing[0]} was not kept",
            "Kept: {}; search.keep_models is their number.".format(
                ", ".join(map(str, kept)) or "none"
            ),
        )
    return [
        _evaluated(
            run, run.trial(n) / "model.h5", run.trial(n) / "evaluation.json", "float", n, progress
        )
        for n in sorted(set(numbers)) or kept
    ]


def _evaluated(
    run: Run, model_path: Path, path: Path, kind: str, trial: int, progress: Progress
) -> Evaluation:
    """Return a model's figures on the test split: those on file, or made now and written there."""
    from vaiopt.evaluate import BATCH, Evaluation, evaluate_model

    if path.exists():
        command = (  # it is read as long as it is there
            f"rm '{path}' && vaiopt evaluate {run.folder}"
        )
        try:
            return Evaluation.from_json(read_json(path, command))
        except KeyError as error:
            raise RunError(f"'{path}' lacks {error}", f"Make it again with: {command}") from error
    from vaiopt.data import load_run_splits

    # The test samples and the preprocessing are the same for all trials of a run, whatever split
    # ratio a trial had.
    splits = load_run_splits(run)
    progress(f"evaluating the {kind} model of trial {trial} on {len(splits.test)} test samples")
    model = _load(model_path, kind)
    found = evaluate_model(
        lambda x: model.predict(x, batch_size=BATCH, verbose=0), splits, kind=kind, trial=trial
    )
    write_json(path, found.to_json())
    return found


def _load(path: Path, kind: str) -> Any:
    if kind == "float":
        from vaiopt.keras import load_model

        return load_model(path)
    from vaiopt.quantize import load_quantized

    return load_quantized(path)


def compile_model(run: Run, settings: Settings, progress: Progress = silent) -> CompileResult:
    """Make the int8 model run on the target."""
    from vaiopt.compile import compile_run

    require(run.quantized_model, f"vaiopt quantize {run.folder}")
    return compile_run(run, settings, settings.hardware.target, progress=progress)


def bundle(run: Run, settings: Settings, progress: Progress = silent) -> BundleResult:
    """Put all that the kit needs into one folder."""
    from vaiopt.deploy import bundle_run

    target = settings.hardware.target
    require(run.compiled(_name(settings)), f"vaiopt compile {run.folder} --target {target}")
    return bundle_run(run, target, settings, progress=progress)


def measure(run: Run, settings: Settings, progress: Progress = silent) -> MeasureResult:
    """Run the bundle here or on a kit."""
    from vaiopt.deploy import measure as measure_bundle

    target = settings.hardware.target
    require(run.bundle(_name(settings)), f"vaiopt bundle {run.folder} --target {target}")
    return measure_bundle(
        run, target, host=settings.deploy.host, threads=settings.deploy.threads, progress=progress
    )


def report(run: Run, settings: Settings, progress: Progress = silent) -> ReportResult:
    """Write ``report.html``."""
    from vaiopt.report import write_report

    return write_report(run)


def _name(settings: Settings) -> str:
    """Return the name of the target, which is also that of its folders; the settings may give the
    path of an ``arch.json``.
    """
    from vaiopt.hardware import load_target

    return str(load_target(settings.hardware.target, settings.hardware.release).name)


STAGES: Dict[str, Callable[..., Any]] = {
    "quantize": quantize,
    "evaluate": evaluate,
    "compile": compile_model,
    "bundle": bundle,
    "measure": measure,
    "report": report,
}
"""What each step after the search does, as a function of the run, the settings and the progress."""


def summarise(
    run: Run, settings: Optional[Settings] = None, seconds: Optional[Dict[str, float]] = None
) -> Summary:
    """Return what a run came to, from the files that are there.

    Raises:
        RunError: a file is damaged.
    """
    target = _name(settings or settings_from_run(run))
    chosen = _optional(run.float_metrics)
    stale = stale_parts(run)
    evaluated = {} if "quantized" in stale else _optional(run.quantized_evaluation)
    measured = {} if "measured/" + target in stale else _optional(run.measured(target))
    costs = chosen.get("costs", {})
    return Summary(
        run=str(run.folder),
        target=target,
        trial=chosen.get("trial"),
        float_accuracy=_optional(run.float_evaluation).get("accuracy"),
        int8_accuracy=evaluated.get("accuracy"),
        measured_accuracy=measured.get("accuracy"),
        params=costs.get("params"),
        predicted_latency_ms=costs.get("latency_ms"),
        measured_latency_ms=measured.get("latency_ms", {}).get("p50"),
        report=str(run.report) if run.report.exists() else None,
        seconds=dict(seconds or {}),
        stale=describe_stale(run, stale),
    )


def _optional(path: Any) -> Dict[str, Any]:
    return read_json(path, "vaiopt run --from search") if path.exists() else {}


def choose(
    run: Run, *, trial: Optional[int] = None, max_latency_ms: Optional[float] = None
) -> TrialRecord:
    """Choose another trial of a finished search: by number, or the best whose predicted latency is
    within a limit; neither: the best.

    Returns:
        The chosen trial, whose model is now ``float/model.h5``. Later stages must be run again.

    Raises:
        RunError: there is no such trial, or its model was not kept.
    """
    from vaiopt.search import best_trials, choose_trial
    from vaiopt.study.trials import load_trials

    settings = settings_from_run(run)
    trials = load_trials(run)
    candidates = best_trials(run, settings, trials)
    if trial is not None:
        candidates = [t for t in trials if t.number == trial]
        if not candidates:
            raise RunError(f"there is no trial {trial}", f"See: vaiopt trials {run.folder}")
    if max_latency_ms is not None:
        candidates = [
            t for t in candidates if t.costs.get("latency_ms", float("inf")) <= max_latency_ms
        ]
        if not candidates:
            raise RunError(
                f"no trial is predicted to take at most {max_latency_ms:g} ms",
                f"See: vaiopt trials {run.folder} --pareto",
            )
    choose_trial(run, settings, candidates[0], trials)
    return candidates[0]
