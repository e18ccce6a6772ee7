"""Names in the float model for what the vendor's quantizers call otherwise, from stand-ins of
their layers named as releases 1.4, 2.0 and 3.0 name them.
"""

from types import SimpleNamespace

import pytest

from vaiopt.int8.positions import FixPosition
from vaiopt.int8.vendor import named_slots, slots


def made(kind, name, sources=(), **positions):
    """Return a layer as the vendor's models have it, wrapped where it has positions."""
    inner = type(kind, (), {})()
    inner.name = name
    node = SimpleNamespace(inbound_layers=list(sources))
    layer = inner
    if positions or kind == "VitisQuantize":
        layer = type("QuantizeWrapper" if kind != "VitisQuantize" else kind, (), {})()
        layer.name, layer.layer = "quant_" + name, inner
        layer.get_quantize_info = dict
    if kind == "VitisQuantize":
        del layer.layer
        positions = {layer.name: positions["input"]}
    layer.inbound_nodes = [node] if sources else []
    layer.weights = [
        SimpleNamespace(name=f"{key}_pos:0", numpy=lambda value=value: value)
        for key, value in positions.items()
    ]
    return layer


def model(*parts):
    """Return a chain of ``(kind, name, sources by name, positions)``, an input first."""
    layers = {"img": made("InputLayer", "img")}
    for kind, name, sources, positions in parts:
        layers[name] = made(kind, name, [layers[source] for source in sources], **positions)
    return SimpleNamespace(layers=list(layers.values()))


OLD_SWISH = model(
    ("Conv2D", "c", ["img"], {"kernel": 7, "pre_activation": 5}),
    ("VitisSigmoid", "c_swish_sigmoid", ["c"], {"output_0": 7}),
    ("Multiply", "c_swish_mul", ["c", "c_swish_sigmoid"], {"output_0": 6}),
)
LONE_SWISH = model(
    ("Add", "add", ["img"], {"output_0": 5}),
    ("VitisSigmoid", "sw_sigmoid", ["add"], {"output_0": 7}),
    ("Multiply", "sw_mul", ["add", "sw_sigmoid"], {"output_0": 6}),
)
OUTSIDE = model(
    ("Dense", "out", ["img"], {"kernel": 7, "post_activation": 4}),
    ("Activation", "out_softmax", ["out"], {}),
)
SEPARATE = model(
    ("Dense", "out", ["img"], {"kernel": 7, "post_activation": 4}),
    ("Activation", "probability", ["out"], {}),
)
COUNTED = model(
    ("VitisAveragePooling2D", "vitis_average_pooling2d_3", ["img"], {"output_0": 5}),
    ("VitisSigmoid", "vitis_sigmoid_8", ["vitis_average_pooling2d_3"], {"output_0": 7}),
)


@pytest.mark.parametrize(
    "vendor, floats, found",
    [
        (OLD_SWISH, "img c", "c/kernel c/pre_activation c/sigmoid c/output"),
        (LONE_SWISH, "img add sw", "add/output sw/sigmoid sw/output"),
        (OUTSIDE, "img out", "out/kernel out/pre_activation"),
        (SEPARATE, "img out probability", "out/kernel out/output"),
        (COUNTED, "img pool gate", "pool/output gate/output"),
    ],
)
def test_positions_have_the_float_model_s_names_in_old_releases_too(vendor, floats, found):
    nameless = {"average_pooling2d": ["pool"], "sigmoid": ["gate"]}
    assert [slot.name for slot in slots(vendor, floats.split(), nameless)] == found.split()


def test_the_names_in_a_file_are_taken_where_it_has_them():
    known = [FixPosition("pool", "output", 8, 5), FixPosition("gate", "output", 8, 7)]
    assert [slot.name for slot in named_slots(COUNTED, known)] == ["pool/output", "gate/output"]
    assert [slot.position for slot in named_slots(COUNTED, known[:1])] == [5, 7]
