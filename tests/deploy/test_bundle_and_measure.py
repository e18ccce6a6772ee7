"""The stages ``bundle`` and ``measure`` with target cpu, on a run with a real data set."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import List

import numpy as np
import pytest

from tests.made_runs import on, quantized_candidate
from vaiopt.compile import compile_candidate
from vaiopt.data import load_splits
from vaiopt.deploy import board_files, bundle_candidate, measure_candidate
from vaiopt.deploy.local import clean_environment
from vaiopt.deploy.measure import measured_name
from vaiopt.errors import BoardError, MissingToolError, RunError
from vaiopt.int8.model import load_quantized
from vaiopt.runs.layout import Candidate, Run
from vaiopt.settings import override

CPU = on("cpu")


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Candidate:
    candidate = quantized_candidate(tmp_path_factory.mktemp("runs") / "run")
    compile_candidate(candidate, CPU)
    bundle_candidate(candidate, CPU)
    return candidate


@pytest.fixture
def candidate(compiled: Candidate, tmp_path: Path) -> Candidate:
    """A copy that a test may change."""
    shutil.copytree(str(compiled.run.folder), str(tmp_path / "run"), symlinks=True)
    return Run(tmp_path / "run").trial(compiled.number)


def test_a_bundle_holds_all_that_a_kit_needs(compiled: Candidate) -> None:
    folder = compiled.bundle("cpu")
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "manifest.json",
        "model.tflite",
        "samples.npz",
        "golden.npz",
        "README.md",
        "MODEL_CARD.md",
    } | set(board_files())
    manifest = json.loads((folder / "manifest.json").read_text())
    assert set(manifest["files"]) == names - {"manifest.json"}
    assert (
        "python3 run_model.py model.tflite --data samples.npz" in (folder / "README.md").read_text()
    )
    assert str(compiled.run.folder) not in (folder / "manifest.json").read_text()


def test_samples_are_the_raw_test_split_with_the_int8_models_classes(compiled: Candidate) -> None:
    test = load_splits(compiled).test
    with np.load(str(compiled.bundle("cpu") / "samples.npz")) as samples:
        assert samples["x"].dtype == np.uint8
        np.testing.assert_array_equal(samples["x"], test.raw)
        np.testing.assert_array_equal(samples["y"], test.y)
        predicted = (
            load_quantized(compiled.quantized_model).predict(test.x, verbose=0).argmax(axis=1)
        )
        np.testing.assert_array_equal(samples["expected"], predicted)
        manifest = json.loads((compiled.bundle("cpu") / "manifest.json").read_text())
        assert manifest["expected"]["accuracy"] == pytest.approx((predicted == test.y).mean())


def test_fewer_samples_can_be_asked_for(candidate: Candidate) -> None:
    assert bundle_candidate(candidate, on("cpu", samples=7)).manifest.samples.count == 7


def test_the_archive_is_the_folder_and_the_same_every_time(
    candidate: Candidate, tmp_path: Path
) -> None:
    first = (candidate.bundle("cpu").parent / "cpu.tar.gz").read_bytes()
    with tarfile.open(str(candidate.bundle("cpu").parent / "cpu.tar.gz")) as archive:
        assert all(
            member.name.startswith("cpu/") and member.isfile() for member in archive.getmembers()
        )
        archive.extractall(str(tmp_path / "unpacked"))
    for path in candidate.bundle("cpu").iterdir():
        assert (tmp_path / "unpacked" / "cpu" / path.name).read_bytes() == path.read_bytes()
    from vaiopt.deploy.bundle import write_archive

    write_archive(candidate.bundle("cpu"), tmp_path / "again.tar.gz", "cpu")
    assert (tmp_path / "again.tar.gz").read_bytes() == first


def test_measuring_gives_the_same_classes_as_the_int8_keras_model(candidate: Candidate) -> None:
    lines = []
    own = override(on("cpu", threads=2), ["objective.metrics=mine.py:map"])
    result = measure_candidate(candidate, own, progress=lines.append, repeat=2)
    assert any("objective.metrics is not computed on the kit" in line for line in lines)
    record = json.loads(candidate.measured("cpu").read_text())
    assert record["agreement"]["fraction"] == 1.0
    assert record["accuracy"] == record["expected"]["accuracy"]
    assert (
        record["host"] == "local"
        and record["fps"]["threads"] == 2
        and record["latency_ms"]["p50"] > 0
    )
    assert record["golden"]["compared"] and record["golden"]["max_difference"] <= 1
    assert result.to_json()["samples"] == record["samples"] == 30
    assert any("running 30 samples" in line for line in lines)
    left = {path.name for path in candidate.bundle("cpu").iterdir()}
    assert left == set(
        json.loads((candidate.bundle("cpu") / "manifest.json").read_text())["files"]
    ) | {"manifest.json"}, "nothing is left behind"


def test_the_measuring_process_loads_neither_tensorflow_nor_vaiopt(
    candidate: Candidate, tmp_path: Path
) -> None:
    arguments = [
        "model.tflite",
        "--data",
        "samples.npz",
        "--batch-repeat",
        "1",
        "--output",
        str(tmp_path / "result.json"),
    ]
    environment = clean_environment()
    subprocess.run(
        [sys.executable, "run_model.py", *arguments],
        cwd=str(candidate.bundle("cpu")),
        env=environment,
        check=True,
    )
    modules = set(json.loads((tmp_path / "result.json").read_text())["modules"])
    assert "numpy" in modules and modules & {"ai_edge_litert", "tflite_runtime"}
    assert not modules & {"vaiopt", "tensorflow", "keras", "tf_keras"}


def test_a_measurement_that_loaded_tensorflow_is_not_kept(candidate: Candidate) -> None:
    script = candidate.bundle("cpu") / "kit_tflite.py"
    script.write_text(
        script.read_text()
        + "\nimport sys, types\nsys.modules['tensorflow'] = types.ModuleType('tensorflow')\n"
    )
    manifest = json.loads((candidate.bundle("cpu") / "manifest.json").read_text())
    manifest["files"]["kit_tflite.py"] = hashlib.sha256(script.read_bytes()).hexdigest()
    (candidate.bundle("cpu") / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BoardError, match="loaded tensorflow"):
        measure_candidate(candidate, CPU, repeat=1)
    assert not candidate.measured("cpu").exists()


@pytest.mark.parametrize("name", ["model.tflite", "samples.npz", "run_model.py", "golden.npz"])
def test_a_bundle_that_was_changed_is_not_measured(candidate: Candidate, name: str) -> None:
    with open(str(candidate.bundle("cpu") / name), "ab") as file:
        file.write(b"\n")
    with pytest.raises(RunError, match=name):
        measure_candidate(candidate, CPU)
    assert not candidate.measured("cpu").exists()


def test_a_model_that_was_changed_after_compiling_is_not_bundled(candidate: Candidate) -> None:
    with open(str(candidate.compiled("cpu") / "model.tflite"), "ab") as file:
        file.write(b"\0")
    before = (candidate.bundle("cpu") / "manifest.json").read_bytes()
    with pytest.raises(RunError, match="not the file that compile.json describes"):
        bundle_candidate(candidate, CPU)
    assert (candidate.bundle("cpu") / "manifest.json").read_bytes() == before


def test_each_stage_names_the_one_that_is_missing(candidate: Candidate) -> None:
    shutil.rmtree(str(candidate.bundle("cpu")))
    with pytest.raises(RunError) as caught:
        measure_candidate(candidate, CPU)
    assert "vaiopt bundle" in caught.value.hint
    shutil.rmtree(str(candidate.compiled("cpu")))
    with pytest.raises(RunError) as caught:
        bundle_candidate(candidate, CPU)
    assert "vaiopt compile" in caught.value.hint


def test_an_old_measurement_stays_when_a_new_one_fails(candidate: Candidate) -> None:
    measure_candidate(candidate, CPU, repeat=1)
    before = candidate.measured("cpu").read_bytes()
    (candidate.bundle("cpu") / "model.tflite").write_bytes(b"x")
    with pytest.raises(RunError):
        measure_candidate(candidate, CPU)
    assert candidate.measured("cpu").read_bytes() == before


@pytest.mark.parametrize("target, host, name", [
    ("cpu", "local", "cpu"),
    ("zcu102", "root@kit", "zcu102"),
    ("cpu", "root@192.168.1.10", "cpu@192.168.1.10"),
    ("cpu", "root@[fe80::1%eth0]", "cpu@fe80-1-eth0"),
])  # fmt: skip
def test_a_kits_own_cpu_is_kept_apart_from_this_machines(target: str, host: str, name: str) -> None:
    assert measured_name(target, host) == name


def test_only_what_a_kit_lacks_is_taken_from_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "with" / "vaiopt").mkdir(parents=True)
    (tmp_path / "without").mkdir()
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(tmp_path / "with"), str(tmp_path / "without")])
    )
    assert clean_environment()["PYTHONPATH"] == str(tmp_path / "without")


def test_without_the_vendors_layers_the_bundle_is_made_but_nothing_is_expected_of_it(
    candidate: Candidate, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(path: Path) -> None:
        raise MissingToolError(
            "'quantized.h5' was written by the vendor's quantizer, which is not installed here",
            "Use the container.",
        )

    monkeypatch.setattr("vaiopt.deploy.bundle.load_quantized", missing)
    lines: List[str] = []
    manifest = bundle_candidate(candidate, CPU, progress=lines.append).manifest
    assert manifest.expected.accuracy is None and any(
        "docker/run vaiopt bundle" in line for line in lines
    )
    assert "is not known here" in (candidate.bundle("cpu") / "README.md").read_text()
    record = measure_candidate(candidate, CPU, repeat=1).record
    assert record.agreement is None and record.samples == 30 and record.golden.compared
