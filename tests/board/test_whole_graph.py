"""A model of several parts is run as a whole where the board's library can, and says so; else it is
refused by name.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from made_bundles import POSITIONS, SHAPE, STANDIN, make_bundle, make_data, run_bundle, seal
from standin_models import classifier, subgraph, tensor, write_model

from tests.made_runs import measured_record
from vaiopt.sheets.measurement import measured_facts

LIBRARY = STANDIN.parent / "standin_library"
WITH = {"PYTHONPATH": f"{STANDIN}:{LIBRARY}"}
MIDDLE = 8


def two_parts(last: str = "fix2float") -> Dict[str, Any]:
    """A network of two DPU subgraphs with an operator on the CPU between them; ``content`` and
    ``run``, which computes it.
    """
    random = np.random.RandomState(5)
    first, second = (
        random.randint(-40, 40, size).astype(np.int8) for size in ((16, MIDDLE), (MIDDLE, 3))
    )
    a = classifier(first, np.zeros(MIDDLE), 8, SHAPE, POSITIONS[0], 4)
    b = classifier(second, np.zeros(3), 6, (MIDDLE,), 4, POSITIONS[1])
    source, one = a["children"][:2]
    one["output_tensors"] = [tensor("quant_one_fix", [1, MIDDLE], 4)]
    middle = subgraph(
        "subgraph_middle", "CPU", one["output_tensors"], [tensor("quant_middle", [1, MIDDLE], 4)]
    )
    middle["standin"] = {"kind": "halve negative"}
    two, end = b["children"][1:]
    two["name"], two["input_tensors"] = "subgraph_two", middle["output_tensors"]
    end["standin"] = {"kind": last}
    ops = a["ops"][:4] + [{"name": "middle", "type": "prelu", "subgraph": "subgraph_middle"}]
    ops += [dict(op, subgraph="subgraph_two") for op in b["ops"][2:4]] + b["ops"][4:]
    content = {**a, "children": [source, one, middle, two, end], "ops": ops}

    def layer(x: np.ndarray, weights: np.ndarray, shift: int) -> np.ndarray:
        total = x.astype(np.int64).dot(weights.astype(np.int64)) + (1 << shift >> 1)
        return np.clip(total >> shift, -128, 127)

    def run(x: np.ndarray) -> np.ndarray:
        hidden = layer(x.reshape(len(x), -1).astype(np.int64) - 128, first, 8)
        return layer(np.where(hidden < 0, hidden >> 1, hidden), second, 6).astype(np.int8)

    return {"content": content, "run": run}


def make(folder: Path, model: Dict[str, Any], wrong: int = 0) -> Path:
    """A bundle of the network; ``wrong`` is added to its golden outputs."""
    bundle = make_bundle(folder / "bundle", model["content"])
    data = make_data()
    outputs = model["run"](data["x"])
    np.savez(str(bundle / "samples.npz"), expected=outputs.argmax(axis=1), **data)
    golden = (data["x"][:8].astype(np.int16) - 128).astype(np.int8)
    kept = {"input_position": POSITIONS[0], "output_position": POSITIONS[1]}
    np.savez(str(bundle / "golden.npz"), inputs=golden, outputs=outputs[:8] + wrong, **kept)
    seal(bundle)
    return bundle


def test_a_whole_graph_computes_all_its_parts_and_says_how(tmp_path: Path) -> None:
    bundle = make(tmp_path, two_parts())
    outcome = run_bundle(bundle, "--threads", "2", STANDIN_BATCH="3", **WITH)
    assert outcome.code == 0, outcome
    result, runtime = outcome.result, outcome.result["runtime"]
    assert result["golden"]["bit_exact"] and result["agreement"]["equal"] == 40
    assert runtime["whole_graph"] and runtime["runtime"] == "vitis_ai_library.GraphRunner"
    assert (runtime["dpu_subgraphs"], runtime["cpu_subgraphs"]) == (2, 2)
    assert "whole graph" in outcome.stderr and "dpu_latency_ms" not in result
    record = replace(measured_record("zcu102"), more={"runtime": runtime})
    told = measured_facts(record)["executed by"]
    assert told == "GraphRunner, the whole graph: 2 part(s) on the DPU, 2 on the CPU"


def test_golden_outputs_that_differ_are_told_of_a_whole_graph_too(tmp_path: Path) -> None:
    outcome = run_bundle(make(tmp_path, two_parts(), wrong=1), **WITH)
    assert outcome.code == 0 and "golden" in outcome.doubts


def test_without_the_library_it_is_refused_by_name(tmp_path: Path) -> None:
    outcome = run_bundle(make(tmp_path, two_parts()))
    assert outcome.code == 2 and "needs 2 DPU subgraphs" in outcome.error
    assert "vitis_ai_library" in outcome.hint


def test_several_inputs_of_a_whole_graph_are_refused_by_name(tmp_path: Path) -> None:
    bundle = make(tmp_path, two_parts())
    content = json.loads((bundle / "manifest.json").read_text())
    way, first = content["preprocessing"], content["input"]
    content["preprocessing"] = {
        "shape": [18],
        "raw_dtype": "float32",
        "inputs": [way, {**way, "shape": [2]}],
    }
    content["inputs"] = [{**first, "shape": [1, *SHAPE]}, {**first, "name": "b", "shape": [1, 2]}]
    data = make_data()
    np.savez(str(bundle / "samples.npz"), x=np.zeros((40, 18), np.float32), y=data["y"])
    (bundle / "golden.npz").unlink()
    seal(bundle, content)
    for environment in (WITH, {}):
        outcome = run_bundle(bundle, **environment)
        assert outcome.code == 2 and "one input and one output, this has 2 and 1" in outcome.error
        assert "needs 2 DPU subgraphs" in outcome.error
        assert "vitis_ai_library" not in outcome.hint


def test_one_dpu_subgraph_is_never_run_as_a_whole_graph(tmp_path: Path) -> None:
    outcome = run_bundle(make_bundle(tmp_path / "bundle"), **WITH)
    assert "whole_graph" not in outcome.result["runtime"]


def test_outputs_that_are_not_the_int8_values_are_refused(tmp_path: Path) -> None:
    outcome = run_bundle(make(tmp_path, two_parts("softmax")), **WITH)
    assert outcome.code == 2 and "not int8 values of fix position 2" in outcome.error
    assert outcome.result is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c["children"][1]["attrs"].pop("dpu_fingerprint"), "dpu_fingerprint"),
        (lambda c: c["children"][0]["output_tensors"][0]["attrs"].clear(), "fix_point"),
        (lambda c: c["children"][0]["output_tensors"][0].update(dtype="xint16"), "xint16"),
        (lambda c: c["children"][-1].update(standin={"kind": "nms"}), "ended the process"),
        (lambda c: c["children"][2]["attrs"].update(device="GPU"), "unknown device"),
    ],
)
def test_a_graph_of_no_use_is_refused(tmp_path: Path, change: Any, words: str) -> None:
    model = two_parts()
    bundle = make(tmp_path, model)
    change(model["content"])
    write_model(bundle / "model.xmodel", model["content"])
    seal(bundle)
    outcome = run_bundle(bundle, **WITH)
    assert outcome.code == 2 and words in outcome.error and outcome.result is None, outcome
