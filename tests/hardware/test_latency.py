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
from vaiopt.sheets.inspection import fixed_rows, layer_rows

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


def test_cores_at_work_together_wait_for_the_memory_but_not_in_depthwise_layers():
    alone = Constants(1.0, 20.0, 1000.0)
    together = alone._replace(contention=0.5)
    conv = Work(50_000, 0, 400_000, 1, contended=400_000)
    assert layer_cycles(conv, alone) == 51_000
    assert layer_cycles(conv, together) == 51_000 + 0.5 * 400_000 / 20
    depthwise = Work(0, 50_000, 400_000, 0)
    assert layer_cycles(depthwise, together) == layer_cycles(depthwise, alone)


def mini_vgg(keras):
    """The vendor's miniVggNet: six 3x3 convolutions on 32x32 images, Dense 512 and 10."""
    kl = keras.layers
    inputs = x = kl.Input((32, 32, 3))
    for filters in (32, 64, 128):
        for _ in range(2):
            x = kl.ReLU()(kl.BatchNormalization()(kl.Conv2D(filters, 3, padding="same")(x)))
        x = kl.MaxPooling2D()(x)
    x = kl.ReLU()(kl.BatchNormalization()(kl.Dense(512)(kl.Flatten()(x))))
    return keras.Model(inputs, kl.Dense(10, activation="softmax")(x))


def test_a_small_network_with_a_heavy_dense_layer_is_predicted_as_published(keras):
    # vendor's TF2 optimizer tutorial, ZCU102, release 3.5: 0.353 ms and 6614 frames/s
    found = inspect_model(mini_vgg(keras), load_target("zcu102", "3.5"), threads=6)
    assert found.dpu_latency_ms == pytest.approx(0.353, rel=0.05)
    assert found.fps == pytest.approx(6614, rel=0.10)


def test_shares_with_the_fixed_part_are_the_whole_and_small_networks_are_named(keras):
    found = inspect_model(mini_vgg(keras), load_target("zcu102", "3.0"))
    rows = [*layer_rows(found), *fixed_rows(found)]
    assert sum(row.share for row in rows) == pytest.approx(1.0, abs=0.001)
    assert 0 < found.interval.percent < 12 and "faster than any network" in found.interval.remark
    larger = inspect_model(plain_cnn(keras, size=112, filters=64), load_target("zcu102", "3.0"))
    assert larger.interval.remark == ""
    assert inspect_model(mini_vgg(keras), load_target("b1024")).interval is None


def test_what_the_host_must_move_limits_the_frames_per_second(keras):
    inputs = keras.Input((360, 640, 3))
    x = keras.layers.Conv2D(12, 3, padding="same")(inputs)
    few = inspect_model(keras.Model(inputs, x), load_target("zcu102"), threads=8)
    assert few.fps_all_cores == pytest.approx(1000 / (0.085 + 2.0 * 0.36 * 0.64 * 15), rel=1e-6)


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


def test_the_host_s_limit_is_that_of_the_boards_it_was_seen_on(keras):
    small = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3)])
    for name, limited in (("zcu102", True), ("vck190", False)):
        found = inspect_model(small, load_target(name), threads=64)
        assert (found.fps_all_cores < 1000 / 0.085) == limited
