"""What in a run folder was made from what: whether later stages' results belong to the model that
is chosen now.

``quantized/metrics.json`` and ``compile.json`` name the file that they were made from by its
SHA-256 (``source_sha256``); a bundle and a measurement name the compiled model. Where a name or a
file is missing nothing can be told, and nothing is called stale.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Dict, List, Sequence

from vaiopt.files import PathLike, read_json
from vaiopt.runs.layout import Run

_STEPS = {"quantized": "quantize", "compiled": "compile", "bundle": "bundle", "measured": "measure"}
"""The step that makes each folder, in their order."""


def file_sha256(path: PathLike) -> str:
    """Return the SHA-256 of a file's content in hexadecimal."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def stale_parts(run: Run) -> List[str]:
    """Return what was not made from the chosen model as it is now: of ``quantized``,
    ``compiled/<target>``, ``bundle/<target>``, ``measured/<name>``.

    Raises:
        RunError: a file is damaged.
    """
    stale: List[str] = []
    quantized = _read(run.quantized_metrics, run)
    if _other(quantized.get("source_sha256"), run.float_model):
        stale.append("quantized")
    compiled: Dict[str, str] = {}
    for path in sorted(run.folder.glob("compiled/[!.]*/compile.json")):
        record, target = _read(path, run), path.parent.name
        compiled[target] = str(record.get("sha256", ""))
        if "quantized" in stale or _other(record.get("source_sha256"), run.quantized_model):
            stale.append("compiled/" + target)
    for path in sorted(run.folder.glob("bundle/[!.]*/manifest.json")):
        target = path.parent.name
        _follow(stale, "bundle/" + target, target, compiled, _read(path, run))
    for path in sorted(run.folder.glob("measured/[!.]*.json")):
        _follow(
            stale, "measured/" + path.stem, path.stem.partition("@")[0], compiled, _read(path, run)
        )
    return stale


def _follow(
    stale: List[str], part: str, target: str, compiled: Dict[str, str], record: Dict[str, Any]
) -> None:
    """Add a part whose quantized or compiled model is stale, or whose compiled model is another
    than it names.
    """
    own, current = (record.get("model") or {}).get("sha256"), compiled.get(target)
    if (
        "quantized" in stale
        or "compiled/" + target in stale
        or (own and current and own != current)
    ):
        stale.append(part)


def _read(path: Path, run: Run) -> Dict[str, Any]:
    step = _STEPS[path.relative_to(run.folder).parts[0]]
    return read_json(path, f"vaiopt {step} {run.folder}") if path.is_file() else {}


def _other(digest: Any, source: Path) -> bool:
    return bool(digest) and source.is_file() and file_sha256(source) != digest


def describe_stale(run: Run, stale: Sequence[str]) -> str:
    """Return in a sentence or two that these parts of a run are left out, and the command that
    makes them again; nothing if there are none.
    """
    if not stale:
        return ""
    many = len(stale) > 1
    return (
        "{} {} not made from the model that is chosen now and {} left out. Make {} again with:"
        " vaiopt run --from {} --run {}".format(
            ", ".join(stale[:-1]) + (" and " if many else "") + stale[-1],
            "were" if many else "was",
            "are" if many else "is",
            "them" if many else "it",
            _STEPS[stale[0].partition("/")[0]],
            run.folder,
        )
    )
