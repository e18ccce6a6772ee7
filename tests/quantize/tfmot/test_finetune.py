"""Fast finetuning: nearer to the float model, at the same positions, the same from a seed."""

from __future__ import annotations

from pathlib import Path
from typing import Any, List

import numpy as np
import pytest
from float_networks import images, network

from vaiopt.int8.model import integer_outputs, load_quantized
from vaiopt.quantize import quantize_model
from vaiopt.quantize.backend import Quantized, QuantizeRequest
from vaiopt.quantize.tfmot import finetune
from vaiopt.quantize.tfmot.backend import TfmotQuantizer, prepared_graph
from vaiopt.quantize.tfmot.rules import rules_of

pytest.importorskip("tensorflow_model_optimization")


def depthwise(layers: Any, x: Any) -> Any:
    """A depthwise network whose ReLU6 keep the vendor's equalisation off."""
    x = layers.ReLU(6.0, name="stem_r")(layers.Conv2D(8, 3, name="stem")(x))
    x = layers.ReLU(6.0, name="dw_r")(layers.DepthwiseConv2D(3, name="dw")(x))
    x = layers.ReLU(6.0, name="pw_r")(layers.Conv2D(8, 1, name="pw")(x))
    x = layers.GlobalAveragePooling2D(name="gap")(x)
    return layers.Dense(4, activation="softmax", name="out")(x)


def uneven() -> Any:
    """The network with channels of very different ranges, which one position cannot serve."""
    model = network(depthwise)
    scale = np.exp2(np.linspace(-6, 1, 8)).astype(np.float32)
    kernel, bias = model.get_layer("dw").get_weights()
    model.get_layer("dw").set_weights([kernel * scale[:, None], bias * scale])
    kernel, bias = model.get_layer("pw").get_weights()
    model.get_layer("pw").set_weights([kernel / scale[:, None], bias])
    return model


def quantized(model: Any, method: str, **options: Any) -> Quantized:
    request = QuantizeRequest(model, [images(60)], method=method, **options)
    return TfmotQuantizer().quantize(request)


@pytest.fixture(scope="module")
def tuned() -> Quantized:
    return quantized(uneven(), "finetune")


def logits(model: Any, x: np.ndarray) -> np.ndarray:
    """Logarithms of the probabilities, without their mean: what a softmax cannot hide."""
    values = np.log(np.maximum(np.asarray(model(x)), 1e-30))
    return values - values.mean(axis=1, keepdims=True)


def test_the_outputs_come_nearer_to_the_float_model_s_at_the_same_positions(
    tuned: Quantized,
) -> None:
    model, unseen = uneven(), images(100, seed=9)
    plain, wanted = quantized(model, "ptq"), logits(model, unseen)
    before, after = (
        float(np.mean((logits(each.model, unseen) - wanted) ** 2)) for each in (plain, tuned)
    )
    assert after < 0.6 * before
    assert tuned.positions == plain.positions and tuned.float_layers == plain.float_layers


def test_the_same_seed_gives_the_same_integers_in_the_file_too(
    tuned: Quantized, tmp_path: Path
) -> None:
    x = images(60)
    result = quantize_model(uneven(), x, out=tmp_path / "q", backend="tfmot", method="finetune")
    assert result.record.method == "finetune"
    loaded = load_quantized(tmp_path / "q" / "quantized.h5")
    found, written = (integer_outputs(each, x[:4]) for each in (tuned.model, loaded))
    assert list(found) == list(written)
    for name, values in found.items():
        assert np.array_equal(values, written[name]), name


def test_all_weights_lie_on_the_grid(tuned: Quantized) -> None:
    for entry in tuned.positions:
        if entry.tensor.endswith(("kernel", "bias")):
            for variable in tuned.model.get_layer(entry.layer).weights:
                if variable.name.split(":")[0].split("/")[-1] == entry.tensor:
                    steps = variable.numpy() * 2.0**entry.position
                    assert np.array_equal(steps, np.rint(steps)) and np.abs(steps).max() <= 128


def test_what_is_trained_goes_with_the_activation_behind_it() -> None:
    graph = prepared_graph(uneven(), rules_of("3.0"))
    ends = [(row.node.name, row.end.name, row.owner.name) for row in finetune.modules(graph)]
    assert ends[:3] == [(n, n + "_r", n + "_r") for n in ("stem", "dw", "pw")]
    assert ends[3][:2] == ("out", "out"), "a softmax is the CPU's"


def test_of_large_layers_fewer_samples_are_looked_at_a_few_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    graph = prepared_graph(uneven(), rules_of("3.0"))
    pointwise = finetune.modules(graph)[2]  # 4x4x8 in and out
    assert finetune.looked_at(graph, pointwise, 200) == (200, 200)
    monkeypatch.setattr(finetune, "MOST_VALUES", 25 * 2 * 4 * 4 * 8)
    monkeypatch.setattr(finetune, "VALUES_AT_ONCE", 3 * 6 * 6 * 8)
    assert finetune.looked_at(graph, pointwise, 200) == (25, 3)
    monkeypatch.setattr(finetune, "MOST_VALUES", 1)
    assert finetune.looked_at(graph, pointwise, 200) == (finetune.FEWEST, 3)


def test_dense_layers_without_a_bias_are_trained_too_and_lines_tell_of_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def dense(layers: Any, x: Any) -> Any:
        x = layers.Dense(6, activation="relu", name="first")(layers.Flatten(name="flat")(x))
        return layers.Dense(3, activation="sigmoid", use_bias=False, name="last")(x)

    monkeypatch.setattr(finetune, "QUIET_S", 0)
    monkeypatch.setattr(finetune, "FINETUNE_EPOCHS", 2)
    lines: List[str] = []
    quantized(network(dense), "finetune", progress=lines.append)
    told = [line.split(": squared error ") for line in lines[1:]]
    assert [name for name, _ in told] == [
        "fast finetuning, layer 1 of 2, first",
        "fast finetuning, layer 2 of 2, last",
    ]
    for _, errors in told:
        before, after = map(float, errors.split(" -> "))
        assert after <= before
