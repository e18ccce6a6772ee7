"""The command that writes ONNX, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.made_runs import made_candidate, quantized_candidate
from vaiopt.errors import MissingToolError, RunError
from vaiopt.export import export_candidate


def test_the_file_is_written_and_was_compared(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    candidate = quantized_candidate(tmp_path / "run", limit=100)
    result = export_candidate(candidate, tmp_path / "m.onnx")
    assert result.path.stat().st_size == result.size > 0
    assert result.compared is None or result.compared > 0


def test_what_cannot_be_exported_is_refused_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    candidate = made_candidate(tmp_path / "run")
    with pytest.raises(RunError, match="does not end in .onnx") as named:
        export_candidate(candidate, tmp_path / "model.pb")
    assert "model.onnx" in named.value.hint
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="'.*file' is a file"):
        export_candidate(candidate, tmp_path / "file" / "m.onnx")
    monkeypatch.setattr("vaiopt.export.load_onnx", lambda: None)
    with pytest.raises(RunError, match="no int8 model") as caught:
        export_candidate(candidate, tmp_path / "m.onnx")
    assert "vaiopt quantize" in caught.value.hint
    assert not list(tmp_path.glob("*.onnx"))


def test_without_onnx_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(MissingToolError) as caught:
        export_candidate(made_candidate(tmp_path / "run"), tmp_path / "m.onnx")
    assert "vaiopt[onnx]" in caught.value.hint
