"""What of a candidate was made from what: whether later stages' results belong to its model as it
is now.

``quantized/metrics.json`` and ``compile.json`` name the file that they were made from by its
SHA-256 (``source_sha256``); a bundle and a measurement name the compiled model. Where a name or a
file is missing nothing can be told, and nothing is called stale.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Dict, List, Sequence

from vaiopt.files import PathLike
from vaiopt.reading import parts
from vaiopt.record import read_record
from vaiopt.runs.layout import Candidate
from vaiopt.runs.records import CompileRecord, Manifest, Measured, QuantizedMetrics

_STEPS = {
    "quantized": "quantize",
    "compiled": "compile",
    "bundle": "bundle",
    "measured": "measure",
}
"""The step that makes each folder, in their order."""


def file_sha256(path: PathLike) -> str:
    """Return the SHA-256 of a file's content in hexadecimal."""
    digest = hashlib.sha256()
    for part in parts(path):
        digest.update(part)
    return digest.hexdigest()


def compiled_records(candidate: Candidate) -> Dict[str, CompileRecord]:
    """Return ``compile.json`` of each target. Raises :class:`RunError` for a damaged one."""
    paths = sorted(candidate.folder.glob("compiled/[!.]*/compile.json"))
    command = candidate.command("compile")
    return {path.parent.name: read_record(path, CompileRecord, command) for path in paths}


def manifests(candidate: Candidate) -> Dict[str, Manifest]:
    """Return the manifest of the bundle of each target. Raises as :func:`compiled_records`."""
    paths = sorted(candidate.folder.glob("bundle/[!.]*/manifest.json"))
    command = candidate.command("bundle")
    return {path.parent.name: read_record(path, Manifest, command) for path in paths}


def measurements(candidate: Candidate) -> Dict[str, Measured]:
    """Return what each kit measured, by target. Raises as :func:`compiled_records`."""
    paths = sorted(candidate.folder.glob("measured/[!.]*.json"))
    command = candidate.command("measure")
    return {path.stem: read_record(path, Measured, command) for path in paths}


def stale_parts(candidate: Candidate) -> List[str]:
    """Return what was not made from the candidate's model as it is now: of ``quantized``,
    ``compiled/<target>``, ``bundle/<target>``, ``measured/<name>``.

    Raises:
        RunError: a file is damaged.
    """
    stale: List[str] = []
    if candidate.quantized_metrics.is_file():
        quantized = read_record(
            candidate.quantized_metrics, QuantizedMetrics, candidate.command("quantize")
        )
        if _other(quantized.source_sha256, candidate.model):
            stale.append("quantized")
    compiled = compiled_records(candidate)
    for target, record in compiled.items():
        if "quantized" in stale or _other(record.source_sha256, candidate.quantized_model):
            stale.append(f"compiled/{target}")
    named = {f"bundle/{name}": m.model.sha256 for name, m in manifests(candidate).items()}
    named.update(
        {f"measured/{name}": m.model.sha256 for name, m in measurements(candidate).items()}
    )
    for part, own in named.items():
        target = part.partition("/")[2].partition("@")[0]
        current = compiled[target].sha256 if target in compiled else ""
        differs = own and current and own != current
        if "quantized" in stale or f"compiled/{target}" in stale or differs:
            stale.append(part)
    return stale


def _other(digest: str, source: Path) -> bool:
    return bool(digest) and source.is_file() and file_sha256(source) != digest


def describe_stale(candidate: Candidate, stale: Sequence[str]) -> str:
    """Return in a sentence or two that these parts are left out, and the command that makes them
    again; nothing if there are none.
    """
    if not stale:
        return ""
    step = _STEPS[stale[0].partition("/")[0]]
    again = f"again with: vaiopt run --from {step} --run {candidate.run.folder}"
    where = "not made from the candidate's files as they are now and"
    if len(stale) == 1:
        return f"{stale[0]} was {where} is left out. Make it {again}"
    return f"{', '.join(stale[:-1])} and {stale[-1]} were {where} are left out. Make them {again}"
