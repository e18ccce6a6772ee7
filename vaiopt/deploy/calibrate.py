"""Learning from measurements: fit the latency model's constants to what a kit reported, and keep
them as a target of the user's own.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Set, Tuple

import numpy as np

from vaiopt.errors import RunError, SettingsError, TargetError
from vaiopt.files import PathLike, read_json, require, write_json
from vaiopt.hardware.estimate import Estimate, estimate
from vaiopt.hardware.fits import Constants, Fit
from vaiopt.hardware.fitting import (
    Measurement,
    error_summary,
    fit_constants,
    leave_family_out,
    measured_works,
    predict_ms,
)
from vaiopt.hardware.own_targets import NAME, targets_folder
from vaiopt.hardware.target import Target
from vaiopt.hardware.target_files import KEY, fit_to_json
from vaiopt.hardware.targets import list_targets, load_target
from vaiopt.network.read import read_graph
from vaiopt.runs.layout import Run
from vaiopt.settings import settings_from_run
from vaiopt.text import Progress, silent

MINIMUM = 3
"""Different models that a fit needs: each is predicted once by constants fitted to the others."""

CHOICES: Tuple[Tuple[str, ...], ...] = (
    (),
    ("constant_ms",),
    ("overhead", "constant_ms"),
    ("bandwidth", "overhead", "constant_ms"),
    ("efficiency", "overhead", "constant_ms"),
    ("efficiency", "bandwidth", "overhead", "constant_ms"),
)
"""Sets of constants that may be fitted, small ones first; those of a set that predicts left-out
models best are, the others stay as they were. The time on the host comes first: the published
tables hold resizing and subtracting of means there, a bundle's runner does not time them.
"""

MEASUREMENT_ERROR = 0.03
"""Relative error that is expected of model and measurement together: what the latency model leaves
unexplained of the published tables.
"""

SPREAD = {"efficiency": 0.2, "bandwidth": 0.5, "overhead": 0.5, "constant_ms": 1.0}
"""How far a kit's constants are expected from those used until now (standard deviation of their
logarithm): about four times as far as the fits to the published tables of three boards and three
releases lie apart, for another clock, memory or runtime. It keeps five measurements from moving
what they say nothing of.
"""

NEARNESS = {name: MEASUREMENT_ERROR / spread for name, spread in SPREAD.items()}
"""Weights that make a fit the most probable one, given the two above."""

BUSY = ("efficiency", "bandwidth", "overhead")
"""The constants of a core that works while the others do."""


@dataclass(frozen=True)
class CalibrateResult:
    """What was fitted.

    Attributes:
        target: name of the new target.
        path: its file, which can be given as a target too.
        base: name of the target that was measured.
        release: Vitis-AI release of the measurements.
        validation: one sentence on how well the fit predicts.
        better: whether it predicts models that it was not fitted to better than the constants used
            until now.
        warnings: what a person should know.
        record: content of the file.
    """

    target: str
    path: Path
    base: str
    release: str
    validation: str
    better: bool
    warnings: Tuple[str, ...]
    record: Dict[str, Any]

    def to_json(self) -> Dict[str, Any]:
        """Return the fit with its name, file, errors and measurements."""
        return {
            "target": self.target,
            "path": str(self.path),
            "base": self.base,
            "validation": self.validation,
            "better": self.better,
            "warnings": list(self.warnings),
            **self.record[KEY],
        }


@dataclass(frozen=True)
class _Measured:
    """One measured run.

    ``estimate`` is of its model on the target; ``cores`` was fed by as many threads or more when
    ``frames_per_second`` is not None.
    """

    run: Run
    target: Target
    release: str
    host: str
    architecture: str
    estimate: Estimate
    latency_ms: float
    frames_per_second: Optional[float]


def calibrate_runs(
    runs: Sequence[Run],
    target: Optional[str] = None,
    *,
    name: Optional[str] = None,
    out: Optional[PathLike] = None,
    progress: Progress = silent,
) -> CalibrateResult:
    """Fit the constants of the latency model to measured runs and write them as a target.

    The end-to-end constants come from the median latency at one thread. Those of a busy core come
    from the throughput, where it was measured with as many threads as the DPU has cores; else they
    stay as they were.

    Args:
        runs: measured on the same target and release; at least :data:`MINIMUM` different models.
        target: as given to ``compile``; by default that of each run's settings.
        name: of the new target; by default ``<target>-measured``. Goes to the user's folder of
            targets.
        out: the file to write instead, any name that ends in ``.json``.
        progress: told one line at a time.

    Raises:
        RunError: a run has no measurement, or one of another model, target or release; or there are
            too few.
        TargetError: the target has no latency constants, or the new name is taken.
        SettingsError: both ``name`` and ``out`` are given, or neither can be used.
    """
    if not runs:
        raise SettingsError(
            "no run to learn from", "Name measured runs: vaiopt calibrate RUN RUN RUN"
        )
    measured = [_read(run, target) for run in runs]
    base, release = _common(measured)
    path = _place(base, name, out)
    usable, warnings = _usable(measured)
    progress(f"fitting to {len({m.architecture for m in usable})} measured models")
    fit, table, warning = _fit(usable, base, release)
    warnings += warning
    record = _record(base, fit, table)
    write_json(path, record)
    found = load_target(str(path))
    result = CalibrateResult(
        found.name,
        path,
        base.name,
        release,
        found.validation,
        bool(table["better"]),
        tuple(warnings),
        record,
    )
    for line in warnings:
        progress(f"warning: {line}")
    return result


# ---------------------------------------------------------------- reading


def _read(run: Run, target: Optional[str]) -> _Measured:
    """Read the measurement of a run, check that it is of the run's model, and count what the model
    asks of the DPU.
    """
    given = target or settings_from_run(run).hardware.target
    name = load_target(given).name
    command = f"vaiopt measure {run.folder} --target {given} --host root@BOARD"
    path = run.measured(name)
    record = read_json(path, command)
    release = str(record.get("release") or "")
    if not release:
        raise RunError(
            f"'{path}' does not say which release it was measured with", f"Measure again: {command}"
        )
    found = load_target(given, release)
    if found.architecture is None or found.fit is None:
        raise TargetError(
            f"target '{found.name}' has no latency constants to fit",
            "Calibrate a DPU that was measured: vaiopt calibrate RUN... --target zcu102",
        )
    latency = _positive(record, ("latency_ms", "p50"), path, command)
    if latency is None:
        raise RunError(f"'{path}' has no latency", f"Measure again: {command}")
    _check_model(run, name, record, path, command)
    model = require(run.float_model, f"vaiopt search --run {run.folder}")
    graph = read_graph(model)
    threads = _positive(record, ("fps", "threads"), path, command)
    enough = threads is not None and threads >= found.cores
    rate = _positive(record, ("fps", "value"), path, command) if enough else None
    made = estimate(graph, found)
    return _Measured(
        run, found, release, str(record.get("host", "")), _digest(made), made, latency, rate
    )


def _positive(
    record: Dict[str, Any], keys: Sequence[str], path: Path, command: str
) -> Optional[float]:
    """Return a number inside a record, None if it is not there."""
    value: Any = record
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    if value is None:
        return None
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float))
        or not 0 < value < float("inf")
    ):
        raise RunError(
            "'{}': {} is {!r}".format(path, ".".join(keys), value), f"Measure again: {command}"
        )
    return float(value)


def _check_model(run: Run, name: str, record: Dict[str, Any], path: Path, command: str) -> None:
    """Refuse a measurement of another compiled file than the one in the run."""
    compiled = run.compiled(name) / "compile.json"
    model = record.get("model")
    digest = model.get("sha256") if isinstance(model, dict) else None
    if compiled.exists() and digest != read_json(compiled, f"vaiopt compile {run.folder}").get(
        "sha256"
    ):
        raise RunError(
            f"'{path}' is of another model than the one compiled now",
            f"Bundle and measure again: {command}",
        )


def _digest(made: Estimate) -> str:
    """Return a digest of what a model asks of the DPU: equal for models that the latency model
    cannot tell apart.
    """
    asked = [[w.conv_cycles, w.alu_cycles, w.traffic, w.waits] for w in made.works if w is not None]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:16]


def _common(measured: Sequence[_Measured]) -> Tuple[Target, str]:
    """Return target and release of all runs; they must agree."""
    first = measured[0]
    for other in measured[1:]:
        if (other.target.name, other.release) != (first.target.name, first.release):
            raise RunError(
                f"'{first.run.folder}' was measured on {first.target.name} with release"
                f" {first.release}, '{other.run.folder}' on {other.target.name} with release"
                f" {other.release}",
                "Calibrate each target and release on its own.",
            )
    return first.target, first.release


def _usable(measured: Sequence[_Measured]) -> Tuple[List[_Measured], List[str]]:
    """Return the runs whose model the DPU runs whole, and why others were left out."""
    usable, warnings = [], []
    for item in measured:
        layers = [
            layer.name
            for layer, end in zip(item.estimate.layers, item.estimate.output_functions)
            if layer.device == "CPU" and layer.main.kind != "input" and not end
        ]
        if layers:
            warnings.append(
                "'{}' is left out: the CPU runs its layers {}".format(
                    item.run.folder, ", ".join(layers)
                )
            )
        else:
            usable.append(item)
    different = len({item.architecture for item in usable})
    if different < MINIMUM:
        raise RunError(
            "{} different models were measured{}, {} are needed".format(
                different, "; " + "; ".join(warnings) if warnings else "", MINIMUM
            ),
            "Measure more runs on this target, with models of different sizes, and name them all.",
        )
    return usable, warnings


def _place(base: Target, name: Optional[str], out: Optional[PathLike]) -> Path:
    """Return the file to write; refuse a name that means something else."""
    if name is not None and out is not None:
        raise SettingsError(
            "both a name and a file were given for the fit", "Give --name or --out, not both."
        )
    if out is not None:
        path = Path(out)
        if path.suffix != ".json" or path.is_dir():
            raise SettingsError(
                f"'{path}' is not the name of a .json file",
                f"Give a file such as --out {base.name}.json",
            )
        return path
    own_name = base.name if base.name.endswith("-measured") else f"{base.name}-measured"
    chosen = own_name if name is None else name.lower()
    if not NAME.fullmatch(chosen) or chosen.endswith(".json"):
        raise SettingsError(
            f"'{name}' cannot be the name of a target",
            "Use letters, digits, '-', '_' and '.', up to 64 of them.",
        )
    path = targets_folder() / (chosen + ".json")
    if not path.exists():
        known = {summary.name for summary in list_targets()}
        if chosen in known or _means_something(chosen):
            raise TargetError(
                f"there is a target '{chosen}' already",
                f"Give the fit another name: --name {base.name}-measured",
            )
    return path


def _means_something(name: str) -> bool:
    try:
        load_target(name)
    except TargetError:
        return False
    return True


# ---------------------------------------------------------------- fitting


def _measurement(item: _Measured, milliseconds: float) -> Measurement:
    """Return what a run's model asks of the DPU and the time it took; its family are the runs with
    the same architecture.
    """
    asked = [work for work in item.estimate.works if work is not None]
    return measured_works(str(item.run.folder), item.architecture, asked, milliseconds)


def _fit(
    usable: Sequence[_Measured], base: Target, release: str
) -> Tuple[Fit, Dict[str, Any], List[str]]:
    """Return the fit, what is recorded beside it, and warnings."""
    assert base.fit is not None and base.architecture is not None
    items = _named(usable, [m.latency_ms for m in usable])
    clock, before = base.clock_mhz, base.fit.single
    free, left_out = _best_choice(items, clock, before)
    single = (
        fit_constants(items, clock, start=before, free=free, nearness=NEARNESS) if free else before
    )
    until_now = {item.name: predict_ms(item, before, clock) for item in items}
    errors = {"single": _errors(left_out, items), "before": _errors(until_now, items)}
    busy, kept = _fit_busy(usable, base, errors)
    hosts = sorted({m.host for m in usable if m.host})
    source = "calibrated on {} measured models{}, {}".format(
        len({item.family for item in items}),
        " ({})".format(", ".join(hosts)) if hosts else "",
        time.strftime("%Y-%m-%d", time.gmtime()),
    )
    fit = Fit(
        base.board,
        release,
        base.architecture.name,
        single,
        _dpu_alone(base, single, busy, kept),
        busy,
        errors,
        source,
    )
    better = errors["single"]["mean_percent"] < errors["before"]["mean_percent"]
    table = {
        "better": better,
        "fitted": list(free),
        "kept": kept,
        "measurements": [
            {
                "run": item.name,
                "host": m.host,
                "measured_ms": item.milliseconds,
                "predicted_ms": round(predict_ms(item, single, clock), 6),
                "left_out_ms": round(left_out[item.name], 6),
                "before_ms": round(until_now[item.name], 6),
            }
            for item, m in zip(items, usable)
        ],
    }
    warnings = (
        []
        if better
        else ["the constants used until now predict these models as well: the fit keeps them"]
    )
    return fit, table, warnings


def _named(usable: Sequence[_Measured], milliseconds: Sequence[float]) -> List[Measurement]:
    """Return the measurements under names that differ, though the same folder may have been given
    twice.
    """
    items: List[Measurement] = []
    seen: Set[str] = set()
    for measured, value in zip(usable, milliseconds):
        item = _measurement(measured, value)
        while item.name in seen:
            item = item._replace(name=item.name + "'")
        seen.add(item.name)
        items.append(item)
    return items


def _best_choice(
    items: Sequence[Measurement], clock: float, before: Constants
) -> Tuple[Tuple[str, ...], Dict[str, float]]:
    """Return the constants to fit, and each model's time as predicted without it: the set whose
    left-out errors are smallest on average.
    """
    families = len({item.family for item in items})
    best: Optional[Tuple[float, Tuple[str, ...], Dict[str, float]]] = None
    for free in CHOICES:
        if (
            len(free) >= families
        ):  # left out in turn, as many models remain as there are constants, at least
            continue
        if free:
            predicted = leave_family_out(items, clock, start=before, free=free, nearness=NEARNESS)
        else:
            predicted = {item.name: predict_ms(item, before, clock) for item in items}
        error = float(_errors(predicted, items)["mean_percent"])
        if best is None or error < best[0]:
            best = (error, free, predicted)
    assert best is not None
    return best[1], best[2]


def _errors(predicted: Dict[str, float], items: Sequence[Measurement]) -> Dict[str, Any]:
    """Return the errors of predicted times; without the rank correlation where all times are equal,
    which have no ranks.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        summary = error_summary(predicted, {item.name: item.milliseconds for item in items})
    return {key: value for key, value in summary.items() if np.isfinite(value)}


