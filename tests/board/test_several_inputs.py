"""Several inputs on the kit: samples are rows, which are prepared and handed over by input."""

import json
import sys
import zlib
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

from made_bundles import make_bundle, make_classifier, make_data, run_bundle, seal
from standin_models import tensor, write_model

PLACES = {"quant_b": slice(0, 16), "quant_a": slice(16, 18)}
"""Where each input lies in a row; the runner has them by name."""


def of_the_device(x):
    """What the stand-in DPU gives for rows of its own order."""
    rows = (np.random.RandomState(zlib.crc32(row.tobytes(), 0)) for row in x)
    return np.stack([row.randint(-128, 128, 3).astype(np.int8) for row in rows])


def make_two(folder):
    """A bundle whose samples are an image 'b' of bytes and two numbers 'a' of another scale."""
    make_bundle(folder)
    content = make_classifier()["content"]
    dpu = next(child for child in content["children"] if child["attrs"].get("device") == "DPU")
    dpu["input_tensors"] = [tensor("quant_b", [1, 4, 4, 1], 7), tensor("quant_a", [1, 2], 5)]
    dpu["standin"] = {}
    write_model(folder / "model.xmodel", content)
    b, a = make_data()["x"].reshape(40, 16), np.random.RandomState(1).uniform(0, 6, (40, 2))
    x = np.concatenate([b, a], axis=1).astype(np.float32)
    own_b = (b.astype(np.int16) - 128).astype(np.int8)
    real = (x[:, 16:] - np.float32([1, 3])) / np.float32([2, 1])
    own_a = np.clip(np.floor(real * np.float32(2**5) + np.float32(0.5)), -128, 127).astype(np.int8)
    outputs = of_the_device(np.concatenate([own_a, own_b], axis=1))
    y = outputs.argmax(axis=1)
    np.savez(str(folder / "samples.npz"), x=x, y=y, expected=y)
    few = {"inputs": own_b[:8].reshape(8, 4, 4, 1), "input_position": 7}
    more = {"inputs_1": own_a[:8], "input_position_1": 5}
    ends = {"outputs": outputs[:8], "output_position": 2}
    np.savez(str(folder / "golden.npz"), **few, **more, **ends)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["preprocessing"] = {
        "shape": [18],
        "raw_dtype": "float32",
        "inputs": [
            {"name": "b", "shape": [4, 4, 1], "offset": 128.0, "scale": 128.0},
            {"name": "a", "shape": [2], "offset": [1.0, 3.0], "scale": [2.0, 1.0]},
        ],
    }
    manifest["inputs"] = [
        {"name": "quant_b", "shape": [1, 4, 4, 1], "position": 7},
        {"name": "quant_a", "shape": [1, 2], "position": 5},
    ]
    seal(folder, manifest)
    return folder


def test_each_input_is_prepared_and_handed_over_by_its_name(tmp_path):
    outcome = run_bundle(make_two(tmp_path / "bundle"), "--threads", "2")
    assert outcome.code == 0, outcome
    assert outcome.result["accuracy"] == 1.0 and outcome.result["golden"]["bit_exact"]
    assert outcome.result["agreement"] == {"samples": 40, "equal": 40, "fraction": 1.0}


def test_a_manifest_that_says_other_inputs_is_refused(tmp_path):
    folder = make_two(tmp_path / "bundle")
    content = json.loads((folder / "manifest.json").read_text())
    way, first = content["preprocessing"]["inputs"], content["inputs"][0]
    for change, message in (
        ({"inputs": content["inputs"][:1]}, "an input is not described"),
        ({"inputs": [1, 2]}, "an input is not described"),
        ({"inputs": 1}, "'inputs' is missing or not a list"),
        ({"inputs": [{**first, "position": 6}, content["inputs"][1]]}, "fix position"),
        ({"inputs": [{**first, "name": "other"}, content["inputs"][1]]}, "the manifest says other"),
        ({"inputs": content["inputs"][::-1]}, "are not those of a sample"),
        ({"preprocessing": {"shape": [19], "inputs": way}}, "are not those of a sample"),
        ({"preprocessing": {"shape": [18], "inputs": []}}, "an input is not described"),
        (
            {"preprocessing": {"shape": [18], "inputs": [way[0], {**way[1], "scale": [1.0]}]}},
            "1 numbers for 2",
        ),
        ({"preprocessing": {"shape": [18], "offset": 0.0, "scale": 1.0}}, "one is needed"),
    ):
        seal(folder, {**content, **change})
        outcome = run_bundle(folder)
        assert outcome.code == 2 and message in outcome.error, (message, outcome)
