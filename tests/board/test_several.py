"""Several outputs on the kit: one row of values, decoded and scored by output."""

import json
import sys
import zlib
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

from made_bundles import make_bundle, make_classifier, make_data, run_bundle, seal
from standin_models import tensor, write_model


def of_the_device(x, index, size):
    """What the stand-in DPU gives as its output of a number, in the order of names."""
    rows = (np.random.RandomState(zlib.crc32(row.tobytes(), index)) for row in x)
    return np.stack([row.randint(-128, 128, size).astype(np.int8) for row in rows])


def make_two(folder):
    """A bundle whose DPU has an output 'b' (three classes) before 'a' (two quantities)."""
    make_bundle(folder)
    content = make_classifier()["content"]
    dpu = next(child for child in content["children"] if child["attrs"].get("device") == "DPU")
    dpu["output_tensors"] = [tensor("quant_b_fix", [1, 3], 4), tensor("quant_a_fix", [1, 2], 2)]
    dpu["standin"] = {}
    write_model(folder / "model.xmodel", content)
    data = make_data()
    x = (data["x"].astype(np.int16) - 128).astype(np.int8)
    a, b = of_the_device(x, 0, 2), of_the_device(x, 1, 3)  # the runner sorts them by name
    quantities = a / 4.0 * 3.0 + 1.0
    arrays = {"y_b": b.argmax(axis=1), "y_a": quantities + 0.5, "expected_a": quantities}
    arrays["expected_b"] = (b.argmax(axis=1) + (np.arange(len(b)) == 0)) % 3
    np.savez(str(folder / "samples.npz"), x=data["x"], **arrays)
    few = {"outputs": b[:8], "output_position": 4, "outputs_1": a[:8], "output_position_1": 2}
    np.savez(str(folder / "golden.npz"), inputs=x[:8], input_position=7, **few)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["task"] = "b=classification,a=regression"
    manifest["outputs"] = [
        {
            "name": "b",
            "task": "classification",
            "classes": ["u", "v", "w"],
            "tensor": {"name": "quant_b_fix", "shape": [1, 3], "position": 4},
        },
        {
            "name": "a",
            "task": "regression",
            "classes": ["s", "t"],
            "tensor": {"name": "quant_a_fix", "shape": [1, 2], "position": 2},
            "targets": {"offset": [1.0], "scale": [3.0]},
        },
    ]
    seal(folder, manifest)
    return folder


def test_each_output_is_read_by_its_name_and_scored_by_its_task(tmp_path):
    outcome = run_bundle(make_two(tmp_path / "bundle"), "--threads", "2")
    assert outcome.code == 0, outcome
    result = outcome.result
    assert result["scores"]["b_accuracy"] == 1.0 and result["scores"]["a_mae"] == 0.5
    assert result["outputs"]["b"]["per_class"][0]["class"] == "u"
    mean = (1.0 + result["scores"]["a_r2"]) / 2
    assert result["scores"]["mean_score"] == mean
    assert result["golden"]["bit_exact"] and result["golden"]["elements"] == 8 * 5
    assert result["agreement"] == {"samples": 40, "equal": 39, "fraction": 39 / 40}
    (doubt,) = (d["told"] for d in result["doubts"] if d["name"] == "agreement")
    assert doubt.startswith("1 of 40 results of 'b' are not")


def test_quantities_beyond_the_golden_ones_that_differ_are_told_by_their_output(tmp_path):
    folder = make_two(tmp_path / "bundle")
    with np.load(str(folder / "samples.npz")) as file:
        arrays = dict(file)
    arrays["expected_b"] = arrays["y_b"]
    arrays["expected_a"][-1] += 3.0
    np.savez(str(folder / "samples.npz"), **arrays)
    seal(folder)
    outcome = run_bundle(folder)
    assert outcome.doubts == ["agreement"] and "2 of 80 results of 'a' are not" in outcome.stderr


def test_a_manifest_that_says_other_outputs_is_refused(tmp_path):
    folder = make_two(tmp_path / "bundle")
    content = json.loads((folder / "manifest.json").read_text())
    for change, message in (
        ({"tensor": {"name": "quant_b_fix", "shape": [1, 4], "position": 4}}, "gives 5 values"),
        ({"tensor": {"name": "other", "shape": [1, 3], "position": 4}}, "which decides"),
        ({"tensor": {"name": "quant_b_fix", "shape": [1, 3], "position": 5}}, "fix position"),
        ({"classes": []}, "not described"),
        ({"task": "nothing"}, "not known here"),
    ):
        changed = json.loads(json.dumps(content))
        changed["outputs"][0].update(change)
        seal(folder, changed)
        outcome = run_bundle(folder)
        assert outcome.code == 2 and message in outcome.error, outcome
