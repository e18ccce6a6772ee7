"""What comes next for a run: the commands that lead on, ready to paste."""

from __future__ import annotations

from pathlib import Path
from typing import Iterable, List, Optional, Tuple

from vaiopt.environment import vitis_compiler
from vaiopt.errors import VaioptError
from vaiopt.hardware.target import Target
from vaiopt.hardware.targets import load_target
from vaiopt.record import read_optional
from vaiopt.runs.commands import command_line, in_container, in_vendor_container
from vaiopt.runs.layout import Candidate, Run
from vaiopt.runs.lineage import compiled_records, manifests, measurements, stale_parts
from vaiopt.runs.records import QuantizedMetrics
from vaiopt.settings import Settings, settings_from_run

VENDOR = "vitis"
"""The quantizer whose models the compiler of a DPU reads."""

CONTAINER_NOTE = "note: docker/run is not in this folder; 'vaiopt container' writes it here"


def needs_container(target: Target) -> bool:
    """Return whether a model for a target can only be made in the Vitis-AI container, and this is
    not in it.
    """
    return target.device.accelerator and vitis_compiler() is None


def made_elsewhere(settings: Settings) -> bool:
    """Return :func:`needs_container` of a run's target; not of one that is not known here."""
    try:
        return needs_container(load_target(settings.hardware.target, settings.hardware.release))
    except VaioptError:
        return False


def next_lines(run: Run, settings: Optional[Settings] = None) -> List[str]:
    """Return what a person reads at the end of a command: the next command, the one after it, and
    where ``docker/run`` comes from if it is asked for and not here. Nothing where nothing is left
    to do, and where the run cannot be read (the command that needs it says why).
    """
    try:
        commands = next_commands(run, settings or settings_from_run(run))
    except VaioptError:
        return []
    lines = [f"{word}: {c}" for word, c in zip(("next", "then"), commands)]
    return lines + container_notes(commands)


def container_notes(told: Iterable[str]) -> List[str]:
    """Return where ``docker/run`` comes from if it is told to be run and not in this folder."""
    asked = any("docker/run " in text for text in told)
    return [CONTAINER_NOTE] if asked and not Path("docker/run").is_file() else []


def off_board_lines(run: Run, settings: Settings) -> List[str]:
    """Return what a person reads before a model is quantized here that will have to be quantized
    again for the DPU: nothing in the container, and for a CPU.

    Raises:
        TargetError: there is no such target.
    """
    target = load_target(settings.hardware.target, settings.hardware.release)
    if not needs_container(target):
        return []
    there = in_vendor_container(run.folder, target.release)
    return [
        f"note: quantized off-board, the accuracies are as on the DPU, but '{target.name}' takes"
        f" only what the vendor's own quantizer makes, in its container: {there}"
    ]


def interrupted_lines(run: Run, again: str) -> List[str]:
    """Return what a person reads after Ctrl-C: how to go on, and how to do with what there is.

    Args:
        run: that was at work. again: the command that goes on with it.
    """
    lines = [f"go on with: {again}"] if run.settings.is_file() else []
    if run.candidates() and not run.chosen_file.is_file():
        lines.append(f"or take the best so far: {command_line('choose', run.folder)}")
    return lines


def next_commands(run: Run, settings: Settings) -> Tuple[str, ...]:
    """Return up to two commands that lead on, in their order; none if all is done.

    Args:
        run: the run.
        settings: of it, with what the last command changed.

    Raises:
        VaioptError: a file of the run is damaged, or the target is not known.
    """
    if not run.chosen_file.is_file():
        stage = "choose" if run.candidates() else "search"
        return (command_line(stage, run.folder),)
    candidate = run.chosen
    target = load_target(settings.hardware.target, settings.hardware.release)
    missing = _first_missing(candidate, target)
    own = settings_from_run(run).hardware.target
    words = () if settings.hardware.target == own else ("--target", settings.hardware.target)
    if missing in ("quantize", "compile"):
        return _making(run, settings, target, missing, words)
    if missing in ("bundle", "measure"):
        return (_delivering(run, settings, target, missing, words),)
    for path, stage in ((candidate.evaluation, "evaluate"), (run.report, "report")):
        if not path.is_file():
            return (command_line(stage, run.folder),)
    return ()


def _first_missing(candidate: Candidate, target: Target) -> str:
    """Return the first step that a candidate still needs on the way to a target; empty if none."""
    stale = stale_parts(candidate)
    quantized = read_optional(
        candidate.quantized_metrics, QuantizedMetrics, candidate.command("quantize")
    )
    off_board = quantized is not None and quantized.backend != VENDOR
    if quantized is None or "quantized" in stale or (target.device.accelerator and off_board):
        return "quantize"
    made = {
        "compile": [f"compiled/{name}" for name in compiled_records(candidate)],
        "bundle": [f"bundle/{name}" for name in manifests(candidate)],
        "measure": [f"measured/{name}" for name in measurements(candidate)],
    }
    for stage, parts in made.items():
        fresh = [part.partition("/")[2].partition("@")[0] for part in parts if part not in stale]
        if target.name not in fresh:
            return stage
    return ""


def _making(
    run: Run, settings: Settings, target: Target, first: str, words: Tuple[str, ...]
) -> Tuple[str, ...]:
    """Return the commands from the model to the kit, the first of them in the container if it must
    be.
    """
    if not target.device.accelerator:
        return (command_line("run", run.folder, "--from", first, *words),)
    if first == "quantize" and settings.quantize.backend not in ("auto", VENDOR):
        words = (*words, "--set", f"quantize.backend={VENDOR}")
    made = command_line("run", run.folder, "--from", first, "--to", "compile", *words)
    if needs_container(target):
        made = in_container(made, target.release)
    return made, _delivering(run, settings, target, "bundle", words)


def _delivering(
    run: Run, settings: Settings, target: Target, first: str, words: Tuple[str, ...]
) -> str:
    """Return the command from the compiled model to the kit and the report."""
    if target.device.accelerator and settings.deploy.host == "local":
        words = (*words, "--set", "deploy.host=root@BOARD")
    elif settings.deploy.host != settings_from_run(run).deploy.host:
        words = (*words, "--set", f"deploy.host={settings.deploy.host}")
    return command_line("run", run.folder, "--from", first, *words)
