"""``run_model.py`` on a stand-in DPU."""

from __future__ import annotations

import copy
import os
import stat
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from made_bundles import (
    STANDIN,
    integer_outputs,
    make_bundle,
    make_classifier,
    make_data,
    run_bundle,
    seal,
)
from standin_models import changed, subgraph, tensor, write_model, write_recorded


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return make_bundle(tmp_path / "bundle")


def fake_tool(folder: Path, name: str, text: str) -> str:
    """Write a program that prints a text; return a PATH that finds it first."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\ncat <<'EOF'\n{text}\nEOF\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return "{}:{}".format(folder, os.environ["PATH"])


QUERY = """{{"DPU IP Spec": {{}}, "VAI Version": {{"libvart-runner.so": "vart 3.0.0"}},
"kernels": [{{"DPU Arch": "DPUCZDX8G_ISA1_B4096", "DPU Frequency (MHz)": 300,
"fingerprint": "{}"}}]}}"""
SHOWN = (
    "device_core_id=0 device= 0 core = 0 fingerprint = {} batch = 1"
    " full_cu_name=DPUCZDX8G:DPUCZDX8G_1"
)


def test_result_says_what_a_computation_by_hand_says(bundle: Path) -> None:
    outcome = run_bundle(bundle, "--threads", "2", STANDIN_CORES="2")
    assert outcome.code == 0, outcome
    data, result = make_data(), outcome.result
    predicted = integer_outputs(make_classifier(), data["x"]).argmax(axis=1)
    assert result["accuracy"] == pytest.approx((predicted == data["y"]).mean())
    assert result["accuracy"] > 0.8
    assert [row["count"] for row in result["per_class"]] == [14, 13, 13]
    assert sum(row["correct"] for row in result["per_class"]) == result["correct"]
    assert result["agreement"] == {"samples": 40, "equal": 40, "fraction": 1.0}
    assert result["golden"] == {
        "compared": True, "bit_exact": True, "inputs": 8,
        "elements": 24, "equal": 24, "different": 0, "max_difference": 0,
    }  # fmt: skip
    assert (
        0
        < result["latency_ms"]["p50"]
        <= result["latency_ms"]["p95"]
        <= result["latency_ms"]["p99"]
    )
    assert (
        result["fps"]["threads"] == 2
        and result["fps"]["value"] > 0
        and result["fps"]["different_outputs"] == 0
    )
    assert result["runtime"]["fingerprint"] == "0x101000056010407"
    assert result["model"]["kind"] == "xmodel"
    assert "tensorflow" not in result["modules"] and "vaiopt" not in result["modules"]


@pytest.mark.parametrize("batch", [1, 3, 4, 8])
def test_every_sample_counts_once_whatever_the_batch_of_the_device(
    bundle: Path, batch: int
) -> None:
    outcome = run_bundle(bundle, "--threads", "2", STANDIN_BATCH=str(batch))
    assert outcome.code == 0, outcome
    assert outcome.result["samples"] == 40 and outcome.result["agreement"]["equal"] == 40
    assert outcome.result["runtime"]["batch"] == batch
    assert outcome.result["golden"]["bit_exact"]


def test_golden_outputs_that_differ_are_counted_and_not_hidden(bundle: Path) -> None:
    with np.load(str(bundle / "golden.npz")) as file:
        arrays = dict(file)
    arrays["outputs"] = arrays["outputs"].copy()
    arrays["outputs"][0, 0] -= 3
    arrays["outputs"][5, 1] += 1
    np.savez(str(bundle / "golden.npz"), **arrays)
    seal(bundle)
    outcome = run_bundle(bundle)
    golden = outcome.result["golden"]
    assert outcome.doubts == ["golden"]
    assert "warning: 2 of 24 golden outputs are not what" in outcome.stderr
    assert (
        golden["bit_exact"],
        golden["different"],
        golden["max_difference"],
        golden["equal"],
    ) == (False, 2, 3, 22)


@pytest.mark.parametrize("tool, text", [
    ("xdputil", QUERY.format("0x1000020f6014407")),
    ("show_dpu", SHOWN.format("0x1000020f6014407")),
])  # fmt: skip
def test_a_fingerprint_that_does_not_match_is_told_before_anything_runs(
    bundle: Path, tmp_path: Path, tool: str, text: str
) -> None:
    outcome = run_bundle(
        bundle,
        PATH=fake_tool(tmp_path / "bin", tool, text),
        STANDIN_FINGERPRINT="0x1000020f6014407",
    )
    assert outcome.code == 2 and outcome.result is None
    assert "0x101000056010407" in outcome.error and "0x1000020f6014407" in outcome.error
    assert "arch.json" in outcome.hint
    assert "stack trace" not in outcome.stderr


def test_a_fingerprint_that_matches_is_reported_with_the_boards_versions(
    bundle: Path, tmp_path: Path
) -> None:
    outcome = run_bundle(
        bundle,
        PATH=fake_tool(
            tmp_path / "bin", "xdputil", "WARNING: x\n" + QUERY.format("0x101000056010407")
        ),
    )
    assert outcome.code == 0, outcome
    assert outcome.result["runtime"]["board"]["frequency_mhz"] == 300
    assert outcome.result["runtime"]["runtime_version"] == "vart 3.0.0"
    assert outcome.doubts == []


def test_a_runtime_of_another_release_is_told(bundle: Path, tmp_path: Path) -> None:
    query = QUERY.format("0x101000056010407").replace(
        "vart 3.0.0", "Xilinx vart-runner Version: 2.5.0-abc 2022-06-15"
    )
    outcome = run_bundle(bundle, PATH=fake_tool(tmp_path / "bin", "xdputil", query))
    assert outcome.code == 0
    assert outcome.doubts == ["release"] and "2.5" in outcome.result["warnings"][0]
    assert "warning: compiled with release 3.0" in outcome.stderr


def test_a_fingerprint_check_that_is_switched_off_is_told(bundle: Path, tmp_path: Path) -> None:
    query = QUERY.format("0x1000020f6014407")
    tools = fake_tool(tmp_path / "bin", "xdputil", query)
    outcome = run_bundle(bundle, PATH=tools, XLNX_ENABLE_FINGERPRINT_CHECK="0")
    assert outcome.code == 0, outcome
    assert outcome.doubts == ["fingerprint", "unchecked"]
    assert outcome.stderr.count("warning: ") >= 2


def test_an_abort_of_the_runtime_becomes_an_error_line(bundle: Path) -> None:
    outcome = run_bundle(bundle, STANDIN_FINGERPRINT="0x1000020f6014407")
    assert outcome.code == 2 and outcome.result is None
    assert "fingerprint fail" in outcome.error and "0x1000020f6014407" in outcome.error
    assert "release of the board image" in outcome.hint


@pytest.mark.parametrize(
    "name",
    [
        "v2.0_kv260",
        "v2.5_kv260",
        "v3.0_kv260",
        "v3.0_vck190",
        "v3.5_vek280",
        "v3.0_kv260_pointpillars",
    ],
)
def test_a_recorded_model_of_several_dpu_subgraphs_is_refused_by_name(
    bundle: Path, name: str
) -> None:
    write_recorded(name, bundle / "model.xmodel")
    seal(bundle)
    outcome = run_bundle(bundle)
    assert outcome.code == 2 and outcome.result is None
    assert "2 DPU subgraphs" in outcome.error
    if "pointpillars" not in name:  # its operators were not recorded
        assert "'custom_layer' (Mylayer)" in outcome.error


def test_an_operator_on_the_cpu_that_changes_the_result_is_refused_by_name(bundle: Path) -> None:
    content = copy.deepcopy(make_classifier()["content"])
    content["ops"][-1]["type"] = "Mylayer"
    write_model(bundle / "model.xmodel", content)
    seal(bundle)
    outcome = run_bundle(bundle)
    assert outcome.code == 2 and "'last' (Mylayer)" in outcome.error


def without_dpu(content: Any) -> Any:
    content["children"] = [
        child for child in content["children"] if child["attrs"]["device"] != "DPU"
    ]
    return content


def two_inputs(content: Any) -> Any:
    content["children"][1]["input_tensors"].append(tensor("second", [1, 4], 3))
    return content


def unknown_device(content: Any) -> Any:
    content["children"].append(subgraph("subgraph_x", "GPU", [], []))
    return content


def tensor_change(key: str, value: Any, side: str = "input_tensors") -> Any:
    def change(content: Any) -> Any:
        content["children"][1][side][0][key] = value
        return content

    return change


@pytest.mark.parametrize("change, expected", [
    (without_dpu, "no part for the DPU"),
    (two_inputs, "2 inputs"),
    (unknown_device, "unknown device 'GPU'"),
    (lambda c: changed(c, device=None), "no usable attribute 'device'"),
    (lambda c: changed(c, dpu_fingerprint=None), "no usable attribute 'dpu_fingerprint'"),
    (lambda c: changed(c, dpu_fingerprint="text"), "no usable attribute 'dpu_fingerprint'"),
    (lambda c: dict(c, children=[]), "not compiled"),
    (tensor_change("attrs", {}), "no usable attribute 'fix_point'"),
    (tensor_change("attrs", {"fix_point": 6}), "fix position 6, the manifest says 7"),
    (
        tensor_change("attrs", {"fix_point": 1}, "output_tensors"),
        "fix position 1, the manifest says 2",
    ),
    (tensor_change("dtype", "float32"), "is float32, not xint8"),
    (tensor_change("dims", [1, 5, 5, 1]), "shape (5, 5, 1), the manifest says (4, 4, 1)"),
    (tensor_change("dims", [1, 4], "output_tensors"), "4 values for 3 classes"),
])  # fmt: skip
def test_a_model_that_cannot_be_run_as_it_is_told_is_refused(
    bundle: Path, change: Any, expected: str
) -> None:
    write_model(bundle / "model.xmodel", change(copy.deepcopy(make_classifier()["content"])))
    seal(bundle)
    outcome = run_bundle(bundle)
    assert outcome.code == 2 and outcome.result is None, outcome
    assert expected in outcome.error
    assert outcome.hint


@pytest.mark.parametrize(
    "damage",
    [
        lambda b: b"",
        lambda b: b[:-1],
        lambda b: b[: len(b) // 2],
        lambda b: b"<html></html>" * 9,
        lambda b: b + b"\0" * 9,
    ],
)
def test_a_damaged_model_file_is_refused_even_if_the_manifest_agrees(
    bundle: Path, damage: Any
) -> None:
    path = bundle / "model.xmodel"
    path.write_bytes(damage(path.read_bytes()))
    seal(bundle)
    outcome = run_bundle(bundle)
    assert outcome.code == 2 and outcome.result is None, outcome
    assert "model.xmodel" in outcome.error


def test_an_installed_package_that_is_only_called_xir_is_told_apart(
    bundle: Path, tmp_path: Path
) -> None:
    (tmp_path / "xir.py").write_text("VERSION = 1\n")
    (tmp_path / "vart.py").write_text("")
    outcome = run_bundle(bundle, PYTHONPATH=str(tmp_path))
    assert outcome.code == 2 and "not the xir of Vitis-AI" in outcome.error


def test_without_a_runtime_the_hint_says_where_it_is(bundle: Path) -> None:
    outcome = run_bundle(bundle, bare=True)
    assert outcome.code == 2 and "board" in outcome.hint


def test_each_number_of_threads_is_measured_and_the_best_named(bundle: Path) -> None:
    outcome = run_bundle(bundle, "--threads", "3", STANDIN_CORES="2", STANDIN_LATENCY_MS="1")
    fps = outcome.result["fps"]
    assert [run["threads"] for run in fps["by_threads"]] == [1, 2, 3]
    assert fps["by_threads"][-1] == {"threads": 3, "value": fps["value"]}
    assert fps["best"]["value"] == max(run["value"] for run in fps["by_threads"])
    assert outcome.result["preparation_ms"] > 0 and outcome.result["decoding_ms"] > 0


UNLIKE = """
import importlib.util, itertools, os
spec = importlib.util.spec_from_file_location("one_vart", {standin!r})
one = importlib.util.module_from_spec(spec)
spec.loader.exec_module(one)
made = itertools.count()
class Runner:
    @staticmethod
    def create_runner(subgraph, mode=""):
        one.DEVICE.batch = {batches}[min(next(made), 1)]
        runner = one.Runner.create_runner(subgraph, mode)
        if {change!r} and next(made) > 1:
            runner.get_output_tensors()[0]._name = "another"
        return Whole(runner, one.DEVICE.batch)
