"""DPUs that take a batch of images at once: what the layers of a batch take, worked out by hand,
and the published rates of the boards of Versal.
"""

import pytest

from tests.hardware.models import plain_cnn
from vaiopt.errors import TargetError
from vaiopt.hardware import inspect_model, load_target, read_graph
from vaiopt.hardware.architectures import architectures
from vaiopt.hardware.batch_constants import Batched
from vaiopt.hardware.batched import BatchWork, batch_bound, batch_cycles, batch_works
from vaiopt.hardware.fits import fits
from vaiopt.hardware.fusion import fuse

C32B6 = architectures()["DPUCVDX8G_ISA3_C32B6"]
MADE_UP = Batched(
    array_mhz=1200.0,
    array=1.5,
    alu=2.0,
    on_chip=1000.0,
    weights=100.0,
    moved=50.0,
    copied=10.0,
    host_ms=0.1,
    host_ms_per_million_inputs=2.0,
    host_ms_per_million_outputs=1.0,
    host_cores=2.0,
)


@pytest.mark.parametrize(
    "asked, cycles, bound",
    [
        # the array's clock is four times that of the target
        (BatchWork(array=4000, weights=10**6, kept=1000, result=400), 1.5 * 1000, "compute"),
        (BatchWork(alu=300, kept=1000, result=400), 2.0 * 300, "compute"),
        # too large for the chip: the results of all six images are moved
        (BatchWork(array=400, kept=1001, result=400), 1.5 * 100 + 6 * 400 / 50, "compute"),
        (BatchWork(array=40, kept=9000, result=4000), 1.5 * 10 + 6 * 4000 / 50, "memory"),
        # weights that are used once are waited for, by all images together
        (BatchWork(array=400, weights=50_000, waits=1), 1.5 * 100 + 500, "memory"),
        (BatchWork(copied=70), 6 * 70 / 10, "memory"),
        (BatchWork(), 0.0, "free"),
    ],
)
def test_a_layer_takes_its_arithmetic_and_what_it_moves_for_the_whole_batch(asked, cycles, bound):
    assert batch_cycles(asked, MADE_UP, 6, 300.0) == pytest.approx(cycles)
    assert batch_bound(asked, MADE_UP, 6, 300.0) == bound


def test_the_host_prepares_every_image_of_a_batch():
    assert MADE_UP.image_ms(500_000, 100_000) == pytest.approx(0.1 + 1.0 + 0.1)


def asked_of(keras, inputs, outputs):
    layers = fuse(read_graph(keras.Model(inputs, outputs)))
    return {layer.name: asked for layer, asked in zip(layers, batch_works(layers, C32B6))}


def test_only_a_concatenation_of_parts_made_one_after_the_other_is_free(keras):
    kl = keras.layers
    inputs = keras.Input((8, 8, 16))
    squeezed = kl.Conv2D(16, 1, name="squeezed")(inputs)
    parts = [kl.Conv2D(16, 1)(squeezed), kl.Conv2D(16, 3)(kl.ZeroPadding2D(1)(squeezed))]
    fire = kl.Concatenate(name="fire")(parts)
    pooled = kl.MaxPooling2D(3, 1, "same")(fire)
    branches = [kl.Conv2D(8, 1)(fire), kl.Conv2D(8, 1)(pooled)]
    asked = asked_of(keras, inputs, kl.Concatenate(name="inception")(branches))
    assert asked["fire"].copied == 0 and asked["inception"].copied == 8 * 8 * 16
    assert asked["squeezed"].kept == 8 * 8 * (16 + 16) and asked["squeezed"].result == 8 * 8 * 16


def test_a_dense_layer_and_a_convolution_of_one_pixel_wait_for_their_weights_alike(keras):
    kl = keras.layers
    inputs = keras.Input((4, 4, 32))
    mean = kl.AveragePooling2D(4, name="mean")(inputs)
    asked = asked_of(keras, inputs, kl.Conv2D(10, 1, name="conv")(mean))
    dense = asked_of(keras, inputs, kl.Dense(10, name="dense")(kl.Flatten()(mean)))["dense"]
    assert asked["conv"] == dense and dense.waits and not asked["mean"].waits


def test_resnet50_is_predicted_within_12_percent_of_the_published_rates(keras):
    model = keras.applications.ResNet50(weights=None)
    # frames per second at one thread and with many (data/published.csv)
    for board, one, many in (("vck190", 1434.64, 3026.6), ("vek280", 1747.67, 4653.05)):
        target = load_target(board)
        found = inspect_model(model, target, threads=1)
        assert found.fps == pytest.approx(one, rel=0.12), board
        assert found.fps_all_cores == pytest.approx(many, rel=0.12), board
        batch_ms = 1000 * target.architecture.batch / found.fps
        assert found.dpu_latency_ms < found.latency_ms == pytest.approx(batch_ms)
        assert found.validated and found.interval.percent < 25 and not found.interval.remark


def test_with_more_threads_a_small_model_is_as_fast_as_the_host(keras):
    target = load_target("vck190")
    found = inspect_model(plain_cnn(keras), target, threads=16)
    image_ms = target.fit.batched.image_ms(28 * 28, 10)
    assert found.fps == found.fps_all_cores == pytest.approx(2 * 1000 / image_ms)
    assert found.fixed_ms == pytest.approx(6 * image_ms)
    computed_ms = sum(layer.latency_ms for layer in found.layers)
    assert found.dpu_latency_ms == pytest.approx(computed_ms + target.fit.dpu.constant_ms)
    assert "faster than any network" in found.interval.remark


def test_what_is_suggested_saves_time_of_the_batch(keras):
    inputs = keras.Input((56, 56, 64))
    model = keras.Model(inputs, keras.layers.Conv2D(33, 3, padding="same", name="odd")(inputs))
    found = inspect_model(model, load_target("vck190"))
    assert "33 filters take 2 groups of 32: use 32" in found.suggestions[0].text
    (layer,) = found.layers
    assert 0 < layer.utilization < 33 / 64 and layer.bound == "compute"


def test_the_benchmark_s_formulas_are_those_of_the_prediction(keras, root, monkeypatch):
    pytest.importorskip("scipy")
    monkeypatch.syspath_prepend(str(root / "benchmarks"))
    from latency_networks import batches, mobile, published

    rows = [row for row in published.load_rows() if "squeezenet" in row.name]
    (name,) = {row.name for row in rows if row.board in batches.BOARDS}
    model = mobile.squeezenet(keras)
    for board in batches.BOARDS:
        known = batches.known(board, rows, {name: read_graph(model)})
        target = load_target(board)
        (ours,) = batches.times(known, target.fit.batched).values()
        found = inspect_model(model, target)
        assert ours[0] == pytest.approx(found.latency_ms)
        assert ours[1] == pytest.approx(1000 * target.architecture.batch / found.fps_all_cores)


def test_a_damaged_constant_is_named():
    good = next(fit for fit in fits() if fit.batched is not None).batched._asdict()
    assert Batched.from_json(good, "x")._asdict() == good
    for wrong in (None, "3", 0, -1.0, True, float("nan"), float("inf")):
        with pytest.raises(TargetError) as error:
            Batched.from_json(dict(good, moved=wrong), "x.json: fits.0.batched")
        assert "x.json: fits.0.batched.moved" in error.value.message
