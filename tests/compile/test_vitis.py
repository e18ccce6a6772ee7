"""Backend ``vitis`` with a stand-in for the vendor's compiler."""

from __future__ import annotations

import copy
import json
import sys
from pathlib import Path
from typing import Any, Dict, List

import h5py
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "contract"))

from fake_vai_c import architecture, install
from standin_models import STANDIN, classifier, recorded, subgraph, tensor

from tests.made_runs import made_candidate, on
from vaiopt.compile import compile_candidate
from vaiopt.compile.vitis.backend import find_arch
from vaiopt.compile.vitis.xmodel import layer_of, parse_dump
from vaiopt.errors import CompileError, MissingToolError, TargetError
from vaiopt.hardware.targets import load_target
from vaiopt.int8.positions import FixPosition, write_positions

POSITIONS = (7, 4)


def content() -> Dict[str, Any]:
    """Return a compiled model of one dense layer."""
    model = classifier(np.ones((64, 10), dtype=np.int8), np.zeros(10), 6, (8, 8, 1), *POSITIONS)
    model["tensors"] = [
        tensor("quant_dense_weights_fixneuron", [10, 64], 7),
        tensor("quant_dense_bias_fixneuron", [10], 10),
    ]
    return model


class Kitchen:
    """A run quantized by the vendor, and the compiler that will be found."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self._patch = folder, monkeypatch
        self.candidate = made_candidate(folder / "run")
        self.candidate.quantized_folder.mkdir()
        config = architecture("Vitis>VitisQuantize")
        with h5py.File(str(self.candidate.quantized_model), "w") as file:
            file.attrs["model_config"] = json.dumps(config).encode()
            file.attrs["keras_version"] = b"2.10.0"
        entries = [
            ("image", "input", 7),
            ("dense", "kernel", 7),
            ("dense", "bias", 10),
            ("dense", "pre_activation", 4),
        ]
        write_positions(
            self.candidate.fix_positions,
            [FixPosition(layer, tensor, 8, position) for layer, tensor, position in entries],
        )
        np.savez(
            str(self.candidate.golden),
            inputs=np.zeros((2, 8, 8, 1), np.int8),
            outputs=np.zeros((2, 10), np.int8),
            input_position=POSITIONS[0],
            output_position=POSITIONS[1],
        )
        monkeypatch.setenv("PATH", install(folder / "bin"))
        monkeypatch.setenv("VAI_ROOT", str(folder / "vitis_ai"))
        monkeypatch.syspath_prepend(str(STANDIN))
        monkeypatch.setenv("PYTHONPATH", str(STANDIN))
        self.serve(content())

    def serve(self, model: Dict[str, Any], how: str = "ok") -> None:
        (self.folder / "content.json").write_text(json.dumps(model))
        self._patch.setenv("FAKE_XMODEL", str(self.folder / "content.json"))
        self._patch.setenv("FAKE_VAI_C", how)

    def compile(self, target: str = "zcu102") -> Any:
        self.lines: List[str] = []
        return compile_candidate(self.candidate, on(target), progress=self.lines.append)


@pytest.fixture
def kitchen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kitchen:
    return Kitchen(tmp_path, monkeypatch)


def test_what_the_compiler_made_is_read_back_and_recorded(kitchen: Kitchen) -> None:
    result = kitchen.compile()
    record = json.loads((kitchen.candidate.compiled("zcu102") / "compile.json").read_text())
    assert (
        result.file == kitchen.candidate.compiled("zcu102") / "model.xmodel"
        and result.file.is_file()
    )
    assert (
        record["backend"] == "vitis" and record["target"] == "zcu102" and record["release"] == "3.0"
    )
    assert record["fingerprint"] == "0x101000056010407"
    assert (record["input"]["position"], record["output"]["position"]) == POSITIONS
    assert (
        record["input"]["name"] == "quant_image" and record["output"]["name"] == "quant_logits_fix"
    )
    assert [child["device"] for child in record["subgraphs"]] == ["USER", "DPU", "CPU"]
    assert record["positions"] == {"compared": 3, "different": []}
    assert record["cpu_operators"] == [] and record["runnable"] and record["warnings"] == []
    log = (kitchen.candidate.compiled("zcu102") / "compile.log").read_text()
    assert "Compile done." in log and log.startswith("$ ")
    assert any("DPU subgraph number 1" in line for line in kitchen.lines)


def test_the_arch_file_of_the_container_is_used(kitchen: Kitchen) -> None:
    place = kitchen.folder / "vitis_ai" / "compiler" / "arch" / "DPUCZDX8G" / "ZCU102"
    place.mkdir(parents=True)
    (place / "arch.json").write_text('{"fingerprint": "0x101000056010407"}')
    assert kitchen.compile().record.more["arch"] == str(place / "arch.json")


def test_without_one_it_is_written_from_the_targets_fingerprint(kitchen: Kitchen) -> None:
    assert kitchen.compile().record.more["arch"] == "arch.json"
    arch = json.loads((kitchen.candidate.compiled("zcu102") / "arch.json").read_text())
    assert arch == {"fingerprint": load_target("zcu102").fingerprint}


def test_the_users_arch_file_is_used(kitchen: Kitchen) -> None:
    arch = kitchen.folder / "mine.json"
    arch.write_text('{"fingerprint": "0x101000056010407"}')
    result = kitchen.compile(str(arch))
    assert result.record.more["arch"] == str(arch)
    assert result.folder == kitchen.candidate.compiled(load_target(str(arch)).name)


def test_operators_left_to_the_cpu_are_told_loudly(kitchen: Kitchen) -> None:
    model = content()
    model["ops"][-1]["type"] = "prelu"
    kitchen.serve(model)
    record = kitchen.compile().record
    assert record.more["cpu_operators"] == [
        {"subgraph": "subgraph_last", "operator": "last", "type": "prelu"}
    ]
    assert not record.more["runnable"]
    assert any(line.startswith("WARNING") and "'last' (prelu)" in line for line in kitchen.lines)


def test_several_dpu_subgraphs_are_told_loudly(kitchen: Kitchen) -> None:
    kitchen.serve(recorded("v3.0_kv260"))
    record = kitchen.compile("kv260").record
    assert not record.more["runnable"]
    assert any("2 DPU subgraphs" in line for line in kitchen.lines) and any(
        "Mylayer" in line for line in kitchen.lines
    )


def test_positions_that_changed_are_listed(kitchen: Kitchen) -> None:
    model = content()
    model["tensors"][0]["attrs"]["fix_point"] = 5
    kitchen.serve(model)
    record = kitchen.compile().record
    assert record.more["positions"]["different"] == [
        {"tensor": "quant_dense_weights_fixneuron", "quantized": 7, "compiled": 5}
    ]
    assert any("7 became 5" in warning for warning in record.warnings)


@pytest.mark.parametrize("side, key", [("input", 0), ("output", 0)])
def test_an_input_or_output_at_another_position_stops_the_stage(
    kitchen: Kitchen, side: str, key: int
) -> None:
    model = content()
    model["children"][1][side + "_tensors"][key]["attrs"]["fix_point"] = 1
    kitchen.serve(model)
    with pytest.raises(CompileError, match="compiled at fix position 1"):
        kitchen.compile()
    assert not kitchen.candidate.compiled("zcu102").exists()


def test_another_fingerprint_than_the_targets_is_told(kitchen: Kitchen) -> None:
    model = content()
    model["children"][1]["attrs"]["dpu_fingerprint"] = 0x1000020F6014407
    kitchen.serve(model)
    assert any("will not run there" in warning for warning in kitchen.compile().record.warnings)


@pytest.mark.parametrize("how, text", [
    ("traceback", "NotImplementedError: Lambda is not supported"),
    ("fatal", "XCOM_ACGEN_ERROR"),
    ("silent", "Begin to compile"),
    ("empty", ""),
])  # fmt: skip
def test_a_compiler_that_fails_leaves_its_log_and_the_old_model(
    kitchen: Kitchen, how: str, text: str
) -> None:
    kitchen.compile()
    before = (kitchen.candidate.compiled("zcu102") / "model.xmodel").read_bytes()
    kitchen.serve(content(), how)
    with pytest.raises(CompileError) as caught:
        kitchen.compile()
    assert text in caught.value.message
    log = kitchen.candidate.compiled("zcu102.failed.log")
    assert str(log) in caught.value.hint and text in log.read_text()
    assert (kitchen.candidate.compiled("zcu102") / "model.xmodel").read_bytes() == before
    kitchen.serve(content())
    kitchen.compile()
    assert not log.exists()


def test_a_model_without_a_dpu_part_stops_the_stage(kitchen: Kitchen) -> None:
    model = content()
    model["children"] = [child for child in model["children"] if child["attrs"]["device"] != "DPU"]
    kitchen.serve(model)
    with pytest.raises(CompileError, match="no layer"):
        kitchen.compile()


def test_a_model_that_xir_cannot_read_stops_the_stage(kitchen: Kitchen) -> None:
    model = copy.deepcopy(content())
    del model["root"]
    kitchen.serve(model)
    with pytest.raises(CompileError, match="xir cannot read"):
        kitchen.compile()


@pytest.mark.parametrize(
    "text",
    [b"", b"[]", b"{}", b"[" * 9999, b'{"subgraphs": [{}], "tensors": [], "libraries": []}'],
)
def test_what_xir_tells_of_another_form_is_refused(text: bytes) -> None:
    with pytest.raises(CompileError, match=r"xir cannot read 'model\.xmodel'"):
        parse_dump(text, "model.xmodel")


def test_where_the_compiler_is_missing_the_hint_is_the_docker_command(
    kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    with pytest.raises(MissingToolError) as caught:
        kitchen.compile()
    assert (
        f"docker/run vaiopt compile {kitchen.candidate.run.folder} --target zcu102"
        in caught.value.hint
    )
    assert not kitchen.candidate.compiled("zcu102").exists()


def test_a_model_of_another_quantizer_is_refused_before_the_compiler_runs(kitchen: Kitchen) -> None:
    config = architecture("vaiopt>FixPosition")
    with h5py.File(str(kitchen.candidate.quantized_model), "a") as file:
        file.attrs["model_config"] = json.dumps(config).encode()
    with pytest.raises(CompileError) as caught:
        kitchen.compile()
    assert "quantize.backend=vitis" in caught.value.hint
    assert not kitchen.lines


def test_several_inputs_are_read_back_in_the_order_of_the_quantized_model(
    kitchen: Kitchen,
) -> None:
    model = content()
    dpu = next(child for child in model["children"] if child["attrs"].get("device") == "DPU")
    picture, spot = tensor("quant_image", [1, 8, 8, 1], 7), tensor("quant_spot", [1, 5], 5)
    dpu["input_tensors"] = [spot, picture]
    with np.load(str(kitchen.candidate.golden)) as file:
        arrays = {name: file[name] for name in file.files}
    names = {"input_name": np.array("image/input"), "input_name_1": np.array("spot/input")}
    more = {"inputs_1": np.zeros((2, 5), np.int8), "input_position_1": np.array(5)}
    np.savez(str(kitchen.candidate.golden), **{**arrays, **names, **more})
    kitchen.serve(model)
    found = kitchen.compile().record.inputs
    assert [(one.name, one.position) for one in found] == [("quant_image", 7), ("quant_spot", 5)]
    dpu["input_tensors"] = [picture]
    kitchen.serve(model)
    with pytest.raises(CompileError, match="no input .* is that of layer 'spot'"):
        kitchen.compile()


def test_several_ends_of_several_parts_are_read_back_from_whichever_part_has_them(
    kitchen: Kitchen,
) -> None:
    model = content()
    source, dpu, last = model["children"]
    spot, side = tensor("quant_spot", [1, 5], 5), tensor("quant_side_fix", [1, 2], 3)
    between = tensor("quant_middle_fix", [1, 4], 4)
    first = subgraph("subgraph_first", "DPU", dpu["input_tensors"], [side, between])
    dpu["input_tensors"] = [between, spot]
    given = subgraph("subgraph_spot", "USER", [], [spot])
    model["children"] = [source, given, first, dpu, last]
    logits = dpu["output_tensors"][0]["name"]
    with np.load(str(kitchen.candidate.golden)) as file:
        arrays = {name: file[name] for name in file.files}
    names = {
        "input_name": np.array("image/input"),
        "input_name_1": np.array("spot/input"),
        "output_name": np.array("side/output"),
        "output_name_1": np.array(f"{layer_of(logits)[0]}/output"),
    }
    more = {
        "inputs_1": np.zeros((2, 5), np.int8),
        "input_position_1": np.array(5),
        "outputs": np.zeros((2, 2), np.int8),
        "output_position": np.array(3),
        "outputs_1": arrays["outputs"],
        "output_position_1": arrays["output_position"],
    }
    np.savez(str(kitchen.candidate.golden), **{**arrays, **names, **more})
    kitchen.serve(model)
    record = kitchen.compile().record
    assert [one.name for one in record.inputs] == ["quant_image", "quant_spot"]
    assert [one.name for one in record.outputs] == ["quant_side_fix", logits]
    assert any("2 DPU subgraphs" in line for line in kitchen.lines)


def test_without_xir_the_record_rests_on_what_was_quantized(
    kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vaiopt.compile.vitis.xmodel.has_module", lambda name: False)
    record = kitchen.compile().record
    assert (record.input.position, record.output.position) == POSITIONS
    assert record.input.shape == (1, 8, 8, 1) and record.more["dpu"] == "DPUCZDX8G_ISA1_B4096"
    assert any("xir is not installed" in warning for warning in record.warnings)


@pytest.mark.parametrize("name, expected", [
    ("quant_conv1_fix", ("conv1", "output")),
    ("quant_conv1_weights_fixneuron", ("conv1", "weights")),
    ("quant_conv1_bias_fixneuron", ("conv1", "bias")),
    ("quant_input_1", ("input_1", "output")),
])  # fmt: skip
def test_tensors_are_named_after_layers(name: str, expected: Any) -> None:
    assert layer_of(name) == expected


def test_the_arch_file_of_another_fingerprint_is_not_taken(
    kitchen: Kitchen, tmp_path: Path
) -> None:
    place = kitchen.folder / "vitis_ai" / "compiler" / "arch" / "DPUCZDX8G" / "ZCU102"
    place.mkdir(parents=True)
    (place / "arch.json").write_text('{"fingerprint": "0x101000056010404"}')  # a B1600
    (tmp_path / "out").mkdir()
    assert (
        find_arch(load_target("zcu102"), "zcu102", tmp_path / "out")
        == tmp_path / "out" / "arch.json"
    )


def test_the_container_of_another_release_has_another_fingerprint_for_the_same_board(
    kitchen: Kitchen, tmp_path: Path
) -> None:
    place = kitchen.folder / "vitis_ai" / "compiler" / "arch" / "DPUCZDX8G" / "ZCU102"
    target = load_target("zcu102", "2.5")
    written = find_arch(target, "zcu102", tmp_path)
    assert written == tmp_path / "arch.json" and target.fingerprint in written.read_text()
    with pytest.raises(TargetError) as caught:
        find_arch(load_target("zcu102-b2304", "2.5"), "zcu102", tmp_path)
    assert "arch.json" in caught.value.hint
    place.mkdir(parents=True)
    (place / "arch.json").write_text('{"fingerprint": "0x101000016010407"}')
    assert find_arch(target, "zcu102", tmp_path) == place / "arch.json"
