"""The off-board quantizer against what the vendor's quantizer did, in releases 1.4 to 3.5:
every position and every integer.

The five networks in ``tests/data_quantizer`` were trained and recorded from the vendor's quantizer
itself.
"""

import json

import numpy as np
import pytest

from vaiopt.int8.model import fix_positions, integer_outputs, load_quantized
from vaiopt.keras import load_model
from vaiopt.quantize import quantize_model
from vaiopt.quantize.backend import QuantizeRequest
from vaiopt.quantize.checks import functional_model
from vaiopt.quantize.tfmot.backend import TfmotQuantizer

CASES = [
    "v1_lab_cnn_relu",
    "v2_lab_cnn_sigmoid",
    "v3_bn_dw_residual",
    "v4_concat_leaky",
    "v5_mlp_l2",
]
SAMPLES = 8


def recorded(folder, release):
    """Return positions, int8 weights and int8 outputs as recorded of a release."""
    case = json.loads((folder / "case.json").read_text())
    files = case["integer_files"]["v" + release]
    positions = json.loads(
        (folder / "fix_positions_v{}.json".format(release.replace(".", ""))).read_text()
    )
    return (
        {
            (entry["layer"], entry["tensor"]): (entry["bits"], entry["position"])
            for entry in positions
        },
        np.load(str(folder / files["weights"])),
        np.load(str(folder / files["outputs"])),
    )


def quantized_weights(model, positions):
    """Return the int8 weights of a quantized model, from its float weights and the positions."""
    found = {}
    for layer in model.layers:
        for variable, value in zip(layer.weights, layer.get_weights()):
            tensor = variable.name.split(":")[0].split("/")[-1]
            if (layer.name, tensor) in positions:
                scaled = value * 2.0 ** positions[(layer.name, tensor)][1]
                assert np.array_equal(scaled, np.rint(scaled)) and np.abs(scaled + 0.5).max() <= 128
                found[f"{layer.name}/{tensor}"] = scaled.astype(np.int8)
    return found


@pytest.mark.parametrize("release", ["1.4", "2.0", "2.5", "3.0", "3.5"])
@pytest.mark.parametrize("case", CASES)
def test_positions_weights_and_outputs_are_the_vendor_s(root, case, release):
    pytest.importorskip("tensorflow_model_optimization")
    folder = root / "tests" / "data_quantizer" / case
    positions, weights, outputs = recorded(folder, release)
    batch = json.loads((folder / "case.json").read_text())["calib_batch_size"]
    x = np.load(str(folder / "calib.npz"))["x"]

    model = functional_model(folder / "float.h5")
    quantized = TfmotQuantizer().quantize(QuantizeRequest(model, [x], release, batch_size=batch))

    found = {
        (entry.layer, entry.tensor): (entry.bits, entry.position) for entry in quantized.positions
    }
    assert found == positions
    ours = quantized_weights(quantized.model, positions)
    assert sorted(ours) == sorted(weights.files)
    for name in weights.files:
        assert np.array_equal(ours[name], weights[name]), name
    integers = integer_outputs(quantized.model, np.load(str(folder / "test.npz"))["x"][:SAMPLES])
    assert sorted(integers) == sorted(name for name in outputs.files if name != "softmax")
    for name, values in integers.items():
        assert values.dtype == np.int8
        assert np.array_equal(values, outputs[name]), name


def test_the_written_model_gives_the_same_integers_and_probabilities(root, tmp_path):
    pytest.importorskip("tensorflow_model_optimization")
    folder = root / "tests" / "data_quantizer" / "v4_concat_leaky"
    data, x = np.load(str(folder / "calib.npz")), np.load(str(folder / "test.npz"))["x"][:SAMPLES]

    result = quantize_model(
        folder / "float.h5",
        data["x"],
        data["y"],
        out=tmp_path / "q",
        backend="tfmot",
        release="3.5",
        calib_batch_size=3,
    )

    model = load_quantized(tmp_path / "q" / "quantized.h5")
    positions, _, outputs = recorded(folder, "3.5")
    assert {
        (entry.layer, entry.tensor): (8, entry.position) for entry in fix_positions(model)
    } == positions
    for name, values in integer_outputs(model, x).items():
        assert np.array_equal(values, outputs[name]), name
    assert np.allclose(model.predict(x, verbose=0), outputs["softmax"], atol=1e-6)
    golden = np.load(str(tmp_path / "q" / "golden.npz"))
    assert str(golden["output_name"]) == "out/pre_activation"
    assert golden["output_position"] == positions[("out", "pre_activation")][1]
    record = result.record
    assert abs(record.float_scores["accuracy"] - record.int8_scores["accuracy"]) < 0.02


def test_the_model_file_holds_no_layer_that_only_the_backend_knows(root, tmp_path):
    pytest.importorskip("tensorflow_model_optimization")
    folder = root / "tests" / "data_quantizer" / "v5_mlp_l2"
    data = np.load(str(folder / "calib.npz"))
    quantize_model(
        folder / "float.h5", data["x"], out=tmp_path / "q", backend="tfmot", calib_batch_size=32
    )
    kinds = {
        type(layer).__name__ for layer in load_quantized(tmp_path / "q" / "quantized.h5").layers
    }
    assert kinds == {"InputLayer", "FixPosition", "Dense", "Activation"}
    assert load_model(folder / "float.h5").output_shape == (None, 10)
