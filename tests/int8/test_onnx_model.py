"""The int8 model as ONNX computes what Keras, and the DPU, compute."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.quantized_models import MODELS, Maker
from vaiopt.errors import MissingToolError
from vaiopt.int8.model import load_quantized
from vaiopt.int8.onnx_model import RESULTS, load_onnx, onnx_model, same_pads
from vaiopt.int8.program import KINDS
from vaiopt.int8.read_program import read_program


def quantized(folder: Path, build: Any) -> Any:
    maker = Maker(seed=3)
    maker.save(*build(maker), folder / "q.h5")
    return load_quantized(folder / "q.h5")


def check_equal(model: Any, span: float = 1.0) -> Any:
    """Compare on inputs that saturate too, many of them halfway between two int8 numbers."""
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    program = read_program(model)
    made = onnx_model(program)
    session = runtime.InferenceSession(made.SerializeToString())
    rng = np.random.RandomState(0)
    x = rng.uniform(-span, span, (12, *program.input.shape)).astype(np.float32)
    step = 2.0 ** -(program.input.position + 1)
    x[6:] = np.rint(x[6:] / step) * step
    found, expected = session.run(None, {"input": x})[0], model.predict(x, verbose=0)
    assert found.shape == expected.shape
    if program.left_out:  # computed in float by either
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)
    else:
        assert np.array_equal(found, expected)
    return made


def scales_of(made: Any) -> Any:
    """The scales of all quantized and dequantized tensors."""
    numbers = {c.name: c for c in made.graph.initializer}
    pairs = ("QuantizeLinear", "DequantizeLinear")
    used = [numbers[node.input[1]] for node in made.graph.node if node.op_type in pairs]
    return [float(np.frombuffer(c.raw_data, np.float32)[0]) for c in used]


@pytest.mark.parametrize("name", MODELS)
def test_onnxruntime_gives_the_outputs_of_the_int8_keras_model(name: str, tmp_path: Path) -> None:
    made = check_equal(quantized(tmp_path, MODELS[name]), span=1.5)
    scales = scales_of(made)
    assert scales and all(float(np.log2(scale)).is_integer() for scale in scales)


def windows(m: Maker) -> Any:
    """What has borders to get wrong: strides on odd sizes, dilation, transposed convolutions of
    both paddings, multipliers; and a dense layer on an image.
    """
    k = m.keras.layers
    inputs = k.Input((7, 9, 3), name="image")
    x = m.fix(inputs, "image", 7, "input")
    conv = k.Conv2D(4, (3, 2), strides=(2, 3), padding="same", name="c")
    x = m.fix(m.linear(x, conv, 7, 9), "c", 4)
    x = m.fix(m.linear(x, k.Conv2D(4, 2, dilation_rate=2, padding="same", name="w"), 8, 9), "w", 3)
    depthwise = k.DepthwiseConv2D(3, padding="same", depth_multiplier=2, name="dw")
    x = m.fix(m.linear(x, depthwise, 7, 9), "dw", 3)
    same = k.Conv2DTranspose(3, 3, strides=2, padding="same", name="ts")
    x = m.fix(m.linear(x, same, 8, 9), "ts", 3)
    x = m.fix(m.linear(x, k.Conv2DTranspose(2, 2, strides=3, name="tv"), 8, 9), "tv", 3)
    return inputs, m.fix(m.linear(x, k.Dense(4, name="d"), 7, 9), "d", 3)


def test_borders_and_strides_are_those_of_keras(tmp_path: Path) -> None:
    check_equal(quantized(tmp_path, windows))


def test_every_kind_of_operation_has_its_nodes() -> None:
    assert set(RESULTS) == KINDS


def test_padding_is_tensorflow_s() -> None:
    assert same_pads((8, 7), (3, 3), (2, 2)) == [0, 1, 1, 1]
    assert same_pads((5, 5), (1, 1), (2, 2)) == [0, 0, 0, 0]
    assert same_pads((8, 8), (4, 5), (1, 1)) == [1, 2, 2, 2]


def test_without_onnx_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingToolError) as caught:
        load_onnx()
    assert "vaiopt[onnx]" in caught.value.hint


def two_of_both(m: Maker) -> Any:
    """Two inputs, not in the order of their use; of three outputs one with a sigmoid, and one whose
    name is that of a node.
    """
    k = m.keras.layers
    image, row = k.Input((6, 5, 2), name="input"), k.Input((4,), name="conv_1")
    x = m.fix(image, "input", 7, "input")
    more = m.fix(row, "conv_1", 5, "input")
    x = m.fix(k.ReLU(name="r")(m.linear(x, k.Conv2D(3, 3, name="c"), 7, 9)), "c", 4)
    flat = k.Concatenate(name="both")([k.Flatten(name="f")(x), more])
    flat = m.fix(flat, "both", 4)
    digit = m.fix(m.linear(flat, k.Dense(5, name="d"), 7, 9), "d", 3)
    seen = m.fix(m.linear(flat, k.Dense(1, name="s"), 7, 9), "s", 3)
    return [row, image], [
        k.Activation("softmax", name="p")(digit),
        k.Activation("sigmoid")(seen),
        x,
    ]


def test_several_inputs_and_outputs_go_by_their_names(tmp_path: Path) -> None:
    runtime = pytest.importorskip("onnxruntime")
    model = quantized(tmp_path, two_of_both)
    made = onnx_model(read_program(model), outputs=["digit", "seen", "add_3"])
    session = runtime.InferenceSession(made.SerializeToString())
    assert [one.name for one in session.get_inputs()] == ["conv_1", "input"]
    rng = np.random.RandomState(0)
    x = [rng.uniform(-1.5, 1.5, (9, *shape)).astype(np.float32) for shape in [(4,), (6, 5, 2)]]
    for name, expected in zip(["digit", "seen", "add_3"], model.predict(x, verbose=0)):
        (found,) = session.run([name], {"input": x[1], "conv_1": x[0]})
        np.testing.assert_allclose(found, expected, rtol=0, atol=0 if name == "add_3" else 1e-6)
    assert np.ptp(found) > 0
