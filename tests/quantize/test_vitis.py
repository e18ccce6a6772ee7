"""The container's backend, with a strict stand-in for the vendor's package in a process of its
own.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from vaiopt.errors import MissingToolError, ModelError
from vaiopt.int8.model import load_quantized
from vaiopt.quantize.vitis import load_vitis, translate

HERE = Path(__file__).resolve().parent


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    out = tmp_path_factory.mktemp("vitis")
    path = [str(HERE / "standin"), str(HERE), str(HERE.parent.parent)]
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(path))
    run = subprocess.run(
        [sys.executable, str(HERE / "vitis_session.py"), str(out)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        timeout=500,
    )
    assert run.returncode == 0, run.stderr.decode()[-4000:]
    return dict(json.loads(run.stdout.decode().strip().splitlines()[-1]), out=out)


def test_the_vendor_s_quantizer_is_chosen_where_it_is_installed(session):
    assert (
        session["vendor"] and session["auto"] == "vitis" and session["result"]["backend"] == "vitis"
    )


def test_the_container_s_release_is_recorded_and_a_different_wish_is_warned_of(session):
    assert session["result"]["release"] == "3.5"
    assert any("asked for was 3.0" in line for line in session["result"]["warnings"])


def test_the_vendor_s_talk_stays_off_stdout(session):
    assert "VAI INFO" not in session["said"]


def test_positions_have_the_float_model_s_names_even_where_the_vendor_s_could_be_either(session):
    assert session["is_vitis"]
    assert session["positions"] == [
        "img/input", "conv1/kernel", "conv1/bias", "conv1/output",
        "conv2/kernel", "conv2/bias", "conv2/pre_activation", "conv2/output",
        "conv2_relu/output", "pool/output", "out/kernel", "out/bias", "out/pre_activation",
    ]  # fmt: skip


def test_the_integers_are_those_of_the_written_model(session):
    assert set(session["integers"].values()) == {"int8"}
    assert [name for name in session["positions"] if not name.endswith(("kernel", "bias"))] == list(
        session["integers"]
    )
    assert session["golden"] == ["out/pre_activation", True] and session["logits_agree"]


def test_both_backends_write_the_same_files(session):
    assert sorted(path.name for path in (session["out"] / "q").iterdir()) == [
        "fix_positions.json",
        "golden.npz",
        "metrics.json",
        "quantized.h5",
    ]
    entry = json.loads((session["out"] / "q" / "fix_positions.json").read_text())[0]
    assert sorted(entry) == ["bits", "layer", "position", "tensor"]


def test_sequential_models_and_separable_convolutions_are_prepared_for_it(session):
    assert session["sequential"] == "vitis"
    assert session["separable"][1:6] == [
        "sep/depthwise_kernel",
        "sep/depthwise_output",
        "sep/kernel",
        "sep/bias",
        "sep/output",
    ]
    assert session["separable_integers"][:3] == [
        "img/input",
        "sep/depthwise_output",
        "sep/output",
    ], "names as in fix_positions.json"


def test_a_batch_normalisation_without_beta_gets_one_before_the_vendor_sees_it(session):
    assert session["without_beta"][0] == "img/input"


def test_finetuning_and_training_run(session):
    assert (session["finetune"], session["qat"]) == ("finetune", "qat")


def test_layers_left_in_float_are_listed(session):
    assert session["left_in_float"] == ["elu"]


def test_refusals_are_errors_with_hints_and_leave_nothing(session):
    assert (
        session["quantized_again"][0] == "QuantizeError"
        and "already quantized" in session["quantized_again"][1]
    )
    assert (
        session["refused"][1].endswith("Layer refuse_me is not supported.")
        and "vaiopt inspect" in session["refused"][2]
    )
    assert "'name'" in session["broken"][1]
    assert session["tfmot"][0] == "MissingToolError" and "--backend vitis" in session["tfmot"][2]
    assert session["left_behind"] == []


def test_without_the_vendor_s_package_its_models_are_refused_with_the_cure(session):
    pytest.importorskip("tensorflow_model_optimization")
    with pytest.raises(MissingToolError, match="vendor") as caught:
        load_quantized(session["out"] / "q" / "quantized.h5")
    assert "--backend tfmot" in caught.value.hint


def test_without_the_vendor_s_package_the_backend_says_where_it_is():
    with pytest.raises(MissingToolError, match="vai_q_tensorflow2") as caught:
        load_vitis()
    assert "container" in caught.value.hint


def test_a_float_model_is_not_a_quantized_one(tmp_path):
    from float_networks import head, network

    from vaiopt.keras import save_model

    save_model(network(head), tmp_path / "float.h5")
    with pytest.raises(ModelError, match="not a quantized model"):
        load_quantized(tmp_path / "float.h5")


@pytest.mark.parametrize(
    "text, message, hint",
    [
        (
            (
                "[VAI ERROR] [Quantizer_TF2_Unsupported_Model][Unsupported model type] Only"
                " functional."
            ),
            "Only functional.",
            "functional",
        ),
        ("[Quantizer_TF2_Invalid_Calib_Dataset][x] Need data", "Need data", "calibration"),
        ("[Quantizer_TF2_New_Code][x] Something", "Something", "UG1414"),
        ("[VAI INFO] Start\nKeyError: 'name'", "KeyError: 'name'", "--backend tfmot"),
        ("", "no message", "--backend tfmot"),
    ],
)
def test_the_vendor_s_coded_messages_become_errors_with_hints(text, message, hint):
    error = translate(text)
    assert message in error.message and hint in error.hint
