"""Learning from measurements: fit the latency model's constants to what a kit reported, and keep
them as a target of the user's own.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Collection, Dict, List, Optional, Sequence, Set, Tuple

from vaiopt.deploy.plausible import (
    all_core_rate,
    check_constants,
    check_peak,
    check_units,
    dpu_time,
    outliers,
    ran_whole_graph,
    uncertainty,
)
from vaiopt.deploy.verdict import check_trusted
from vaiopt.errors import RunError, SettingsError, TargetError
from vaiopt.files import PathLike, write_json
from vaiopt.hardware.devices import estimate
from vaiopt.hardware.estimate import Estimate
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
from vaiopt.hardware.target_files import KEY
from vaiopt.hardware.targets import load_target
from vaiopt.network.read import read_graph
from vaiopt.present.shown import Shown
from vaiopt.record import read_optional, read_record
from vaiopt.runs.layout import Run
from vaiopt.runs.records import CompileRecord, Measured
from vaiopt.settings import settings_from_run
from vaiopt.settings.values import check_doubts
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
"""Sets of constants that may be fitted, small ones first: the set that predicts left-out models
best is. The time on the host comes first: the published tables hold resizing and subtracting of
means there, a bundle's runner does not time them.
"""

MEASUREMENT_ERROR = 0.03
"""Relative error that is expected of model and measurement together: what the latency model leaves
unexplained of the published tables.
"""

SPREAD = {
    "efficiency": 0.2,
    "bandwidth": 0.5,
    "overhead": 0.5,
    "constant_ms": 1.0,
    "contention": 1.0,
}
"""How far a kit's constants are expected from those used until now (standard deviation of their
logarithm): about four times as far as the fits to the published tables lie apart, for another
clock, memory or runtime. It keeps five measurements from moving what they say nothing of.
"""

NEARNESS = {name: MEASUREMENT_ERROR / spread for name, spread in SPREAD.items()}
"""Weights that make a fit the most probable one, given the two above."""

FED = 0.9
"""From this share on of what a host can feed, it is taken to set the frames per second."""

SHORTEST_CALL_MS = 0.005
"""No call of the runtime is faster; files of older versions know none."""

BUSY = ("efficiency", "bandwidth", "overhead", "contention")
"""The constants of a core that works while the others do."""


@dataclass(frozen=True)
class CalibrateResult(Shown):
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
        own = {key: getattr(self, key) for key in ("target", "base", "validation", "better")}
        told = {"path": str(self.path), "warnings": list(self.warnings)}
        return {**own, **told, **self.record[KEY]}


@dataclass(frozen=True)
class _Measured:
    """One measured run.

    Attributes:
        target: what was measured, in the release that it was measured with.
        architecture: equal for models that the latency model cannot tell apart.
        estimate: of its model on the target.
        frames_per_second: None unless as many threads fed the DPU as it has cores, or more.
        dpu_ms: of the DPU alone; None: the result does not tell.
        whole_graph: whether the kit ran it in several parts, some on its CPU.
    """

    run: Run
    target: Target
    host: str
    architecture: str
    estimate: Estimate
    latency_ms: float
    frames_per_second: Optional[float]
    dpu_ms: Optional[float] = None
    whole_graph: bool = False

    def measurement(self, milliseconds: float) -> Measurement:
        """Return what the model asks of the DPU and the time it took; its family are the runs with
        the same architecture.
        """
        asked = [work for work in self.estimate.works if work is not None]
        return measured_works(str(self.run.folder), self.architecture, asked, milliseconds)


def calibrate_runs(
    runs: Sequence[Run],
    target: Optional[str] = None,
    *,
    name: Optional[str] = None,
    out: Optional[PathLike] = None,
    accept: Collection[str] = (),
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
        accept: what may speak against a measurement that counts all the same, such as ``busy``.
        progress: told one line at a time.

    Raises:
        BoardError: a measurement cannot be trusted.
        RunError: a run has no measurement, or one of another model, target or release; or there are
            too few.
        TargetError: the target has no latency constants, or the new name is taken.
        SettingsError: both ``name`` and ``out`` are given, or neither can be used.
    """
    if not runs:
        raise SettingsError(
            "no run to learn from", "Name measured runs: vaiopt calibrate RUN RUN RUN"
        )
    check_doubts("--accept", accept)
    measured = [_read(run, target, accept) for run in runs]
    base = _common(measured)
    path = _place(base, name, out)
    usable, warnings = _usable(measured)
    progress(f"fitting to {len({m.architecture for m in usable})} measured models")
    record = _fit(usable, base)
    better = record[KEY]["better"]
    apart = [m["run"] for m in record[KEY]["measurements"] if m["outlier"]]
    warnings += [f"'{run}' lies apart from what the others say: measure it again" for run in apart]
    if not better:
        kept = "the constants used until now predict these models as well: the fit keeps them"
        warnings.append(kept)
    write_json(path, record)
    found = load_target(str(path))
    for line in warnings:
        progress(f"warning: {line}")
    told, release = tuple(warnings), base.release
    return CalibrateResult(
        found.name, path, base.name, release, found.validation, better, told, record
    )


