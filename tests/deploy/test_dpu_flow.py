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
from standin_models import STANDIN, classifier

from tests.made_runs import on, quantized_candidate
from vaiopt.compile import compile_candidate
from vaiopt.deploy import bundle_candidate, measure_candidate, remote
from vaiopt.int8.model import load_quantized
from vaiopt.runs.layout import Candidate


@pytest.fixture
def candidate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Candidate:
    """A model of one dense layer, and a compiler whose model computes exactly that layer."""
    candidate = quantized_candidate(tmp_path / "run", model="linear")
    kernel, bias = load_quantized(candidate.quantized_model).get_layer("dense").get_weights()
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
    monkeypatch.setattr("vaiopt.compile.vitis.backend._check_quantizer", lambda *_: None)
    monkeypatch.setattr(remote, "POLL_SECONDS", 0.05)
    return candidate


def test_a_dpu_gives_the_int8_keras_models_classes_and_golden_outputs(
    candidate: Candidate, board: Any
) -> None:
    kit = on("zcu102", host="board")
    record = compile_candidate(candidate, kit).record
    assert record.more["runnable"] and record.warnings == ()
    manifest = bundle_candidate(candidate, kit).manifest
    assert manifest.fingerprint == "0x101000056010407" and manifest.backend == "vitis"
    assert (
        "fingerprint `0x101000056010407`" in (candidate.bundle("zcu102") / "README.md").read_text()
    )
    result = measure_candidate(candidate, kit, ssh_config=board.config, repeat=1).record
    assert result.golden.bit_exact and result.agreement.fraction == 1.0
    assert result.accuracy == manifest.expected.accuracy
    assert result.more["runtime"]["fingerprint"] == manifest.fingerprint
    assert json.loads(candidate.measured("zcu102").read_text())["host"] == "board"
