"""The stage ``bundle``: a self-contained folder, and an archive of it, with all that a kit
needs.
"""

from __future__ import annotations

import gzip
import shutil
import tarfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import numpy as np

from vaiopt.data import Splits, load_splits
from vaiopt.data.batches import evaluation_batch
from vaiopt.data.images import STRETCH
from vaiopt.data.splits import Part
from vaiopt.deploy.kit_files import ENTRY, board_files
from vaiopt.deploy.model_card import model_card
from vaiopt.deploy.readme import bundle_readme
from vaiopt.errors import MissingToolError, RunError
from vaiopt.files import atomic_folder, atomic_path, require, write_arrays, write_text
from vaiopt.hardware.target import Target
from vaiopt.hardware.targets import load_target
from vaiopt.int8.feed import fed
from vaiopt.int8.golden import read_golden
from vaiopt.int8.model import load_quantized
from vaiopt.models.probabilities import names_of_outputs
from vaiopt.network.file import output_names
from vaiopt.present.shown import Shown
from vaiopt.record import read_record, write_record
from vaiopt.runs.choice import refresh_links
from vaiopt.runs.layout import MODEL_CARD, Candidate
from vaiopt.runs.lineage import file_sha256
from vaiopt.runs.records import (
    OWN_METRICS,
    CompileRecord,
    Expected,
    FileEntry,
    Golden,
    Manifest,
    OutputPart,
    OutputTensor,
    Samples,
)
from vaiopt.runs.work import alone
from vaiopt.settings import Settings
from vaiopt.settings.together import beyond
from vaiopt.study.own_metrics import OwnMetrics, metrics_at_hand
from vaiopt.tasks.joined import as_said, parts_of
from vaiopt.tasks.several_record import split_names
from vaiopt.tasks.targets import PLAIN
from vaiopt.text import Progress, silent

SAMPLES, GOLDEN, MANIFEST = "samples.npz", "golden.npz", "manifest.json"


@dataclass(frozen=True)
class BundleResult(Shown):
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
    manifest: Manifest

    def to_json(self) -> Dict[str, Any]:
        """Return the manifest, with the paths of folder and archive."""
        paths = {"folder": str(self.folder), "archive": str(self.archive)}
        return {**self.manifest.to_json(), **paths}


@alone
def bundle_candidate(
    candidate: Candidate, settings: Settings, *, progress: Progress = silent
) -> BundleResult:
    """Make ``bundle/<target>/`` and ``bundle/<target>.tar.gz`` from the compiled model and test
    samples.

    Args:
        candidate: compiled for the target.
        settings: ``hardware`` names the target; ``deploy.samples`` test samples are put in (0:
            all).
        progress: told one line at a time.

    Raises:
        RunError: it was not compiled for this target, or a file of it is damaged.
        DataError: the data is not here, or changed.
    """
    target = load_target(settings.hardware.target, settings.hardware.release)
    name = target.name
    command = f"{candidate.command('compile')} --target {settings.hardware.target}"
    compiled_folder = candidate.compiled(name)
    compiled = read_record(compiled_folder / "compile.json", CompileRecord, command)
    model = require(compiled_folder / compiled.file, command)
    if file_sha256(model) != compiled.sha256:
        raise RunError(
            f"'{model}' is not the file that compile.json describes",
            f"Make it again with: {command}",
        )
    scripts, own = board_files(), metrics_at_hand(settings.objective.metrics, progress)
    progress("loading test samples")
    splits = load_splits(candidate)
    for line in beyond(settings, splits.sizes(), "deploy"):
        progress(f"note: {line}")
    part = _samples(candidate, splits, settings.deploy.samples)
    arrays = {"x": part.values, **_by_output("y", part.y), "indices": part.indices}
    outputs = _outputs(candidate, arrays["x"], splits, progress)
    scores: Dict[str, float] = {}
    if outputs is not None:
        arrays.update(_by_output("expected", splits.task.predict(outputs)))
        scores = splits.task.scores(outputs, part.y, len(splits.classes))
    bundle, archive = candidate.bundle(name), candidate.bundle(f"{name}.tar.gz")
    # The folder is put in its place first, the archive right after it.
    with atomic_path(archive) as packed, atomic_folder(bundle) as folder:
        for file, path in {model.name: model, **scripts, **_file_of(own)}.items():
            shutil.copyfile(str(path), str(folder / file))
        write_arrays(folder / SAMPLES, arrays)
        if candidate.golden.exists():
            # The arrays that the kit compares; the raw inputs stay behind.
            golden = read_golden(candidate.golden, candidate.command("quantize"))
            write_arrays(folder / GOLDEN, golden.arrays())
        manifest = _of_target(_manifest(compiled, splits, len(part), scores, folder), target)
        manifest = _with_outputs(manifest, candidate, compiled, splits, own)
        write_text(folder / "README.md", bundle_readme(manifest))
        write_text(folder / MODEL_CARD, model_card(candidate, manifest))
        digests = {path.name: file_sha256(path) for path in sorted(folder.iterdir())}
        manifest = replace(manifest, files=digests)
        write_record(folder / MANIFEST, manifest)
        progress(f"packing {archive.name}")
        write_archive(folder, packed, name)
    refresh_links(candidate)
    return BundleResult(name, bundle, archive, manifest)


