"""Numbers on both sides of the model: rounding, saturation, classes, percentiles."""

from __future__ import annotations

import sys
import tracemalloc
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parent))

from made_bundles import BOARD

sys.path.insert(0, str(BOARD))

import kit_bundle
import kit_dpu
import kit_images
import kit_measure
import kit_segmentation
from kit_classification import predict, score
from kit_errors import KitError
from kit_numbers import Quantizer, compare, percentiles
from kit_timing import measure_latency, thread_counts
from vaiopt.compile.vitis.xmodel import HARMLESS
from vaiopt.data.preprocessing import Preprocessing
from vaiopt.deploy.result import RESULT_VERSION
from vaiopt.files import FORMAT_VERSION
from vaiopt.int8.arithmetic import quantize_activations
from vaiopt.tasks.classification import evaluate_outputs, predicted_classes


def quantizer(offset: Any, scale: Any, position: int) -> Quantizer:
    preprocessing: Any = types.SimpleNamespace(offset=offset, scale=scale, inputs=())
    return Quantizer(preprocessing, position)


def test_all_256_levels_of_an_image_are_used() -> None:
    x = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(quantizer(128.0, 128.0, 7)(x), x.astype(int) - 128)


def test_values_round_half_up_and_saturate() -> None:
    x = np.array([-1000.0, -1.5, -0.5, 0.49, 0.5, 1.5, 1000.0], dtype=np.float32)
    np.testing.assert_array_equal(quantizer(0.0, 1.0, 0)(x), [-128, -1, 0, 0, 1, 2, 127])


@given(
    values=st.lists(st.floats(-1e6, 1e6, width=32), min_size=3, max_size=3),
    offset=st.floats(-300, 300, width=32),
    scale=st.floats(0.015625, 300, width=32),
    position=st.integers(-4, 9),
)
def test_the_kit_and_the_host_give_the_same_integers(
    values: Any, offset: float, scale: float, position: int
) -> None:
    x = np.asarray([values], dtype=np.float32)
    host = Preprocessing(offset, scale, (3,), (-1.0, 1.0), raw_dtype="float32", layout="NF").apply(
        x
    )
    np.testing.assert_array_equal(
        quantizer(offset, scale, position)(x), quantize_activations(host, position)
    )


def test_offset_and_scale_may_be_one_per_feature() -> None:
    offset, scale = np.array([0, 10], dtype=np.float32), np.array([1, 2], dtype=np.float32)
    np.testing.assert_array_equal(
        quantizer(offset, scale, 0)(np.array([[3, 14]], dtype=np.float32)), [[3, 2]]
    )


def says(threshold: Any) -> Any:
    """A manifest with a threshold."""
    return types.SimpleNamespace(threshold=threshold)


def test_the_first_of_equal_outputs_is_the_class() -> None:
    outputs = np.array([[1, 5, 5], [-3, -128, -4]], dtype=np.int8)
    np.testing.assert_array_equal(predict(outputs, 2, says(None)), [1, 0])


@pytest.mark.parametrize(
    "threshold, expected", [(0.5, [0, 0, 1]), (0.0, [0, 1, 1]), (None, [0, 1, 1])]
)
def test_a_single_output_is_compared_with_its_threshold(threshold: Any, expected: Any) -> None:
    outputs = np.array([[-1], [64], [65]], dtype=np.int8)
    np.testing.assert_array_equal(predict(outputs, 7, says(threshold)), expected)


@given(
    outputs=st.lists(st.lists(st.integers(-128, 127), min_size=3, max_size=3), min_size=1),
    position=st.integers(-4, 12),
)
def test_the_kit_and_the_host_decide_for_the_same_class(outputs: Any, position: int) -> None:
    integers = np.array(outputs, dtype=np.int8)
    np.testing.assert_array_equal(
        predict(integers, position, says(None)), predicted_classes(integers * 2.0**-position)
    )
    # One output: the kit has the logit and the threshold 0, the host the probability and 0.5.
    single = integers[:, :1]
    logits = single * 2.0 ** -max(position, 0)
    np.testing.assert_array_equal(
        predict(single, position, says(0.0)), predicted_classes(1 / (1 + np.exp(-logits)))
    )


