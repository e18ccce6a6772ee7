"""Candidates whose bundle for a zcu102 is a stand-in ``.xmodel``, made without a compiler."""

from __future__ import annotations

import json
from dataclasses import replace

from made_bundles import CLASSES, POSITIONS, SHAPE, make_bundle

from tests.made_runs import manifest_record
from vaiopt.record import write_record
from vaiopt.runs.layout import Candidate
from vaiopt.runs.lineage import file_sha256
from vaiopt.runs.records import Expected, Golden, OutputTensor, Tensor


def bundle_of_a_standin(candidate: Candidate, accuracy: float = 0.9) -> None:
    """Give a candidate its bundle. ``accuracy`` is the one to expect, which its manifest tells:
    bundles of another one have other manifests, and all else alike.
    """
    folder = make_bundle(candidate.bundle("zcu102"))
    content = json.loads((folder / "manifest.json").read_text())
    digests = {path.name: file_sha256(path) for path in folder.iterdir()}
    manifest = replace(
        manifest_record("zcu102", digests["model.xmodel"]),
        golden=Golden("golden.npz"),
        preprocessing=content["preprocessing"],
        classes=tuple(content["classes"]),
        input=Tensor.at("quant_image", (1, *SHAPE), POSITIONS[0]),
        output=OutputTensor.at("quant_logits_fix", (1, CLASSES), POSITIONS[1]),
        expected=Expected(accuracy),
        files={name: digest for name, digest in digests.items() if name != "manifest.json"},
    )
    write_record(folder / "manifest.json", manifest)
