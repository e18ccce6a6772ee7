"""inspect, the search, quantize and compile say the same of each layer, in every release."""

from typing import Any, Callable, Dict, List, Set

import pytest

from vaiopt.errors import QuantizeError
from vaiopt.hardware import left_to_cpu, load_target, read_graph
from vaiopt.hardware.quantized import Quantizer, output_softmaxes
from vaiopt.keras import load_keras, load_tensorflow
from vaiopt.network.layers import LAYERS
from vaiopt.network.verdicts import verdict_of
from vaiopt.quantize.checks import functional_model
from vaiopt.quantize.tfmot.backend import prepared_graph
from vaiopt.quantize.tfmot.placement import float_layers
from vaiopt.quantize.tfmot.rules import RULES, rules_of

K, tf = load_keras(), load_tensorflow()
L = K.layers
Build = Callable[[Any], Any]

OF_IMAGES: Dict[str, Build] = {
    "Conv2D": lambda x: L.Conv2D(4, 3, name="x")(x),
    "DepthwiseConv2D": lambda x: L.DepthwiseConv2D(3, name="x")(x),
    "Conv2DTranspose": lambda x: L.Conv2DTranspose(4, 3, name="x")(x),
    "SeparableConv2D": lambda x: L.SeparableConv2D(4, 3, activation="relu", name="x")(x),
    "LeakyReLU": lambda x: L.LeakyReLU(0.1, name="x")(x),
    "PReLU": lambda x: L.PReLU(shared_axes=[1, 2], name="x")(x),
    "Activation": lambda x: L.Activation("relu", name="x")(x),
    "Softmax": lambda x: L.Softmax(name="x")(x),
    "Permute": lambda x: L.Permute((2, 1, 3), name="x")(x),
    "UpSampling2D": lambda x: L.UpSampling2D(2, name="x")(x),
    "ZeroPadding2D": lambda x: L.ZeroPadding2D(1, name="x")(x),
    "Cropping2D": lambda x: L.Cropping2D(1, name="x")(x),
    "Rescaling": lambda x: L.Rescaling(0.5, offset=1.0, name="x")(x),
    "Normalization": lambda x: L.Normalization(mean=1.0, variance=2.0, axis=None, name="x")(x),
    "Lambda": lambda x: L.Lambda(lambda t: t * 1.0, name="x")(x),
    "Reshape": lambda x: L.Reshape((6, 6, 4), name="x")(x),
    "Resizing": lambda x: L.Resizing(8, 8, name="x")(x),
    "CenterCrop": lambda x: L.CenterCrop(4, 4, name="x")(x),
    **{
        name: (lambda make: lambda x: make(0.1, name="x")(x))(getattr(L, name))
        for name in "Dropout SpatialDropout2D AlphaDropout GaussianDropout GaussianNoise".split()
    },
    **{
        name: (lambda make: lambda x: make(name="x")(x))(getattr(L, name))
        for name in (
            "ReLU ELU ThresholdedReLU MaxPooling2D AveragePooling2D BatchNormalization"
            " LayerNormalization RandomFlip ActivityRegularization"
        ).split()
    },
    **{
        name: (lambda make: lambda x: make(name="x")([x, L.Conv2D(4, 1)(x)]))(getattr(L, name))
        for name in "Add Multiply Concatenate Subtract Average Maximum Minimum".split()
    },
    **(
        {"GroupNormalization": lambda x: L.GroupNormalization(2, name="x")(x)}
        if hasattr(L, "GroupNormalization")
        else {}
    ),
}
"""By the layer class that is meant: it is named x."""

OF_SERIES: Dict[str, Build] = {
    "Conv1D": lambda x: L.Conv1D(4, 3, padding="causal", name="x")(x),
    "SeparableConv1D": lambda x: L.SeparableConv1D(4, 3, padding="same", name="x")(x),
    "Cropping1D": lambda x: L.ZeroPadding1D(1)(L.Cropping1D(1, name="x")(x)),
    "MaxPooling1D": lambda x: L.UpSampling1D(2)(L.MaxPooling1D(2, name="x")(x)),
    "SimpleRNN": lambda x: L.SimpleRNN(4, return_sequences=True, name="x")(x),
}
"""The same, of series."""

