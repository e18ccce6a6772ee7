"""A model of several parts is run as a whole where the board's library can, and says so; else it is
refused by name.
"""

from __future__ import annotations

import json
import sys
import zlib
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
F32 = "float32"


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


def by_chance(x: np.ndarray, index: int, size: int) -> np.ndarray:
    """What a stand-in DPU without a program gives as its output of a number."""
    rows = (np.random.RandomState(zlib.crc32(row.tobytes(), index)) for row in x)
    return np.stack([row.randint(-128, 128, size).astype(np.int8) for row in rows])


def several_ends(folder: Path) -> Path:
    """A bundle of two inputs and two outputs in two parts: the first of an image 'b', with an
    output 'side' of its own; the second of what the CPU makes of it and of two numbers 'a'.
    """
    content = two_parts()["content"]
    source, one, middle, two, end = content["children"]
    a, side = tensor("quant_a", [1, 2], 5), tensor("quant_side_fix", [1, 2], 3)
    source["output_tensors"][0]["name"] = "quant_b"
    one.update(output_tensors=[*one["output_tensors"], side], standin={})
    two.update(input_tensors=[*two["input_tensors"], a], standin={})
    left = subgraph("subgraph_side_", "CPU", [side], [tensor("quant_side_fix_", [1, 2], None, F32)])
    end["output_tensors"][0]["name"] = "quant_logits_fix_"
    given = subgraph("subgraph_a", "USER", [], [a])
    content["children"] = [given, source, one, left, middle, two, end]
    folder = make_bundle(folder, content)

    b = make_data()["x"].reshape(40, 16)
    numbers = np.random.RandomState(1).uniform(-2, 2, (40, 2)).astype(np.float32)
    own_b = (b.astype(np.int16) - 128).astype(np.int8)
    own_a = np.clip(np.floor(numbers * np.float32(32) + np.float32(0.5)), -128, 127).astype(np.int8)
    hidden, aside = by_chance(own_b, 0, MIDDLE), by_chance(own_b, 1, 2)
    halved = np.where(hidden < 0, hidden >> 1, hidden).astype(np.int8)
    logits = by_chance(np.concatenate([halved, own_a], axis=1), 0, 3)
    labels = {"y_kind": logits.argmax(axis=1), "y_side": aside / 8.0}
    expected = {"expected_kind": labels["y_kind"], "expected_side": labels["y_side"]}
    x = np.concatenate([b, numbers], axis=1).astype(np.float32)
    np.savez(str(folder / "samples.npz"), x=x, **labels, **expected)
    golden = {"inputs": own_b[:8].reshape(8, *SHAPE), "inputs_1": own_a[:8]}
    golden.update(outputs=logits[:8], outputs_1=aside[:8])
    at = {"input_position": 7, "input_position_1": 5, "output_position": 2, "output_position_1": 3}
    np.savez(str(folder / "golden.npz"), **golden, **at)
    manifest = json.loads((folder / "manifest.json").read_text())
    way = manifest["preprocessing"]
    ways = [way, {"name": "a", "shape": [2], "offset": 0.0, "scale": 1.0}]
    manifest["preprocessing"] = {"shape": [18], "raw_dtype": "float32", "inputs": ways}
    manifest["inputs"] = [
        {"name": "quant_b", "shape": [1, *SHAPE], "position": 7},
        {"name": "quant_a", "shape": [1, 2], "position": 5},
    ]
    kind, aside_end = ("quant_logits_fix", 3, 2), ("quant_side_fix", 2, 3)
    manifest["task"] = "kind=classification,side=regression"
    manifest["outputs"] = [
        {"name": n, "task": t, "classes": c, "tensor": {"name": k, "shape": [1, s], "position": p}}
        for n, t, c, (k, s, p) in (
            ("kind", "classification", ["u", "v", "w"], kind),
            ("side", "regression", ["s", "t"], aside_end),
        )
    ]
    seal(folder, manifest)
    return folder


def test_several_inputs_and_outputs_of_a_whole_graph_go_by_their_names(tmp_path: Path) -> None:
    bundle = several_ends(tmp_path / "bundle")
    outcome = run_bundle(bundle, "--threads", "2", STANDIN_BATCH="3", **WITH)
    assert outcome.code == 0, outcome
    result = outcome.result
    assert result["golden"]["bit_exact"] and result["golden"]["elements"] == 8 * 5
    assert result["agreement"]["equal"] == 40 and result["runtime"]["whole_graph"]
    assert result["scores"]["kind_accuracy"] == 1.0 and result["scores"]["side_mae"] == 0.0
    assert run_bundle(bundle).code == 2  # without the library


@pytest.mark.parametrize(
    ("place", "change", "words"),
    [
        ("inputs", {"name": "quant_c"}, "the manifest says quant_c, quant_a"),
        ("outputs", {"name": "quant_c_fix"}, "does not say which decides: quant_c_fix"),
        ("outputs", {"position": 1}, "not int8 values of fix position 1"),
    ],
)
def test_ends_of_other_names_or_positions_are_refused(
    tmp_path: Path, place: str, change: Dict[str, Any], words: str
) -> None:
    bundle = several_ends(tmp_path / "bundle")
    content = json.loads((bundle / "manifest.json").read_text())
    first = content[place][0]
    first.get("tensor", first).update(change)
    (bundle / "golden.npz").unlink()
    seal(bundle, content)
    outcome = run_bundle(bundle, **WITH)
    assert outcome.code == 2 and words in outcome.error, outcome


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
