"""The stage ``bundle``: a self-contained folder, and an archive of it, with all that a kit
needs.
"""

from __future__ import annotations

import gzip
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional

import numpy as np

from vaiopt.deploy.kit_files import ENTRY, board_files
from vaiopt.deploy.readme import bundle_readme
from vaiopt.errors import MissingToolError, RunError
from vaiopt.files import (
    atomic_folder,
    atomic_path,
    read_arrays,
    read_json,
    require,
    write_json,
    write_text,
)
from vaiopt.hardware.targets import load_target
from vaiopt.int8.golden import GOLDEN_ARRAYS
from vaiopt.runs.layout import Run
from vaiopt.runs.lineage import file_sha256
from vaiopt.text import Progress, silent

SAMPLES, GOLDEN, MANIFEST = "samples.npz", "golden.npz", "manifest.json"
BATCH = 1000
"""Samples predicted at once while the expected classes are computed."""


@dataclass(frozen=True)
class BundleResult:
    """What was bundled.

    Attributes:
        target: name of the target.
        folder: ``bundle/<target>/``.
        archive: the same as ``.tar.gz``, beside it.
        manifest: content of ``manifest.json``.
    """

    target: str
    folder: Path
    archive: Path
    manifest: Dict[str, Any]

    def to_json(self) -> Dict[str, Any]:
        """Return the manifest, with the paths of folder and archive."""
        return {**self.manifest, "folder": str(self.folder), "archive": str(self.archive)}


def bundle_run(
    run: Run, target: str, settings: Any, *, progress: Progress = silent
) -> BundleResult:
    """Make ``bundle/<target>/`` and ``bundle/<target>.tar.gz`` from the compiled model and test
    samples.

    Args:
        run: compiled for the target.
        target: as given to ``compile``.
        settings: :class:`vaiopt.settings.Settings`; ``deploy.samples`` test samples are put in (0:
            all).
        progress: told one line at a time.

    Raises:
        RunError: the run was not compiled for this target, or a file of it is damaged.
        DataError: the run's data is not here, or changed.
    """
    name = load_target(target, settings.hardware.release).name
    command = f"vaiopt compile {run.folder} --target {target}"
    compiled = read_json(run.compiled(name) / "compile.json", command)
    model = require(run.compiled(name) / compiled["file"], command)
    if file_sha256(model) != compiled["sha256"]:
        raise RunError(
            f"'{model}' is not the file that compile.json describes",
            f"Make it again with: {command}",
        )
    scripts = board_files()
    progress("loading test samples")
    samples = _samples(run, settings.deploy.samples, progress)
    archive = run.bundle(name).parent / f"{name}.tar.gz"
    with atomic_folder(run.bundle(name)) as folder:
        shutil.copyfile(str(model), str(folder / model.name))
        for script, path in scripts.items():
            shutil.copyfile(str(path), str(folder / script))
        np.savez_compressed(str(folder / SAMPLES), **samples["arrays"])
        if run.golden.exists():
            _copy_golden(run, folder / GOLDEN)
        manifest = _manifest(compiled, samples, folder)
        write_text(folder / "README.md", bundle_readme(manifest))
        manifest["files"] = {path.name: file_sha256(path) for path in sorted(folder.iterdir())}
        write_json(folder / MANIFEST, manifest)
        if archive.exists():  # so that an old one never stands beside a newer folder
            archive.unlink()
    progress(f"packing {archive.name}")
    write_archive(run.bundle(name), archive)
    return BundleResult(name, run.bundle(name), archive, manifest)


def _samples(run: Run, count: int, progress: Progress) -> Dict[str, Any]:
    """Return raw test samples, their labels, the int8 Keras model's classes, and what the manifest
    says of them.
    """
    from vaiopt.data import load_run_splits

    splits = load_run_splits(run)
    part = splits.test
    if count and count < len(part):
        part = part.take(slice(0, count))
    if len(part) == 0:
        raise RunError(
            f"the test split of '{run.folder}' is empty",
            'Search again with a larger share for test, such as data.split = "7:2:1".',
        )
    arrays = {"x": part.raw, "y": part.y, "indices": part.indices}
    expected = _expected(run, arrays["x"], splits.preprocessing, progress)
    if expected is not None:
        arrays["expected"] = expected
    return {
        "arrays": arrays,
        "preprocessing": splits.preprocessing.to_json(),
        "classes": [str(name) for name in splits.classes],
        "accuracy": None if expected is None else float((expected == arrays["y"]).mean()),
        "count": len(part),
    }


def _expected(
    run: Run, raw: np.ndarray, preprocessing: Any, progress: Progress
) -> Optional[np.ndarray]:
    """Return the classes that the int8 Keras model predicts; None where its quantizer's layers are
    not installed.
    """
    from vaiopt.int8.model import load_quantized
    from vaiopt.tasks.classification import predicted_classes

    try:
        model = load_quantized(run.quantized_model)
    except MissingToolError as error:
        progress(
            f"WARNING: {error.message}: what it predicts for the samples is left out of the bundle"
        )
        progress(f"  to have it: docker/run vaiopt bundle {run.folder}")
        return None
    progress(f"predicting {len(raw)} test samples with the int8 Keras model")
    classes = np.empty(len(raw), dtype=np.int64)
    for start in range(0, len(raw), BATCH):
        x = preprocessing.apply(raw[start : start + BATCH])
        classes[start : start + len(x)] = predicted_classes(
            np.asarray(model.predict(x, batch_size=BATCH, verbose=0))
        )
    return classes


def _copy_golden(run: Run, path: Path) -> None:
    """Copy the arrays that the kit compares; the raw inputs stay behind."""
    np.savez_compressed(
        str(path), **read_arrays(run.golden, GOLDEN_ARRAYS, f"vaiopt quantize {run.folder}")
    )


def _manifest(compiled: Dict[str, Any], samples: Dict[str, Any], folder: Path) -> Dict[str, Any]:
    return {
        "target": compiled["target"],
        "release": compiled["release"],
        "backend": compiled["backend"],
        "fingerprint": compiled.get("fingerprint", ""),
        "model": {
            "file": compiled["file"],
            "sha256": compiled["sha256"],
            "bytes": compiled["bytes"],
        },
        "samples": {"file": SAMPLES, "count": samples["count"]},
        "golden": {"file": GOLDEN} if (folder / GOLDEN).exists() else None,
        "preprocessing": samples["preprocessing"],
        "classes": samples["classes"],
        "input": compiled["input"],
        "output": {**compiled["output"], "threshold": compiled.get("threshold")},
        "left_out": compiled.get("left_out", []),
        "expected": {
            "accuracy": samples["accuracy"],
            "of": "the int8 Keras model on these samples",
        },
        "entry": ENTRY,
    }


def write_archive(folder: Path, archive: Path) -> None:
    """Pack a folder into a ``.tar.gz`` that depends on nothing but its files: no owners, no
    times.
    """

    def plain(info: tarfile.TarInfo) -> tarfile.TarInfo:
        info.uid = info.gid = 0
        info.uname = info.gname = "root"
        info.mtime = 0
        info.mode = 0o755 if info.isdir() else 0o644
        return info

    names: List[str] = sorted(path.name for path in folder.iterdir() if path.is_file())
    with atomic_path(archive) as temporary:
        with open(str(temporary), "wb") as raw, gzip.GzipFile(
            filename="", mode="wb", fileobj=raw, mtime=0
        ) as packed:
            with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
                for name in names:
                    tar.add(str(folder / name), arcname=f"{folder.name}/{name}", filter=plain)