FUNCTIONS = "relu sigmoid tanh elu selu softplus softsign exponential hard_sigmoid swish".split()


def both(x: Any) -> Any:
    return L.Concatenate()([x, L.Conv2D(4, 1)(x)])


def read_elsewhere(x: Any) -> Any:
    y = L.Conv2D(4, 3, padding="same")(x)
    return L.Add(name="sum")([y, L.ReLU(name="x")(y)])


PATTERNS: Dict[str, Build] = {
    "relu behind Concatenate": lambda x: L.ReLU(name="x")(both(x)),
    "relu6 behind Concatenate": lambda x: L.ReLU(6.0, name="x")(both(x)),
    "leaky behind Concatenate": lambda x: L.LeakyReLU(0.1, name="x")(both(x)),
    "leaky of another slope behind pooling": lambda x: L.LeakyReLU(0.3, name="x")(
        L.MaxPooling2D()(x)
    ),
    "linear behind pooling": lambda x: L.Activation("linear", name="x")(L.MaxPooling2D()(x)),
    "leaky behind pooling": lambda x: L.LeakyReLU(0.1, name="x")(L.MaxPooling2D()(x)),
    "sigmoid behind Concatenate": lambda x: L.Activation("sigmoid", name="x")(both(x)),
    "tanh behind Concatenate": lambda x: L.Activation("tanh", name="x")(both(x)),
    "relu behind UpSampling2D": lambda x: L.Activation("relu", name="x")(L.UpSampling2D()(x)),
    "relu behind pooling": lambda x: L.ReLU(name="x")(L.AveragePooling2D()(x)),
    "relu behind Multiply": lambda x: L.ReLU(name="x")(L.Multiply()([x, L.Conv2D(4, 1)(x)])),
    "relu6 behind Add": lambda x: L.ReLU(6.0, name="x")(L.Add()([x, L.Conv2D(4, 1)(x)])),
    "relu of what something else reads": read_elsewhere,
    "relu behind a lone normalisation": lambda x: L.ReLU(name="x")(
        L.BatchNormalization()(L.MaxPooling2D()(x))
    ),
    "relu twice": lambda x: L.ReLU(name="x")(L.ReLU()(x)),
    "hard swish": lambda x: L.Multiply()([x, L.ReLU(6.0)(x + 3.0) * (1.0 / 6.0)]),
    "sums": lambda x: L.ReLU(name="x")(x + L.Conv2D(4, 1)(x)),
    "cropped": lambda x: x[:, 1:, :-1],
    "a part of a split": lambda x: tf.split(x, 2, -1)[0],
    "a layer as the function of an Activation": lambda x: L.Activation(L.ReLU(6.0), name="x")(x),
    **{
        f"{name} inside": (lambda f: lambda x: L.Conv2D(4, 1, activation=f, name="x")(x))(name)
        for name in FUNCTIONS
    },
}


def of_series(make: Build) -> Build:
    return lambda x: L.Reshape((6, 6, 4))(make(L.Reshape((36, 4))(x)))


PATTERNS.update({name: of_series(make) for name, make in OF_SERIES.items()})

FAILING = {("relu of what something else reads", "2.5")}
"""Of these, what a release's quantizer fails on: see tests/quantize/tfmot/test_failures.py."""

REFUSED: Dict[str, Build] = {
    "groups": lambda x: L.Conv2D(4, 1, groups=2, name="x")(x),
    "an operation": lambda x: tf.math.cumsum(x),
    "flat normalisation": lambda x: L.Reshape((1, 1, 4))(
        L.ReLU()(L.BatchNormalization(name="x")(L.Dense(4, activation="relu")(L.Flatten()(x))))
    ),
    "normalised rows": lambda x: L.BatchNormalization(axis=1, name="x")(x),
}


