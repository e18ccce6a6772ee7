"""Messages about models that cannot be compiled; the vendor's compiler is a stand-in."""

from __future__ import annotations

import copy
import json
from typing import Any, Dict

import numpy as np

from tests.compile.fake_vai_c import architecture, install
from tests.contract.standin_models import STANDIN, classifier
from tests.docs.provoked.bench import Bench, Provocations
from tests.made_runs import made_candidate, on, quantized_candidate
from tests.quantized_models import Maker
from vaiopt.compile import compile_candidate
from vaiopt.files import write_arrays
from vaiopt.int8.golden import read_golden
from vaiopt.int8.positions import FixPosition, write_positions
from vaiopt.runs.layout import Candidate


def compiled_model() -> Dict[str, Any]:
    """What the stand-in for the vendor's compiler writes: a dense layer."""
    return classifier(np.ones((64, 10), np.int8), np.zeros(10), 6, (8, 8, 1), 7, 4)


def for_the_dpu(bench: Bench, content: Any, vendor: bool = True, how: str = "ok") -> None:
    import h5py

    bench.patch.setenv("PATH", install(bench.folder / "bin"))
    bench.patch.setenv("FAKE_VAI_C", how)
    bench.patch.setenv("FAKE_XMODEL", str(bench.file("content.json", json.dumps(content))))
    bench.patch.setenv("PYTHONPATH", str(STANDIN))
    candidate = made_candidate(bench.folder / "run")
    candidate.quantized_folder.mkdir()
    kind = "Vitis>VitisQuantize" if vendor else "vaiopt>FixPosition"
    config = architecture(kind)
    with h5py.File(str(candidate.quantized_model), "w") as file:
        file.attrs["model_config"] = json.dumps(config).encode()
        file.attrs["keras_version"] = b"2.10.0"
    write_positions(candidate.fix_positions, [FixPosition("image", "input", 8, 7)])
    compile_candidate(candidate, on("zcu102"))


def without_dpu() -> Any:
    content = copy.deepcopy(compiled_model())
    content["children"] = [c for c in content["children"] if c["attrs"]["device"] != "DPU"]
    return content


def for_the_cpu(bench: Bench, change: Any) -> None:
    candidate = quantized_candidate(bench.folder / "run", limit=100)
    change(candidate)
    compile_candidate(candidate, on("cpu"))


def in_float(candidate: Candidate) -> None:
    maker = Maker(0)
    layers = maker.keras.layers
    inputs = layers.Input((8, 8, 1), name="image")
    x = layers.GaussianNoise(0.1, name="noise")(maker.fix(inputs, "image", 7, "input"))
    x = layers.Softmax(axis=1, name="odd")(layers.LayerNormalization(name="norm")(x))
    maker.save(inputs, maker.fix(x, "odd", 5), candidate.quantized_model)


def other_golden(candidate: Candidate) -> None:
    found = read_golden(candidate.golden, "")
    write_arrays(candidate.golden, {**found.arrays(), "output_position": np.asarray(-9)})


MESSAGES: Provocations = {
    "'…' was not made by the vendor's quantizer, and vai_c_tensorflow2 reads no other": (
        lambda b: for_the_dpu(b, compiled_model(), vendor=False)
    ),
    "vai_c_tensorflow2 failed: …": lambda b: for_the_dpu(b, compiled_model(), how="traceback"),
    "no layer of the model was compiled for the DPU": lambda b: for_the_dpu(b, without_dpu()),
    "layer '…' (…) is left in float, and cannot be compiled to int8": lambda b: for_the_cpu(
        b, in_float
    ),
    "the golden outputs are for fix positions …, the compiled model has …": lambda b: for_the_cpu(
        b, other_golden
    ),
}
