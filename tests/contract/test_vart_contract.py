"""What the code for the kit relies on, against the stand-in and, where one is installed, against
the real ``xir`` and ``vart``.

``VAIOPT_VART_PYTHONPATH`` names the folders of a real installation; with nothing else, what needs
no model is tried. ``VAIOPT_VART_MODEL`` names a compiled ``.xmodel``, and ``VAIOPT_VART_DEVICE=1``
says that a DPU (or something that stands for one) is there to execute it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, Union

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from standin_models import HERE, STANDIN, classifier, write_model, write_recorded

from vaiopt.compile.vitis.xmodel import HARMLESS

LIBRARY = HERE / "standin_library"
REAL = os.environ.get("VAIOPT_VART_PYTHONPATH", "")
REAL_MODEL = os.environ.get("VAIOPT_VART_MODEL", "")
REAL_DEVICE = os.environ.get("VAIOPT_VART_DEVICE", "") == "1"

RECORDED = json.loads((HERE / "data" / "cases.json").read_text(encoding="utf-8"))["cases"]
GROUPS = ("buffers", "create_runner", "lifetime_and_threads", "wait", "files", "missing_things")
NOT_IN_DRIVER = (
    "in_rows_fewer in_one_short in_zero_size in_transposed_view in_fortran_order"
    " in_swapped_axes_same_size out_noncontiguous_view out_fortran_order out_dtype_int16"
    " float32_in_real_units_and_out float32_in_real_units_plus_fraction"
).split()
OTHER_CASES = (
    "rename leaf_toposort get_op get_tensor attr:op:nope lifetime:runner_from_function"
    " lifetime:sub_from_function file:pathlib file:99percent file:png file:one_byte_flipped"
).split()
UNDEFINED = ("buf:in_too_small", "buf:out_too_small", "buf:out_one_short")
"""Cases that read or write past an array: the recorded outcome is what happened once. The stand-in
crashes.
"""

WHOLE: Dict[str, Any] = {
    "whole:good": {"exit_code": 0, "result": {"wait": 0, "output_equals_answer_for_x": True}},
    "whole:buffers_of_another_call": {
        "exit_code": 0,
        "result": {"wait": 0, "output_equals_answer_for_x": True, "shared": False},
    },
    "whole:arrays": {"exit_code": 0, "result": {"wait": 0, "output_equals_answer_for_x": True}},
    "whole:no_buffers": {"exit_code": -6},
    "whole:one_output_too_many": {"exit_code": -11},
    "whole:made_up_job": {"exit_code": 0, "result": {"repr": "0"}},
    "whole:text": {"exit_code": 0, "raises": "TypeError"},
    "whole:none": {"exit_code": -11},
    "whole:graph_dropped": {"exit_code": -11},
    "whole:tensor_after_runner": {"exit_code": -11},
}
"""Seen with ``vitis_ai_library`` of release 3.5, built from its public sources."""

DANGLING = (
    *("lifetime:graph", "lifetime:tensor_after_runner"),
    *("whole:graph_dropped", "whole:tensor_after_runner"),
)
"""Cases that use memory given back: the real runtime crashes mostly, the stand-in always."""

WITHOUT_MODEL = [
    "file:" + name
    for name in "missing emptypath directory none empty text zeros random gitlfs html".split()
]

LATER = {"file:trailing_fields": {"exit_code": 0, "result": {"root_is_leaf": False}}}
"""Seen since the recordings, with the runtime of release 3.5 built from its public sources."""

CASES = {
    name: outcome
    for group in GROUPS
    for name, outcome in RECORDED[group].items()
    if name not in OTHER_CASES
    and name.replace("buf:", "") not in NOT_IN_DRIVER
    and not name.startswith("create:CPU")
}
CASES.update(LATER)


def run_cases(path: str, model: Union[str, Path], cases: Any, **environment: str) -> Dict[str, Any]:
    """Return what ``vart_cases.py`` reports with ``path`` in front of Python's own."""
    done = subprocess.run(
        [sys.executable, str(HERE / "vart_cases.py"), str(model), *cases],
        env={**os.environ, "PYTHONPATH": path, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    return json.loads(done.stdout.decode())


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_recorded("v3.0_kv260", tmp_path_factory.mktemp("model") / "model.xmodel")


@pytest.fixture(scope="module")
def outcomes(model: Path) -> Dict[str, Any]:
    return run_cases(str(STANDIN), model, CASES)


@pytest.fixture(scope="module")
def real_outcomes() -> Dict[str, Any]:
    if not REAL:
        pytest.skip("VAIOPT_VART_PYTHONPATH does not name a real installation")
    return run_cases(REAL, REAL_MODEL, [case for case in CASES if not missing_for(case)])


def has_library(path: str) -> bool:
    """Whether ``path`` has what runs whole graphs."""
    command = [sys.executable, "-c", "import vitis_ai_library"]
    environment = {**os.environ, "PYTHONPATH": path}
    return subprocess.run(command, env=environment, stderr=subprocess.DEVNULL).returncode == 0


def missing_for(case: str) -> str:
    """Return what a case needs of a real installation and does not have."""
    if not REAL_MODEL and case not in WITHOUT_MODEL:
        return "a compiled model: VAIOPT_VART_MODEL"
    return "" if REAL_DEVICE or case.startswith("file:") else "a device: VAIOPT_VART_DEVICE=1"


def unlike_recorded(case: str, outcomes: Dict[str, Any]) -> str:
    """Return what a case needs of the model and this one is not; the recorded one was."""
    facts = outcomes.get("create:dpu:run", {}).get("result")
    if facts is None:
        return ""
    inputs, outputs = len(facts["inputs"]), facts["outputs"]
    needs = {
        "buf:two_inputs_for_one": ("one input", inputs == 1),
        "buf:two_outputs_for_one": ("one output", outputs == 1),
        "buf:in_dtype_float32": ("an input of a fix position", facts["positions"][0] != 0),
        "buf:out_dtype_float32": ("an output of a fix position", facts["positions"][inputs] != 0),
    }
    what, has = needs.get(case, ("", True))
    return "" if has else f"a model of {what}"


def check(outcome: Dict[str, Any], expected: Dict[str, Any]) -> None:
    """Compare how a case ended with how the recorded one ended."""
    assert outcome["exit_code"] == expected["exit_code"], outcome
    assert outcome.get("raises") == expected.get("raises"), outcome
    for key in (
        "output_equals_answer_for_x",
        "output_equals_answer_for_x_times_2_to_minus_fix_point",
        "wait",
        "wrong",
        "runs",
        "root_is_leaf",
        "shared",
    ):
        if key in expected.get("result", {}) and key in outcome.get("result", {}):
            assert outcome["result"][key] == expected["result"][key], key
    code = expected.get("last_message_line", "").partition("[FATAL][")[2].partition("]")[0]
    assert code in outcome["stderr"]


@pytest.mark.parametrize("case", sorted(CASES))
def test_stand_in_ends_as_the_recorded_runtime(case: str, outcomes: Dict[str, Any]) -> None:
    if case in UNDEFINED:
        assert outcomes[case]["exit_code"] == -11
    else:
        check(outcomes[case], CASES[case])


@pytest.mark.parametrize(
    "case", sorted({*CASES}.difference(UNDEFINED, DANGLING)) if REAL else ["all of them"]
)
def test_real_runtime_ends_as_recorded(case: str, real_outcomes: Dict[str, Any]) -> None:
    missing = missing_for(case) or unlike_recorded(case, real_outcomes)
    if missing:
        pytest.skip("needs " + missing)
    check(real_outcomes[case], CASES[case])


@pytest.fixture(scope="module")
def whole_outcomes(tmp_path_factory: pytest.TempPathFactory) -> Dict[str, Any]:
    path = tmp_path_factory.mktemp("whole") / "model.xmodel"
    weights = np.random.RandomState(0).randint(-40, 40, (64, 10)).astype(np.int8)
    write_model(path, classifier(weights, np.zeros(10), 8, (8, 8, 1), 7, 3))
    return run_cases(f"{STANDIN}{os.pathsep}{LIBRARY}", path, WHOLE)


@pytest.fixture(scope="module")
def real_whole_outcomes() -> Dict[str, Any]:
    if not (REAL and REAL_MODEL and REAL_DEVICE):
        pytest.skip("needs VAIOPT_VART_PYTHONPATH, VAIOPT_VART_MODEL and VAIOPT_VART_DEVICE=1")
    if not has_library(REAL):
        pytest.skip("VAIOPT_VART_PYTHONPATH has no vitis_ai_library")
    return run_cases(REAL, REAL_MODEL, WHOLE)


@pytest.mark.parametrize("case", sorted(WHOLE))
def test_stand_in_of_the_library_ends_as_the_real_one(
    case: str, whole_outcomes: Dict[str, Any]
) -> None:
    check(whole_outcomes[case], WHOLE[case])


@pytest.mark.parametrize("case", sorted({*WHOLE}.difference(DANGLING)))
def test_real_library_ends_as_was_seen(case: str, real_whole_outcomes: Dict[str, Any]) -> None:
    if "libvart_op_imp" in real_whole_outcomes[case]["stderr"]:
        pytest.skip("needs the library of an operator of the model")
    check(real_whole_outcomes[case], WHOLE[case])


def test_real_modules_have_what_the_scripts_use() -> None:
    if not REAL:
        pytest.skip("VAIOPT_VART_PYTHONPATH does not name a real installation")
    script = (
        "import vart, xir\nfor owner, names in ((xir.Graph, 'deserialize get_root_subgraph"
        " get_op_num get_attr has_attr'),\n    (xir.Subgraph, 'toposort_child_subgraph get_ops"
        " get_name get_attr has_attr is_leaf get_input_tensors get_output_tensors'),\n   "
        " (xir.Tensor, 'name dims dtype get_attr has_attr get_element_num'), (xir.Op, 'get_name"
        " get_type'),\n    (vart.Runner, 'create_runner execute_async wait get_input_tensors"
        " get_output_tensors')):\n    missing = [name for name in names.split() if not"
        " hasattr(owner, name)]\n    assert not missing, (owner, missing)\n"
    )
    subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": REAL}, check=True
    )


@pytest.mark.parametrize(
    "device, aborts",
    [("", False), ("0", False), ("0x1000020f6014407", True), ("0x101000056010407", False)],
)
def test_fingerprint_is_checked_at_the_first_execution(
    model: Path, device: str, aborts: bool
) -> None:
    found = run_cases(
        str(STANDIN), model, ["create:dpu:run", "buf:good"], STANDIN_FINGERPRINT=device
    )
    assert found["create:dpu:run"]["exit_code"] == 0
    assert found["buf:good"]["exit_code"] == (-6 if aborts else 0)
    assert ("fingerprint fail" in found["buf:good"]["stderr"]) == aborts


def test_fingerprint_check_can_be_turned_off(model: Path) -> None:
    found = run_cases(
        str(STANDIN),
        model,
        ["buf:good"],
        STANDIN_FINGERPRINT="0x1",
        XLNX_ENABLE_FINGERPRINT_CHECK="0",
    )
    assert found["buf:good"]["exit_code"] == 0


@pytest.mark.parametrize("batch", [1, 2, 3, 4, 8])
def test_batch_comes_from_the_device(model: Path, batch: int) -> None:
    recorded = RECORDED[f"batch: device with batch {batch}"]["dims"]["result"]
    found = run_cases(str(STANDIN), model, ["create:dpu:run", "buf:good"], STANDIN_BATCH=str(batch))
    assert found["create:dpu:run"]["result"]["inputs"][0][:2] == recorded["inputs"][0][:2]
    assert found["buf:good"]["exit_code"] == 0


def test_stand_in_answers_recorded_inputs_with_recorded_outputs(model: Path) -> None:
    script = (
        "import numpy as np, xir, vart\n"
        "g = xir.Graph.deserialize({!r})\n"
        "values = np.load({!r})\n"
        "for child in g.get_root_subgraph().toposort_child_subgraph():\n"
        "    if child.get_attr('device') != 'DPU': continue\n"
        "    r = vart.Runner.create_runner(child, 'run')\n"
        "    s, t = r.get_input_tensors()[0], r.get_output_tensors()[0]\n"
        "    for x, expected in zip(values[s.name], values[t.name]):\n"
        "        y = np.zeros(t.dims, np.int8)\n"
        "        r.wait(r.execute_async([x.reshape(s.dims).copy()], [y]))\n"
        "        assert (y.reshape(-1) == expected.reshape(-1)).all()\n"
        "print('all equal')\n"
    ).format(str(model), str(HERE / "data" / "io_v3.0.npz"))
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(STANDIN)},
        stdout=subprocess.PIPE,
    )
    assert done.stdout == b"all equal\n"