class Whole:
    def __init__(self, runner, batch):
        self.runner, self.batch = runner, batch
        self.get_input_tensors = runner.get_input_tensors
        self.get_output_tensors = runner.get_output_tensors
        self.wait = runner.wait
    def execute_async(self, inputs, outputs):
        assert inputs[0].shape[0] == outputs[0].shape[0] == self.batch
        one.DEVICE.batch = self.batch
        return self.runner.execute_async(inputs, outputs)
"""


def unlike(folder: Path, batches: Any, change: bool = False) -> str:
    """A runtime whose second and later runners take another number of frames."""
    folder.mkdir()
    standin = str(STANDIN / "vart.py")
    (folder / "vart.py").write_text(UNLIKE.format(standin=standin, batches=batches, change=change))
    return f"{folder}:{STANDIN}"


@pytest.mark.parametrize("batches", [(3, 4), (4, 1), (1, 2)])
def test_each_runner_gets_buffers_of_its_own_batch(
    bundle: Path, tmp_path: Path, batches: Any
) -> None:
    outcome = run_bundle(bundle, PYTHONPATH=unlike(tmp_path / "fake", batches))
    assert outcome.code == 0, outcome
    assert outcome.result["agreement"]["equal"] == 40
    assert outcome.result["latency_ms"]["batch"] == batches[0]
    assert outcome.result["fps"]["batches"] == [batches[1]]
    assert outcome.result["latency_ms"]["per_image"] == pytest.approx(
        outcome.result["latency_ms"]["p50"] / batches[0]
    )


def test_a_runner_that_is_unlike_the_first_is_refused(bundle: Path, tmp_path: Path) -> None:
    outcome = run_bundle(bundle, PYTHONPATH=unlike(tmp_path / "fake", (1, 1), change=True))
    assert outcome.code == 2 and "in different ways" in outcome.error, outcome