# ---------------------------------------------------------------- reading


def _read(run: Run, target: Optional[str], accept: Collection[str]) -> _Measured:
    """Read the measurement of a run's chosen model, check that it is of the model, and count what
    the model asks of the DPU.
    """
    given = target or settings_from_run(run).hardware.target
    name = load_target(given).name
    command = f"vaiopt measure {run.folder} --target {given} --host root@BOARD"
    candidate = run.chosen
    path = candidate.measured(name)
    record = read_record(path, Measured, command)
    check_trusted(record, accept, f"the measurement '{path}'")
    if not record.release:
        raise RunError(
            f"'{path}' does not say which release it was measured with", f"Measure again: {command}"
        )
    found = load_target(given, record.release)
    if found.architecture is None or found.fit is None:
        raise TargetError(
            f"target '{found.name}' has no latency constants to fit",
            "Calibrate a DPU that was measured: vaiopt calibrate RUN... --target zcu102",
        )
    compiled_file = candidate.compiled(name) / "compile.json"
    compiled = read_optional(compiled_file, CompileRecord, candidate.command("compile"))
    if compiled is not None and compiled.sha256 != record.model.sha256:
        raise RunError(
            f"'{path}' is of another model than the one compiled now",
            f"Bundle and measure again: {command}",
        )
    latency, rate = record.latency_ms.p50, all_core_rate(record.fps, found.cores)
    for key, value in {"latency_ms.p50": latency, "fps.value": rate}.items():
        if value == 0:
            raise RunError(f"'{path}': {key} is 0", f"Measure again: {command}")
    made, where = estimate(read_graph(candidate.kept_model()), found), str(path)
    batch = found.architecture.batch
    check_units(where, latency, record.fps, batch, made.latency_ms)
    check_peak(where, latency, made, found)
    if rate is not None:
        check_peak(where, found.cores * batch * 1000.0 / rate, made, found)
    told = (dpu_time(record.more), ran_whole_graph(record.more))
    return _Measured(run, found, record.host, _digest(made), made, latency, rate, *told)


def _digest(made: Estimate) -> str:
    """Return a digest of what a model asks of the DPU: equal for models that the latency model
    cannot tell apart.
    """
    asked = [[w.conv_cycles, w.alu_cycles, w.traffic, w.waits] for w in made.works if w is not None]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:16]


def _common(measured: Sequence[_Measured]) -> Target:
    """Return the target of all runs; they must agree, and so must their releases."""
    first = measured[0]
    target = first.target
    for other in measured[1:]:
        if (other.target.name, other.target.release) != (target.name, target.release):
            raise RunError(
                f"'{first.run.folder}' was measured on {target.name} with release {target.release},"
                f" '{other.run.folder}' on {other.target.name} with release {other.target.release}",
                "Calibrate each target and release on its own.",
            )
    return target