def network(middle: Build) -> Any:
    inputs = K.Input((8, 8, 3), name="in")
    x = middle(L.Conv2D(4, 3, name="first")(inputs))
    x = L.Conv2D(4, 1, activation="relu", name="last")(x)
    outputs = L.Dense(3, activation="softmax", name="out")(L.GlobalAveragePooling2D(name="p")(x))
    return K.Model(inputs, outputs)


def by_quantize(model: Any, release: str) -> Set[str]:
    """Names of the layers that the off-board quantizer computes in float."""
    graph = prepared_graph(functional_model(model), rules_of(release))
    inside = {node.layer for node in graph if node.place == "before"}
    return {row.layer for row in float_layers(graph)} | inside - {"out"}


def by_inspect(model: Any, release: str) -> List[str]:
    """The same by the graph that inspect reads, without what a DPU cannot do."""
    graph = read_graph(model)
    users = graph.consumers
    quantizer, ends = Quantizer(graph, users, release), output_softmaxes(graph, users)
    left = [op for op in graph.operations if op.name not in ends and quantizer.left(op)]
    return [op.layer.replace("/", "_") for op in left]


@pytest.mark.parametrize("release", RULES)
@pytest.mark.parametrize("name", [*OF_IMAGES, *PATTERNS])
def test_inspect_and_quantize_leave_the_same_layers_in_float(name: str, release: str) -> None:
    model = network({**OF_IMAGES, **PATTERNS}[name])
    assert not read_graph(model).refusals
    left = by_inspect(model, release)
    if (name, release) in FAILING:
        with pytest.raises(QuantizeError, match=f"{release} cannot quantize layer '{left[-1]}'"):
            by_quantize(model, release)
    else:
        assert by_quantize(model, release) == set(left)
    for device in ("zcu102", "cpu"):
        told = {row.layer.split("/")[0] for row in left_to_cpu(model, load_target(device, release))}
        assert set(left) <= told


def test_rows_put_together_are_told_of_by_all() -> None:
    model = network(lambda x: L.Concatenate(axis=1, name="x")([x, L.Conv2D(4, 1)(x)]))
    told = {row.layer: row.reason for row in left_to_cpu(model, load_target("zcu102"))}
    assert "along axis 1" in told["x"]


@pytest.mark.parametrize("name", REFUSED)
def test_what_quantize_refuses_inspect_says_with_the_same_words(name: str) -> None:
    model = network(REFUSED[name])
    (refusal,) = read_graph(model).refusals
    with pytest.raises(QuantizeError) as refused:
        functional_model(model)
    assert (refused.value.message, refused.value.hint) == (refusal.problem, refusal.cure)
    assert any(refusal.problem in row.reason for row in left_to_cpu(model, load_target("zcu102")))


@pytest.mark.parametrize("release", RULES)
def test_every_class_that_a_row_calls_int8_is_quantized_and_no_other(release: str) -> None:
    kinds = rules_of(release).quantized_kinds | {"SeparableConv2D", "HardSigmoid", "InputLayer"}
    for name in LAYERS:
        verdict = verdict_of("layer", name, release).verdict
        if verdict == "function" or name.startswith("Vitis"):
            continue
        assert (verdict in ("int8", "moved")) == (name in kinds), name


@pytest.mark.skipif("2.0" not in RULES, reason="there is no quantizer of release 2.0 yet")
def test_an_average_over_a_map_that_is_not_square_is_refused_by_all_in_release_2_0() -> None:
    model = network(lambda x: L.Cropping2D(((1, 0), (0, 0)))(x))
    told = [row.layer for row in left_to_cpu(model, load_target("zcu102", "2.0"))]
    assert "p" in told
    with pytest.raises(QuantizeError, match="not square"):
        prepared_graph(functional_model(model), rules_of("2.0"))
    assert "p" not in [row.layer for row in left_to_cpu(model, load_target("zcu102", "2.5"))]
