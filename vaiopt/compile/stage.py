"""The stage ``compile``: one file for a target, and the record that later stages read."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict

from vaiopt.compile.backend import CompileRequest
from vaiopt.compile.compilers import compiler_for
from vaiopt.environment import installed_versions
from vaiopt.errors import MissingToolError
from vaiopt.files import PathLike, atomic_folder, require
from vaiopt.hardware.targets import load_target
from vaiopt.present.shown import Shown
from vaiopt.record import write_record
from vaiopt.runs.choice import refresh_links
from vaiopt.runs.commands import in_vendor_container
from vaiopt.runs.layout import Candidate
from vaiopt.runs.lineage import file_sha256
from vaiopt.runs.records import CompileRecord
from vaiopt.runs.work import alone
from vaiopt.settings import Settings
from vaiopt.text import Progress, silent

RECORD = "compile.json"


@dataclass(frozen=True)
class CompileResult(Shown):
    """What was compiled.

    Attributes:
        folder: ``compiled/<target>/`` of the candidate.
        record: content of ``compile.json``.
    """

    folder: Path
    record: CompileRecord

    @property
    def file(self) -> Path:
        """Path of the compiled model."""
        return self.folder / self.record.file

    def to_json(self) -> Dict[str, Any]:
        """Return the record, with ``file`` as a whole path."""
        return {**self.record.to_json(), "file": str(self.file), "folder": str(self.folder)}


def check_compile(settings: Settings, run: PathLike = "RUN") -> None:
    """Check that a model can be compiled here for the target, before there is one.

    Args:
        settings: of the run. run: its folder, for the command in the hint.

    Raises:
        TargetError, CompileError: there is no such target, or no compiler for it.
        MissingToolError: its compiler is not installed here.
    """
    target = load_target(settings.hardware.target, settings.hardware.release)
    found = compiler_for(target).available()
    if found.ready:
        return
    hint = f"{found.hint}; or stop before: vaiopt run --to evaluate"
    if target.device.accelerator:
        there = in_vendor_container(run, target.release)
        hint = f"Search with --to search here; quantize and compile in the container: {there}"
    raise MissingToolError(f"nothing can be compiled for '{target.name}' here: {found.uses}", hint)


@alone
def compile_candidate(
    candidate: Candidate, settings: Settings, *, progress: Progress = silent
) -> CompileResult:
    """Compile the int8 model of a candidate for the target, into ``compiled/<target>/``.

    Args:
        candidate: with a quantized model.
        settings: ``hardware.target`` is ``cpu``, the name of a board, or the path of an
            ``arch.json``; ``hardware.release`` its release.
        progress: told one line at a time.

    Raises:
        RunError: there is no quantized model.
        TargetError: there is no such target.
        CompileError: the model cannot be compiled; the layer is named.
        MissingToolError: the backend's tools are not installed here.
    """
    require(candidate.quantized_model, candidate.command("quantize"))
    given = settings.hardware.target
    target = load_target(given, settings.hardware.release)
    compiler, folder = compiler_for(target), candidate.compiled(target.name)
    started = time.perf_counter()
    with atomic_folder(folder) as temporary:
        made = compiler.compile(
            CompileRequest(
                quantized_model=candidate.quantized_model,
                golden=candidate.golden,
                float_model=candidate.model,
                target=target,
                given=given,
                folder=temporary,
                failed_log=candidate.compiled(f"{target.name}.failed.log"),
                run=candidate.run.folder,
                progress=progress,
            )
        )
        model = temporary / made.file
        fields = {
            "target": target.name,
            "release": target.release,
            "backend": compiler.name,
            **made.to_json(),
            "source_sha256": file_sha256(candidate.quantized_model),
            "sha256": file_sha256(model),
            "bytes": model.stat().st_size,
            "seconds": time.perf_counter() - started,
            "versions": installed_versions(),
        }
        record = CompileRecord.from_json(fields)
        write_record(temporary / RECORD, record)
    refresh_links(candidate)
    return CompileResult(folder, record)