def _file_of(own: Optional[OwnMetrics]) -> Dict[str, Path]:
    """Return the file of a person's own metrics by its name in the bundle, if there are any."""
    return {} if own is None else {OWN_METRICS: own.path}


def _with_outputs(
    manifest: Manifest,
    candidate: Candidate,
    compiled: CompileRecord,
    splits: Splits,
    own: Optional[OwnMetrics],
) -> Manifest:
    """Return the manifest with each of several outputs, and the function of own metrics."""
    parts = _output_parts(candidate, compiled, splits)
    return replace(manifest, outputs=parts, own_metrics="" if own is None else own.function)


def _samples(candidate: Candidate, splits: Splits, count: int) -> Part:
    """Return the test samples of a bundle: all for a ``count`` of 0."""
    part = splits.test
    if len(part) == 0:
        raise RunError(
            f"the test split of '{candidate.run.folder}' is empty",
            'Search again with a larger share for test, such as data.split = "7:2:1".',
        )
    return part.take(slice(0, count)) if count and count < len(part) else part


def _outputs(
    candidate: Candidate, raw: np.ndarray, splits: Splits, progress: Progress
) -> Optional[np.ndarray]:
    """Return what is judged of the outputs of the int8 Keras model; None where its quantizer's
    layers are not installed.
    """
    try:
        model = load_quantized(candidate.quantized_model)
    except MissingToolError as error:
        progress(
            f"WARNING: {error.message}: what it predicts for the samples is left out of the bundle"
        )
        progress(f"  to have it: docker/run {candidate.command('bundle')}")
        return None
    progress(f"predicting {len(raw)} test samples with the int8 Keras model")
    size = evaluation_batch(splits.input_shape)
    parts = (splits.preprocessing.apply(raw[i : i + size]) for i in range(0, len(raw), size))
    names = names_of_outputs(model, candidate.model)
    outputs = (
        as_said(model.predict(fed(model, x), batch_size=size, verbose=0), names) for x in parts
    )
    return np.concatenate([splits.task.judged(splits.targets.decode(o)) for o in outputs])


def _manifest(
    compiled: CompileRecord, splits: Splits, count: int, scores: Dict[str, float], folder: Path
) -> Manifest:
    headline, of = splits.task.headline, "the int8 Keras model on these samples"
    return Manifest(
        target=compiled.target,
        release=compiled.release,
        backend=compiled.backend,
        fingerprint=compiled.fingerprint,
        model=FileEntry(compiled.file, compiled.sha256, compiled.bytes),
        samples=Samples(SAMPLES, count),
        golden=Golden(GOLDEN) if (folder / GOLDEN).exists() else None,
        preprocessing=splits.preprocessing.to_json(),
        classes=tuple(str(name) for name in splits.classes),
        input=compiled.input,
        inputs=compiled.inputs,
        output=OutputTensor(**vars(compiled.output), threshold=compiled.threshold),
        left_out=compiled.left_out,
        expected=Expected.of_score(headline, scores.get(headline), of),
        entry=ENTRY,
        files={},
        task=splits.dataset.task,
        resize=splits.dataset.request.resize if splits.dataset.request else STRETCH,
        targets=None
        if splits.targets.plain or splits.targets.outputs
        else splits.targets.to_json(),
    )


def _by_output(name: str, array: np.ndarray) -> Dict[str, np.ndarray]:
    """Return an array under a name, or those of several outputs under ``<name>_<output>``."""
    parts = parts_of(array)
    return {f"{name}_{output}": part for output, part in parts.items()} if parts else {name: array}


def _output_parts(
    candidate: Candidate, compiled: CompileRecord, splits: Splits
) -> Tuple[OutputPart, ...]:
    """Return what the kit needs to know of each of several outputs, in the model's order."""
    names = output_names(candidate.model) if compiled.outputs else ()
    pieces = {p.output: p for p in splits.task.pieces(splits.test.y, splits.classes)}
    own = split_names(list(names), splits.classes)
    targets = {name: splits.targets.outputs.get(name, PLAIN) for name in names}
    return tuple(
        OutputPart(
            name=name,
            task=pieces[name].task.name,
            classes=own[name],
            tensor=tensor,
            targets=None if targets[name].plain else targets[name].to_json(),
        )
        for name, tensor in zip(names, compiled.outputs)
    )


def _of_target(manifest: Manifest, target: Target) -> Manifest:
    """Return the manifest with the clock and the cores that an accelerator is meant to have."""
    if not target.device.accelerator:
        return manifest
    return replace(manifest, clock_mhz=target.clock_mhz, cores=target.cores)


def write_archive(folder: Path, archive: Path, name: str) -> None:
    """Pack a folder, as one of this name, into a ``.tar.gz`` that depends on nothing but its files:
    no owners, no times.
    """

    def plain(info: tarfile.TarInfo) -> tarfile.TarInfo:
        info.uid = info.gid = 0
        info.uname = info.gname = "root"
        info.mtime = 0
        info.mode = 0o755 if info.isdir() else 0o644
        return info

    names: List[str] = sorted(path.name for path in folder.iterdir() if path.is_file())
    with open(str(archive), "wb") as raw, gzip.GzipFile(
        filename="", mode="wb", fileobj=raw, mtime=0
    ) as packed:
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for each in names:
                tar.add(str(folder / each), arcname=f"{name}/{each}", filter=plain)
