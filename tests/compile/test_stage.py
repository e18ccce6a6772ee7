"""The stage ``compile`` on a run folder."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from made_runs import make_run

from vaiopt.compile import compile_run, read_compiled
from vaiopt.errors import CompileError, ModelError, RunError, TargetError
from vaiopt.runs.layout import Run
from vaiopt.settings import Settings


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return make_run(tmp_path / "run", limit=60)


def test_the_record_says_what_later_stages_need(run: Run) -> None:
    lines = []
    result = compile_run(run, Settings(), "cpu", progress=lines.append)
    record = json.loads((run.compiled("cpu") / "compile.json").read_text())
    assert record["version"] == 1 and record["backend"] == "tflite" and record["target"] == "cpu"
    assert (
        record["sha256"]
        == hashlib.sha256((run.compiled("cpu") / "model.tflite").read_bytes()).hexdigest()
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
    assert result.file == run.compiled("cpu") / "model.tflite"
    assert read_compiled(run, "cpu") == record
    assert lines


def test_compiling_again_replaces_the_folder_and_nothing_else(run: Run) -> None:
    compile_run(run, Settings(), "cpu")
    (run.compiled("cpu") / "stale").write_text("")
    before = run.quantized_model.read_bytes()
    compile_run(run, Settings(), "cpu")
    assert sorted(path.name for path in run.compiled("cpu").iterdir()) == [
        "compile.json",
        "model.tflite",
    ]
    assert run.quantized_model.read_bytes() == before
    assert [path.name for path in run.compiled("cpu").parent.iterdir()] == ["cpu"]


def test_without_a_quantized_model_the_command_that_makes_it_is_named(run: Run) -> None:
    run.quantized_model.unlink()
    with pytest.raises(RunError) as caught:
        compile_run(run, Settings(), "cpu")
    assert "vaiopt quantize" in caught.value.hint


def test_a_damaged_model_leaves_the_old_folder_as_it_was(run: Run) -> None:
    compile_run(run, Settings(), "cpu")
    before = (run.compiled("cpu") / "model.tflite").read_bytes()
    run.quantized_model.write_bytes(b"nothing")
    with pytest.raises(ModelError):
        compile_run(run, Settings(), "cpu")
    assert (run.compiled("cpu") / "model.tflite").read_bytes() == before
    assert [path.name for path in run.compiled("cpu").parent.iterdir()] == ["cpu"]


def test_golden_outputs_of_another_position_stop_the_stage(run: Run) -> None:
    with np.load(str(run.golden)) as file:
        arrays = dict(file)
    arrays["input_position"] = 6
    np.savez(str(run.golden), **arrays)
    with pytest.raises(CompileError, match="fix positions"):
        compile_run(run, Settings(), "cpu")
    assert not run.compiled("cpu").exists()


def test_an_unknown_target_is_refused_before_any_work(run: Run) -> None:
    with pytest.raises(TargetError):
        compile_run(run, Settings(), "zcu1o2")
    assert not (run.folder / "compiled").exists()
