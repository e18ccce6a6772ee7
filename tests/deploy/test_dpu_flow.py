"""The way of a DPU model: compiled by the (stand-in) compiler, bundled, copied to a board, measured
by the (stand-in) DPU.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_vai_c import install
from made_runs import make_run
from standin_models import STANDIN, classifier

from vaiopt.compile import compile_run
from vaiopt.deploy import bundle_run, measure, remote
from vaiopt.int8.model import load_quantized
from vaiopt.runs.layout import Run
from vaiopt.settings import Settings


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run of one dense layer, and a compiler whose model computes exactly that layer."""
    run = make_run(tmp_path / "run", model="linear")
    kernel, bias = load_quantized(run.quantized_model).get_layer("dense").get_weights()
    weights = np.rint(kernel * 2.0**7).astype(np.int8)
    # accumulator at 7 + 7, bias at 10, output at 4
    content = classifier(weights, np.rint(bias * 2.0**10).astype(int) << 4, 10, (8, 8, 1), 7, 4)
    (tmp_path / "content.json").write_text(json.dumps(content))
    monkeypatch.setenv("FAKE_XMODEL", str(tmp_path / "content.json"))
    monkeypatch.setenv("PATH", install(tmp_path / "bin"))
    monkeypatch.setenv("PYTHONPATH", str(STANDIN))
    monkeypatch.syspath_prepend(str(STANDIN))
    # The test's int8 model comes from the off-board quantizer, which the real compiler would
    # refuse.
    monkeypatch.setattr("vaiopt.compile.vitis.check_quantizer", lambda run, given: None)
    monkeypatch.setattr(remote, "POLL_SECONDS", 0.05)
    return run


def test_a_dpu_gives_the_int8_keras_models_classes_and_golden_outputs(run: Run, board: Any) -> None:
    record = compile_run(run, Settings(), "zcu102").record
    assert record["runnable"] and record["warnings"] == []
    manifest = bundle_run(run, "zcu102", Settings()).manifest
    assert manifest["fingerprint"] == "0x101000056010407" and manifest["backend"] == "vitis"
    assert "fingerprint `0x101000056010407`" in (run.bundle("zcu102") / "README.md").read_text()
    result = measure(run, "zcu102", "board", ssh_config=board.config, repeat=1).record
    assert result["golden"]["bit_exact"] and result["agreement"]["fraction"] == 1.0
    assert result["accuracy"] == manifest["expected"]["accuracy"]
    assert result["runtime"]["fingerprint"] == manifest["fingerprint"]
    assert json.loads(run.measured("zcu102").read_text())["host"] == "board"
