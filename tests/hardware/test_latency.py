"""The latency model counts cycles as the hardware works, grows with the work, and agrees with
published measurements.
"""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hardware.models import plain_cnn
from vaiopt.hardware import costs, inspect_model, load_target, read_graph
from vaiopt.hardware.architectures import architectures
from vaiopt.hardware.fits import Constants
from vaiopt.hardware.fusion import fuse
from vaiopt.hardware.latency import Work, conv_cycles, layer_cycles, limit, work

B4096 = architectures()["DPUCZDX8G_ISA1_B4096"]
SIZES = st.integers(1, 70)


@given(SIZES, SIZES, st.integers(1, 7), st.integers(5, 200), st.integers(1, 200))
def test_convolution_cycles_are_whole_groups_of_rows_and_channels(
    rows, columns, kernel, channels, filters
):
    cycles = conv_cycles(rows, columns, (kernel, kernel), channels, filters, B4096)
    assert cycles == math.ceil(rows / 8) * columns * kernel * kernel * math.ceil(
        channels / 16
    ) * math.ceil(filters / 16)
    macs = rows * columns * kernel * kernel * channels * filters
    assert macs <= cycles * 8 * 16 * 16


def test_few_input_channels_share_the_parallelism_with_the_columns_of_the_kernel():
    assert conv_cycles(8, 10, (7, 7), 3, 16, B4096) == 10 * 7 * 2
    assert conv_cycles(8, 10, (3, 3), 1, 16, B4096) == 10 * 3 * 1


@given(
    st.integers(0, 10**7),
    st.integers(0, 10**7),
    st.integers(0, 10**8),
    st.floats(0.9, 1.5),
    st.floats(5, 60),
    st.floats(0, 9000),
)
def test_a_layer_takes_the_slower_of_arithmetic_and_memory_and_a_fixed_cost(
    conv, alu, traffic, efficiency, bandwidth, overhead
):
    constants = Constants(efficiency, bandwidth, overhead, 0.1)
    asked = Work(conv, alu, traffic, conv * 2048)
    cycles = layer_cycles(asked, constants)
    assert cycles == pytest.approx(max(efficiency * conv + alu, traffic / bandwidth) + overhead)
    assert layer_cycles(asked._replace(traffic=traffic * 2), constants) >= cycles
    waiting = layer_cycles(asked._replace(waits=True), constants)
    assert waiting == pytest.approx(conv + alu + traffic / bandwidth + overhead)
    parts = {
        "compute": efficiency * conv + alu,
        "memory": traffic / bandwidth,
        "overhead": overhead,
    }
    assert parts[limit(asked, constants)] == pytest.approx(max(parts.values()))


def test_each_kind_of_layer_asks_what_the_reference_page_says(keras):
    kl = keras.layers
    inputs = keras.Input((20, 12, 24))
    x = kl.DepthwiseConv2D(3, padding="same", name="depthwise")(inputs)
    x = kl.MaxPooling2D(2, name="pool")(x)
    y = kl.Conv2D(40, 1, name="conv")(x)
    x = kl.Add(name="add")([y, kl.Conv2D(40, 3, padding="same")(x)])
    x = kl.Conv2DTranspose(8, 4, strides=2, padding="same", name="up")(x)
    x = kl.Dense(10, name="dense")(kl.GlobalAveragePooling2D(name="mean")(x))
    asked = {layer.name: work(layer, B4096) for layer in fuse(read_graph(keras.Model(inputs, x)))}
    assert asked["depthwise"].alu_cycles == 5 * 12 * 9 * 2 and asked["depthwise"].conv_cycles == 0
    assert asked["pool"].alu_cycles == 3 * 6 * 4 * 2
    assert (
        asked["conv"].conv_cycles == 2 * 6 * 2 * 3
        and asked["conv"].traffic == 24 * 40 + 10 * 6 * 24 + 10 * 6 * 40
    )
    assert asked["add"].alu_cycles == 2 * 3 * 6 * 3 and asked["add"].traffic == 3 * 10 * 6 * 40
    assert asked["up"].conv_cycles == 4 * (2 * 6 * 4 * 3 * 1)
    assert asked["mean"].alu_cycles == 20 * 12 * 1
    assert asked["dense"].conv_cycles == 1 and asked["dense"].traffic == 80 + 8 + 10
    assert [name for name in asked if asked[name].waits] == ["dense"]


@pytest.mark.parametrize("target", ["zcu102", "kv260", "ultra96", "b512", "vck190", "cpu"])
def test_more_filters_larger_images_and_more_layers_cost_more(keras, target):
    found = load_target(target)
    small = costs(plain_cnn(keras), found)["latency_ms"]
    assert 0 < small < 50
    assert costs(plain_cnn(keras, filters=64), found)["latency_ms"] > small
    assert costs(plain_cnn(keras, size=112), found)["latency_ms"] > small


@given(st.integers(1, 8))
def test_a_faster_clock_and_more_cores_do_not_slow_down(factor):
    base = load_target("zcu102")
    faster = base._replace(clock_mhz=base.clock_mhz * factor, cores=base.cores * factor)
    model = {
        "class_name": "Sequential",
        "config": [
            {
                "class_name": "Conv2D",
                "config": {
                    "name": "c",
                    "batch_input_shape": [None, 32, 32, 8],
                    "filters": 32,
                    "kernel_size": [3, 3],
                    "activation": "relu",
                },
            }
        ],
    }
    slow, fast = inspect_model(model, base), inspect_model(model, faster)
    assert fast.latency_ms <= slow.latency_ms and fast.fps_all_cores >= slow.fps_all_cores


# published end to end, release 3.0 (data/published.csv)
@pytest.mark.parametrize(
    "board, milliseconds", [("zcu102", 1000 / 89.1623), ("zcu104", 10.52), ("kv260", 10.49)]
)
def test_resnet50_is_predicted_within_6_percent_of_the_published_latency(
    keras, board, milliseconds
):
    found = costs(keras.applications.ResNet50(weights=None), load_target(board))
    assert abs(found["latency_ms"] / milliseconds - 1) < 0.06
    assert found["cpu_layers"] == 0 and found["dpu_subgraphs"] == 1


def test_the_dpu_alone_is_predicted_for_the_kv260(keras):
    found = costs(keras.applications.MobileNetV2(weights=None), load_target("kv260"))
    assert abs(found["dpu_latency_ms"] / 2.958 - 1) < 0.06
