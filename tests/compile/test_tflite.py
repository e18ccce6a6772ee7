"""The int8 ``.tflite`` against the quantized Keras model, whose integers are exact."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path
from typing import Any, Dict, NamedTuple

import numpy as np
import pytest

from tests.quantized_models import MODELS, Maker
from vaiopt.compile.tflite.backend import compare_outputs, compile_model, run_tflite
from vaiopt.compile.tflite.lower import to_tflite
from vaiopt.errors import CompileError
from vaiopt.int8.model import integer_outputs, load_quantized
from vaiopt.int8.program import Program
from vaiopt.int8.read_program import read_program
from vaiopt.keras import load_tensorflow

SAMPLES = 150

KERNELS_ROUND_ONCE = tuple(int(n) for n in load_tensorflow().__version__.split(".")[:2]) >= (2, 12)
"""Older interpreters round twice (to one bit more first), which no model can prevent."""

EXACT = [name for name in MODELS if name != "branches"] if KERNELS_ROUND_ONCE else []
"""Models whose outputs are exactly the DPU's: all without a product of two tensors."""


class Built(NamedTuple):
    model: Any
    maker: Maker
    program: Program
    integers: np.ndarray
    exact: Dict[str, np.ndarray]


@functools.lru_cache(maxsize=None)
def build(name: str) -> Built:
    """Return a quantized model, random int8 inputs and the exact integers of every tensor."""
    maker = Maker(1)
    with tempfile.TemporaryDirectory() as folder:
        maker.save(*MODELS[name](maker), Path(folder) / "quantized.h5")
        model = load_quantized(Path(folder) / "quantized.h5")
    program = read_program(model)
    integers = (
        np.random.RandomState(0)
        .randint(-128, 128, (SAMPLES,) + program.input.shape)
        .astype(np.int8)
    )
    exact = integer_outputs(model, np.ldexp(integers.astype(np.float32), -program.input.position))
    return Built(
        model,
        maker,
        program,
        integers,
        {key.replace("/", "_") + "_fix": value for key, value in exact.items()},
    )


@pytest.mark.parametrize("name", sorted(MODELS))
def test_outputs_are_those_of_the_keras_model_up_to_ties(name: str, tmp_path: Path) -> None:
    built = build(name)
    compile_model(built.model, tmp_path / "model.tflite")
    expected = built.exact[built.program.output.name]
    assert expected.std() > 2, "the model says nothing"
    found = compare_outputs(run_tflite(tmp_path / "model.tflite", built.integers), expected)
    if name in EXACT:
        assert found.different == 0
    assert found.max_difference <= 2
    assert found.same_top1 >= 0.9 * SAMPLES


@pytest.mark.parametrize("name", sorted(MODELS))
def test_every_operation_alone_is_exact_up_to_one_at_ties(name: str, tmp_path: Path) -> None:
    program, exact = (
        build(name).program,
        {
            **build(name).exact,
            build(name).program.input.name: build(name).integers,
        },
    )
    tensors = {operation.output.name: operation.output for operation in program.operations}
    tensors[program.input.name] = program.input
    checked = 0
    for operation in program.operations:
        if operation.kind == "reshape":
            exact[operation.output.name] = exact[operation.inputs[0]].reshape(
                (SAMPLES,) + operation.output.shape
            )
        if (
            len(operation.inputs) != 1
            or operation.inputs[0] not in exact
            or operation.output.name not in exact
        ):
            continue
        alone = Program(tensors[operation.inputs[0]], operation.output, [operation])
        (tmp_path / "alone.tflite").write_bytes(to_tflite(alone, "test"))
        found = compare_outputs(
            run_tflite(tmp_path / "alone.tflite", exact[operation.inputs[0]]),
            exact[operation.output.name],
        )
        assert found.max_difference <= (0 if EXACT else 1), operation.name
        assert found.different <= 0.02 * found.elements + 1, operation.name
        checked += 1
    assert checked >= 1


def is_next_to(quantization: Any, scale: float) -> bool:
    """Tell whether a scale is this one, or a neighbouring float32 (which moves ties and nothing
    else); zero point 0.
    """
    return quantization[1] == 0 and abs(quantization[0] - scale) <= float(
        np.spacing(np.float32(scale))
    )