def test_the_kit_and_the_host_count_alike() -> None:
    true, predicted = np.array([0, 1, 1, 2, 2, 2]), np.array([0, 1, 0, 2, 2, 1])
    kit = score(predicted, types.SimpleNamespace(y=true, expected=None), ["a", "b", "c"])
    host = evaluate_outputs(np.eye(3)[predicted], true, ["a", "b", "c"], kind="int8", trial=0)
    assert kit["accuracy"] == host.accuracy
    for own, other in zip(kit["per_class"], host.per_class):
        assert (own["class"], own["count"]) == (other.name, other.support)
        assert own["correct"] == pytest.approx(other.recall * other.support)


def test_differences_do_not_wrap() -> None:
    golden = types.SimpleNamespace(outputs=np.array([[-128, 0]], dtype=np.int8))
    found = compare(golden, np.array([[127, 0]], dtype=np.int8))  # type: ignore[arg-type]
    assert (found["max_difference"], found["different"], found["bit_exact"]) == (255, 1, False)


def test_percentiles_are_in_milliseconds_and_in_order() -> None:
    found = percentiles(np.arange(1, 101) / 1000.0)
    assert (
        found["p50"] == pytest.approx(50.5)
        and found["p50"] < found["p95"] < found["p99"] <= found["max"] == 100.0
    )


def test_the_kit_and_the_host_agree_on_what_is_written_in_both() -> None:
    assert (kit_dpu.HARMLESS, kit_measure.RESULT_VERSION, kit_bundle.MANIFEST_VERSION) == (
        HARMLESS,
        RESULT_VERSION,
        FORMAT_VERSION,
    )


def test_a_result_that_cannot_be_written_leaves_no_file(tmp_path: Path) -> None:
    (tmp_path / "result.json").mkdir()  # a folder takes no file's place
    with pytest.raises(KitError, match="result.json"):
        kit_measure.write_result(str(tmp_path / "result.json"), {"accuracy": 1.0})
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]


def test_samples_are_turned_a_few_at_a_time_and_all_the_same() -> None:
    x = np.random.RandomState(0).randint(0, 256, (1001, 40, 40, 3)).astype(np.uint8)
    turned = quantizer(100.0, 90.0, 6)
    tracemalloc.start()
    frames = turned(x)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 2 * x.nbytes, "the result, and little more"
    np.testing.assert_array_equal(frames[-3:], turned(x[-3:]))
    np.testing.assert_array_equal(frames[500:503], turned(x[500:503]))


def test_numbers_of_threads_end_with_those_asked_for() -> None:
    assert thread_counts(1) == [1]
    assert thread_counts(3) == [1, 2, 3]
    assert thread_counts(12) == [*range(1, 9), 12]
    assert thread_counts(40) == [*range(1, 9), 16, 32, 40]


@pytest.mark.parametrize(("task", "most"), [(kit_segmentation, 2.0), (kit_images, 7.0)])
def test_masks_and_images_are_decoded_and_scored_a_few_samples_at_a_time(
    task: Any, most: float
) -> None:
    shape, classes, count = (32, 32, 3), list("abc"), 1000
    manifest = types.SimpleNamespace(shape=shape, threshold=None, classes=classes, targets=None)
    outputs = np.random.RandomState(0).randint(-128, 128, (count, *shape)).astype(np.int8)
    tracemalloc.start()
    try:
        predicted = task.predict(outputs, 2, manifest)
        if task is kit_segmentation:
            task.score(predicted, types.SimpleNamespace(y=predicted, expected=predicted), classes)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < most * outputs.size
    whole = outputs.argmax(axis=3) if task is kit_segmentation else outputs / np.float32(4)
    assert np.array_equal(predicted, whole)


def test_outputs_that_change_from_time_to_time_are_an_error() -> None:
    class Unsteady:
        batch, input, output = 3, np.zeros((3, 2), np.int8), np.zeros((3, 2), np.int8)
        calls = 0

        def execute(self) -> None:
            self.calls += 1
            self.output[...] = self.input + (self.calls == 30)

    frames = np.arange(20, dtype=np.int8).reshape(10, 2)
    with pytest.raises(KitError, match="1 of 1000 executions gave other outputs"):
        measure_latency(Unsteady(), frames, print)