def bundle_of(model: Path, content: Dict[str, Any], folder: Path) -> Path:
    """Return a bundle of a compiled model with random int8 samples and no labels worth the name."""
    dpu = [child for child in content["subgraphs"] if child["device"] == "DPU"]
    source, target = dpu[0]["inputs"][0], dpu[-1]["outputs"][0]
    count = int(np.prod(target["shape"][1:]))
    x = np.random.RandomState(0).randint(-128, 128, [20] + source["shape"][1:]).astype(np.int8)
    folder.mkdir()
    shutil.copyfile(str(model), str(folder / "model.xmodel"))
    for path in (HERE.parent.parent / "board").glob("*.py"):
        shutil.copyfile(str(path), str(folder / path.name))
    np.savez(str(folder / "samples.npz"), x=x, y=np.zeros(20, dtype=np.int64))
    manifest = {
        "version": 1,
        "release": "",
        "classes": [str(n) for n in range(count)],
        "preprocessing": {
            "offset": 0.0,
            "scale": 2.0 ** source["position"],
            "shape": source["shape"][1:],
        },
        "input": {"position": source["position"]},
        "output": {"position": target["position"], "name": target["name"]},
        "files": {
            name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
            for name in ("model.xmodel", "samples.npz")
        },
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def dump(path: str, model: Path) -> Dict[str, Any]:
    """Read a compiled model back as ``vaiopt compile`` does."""
    script = HERE.parent.parent / "vaiopt" / "compile" / "vitis" / "dump_xmodel.py"
    return script_output(path, script, str(model))


def script_output(path: str, script: Path, *arguments: str) -> Dict[str, Any]:
    """Return the JSON object that a script prints with ``path`` in front of Python's own."""
    done = subprocess.run(
        [sys.executable, str(script), *arguments],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(done.stdout.decode("utf-8"))


def why_refused(content: Dict[str, Any]) -> str:
    """Return the words with which the kit's scripts refuse a model, that has not one part alone."""
    devices = [child["device"] for child in content["subgraphs"]]
    if devices.count("DPU") > 1:
        return "DPU subgraphs"
    cpu = [child for child in content["subgraphs"] if child["device"] == "CPU"]
    foreign = [op for child in cpu for op in child["operators"] if op["type"] not in HARMLESS]
    return "operators on the CPU" if foreign else ""


def run_scripts(path: str, model: Path, folder: Path) -> None:
    """Read a compiled model back as ``vaiopt compile`` does, and run the scripts for the kit on
    it.
    """
    environment = {**os.environ, "PYTHONPATH": path}
    content = dump(path, model)
    bundle = bundle_of(model, content, folder)
    command = [
        sys.executable,
        "run_model.py",
        "model.xmodel",
        "--data",
        "samples.npz",
        "--threads",
        "2",
        "--batch-repeat",
        "2",
    ]
    done = subprocess.run(command, cwd=str(bundle), env=environment, stderr=subprocess.PIPE)
    text = done.stderr.decode("utf-8", "replace")
    refused = why_refused(content)
    if refused and not has_library(path):
        assert done.returncode == 2 and refused in text
    if refused and done.returncode == 2:  # a library may lack operators, or an output its name
        assert not (bundle / "result.json").exists()
    else:
        assert done.returncode == 0, text
        result = json.loads((bundle / "result.json").read_text())
        assert result["samples"] == 20 and result["fps"]["different_outputs"] == 0


def test_scripts_run_on_a_compiled_model(tmp_path: Path) -> None:
    weights = np.random.RandomState(0).randint(-40, 40, (64, 10)).astype(np.int8)
    write_model(tmp_path / "one.xmodel", classifier(weights, np.zeros(10), 8, (8, 8, 1), 7, 3))
    run_scripts(str(STANDIN), tmp_path / "one.xmodel", tmp_path / "bundle")
    run_scripts(
        str(STANDIN), write_recorded("v3.0_kv260", tmp_path / "two.xmodel"), tmp_path / "refused"
    )


def in_order(content: Dict[str, Any]) -> Dict[str, Any]:
    """Return a dump with the tensors of the graph, a set, in the order of their names."""
    return {**content, "tensors": sorted(content["tensors"], key=lambda one: one["name"])}


def test_what_was_recorded_of_a_model_is_recorded_of_the_stand_in_again(tmp_path: Path) -> None:
    model = write_recorded("v3.0_kv260", tmp_path / "model.xmodel")
    content = script_output(str(STANDIN), HERE / "record.py", str(model), "--device")
    write_model(tmp_path / "again.xmodel", content)
    assert in_order(dump(str(STANDIN), tmp_path / "again.xmodel")) == in_order(
        dump(str(STANDIN), model)
    )


def test_stand_in_shows_a_model_as_the_real_xir_does(tmp_path: Path) -> None:
    if not (REAL and REAL_MODEL):
        pytest.skip("needs VAIOPT_VART_PYTHONPATH and VAIOPT_VART_MODEL")
    content = script_output(REAL, HERE / "record.py", REAL_MODEL)
    write_model(tmp_path / "model.xmodel", content)
    assert in_order(dump(str(STANDIN), tmp_path / "model.xmodel")) == in_order(
        dump(REAL, Path(REAL_MODEL))
    )


def test_scripts_run_on_the_real_runtime(tmp_path: Path) -> None:
    if not (REAL and REAL_MODEL and REAL_DEVICE):
        pytest.skip("needs VAIOPT_VART_PYTHONPATH, VAIOPT_VART_MODEL and VAIOPT_VART_DEVICE=1")
    run_scripts(REAL, Path(REAL_MODEL), tmp_path / "bundle")