@pytest.mark.parametrize("name", sorted(MODELS))
def test_every_scale_is_the_power_of_two_of_its_fix_position(name: str, tmp_path: Path) -> None:
    maker = build(name).maker
    compile_model(build(name).model, tmp_path / "model.tflite")
    interpreter = load_tensorflow().lite.Interpreter(model_path=str(tmp_path / "model.tflite"))
    details = {detail["name"]: detail for detail in interpreter.get_tensor_details()}
    for entry in maker.positions:
        if entry.tensor in ("kernel", "depthwise_kernel"):
            assert is_next_to(
                details[entry.layer + "/kernel"]["quantization"], 2.0**-entry.position
            )
    for detail in interpreter.get_input_details() + interpreter.get_output_details():
        assert detail["dtype"] == np.int8
        scale, zero_point = detail["quantization"]
        assert zero_point == 0 and np.log2(scale) == np.rint(np.log2(scale))
    positions = {f"{entry.layer}_{entry.tensor}_fix": entry.position for entry in maker.positions}
    for name_of_tensor, position in positions.items():
        if name_of_tensor in details:
            assert details[name_of_tensor]["quantization"] == (2.0**-position, 0)
    assert sum(name_of_tensor in details for name_of_tensor in positions) >= 1


def test_the_file_is_the_same_every_time(tmp_path: Path) -> None:
    model = build("residual").model
    compile_model(model, tmp_path / "a.tflite")
    compile_model(model, tmp_path / "b.tflite")
    assert (tmp_path / "a.tflite").read_bytes() == (tmp_path / "b.tflite").read_bytes()


def test_a_softmax_is_left_out_and_said_so(tmp_path: Path) -> None:
    program = compile_model(build("lab_cnn").model, tmp_path / "model.tflite")
    assert program.left_out == ["softmax of layer 'out_softmax': it keeps the order of the values"]
    assert program.threshold is None


def test_a_single_output_has_the_threshold_of_what_was_left_out(tmp_path: Path) -> None:
    assert compile_model(build("table").model, tmp_path / "model.tflite").threshold == 0.0


def float_in_the_middle(m: Maker) -> Any:
    k = m.keras.layers
    i = k.Input((4, 4, 1), name="image")
    x = m.fix(m.linear(m.fix(i, "image", 7, "input"), k.Conv2D(2, 3, name="c"), 7, 9), "c", 4)
    x = k.Activation("tanh", name="tangent")(x)
    return i, m.fix(m.linear(k.Flatten(name="f")(x), k.Dense(2, name="out"), 7, 9), "out", 3)


def not_rounded(m: Maker) -> Any:
    k = m.keras.layers
    i = k.Input((4, 4, 1), name="image")
    x = m.linear(m.fix(i, "image", 7, "input"), k.Conv2D(2, 3, name="c"), 7, 9)
    return i, m.fix(m.linear(k.Flatten(name="f")(x), k.Dense(2, name="out"), 7, 9), "out", 3)


def over_the_border(m: Maker) -> Any:
    k = m.keras.layers
    i = k.Input((5, 5, 1), name="image")
    x = m.fixed["FixedAveragePooling2D"]((2, 2), (2, 2), "same", 1, 2, name="avg")(
        m.fix(i, "image", 7, "input")
    )
    return i, m.fix(x, "avg", 6)


def normalized(m: Maker) -> Any:
    k = m.keras.layers
    i = k.Input((4, 4, 1), name="image")
    return i, m.fix(k.LayerNormalization(name="norm")(m.fix(i, "image", 7, "input")), "norm", 6)


def no_output_position(m: Maker) -> Any:
    k = m.keras.layers
    i = k.Input((6,), name="row")
    return i, m.linear(m.fix(i, "row", 7, "input"), k.Dense(2, name="out"), 7, 9)


@pytest.mark.parametrize("make, named", [
    (float_in_the_middle, "'tangent' (tanh)"),
    (not_rounded, "'f'"),
    (over_the_border, "'avg'"),
    (normalized, "'norm' (LayerNormalization)"),
    (no_output_position, "'out'"),
])  # fmt: skip
def test_what_is_not_int8_is_refused_by_name(make: Any, named: str, tmp_path: Path) -> None:
    maker = Maker(0)
    maker.save(*make(maker), tmp_path / "quantized.h5")
    with pytest.raises(CompileError) as caught:
        compile_model(load_quantized(tmp_path / "quantized.h5"), tmp_path / "model.tflite")
    assert named in caught.value.message and caught.value.hint
    assert not (tmp_path / "model.tflite").exists()
