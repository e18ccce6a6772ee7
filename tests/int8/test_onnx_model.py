"""The int8 model as ONNX computes what Keras, and the DPU, compute."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.quantized_models import MODELS, Maker
from vaiopt.errors import CompileError, MissingToolError
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


def test_several_inputs_are_compiled_but_not_written_as_onnx(tmp_path: Path) -> None:
    pytest.importorskip("onnx")

    def two(maker: Maker) -> Any:
        layers = maker.keras.layers
        inputs = [layers.Input((4,), name=name) for name in "ab"]
        fixed = [maker.fix(x, n, p, "input") for x, n, p in zip(inputs, "ab", (7, 5))]
        return inputs[::-1], maker.fix(layers.Add(name="sum")(fixed), "sum", 5)

    program = read_program(quantized(tmp_path, two))
    assert [(one.name, one.position) for one in program.inputs] == [("b", 5), ("a", 7)]
    with pytest.raises(CompileError, match="2 inputs; an ONNX file is written of one"):
        onnx_model(program)
