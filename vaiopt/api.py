"""The Python API, made for notebooks: ``import vaiopt as vo``. Every stage is one function, and its
result shows itself.

The names: ``vaiopt.search``, ``vaiopt.quantize``, ``vaiopt.report`` and the like are packages, and
importing one puts it into ``vaiopt`` under its own name, so no function can have that name. What a
stage does to a run is therefore called ``<stage>_run``; :func:`run_flow` does several stages. All
take a run or its folder, and changed settings as ``{"section.key": value}``; the functions in
:mod:`vaiopt.flow`, which the command line uses too, do the work. What is public here is named once,
in ``vaiopt.__all__``.
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any, Callable, Optional

import vaiopt.search
import vaiopt.sheets.results
from vaiopt import flow
from vaiopt.comparison import Comparison, compare_runs
from vaiopt.compile import CompileResult
from vaiopt.data.data_sheet import DataSheet
from vaiopt.deploy import BundleResult, MeasureResult
from vaiopt.errors import MissingToolError
from vaiopt.errors import VaioptError as VaioptError
from vaiopt.evaluate import Evaluations
from vaiopt.export import ExportResult, export_candidate
from vaiopt.files import PathLike
from vaiopt.hardware import Inspection, TargetSummary, list_targets
from vaiopt.network.loadable import trusting_models as trusting_models
from vaiopt.passed import overrides_of, passed_into
from vaiopt.predictions import Predictions, predict_candidate
from vaiopt.present.shown import ShownList
from vaiopt.quantize import QuantizeResult
from vaiopt.report import ReportResult, build, gather
from vaiopt.report import figure as find_figure
from vaiopt.report.shown import Figures
from vaiopt.run_list import RunState
from vaiopt.run_list import list_runs as runs_in
from vaiopt.runs.layout import Run as Run
from vaiopt.runs.layout import open_run as open_run
from vaiopt.search import SearchResult
from vaiopt.settings import Overrides
from vaiopt.settings import Settings as Settings
from vaiopt.settings import load_settings as load_settings
from vaiopt.settings import override as override
from vaiopt.study.record import TrialRecord, columns
from vaiopt.study.trials import load_trials
from vaiopt.summary import Summary
from vaiopt.text import Progress, say, silent, warn


def _lines(
    settings: Settings, progress: Optional[Progress]
) -> Optional[Callable[[TrialRecord], None]]:
    """Return what tells each trial as it ends: in a figure, or the words of the command line."""
    from vaiopt.cli.live_figure import trial_lines

    return trial_lines(settings, progress)


def search_run(
    settings: Settings,
    folder: PathLike,
    *,
    model: Any = None,
    data: Any = None,
    accept_changes: bool = False,
    progress: Optional[Progress] = say,
) -> SearchResult:
    """Search for the best model; an existing run goes on to the number of trials asked for.

    Args:
        settings: from :func:`load_settings`.
        folder: the run's; made if it is not there.
        model: a model function, or class, in the place of ``model.family``. One of an importable
            file is named there; one of a notebook, of ``python -c`` or of the script that runs is
            written to ``inputs/model.py`` in the run, with the imports and values that it uses.
        data: arrays in the place of ``data.source``: ``(x, y)``, three pairs, a dictionary, a data
            frame and a series, …, or a function that returns them, which is called once. They are
            written to ``inputs/data.npz`` in the run.
        accept_changes: go on with a run although its settings, model code or data have changed.
        progress: told one line at a time; None for silence.

    Raises:
        VaioptError: the settings, the data or the model function cannot be used.
    """
    with passed_into(Run(folder), settings) as passed:
        if model is not None:
            passed.take_model(model)
        if data is not None:
            passed.take_data(data)
        return flow.search(
            passed.settings,
            folder,
            progress=progress or silent,
            on_trial=_lines(passed.settings, progress),
            accept=accept_changes,
        )


def _search(
    model: Any = None,
    folder: PathLike = "",
    *,
    data: Any = None,
    settings: Any = None,
    accept_changes: bool = False,
    progress: Optional[Progress] = say,
    **changed: Any,
) -> SearchResult:
    """Search a model function on data, both passed in Python: ``vo.search(build_model, data=(x,
    y), trials=20)``. It is :func:`search_run` with these written into the run folder before.

    Args:
        model: as there; None for ``model.family``.
        folder: the run's; by default ``runs/`` and the name of the model function.
        data: as there; None for ``data.source``.
        settings: from :func:`load_settings`, or changed settings, ``{"section.key": value}``.
        accept_changes, progress: as there.
        changed: other settings by their last name: ``trials=20`` is ``search.trials``.

    Raises:
        VaioptError: as there.
    """
    base = settings if isinstance(settings, Settings) else load_settings(None, settings or {})
    found = override(base, overrides_of(changed))
    name = getattr(model, "__name__", "") if not isinstance(model, str) else Path(model).stem
    return search_run(
        found,
        folder or Path("runs") / (name or "search"),
        model=model,
        data=data,
        accept_changes=accept_changes,
        progress=progress,
    )


class _SearchPackage(ModuleType):
    """The package ``vaiopt.search``, which can be called: ``vo.search(build_model, data=(x, y))``.

    No function of ``vaiopt`` can have the name of a package; see above.
    """

    def __call__(self, *arguments: Any, **options: Any) -> SearchResult:
        return _search(*arguments, **options)


vaiopt.search.__class__ = _SearchPackage


def evaluate_run(run: PathLike, *, progress: Optional[Progress] = say) -> Evaluations:
    """Evaluate the chosen model, and its int8 form if there is one, on the test split: once, then
    from the files. Arguments as :func:`quantize_run`.

    Raises:
        RunError: no model was chosen yet.
    """
    return flow.evaluate(*flow.open_with(run, (), "evaluate"), progress or silent)


def quantize_run(
    run: PathLike, overrides: Overrides = (), *, progress: Optional[Progress] = say
) -> QuantizeResult:
    """Make the chosen model int8.

    Args:
        run: a run, or its folder.
        overrides: settings other than the run's own, such as ``{"quantize.method": "qat"}``.
        progress: told one line at a time; None for silence.

    Raises:
        VaioptError: no model was chosen yet, or it cannot be quantized; a layer is named.
    """
    return flow.quantize(*flow.open_with(run, overrides, "quantize"), progress or silent)


def compile_run(
    run: PathLike, overrides: Overrides = (), *, progress: Optional[Progress] = say
) -> CompileResult:
    """Compile the int8 model: an int8 ``.tflite`` for cpu, an ``.xmodel`` for a DPU (in the
    Vitis-AI container): ``{"hardware.target": "zcu102"}``. Arguments as :func:`quantize_run`.

    Raises:
        VaioptError: there is no int8 model yet, no such target, or its compiler is not here.
    """
    return flow.compile_model(*flow.open_with(run, overrides, "compile"), progress or silent)


def bundle_run(
    run: PathLike, overrides: Overrides = (), *, progress: Optional[Progress] = say
) -> BundleResult:
    """Put model, samples, golden outputs and the kit's scripts into one folder, and into a
    ``.tar.gz``. Arguments as :func:`quantize_run`.

    Raises:
        VaioptError: the run was not compiled for this target, or its data is not here.
    """
    return flow.bundle(*flow.open_with(run, overrides, "bundle"), progress or silent)


def measure_run(
    run: PathLike,
    overrides: Overrides = (),
    *,
    new: bool = False,
    progress: Optional[Progress] = say,
) -> MeasureResult:
    """Measure the bundle here or on a kit, ``{"deploy.host": "root@BOARD"}``; ``new``: also where
    that was begun there and not fetched. Other arguments as :func:`quantize_run`.

    Raises:
        VaioptError: there is no bundle for this target, or the board does not answer as it must.
    """
    return flow.measure(*flow.open_with(run, overrides, "measure"), progress or silent, new)


def report_run(run: PathLike, export: Optional[PathLike] = None) -> ReportResult:
    """Write ``report.html``.

    Args:
        run: a run, or its folder.
        export: a folder for every figure as PNG and its data as CSV.

    Raises:
        RunError: the run has no trials yet.
    """
    opened, settings = flow.open_with(run, (), "report")
    return flow.report(opened, settings, warn, None if export is None else Path(export))


def run_flow(
    settings: Settings,
    folder: PathLike,
    first: Optional[str] = None,
    last: Optional[str] = None,
    *,
    front: int = 1,
    progress: Optional[Progress] = say,
) -> Summary:
    """Search, quantize, evaluate, compile, bundle, measure and report; or the steps from ``first``
    to ``last``. Other arguments as :func:`search_run`.

    Args:
        first, last: names of steps; None for all.
        front: how many points of the front, spread over it, go through the steps after the search
            together; 1: the chosen one alone. What a step refuses is left out; ``front`` of the
            summary says why.

    Raises:
        VaioptError: as the steps do; of several points, if it failed for all of them.
    """
    return flow.run_flow(
        settings,
        folder,
        first=first,
        last=last,
        front=front,
        progress=progress or silent,
        on_trial=_lines(settings, progress),
    )


def choose_trial(
    run: PathLike,
    trial: Optional[int] = None,
    max_latency_ms: Optional[float] = None,
    min_metric: Optional[float] = None,
    min_accuracy: Optional[float] = None,
    min_fps: Optional[float] = None,
    max_params: Optional[float] = None,
    knee: bool = False,
) -> TrialRecord:
    """Choose another trial of a finished search: by number, or by what is asked of it; neither: as
    the search itself does.

    The stages after the search must then be run, if they were not for this trial before.
    ``run.read_chosen().reason`` says why it is this one.

    Args:
        run: a run, or its folder.
        trial: its number.
        max_latency_ms, min_fps, max_params: the best within these; a latency that was measured in
            the search counts before the predicted one.
        min_metric: the cheapest that reaches this value of the objective's metric.
        min_accuracy: the same, where the metric is an accuracy.
        knee: the knee of the front, of those within the limits.

    Raises:
        SettingsError: a limit is no number, or a number and limits are both given.
        RunError: there is no such trial, or its model was not kept.
    """
    return flow.choose(
        open_run(run),
        trial=trial,
        min_metric=min_metric,
        min_accuracy=min_accuracy,
        max_latency_ms=max_latency_ms,
        min_fps=min_fps,
        max_params=max_params,
        knee=knee,
    )


def refit_run(
    run: PathLike,
    trial: Optional[int] = None,
    epochs: Optional[int] = None,
    on: str = "train",
    *,
    progress: Optional[Progress] = say,
) -> TrialRecord:
    """Train a trial's point once more, for longer or on all but the test split, and keep the model
    as a candidate, which :func:`choose_trial` takes by its number.

    Args:
        run: a run, or its folder.
        trial: number of the trial; None for the chosen one.
        epochs: to train for; by default three times the trial's, on more than the training part
            those that were best.
        on: ``train``, or ``train+validation``.
        progress: told one line at a time; None for silence.

    Raises:
        VaioptError: there is no such trial, or the training failed.
    """
    opened, told = open_run(run), progress or silent
    return flow.refit(opened, trial=trial, epochs=epochs, on=on, progress=told)


def predict(
    run: PathLike,
    samples: Any,
    trial: Optional[int] = None,
    model: str = "auto",
    target: str = "",
    *,
    progress: Optional[Progress] = say,
) -> Predictions:
    """Return what a model says of samples: label, confidence and time, by the name of the file;
    ``outputs`` and ``predicted`` of the result are arrays.

    Args:
        run: a run, or its folder.
        samples: an image file, a folder of images, a ``.csv`` with the run's columns, an ``.npz``
            with ``x``, or an array: raw, as the data that the run was trained on.
        trial: its number; None for the chosen one.
        model: ``float``, ``int8``, ``bundle`` (the compiled model with the kit's scripts, on this
            computer), or ``auto``: int8 if there is one, else float.
        target: of the bundle, if there are several.
        progress: told one line at a time; None for silence.

    Raises:
        VaioptError: the run has no such model, or the samples cannot be read or are of another
            form.
    """
    opened, told = open_run(run), progress or silent
    candidate = opened.chosen if trial is None else opened.trial(trial)
    return predict_candidate(candidate, samples, model=model, target=target, progress=told)


def export_onnx(
    run: PathLike,
    path: Optional[PathLike] = None,
    trial: Optional[int] = None,
    *,
    progress: Optional[Progress] = say,
) -> ExportResult:
    """Write the int8 model as ONNX: QDQ with power-of-two scales, whose outputs in onnxruntime are
    those of the int8 Keras model.

    Args:
        run: a run, or its folder.
        path: the ``.onnx`` to write; by default ``model.onnx`` in the run folder.
        trial: its number; None for the chosen one.
        progress: told one line at a time; None for silence.

    Raises:
        VaioptError: onnx is not installed, there is no int8 model of the off-board quantizer, or a
            layer is left in float.
    """
    opened = open_run(run)
    candidate = opened.chosen if trial is None else opened.trial(trial)
    return export_candidate(candidate, path, progress=progress or silent)


def compare(run: PathLike, other: PathLike, *others: PathLike) -> Comparison:
    """Return runs side by side: what differs in their settings, what they came to;
    ``write_html(path)`` of the result writes a page with their curves and fronts over each other.

    Args:
        run, other, others: the runs, or their folders.

    Raises:
        VaioptError: one cannot be read.
    """
    return compare_runs((run, other, *others))


def list_runs(folder: PathLike = ".") -> ShownList[RunState]:
    """Return the runs in a folder and up to three below it, the one written last first: how far
    each is, its trials, and the command that comes next.

    Args:
        folder: where to look.

    Raises:
        RunError: there is no such folder.
    """
    return ShownList(runs_in(folder))


def data_sheet(source: str, overrides: Overrides = ()) -> DataSheet:
    """Return what data are: samples by class and part, sizes, repeated samples, files left out.
    Arguments and errors as :func:`vaiopt.flow.describe_data`.
    """
    return flow.describe_data(source, overrides)


def inspect_model(
    model: Any, target: str = "zcu102", release: Optional[str] = None, threads: int = 1
) -> Inspection:
    """Return what a model costs on a target, layer by layer, before it is trained.

    Args:
        model: a live Keras 2 model, ``.h5``, architecture JSON, ``file.py:function`` or a run.
        target: one of :func:`targets`, or an ``arch.json``.
        release: of Vitis AI; by default the target's newest.
        threads: for frames per second.

    Raises:
        VaioptError: the model or the target cannot be used.
    """
    return flow.inspect(model, target, release=release, threads=threads)


def targets(release: Optional[str] = None) -> ShownList[TargetSummary]:
    """Return the known targets.

    Args:
        release: of Vitis AI: 1.4, 2.0, 2.5, 3.0 or 3.5.

    Raises:
        TargetError: there is no such release.
    """
    return ShownList(list_targets(release))


def trials(run: PathLike) -> Any:
    """Return the trials of a run as a pandas data frame, one row a trial, indexed by number.

    Columns: ``status``, ``value`` (the objective), ``reason``, ``hp.<name>`` for each
    hyperparameter, the metrics, the costs as predicted (``latency_ms`` among them),
    ``measured_latency_ms`` if a kit measured during the search, ``seconds``, ``peak_memory_mb``,
    ``started`` and ``finished`` (UTC). What a trial lacks is missing in its row.

    Raises:
        RunError: there is no such run, or it has no trials yet.
        MissingToolError: pandas is not installed.
    """
    rows = [record.row() for record in load_trials(open_run(run))]
    try:
        import pandas
    except ImportError as error:
        raise MissingToolError(
            f"a data frame of trials needs pandas ({error})", "Install it with: pip install pandas"
        ) from error
    frame = pandas.DataFrame(rows, columns=columns(rows)).set_index("number")
    for name in ("started", "finished"):
        # One by one: of a whole column pandas takes the format from the first, and not all have
        # fractions of a second.
        frame[name] = pandas.to_datetime(
            [pandas.Timestamp(text) if text else None for text in frame[name]], utc=True
        )
    return frame


def figure(run: PathLike, name: str, theme: str = "light") -> Any:
    """Return one figure of the report as a ``plotly.graph_objects.Figure``.

    Args:
        run: a run, or its folder.
        name: such as ``convergence``, ``tradeoff_latency_ms``, ``parallel_coordinates``;
            :func:`figures` lists all.
        theme: ``light`` or ``dark``.

    Raises:
        RunError: the run has no such figure, or no trials yet.
    """
    return find_figure(gather(open_run(run)), name).to_plotly(theme)


def figures(run: PathLike, theme: str = "light") -> Figures:
    """Return all figures of the report by name. Arguments and errors as :func:`figure`."""
    found = [figure for section in build(gather(open_run(run))) for figure in section.figures()]
    return Figures({figure.name: figure.to_plotly(theme) for figure in found})