def _usable(measured: Sequence[_Measured]) -> Tuple[List[_Measured], List[str]]:
    """Return the runs whose model the DPU runs whole, and why others were left out."""
    usable, warnings = [], []
    for item in measured:
        layers = [
            layer.name
            for layer, end in zip(item.estimate.layers, item.estimate.output_functions)
            if layer.device == "CPU" and layer.main.kind != "input" and not end
        ]
        if item.whole_graph:
            warnings.append(f"'{item.run.folder}' is left out: the kit ran it as a whole graph")
        elif layers:
            named = ", ".join(layers)
            warnings.append(f"'{item.run.folder}' is left out: the CPU runs its layers {named}")
        else:
            usable.append(item)
    different = len({item.architecture for item in usable})
    if different < MINIMUM:
        counted = "; ".join([f"{different} different models were measured", *warnings])
        raise RunError(
            f"{counted}, {MINIMUM} are needed",
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
    if not path.exists() and _is_target(chosen):
        raise TargetError(
            f"there is a target '{chosen}' already",
            f"Give the fit another name: --name {base.name}-measured",
        )
    return path


def _is_target(name: str) -> bool:
    try:
        load_target(name)
    except TargetError:
        return False
    return True


# ---------------------------------------------------------------- fitting


def _fit(usable: Sequence[_Measured], base: Target) -> Dict[str, Any]:
    """Return the content of the target's file: an arch.json with the fit, and how it was made."""
    assert base.fit is not None and base.architecture is not None
    items = _named(usable, [m.latency_ms for m in usable])
    clock, before = base.clock_mhz, base.fit.single
    free, left_out = _best_choice(items, clock, before)
    single = fit_constants(items, clock, start=before, free=free, nearness=NEARNESS)
    until_now = {item.name: predict_ms(item, before, clock) for item in items}
    errors = {"single": _errors(left_out, items), "before": _errors(until_now, items)}
    apart = outliers(left_out, items)
    busy, kept = _fit_busy(usable, base, errors)
    dpu, kept = _fit_dpu(usable, base, kept, errors)
    sure = uncertainty(items, left_out, single, free, clock, NEARNESS)
    hosts = sorted({m.host for m in usable if m.host})
    source = f"calibrated on {len({item.family for item in items})} measured models"
    source += f" ({', '.join(hosts)})" if hosts else ""
    source += time.strftime(", %Y-%m-%d", time.gmtime())
    alone, name = dpu or _dpu_alone(base, single, busy, kept), base.architecture.name
    for part, found in (("one core", single), ("all cores", busy)):
        if found not in (before, base.fit.busy):  # what was until now is not of these measurements
            check_constants(found, part, base)
    fit = Fit(base.board, base.release, name, single, alone, busy, errors, source)
    table = {
        **fit.to_json(),
        "better": errors["single"]["mean_percent"] < errors["before"]["mean_percent"],
        "fitted": list(free),
        "kept": kept,
        "uncertainty": sure,
        "measurements": [
            {
                "run": item.name,
                "host": m.host,
                "measured_ms": item.milliseconds,
                "predicted_ms": round(predict_ms(item, single, clock), 6),
                "left_out_ms": round(left_out[item.name], 6),
                "before_ms": round(until_now[item.name], 6),
                "outlier": item.name in apart,
            }
            for item, m in zip(items, usable)
        ],
    }
    arch: Dict[str, Any] = {"fingerprint": base.fingerprint}
    if base.board:
        arch["board"] = base.board
    return {**arch, "clock_mhz": clock, "cores": base.cores, KEY: table}


def _named(usable: Sequence[_Measured], milliseconds: Sequence[float]) -> List[Measurement]:
    """Return the measurements under names that differ, though the same folder may have been given
    twice.
    """
    items: List[Measurement] = []
    seen: Set[str] = set()
    for measured, value in zip(usable, milliseconds):
        item = measured.measurement(value)
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
    predictions = [
        (free, leave_family_out(items, clock, start=before, free=free, nearness=NEARNESS))
        for free in CHOICES
        if len(free) < families  # as many models as constants remain when one is left out
    ]
    return min(predictions, key=lambda made: _errors(made[1], items)["mean_percent"])


def _errors(predicted: Dict[str, float], items: Sequence[Measurement]) -> Dict[str, Any]:
    return error_summary(predicted, {item.name: item.milliseconds for item in items})


def _fit_busy(
    usable: Sequence[_Measured], base: Target, errors: Dict[str, Any]
) -> Tuple[Constants, List[str]]:
    """Return the constants of a busy core, and the parts that stay as they were because nothing
    measured them.
    """
    assert base.fit is not None and base.architecture is not None
    # A rate that the host sets says nothing of the cores.
    fed = [m for m in usable if (m.frames_per_second or math.inf) < FED * m.estimate.fed_per_second]
    families = len({m.architecture for m in fed})
    if families < max(MINIMUM, len(BUSY) + 1):
        return base.fit.busy, ["dpu", "busy"]
    frames = base.cores * base.architecture.batch * 1000.0
    items = _named(fed, [frames / (m.frames_per_second or 1.0) for m in fed])
    # A single core waits for nobody.
    free = [name for name in BUSY if getattr(base.fit.busy, name) > 0]
    options: Dict[str, Any] = {"start": base.fit.busy, "free": free, "nearness": NEARNESS}
    busy = fit_constants(items, base.clock_mhz, **options)
    errors["busy"] = _errors(leave_family_out(items, base.clock_mhz, **options), items)
    return busy, ["dpu"] if base.cores > 1 else []


def _fit_dpu(
    usable: Sequence[_Measured], base: Target, kept: List[str], errors: Dict[str, Any]
) -> Tuple[Optional[Constants], List[str]]:
    """Return the constants of the DPU alone, where enough results tell its time, and the parts that
    then stay as they were.
    """
    assert base.fit is not None
    told = [m for m in usable if m.dpu_ms is not None]
    if len({m.architecture for m in told}) < MINIMUM:
        return None, kept
    items = _named(told, [m.dpu_ms or 0.0 for m in told])
    start = base.fit.dpu._replace(constant_ms=max(base.fit.dpu.constant_ms, SHORTEST_CALL_MS))
    free, left_out = _best_choice(items, base.clock_mhz, start)
    errors["dpu"] = _errors(left_out, items)
    options: Dict[str, Any] = {"start": start, "free": free, "nearness": NEARNESS}
    dpu = fit_constants(items, base.clock_mhz, **options)
    check_constants(dpu, "the DPU alone", base)
    return dpu, [part for part in kept if part != "dpu"]


def _dpu_alone(base: Target, single: Constants, busy: Constants, kept: Sequence[str]) -> Constants:
    """Return the constants of the DPU alone where its time was not measured. With one core they are
    those of a busy core; else nothing measures them, and those used until now count as far as the
    DPU alone is not slower than the whole way through host and DPU.
    """
    assert base.fit is not None
    alone = busy if "dpu" not in kept else base.fit.dpu
    return Constants(
        efficiency=min(alone.efficiency, single.efficiency),
        bandwidth=max(alone.bandwidth, single.bandwidth),
        overhead=min(alone.overhead, single.overhead),
        constant_ms=base.fit.dpu.constant_ms,  # the call; of the whole way at most all of the host
    )
