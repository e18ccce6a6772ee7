"""Compilers are rows: each is whole, and a made-up one is used like the others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.made_runs import on, quantized_candidate
from vaiopt import doctor
from vaiopt.compile import compile_candidate, compilers
from vaiopt.compile.backend import Compiler, CompileRequest
from vaiopt.compile.record import Compiled
from vaiopt.compile.tflite.flatbuffer import BUILTINS, FlatBuffer
from vaiopt.environment import Availability
from vaiopt.errors import CompileError
from vaiopt.hardware.device import Device
from vaiopt.hardware.targets import load_target
from vaiopt.runs.records import Tensor

PAPER = Device("made_up", "paper", accelerator=False)


class Copier(Compiler):
    """Takes the name of the model for the model."""

    name, doc, kind, device = "copier", "copies", "made_up", "paper"

    def available(self) -> Availability:
        return Availability(True, "a pen")

    def compile(self, request: CompileRequest) -> Compiled:
        (request.folder / "model.txt").write_text(request.quantized_model.name)
        ends = [Tensor.at(name, (1, 2), 7) for name in ("in", "out")]
        return Compiled("model.txt", ends[0], ends[1], None, more={"ink": "blue"})


def test_every_row_is_whole_and_serves_a_kind_of_its_own() -> None:
    rows = compilers.COMPILERS
    for row in rows:
        assert row.name and row.doc and row.kind and row.device
        found = row.available()
        assert found.uses and isinstance(found.ready, bool)
    assert len({row.kind for row in rows}) == len({row.name for row in rows}) == len(rows)


@pytest.mark.parametrize("target, name", [("cpu", "tflite"), ("zcu102", "vitis")])
def test_a_target_s_kind_says_who_compiles(target: str, name: str) -> None:
    assert compilers.compiler_for(load_target(target)).name == name


def test_a_kind_that_nothing_serves_is_refused_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    candidate = quantized_candidate(tmp_path / "run", limit=60, model="linear")
    strange = load_target("cpu")._replace(name="abacus", device=PAPER)
    monkeypatch.setattr("vaiopt.compile.stage.load_target", lambda *_: strange)
    with pytest.raises(CompileError, match="'abacus', which is of the kind 'made_up'") as caught:
        compile_candidate(candidate, on("abacus"))
    assert all(row.kind in caught.value.hint for row in compilers.COMPILERS)
    assert not candidate.compiled("abacus").parent.exists()


def test_a_made_up_row_compiles_and_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compilers, "COMPILERS", (*compilers.COMPILERS, Copier()))
    candidate = quantized_candidate(tmp_path / "run", limit=60, model="linear")
    strange: Any = load_target("cpu")._replace(name="abacus", device=PAPER)
    monkeypatch.setattr("vaiopt.compile.stage.load_target", lambda *_: strange)
    result = compile_candidate(candidate, on("abacus"))
    record = json.loads((candidate.compiled("abacus") / "compile.json").read_text())
    assert (result.record.backend, record["backend"], record["ink"]) == ("copier", "copier", "blue")
    assert result.file.read_text() == "quantized.h5"


def test_doctor_asks_every_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "COMPILERS", (Copier(),))
    stages = {stage.stage: stage for stage in doctor.diagnose().stages}
    assert stages["compile (paper)"].uses == "a pen" and "compile (cpu)" not in stages


def test_every_operator_of_tensorflow_lite_is_in_its_schema() -> None:
    schema = FlatBuffer("test")._schema
    for row in BUILTINS.values():
        assert hasattr(schema.BuiltinOperator, row.name)
        assert not row.options or hasattr(schema, row.options + "OptionsT")