def _fit_busy(
    usable: Sequence[_Measured], base: Target, errors: Dict[str, Any]
) -> Tuple[Constants, List[str]]:
    """Return the constants of a busy core, and the parts that stay as they were because nothing
    measured them.
    """
    assert base.fit is not None and base.architecture is not None
    fed = [m for m in usable if m.frames_per_second is not None]
    families = len({m.architecture for m in fed})
    if families < max(MINIMUM, len(BUSY) + 1):
        return base.fit.busy, ["dpu", "busy"]
    frames = base.cores * base.architecture.batch * 1000.0
    items = _named(fed, [frames / (m.frames_per_second or 1.0) for m in fed])
    before = base.fit.busy
    busy = fit_constants(items, base.clock_mhz, start=before, free=BUSY, nearness=NEARNESS)
    errors["busy"] = _errors(
        leave_family_out(items, base.clock_mhz, start=before, free=BUSY, nearness=NEARNESS), items
    )
    return busy, ["dpu"] if base.cores > 1 else []


def _dpu_alone(base: Target, single: Constants, busy: Constants, kept: Sequence[str]) -> Constants:
    """Return the constants of the DPU alone. With one core they are those of a busy core; else
    nothing measures them, and those used until now count as far as the DPU alone is not slower than
    the whole way through host and DPU.
    """
    assert base.fit is not None
    alone = busy if "dpu" not in kept else base.fit.dpu
    return Constants(
        min(alone.efficiency, single.efficiency),
        max(alone.bandwidth, single.bandwidth),
        min(alone.overhead, single.overhead),
        0.0,
    )


def _record(base: Target, fit: Fit, table: Dict[str, Any]) -> Dict[str, Any]:
    """Return the content of the target's file: an arch.json with the fit."""
    record: Dict[str, Any] = {"fingerprint": base.fingerprint}
    if base.board:
        record["board"] = base.board
    record.update(
        {"clock_mhz": base.clock_mhz, "cores": base.cores, KEY: {**fit_to_json(fit), **table}}
    )
    return record
