"""The stage ``compile`` on a run folder."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from tests.made_runs import on, quantized_candidate
from vaiopt.compile import compile_candidate
from vaiopt.errors import CompileError, ModelError, RunError, TargetError
from vaiopt.record import read_record
from vaiopt.runs.layout import Candidate
from vaiopt.runs.records import CompileRecord


@pytest.fixture
def candidate(tmp_path: Path) -> Candidate:
    return quantized_candidate(tmp_path / "run", limit=60)


def test_the_record_says_what_later_stages_need(candidate: Candidate) -> None:
    lines = []
    result = compile_candidate(candidate, on("cpu"), progress=lines.append)
    record = json.loads((candidate.compiled("cpu") / "compile.json").read_text())
    assert record["version"] == 1 and record["backend"] == "tflite" and record["target"] == "cpu"
    assert (
        record["sha256"]
        == hashlib.sha256((candidate.compiled("cpu") / "model.tflite").read_bytes()).hexdigest()
    )
    assert record["input"] == {
        "name": "image",
        "shape": [1, 8, 8, 1],
        "dtype": "int8",
        "scale": 2.0**-7,
        "zero_point": 0,
        "position": 7,
    }
    assert record["output"]["shape"] == [1, 10] and record["output"]["position"] == 2
    assert (
        record["golden"]["compared"]
        and record["golden"]["same_top1"] == 16
        and record["golden"]["max_difference"] <= 1
    )
    assert result.file == candidate.compiled("cpu") / "model.tflite"
    assert read_record(result.folder / "compile.json", CompileRecord, "") == result.record
    assert lines


def test_compiling_again_replaces_the_folder_and_nothing_else(candidate: Candidate) -> None:
    compile_candidate(candidate, on("cpu"))
    (candidate.compiled("cpu") / "stale").write_text("")
    before = candidate.quantized_model.read_bytes()
    compile_candidate(candidate, on("cpu"))
    assert sorted(path.name for path in candidate.compiled("cpu").iterdir()) == [
        "compile.json",
        "model.tflite",
    ]
    assert candidate.quantized_model.read_bytes() == before
    assert [path.name for path in candidate.compiled("cpu").parent.iterdir()] == ["cpu"]


def test_without_a_quantized_model_the_command_that_makes_it_is_named(candidate: Candidate) -> None:
    candidate.quantized_model.unlink()
    with pytest.raises(RunError) as caught:
        compile_candidate(candidate, on("cpu"))
    assert "vaiopt quantize" in caught.value.hint


def test_a_damaged_model_leaves_the_old_folder_as_it_was(candidate: Candidate) -> None:
    compile_candidate(candidate, on("cpu"))
    before = (candidate.compiled("cpu") / "model.tflite").read_bytes()
    candidate.quantized_model.write_bytes(b"nothing")
    with pytest.raises(ModelError):
        compile_candidate(candidate, on("cpu"))
    assert (candidate.compiled("cpu") / "model.tflite").read_bytes() == before
    assert [path.name for path in candidate.compiled("cpu").parent.iterdir()] == ["cpu"]


def test_golden_outputs_of_another_position_stop_the_stage(candidate: Candidate) -> None:
    with np.load(str(candidate.golden)) as file:
        arrays = dict(file)
    arrays["input_position"] = 6
    np.savez(str(candidate.golden), **arrays)
    with pytest.raises(CompileError, match="fix positions"):
        compile_candidate(candidate, on("cpu"))
    assert not candidate.compiled("cpu").exists()


def test_an_unknown_target_is_refused_before_any_work(candidate: Candidate) -> None:
    with pytest.raises(TargetError):
        compile_candidate(candidate, on("zcu1o2"))
    assert not candidate.compiled("cpu").parent.exists()
