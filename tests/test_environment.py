import os
import subprocess
import sys

import pytest

from vaiopt import environment


def test_versions_are_found_without_importing_anything():
    found = environment.installed_versions()
    assert found["vaiopt"]
    assert found["numpy"].count(".") >= 1


def test_every_stage_is_told_ready_or_how_to_make_it_so():
    diagnosis = environment.diagnose()
    assert [s.stage for s in diagnosis.stages] == [
        "search",
        "quantize",
        "compile (cpu)",
        "compile (DPU)",
        "measure",
        "report",
    ]
    for stage in diagnosis.stages:
        assert stage.uses
        assert stage.ready or stage.hint


def test_the_vendors_package_is_not_taken_for_the_toolkit_of_the_same_name(tmp_path, monkeypatch):
    package = tmp_path / "tensorflow_model_optimization"
    (package / "python" / "core" / "quantization" / "keras" / "vitis").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "tensorflow_model_optimization", raising=False)
    assert environment.has_vitis_quantizer()
    assert not environment.has_tfmot()


def test_the_commit_is_that_of_the_callers_checkout(tmp_path):
    assert environment.git_commit(tmp_path) == ""

    def run(*words):
        author = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", *author, *words], cwd=str(tmp_path), check=True)

    run("init", "-q")
    (tmp_path / "a").write_text("1")
    run("add", "a")
    run("commit", "-qm", "first")
    clean = environment.git_commit(tmp_path)
    (tmp_path / "a").write_text("2")
    assert environment.git_commit(tmp_path) == clean + "+"


@pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity"), reason="this system binds no process to cores"
)
def test_only_the_cores_that_this_process_may_use_count():
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert environment.cores() == 1
    finally:
        os.sched_setaffinity(0, before)
    assert environment.cores() == len(before)
