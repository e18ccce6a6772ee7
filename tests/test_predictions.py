"""What a model says of a person's files: the same whatever runs it, for every task."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import vaiopt as vo
from tests.made_runs import made_candidate, on, quantized_candidate
from vaiopt.compile import compile_candidate
from vaiopt.data import data_recipe, load_dataset, load_splits, split_dataset
from vaiopt.deploy import bundle_candidate
from vaiopt.errors import RunError, SettingsError
from vaiopt.files import scratch
from vaiopt.int8.model import load_quantized
from vaiopt.keras import load_keras, save_model
from vaiopt.npz import load_npz
from vaiopt.predictions import predict_candidate, prediction_rows
from vaiopt.record import write_record
from vaiopt.runs.layout import Candidate
from vaiopt.tasks import task_of


@pytest.fixture(scope="module")
def candidate(tmp_path_factory: pytest.TempPathFactory) -> Candidate:
    """A float model, an int8 model of random weights and its bundle for the CPU."""
    made = quantized_candidate(tmp_path_factory.mktemp("predict") / "run", limit=200)
    keras = load_keras()
    layers = [keras.layers.Flatten(input_shape=(8, 8, 1)), keras.layers.Dense(10, "softmax")]
    save_model(keras.Sequential(layers), made.model)
    compile_candidate(made, on("cpu"))
    bundle_candidate(made, on("cpu", samples=20))
    return made


@pytest.fixture(scope="module")
def raw(candidate: Candidate) -> Any:
    return load_splits(candidate).test.raw


def labels(found: Any) -> Any:
    return [row.label for row in found.rows]


def test_the_int8_model_and_its_bundle_say_the_same(candidate: Candidate, raw: Any) -> None:
    int8 = predict_candidate(candidate, raw)
    expected = load_quantized(candidate.quantized_model).predict(
        load_splits(candidate).test.x, verbose=0
    )
    assert int8.model == "int8" and labels(int8) == [str(n) for n in expected.argmax(axis=1)]
    bundle = predict_candidate(candidate, raw, model="bundle", target="cpu")
    assert "cpu" in bundle.where and bundle.ms > 0
    same = [a == b for a, b in zip(labels(int8), labels(bundle))]
    assert sum(same) >= 0.9 * len(same)
    sure = [(a.confidence, b.confidence) for a, b in zip(int8.rows, bundle.rows)]
    assert all(abs(a - b) < 0.1 for (a, b), equal in zip(sure, same) if equal)


def test_the_bundle_of_a_run_that_cannot_be_written_is_predicted_with(
    candidate: Candidate, raw: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = []

    def told(beside: Path, name: str) -> Any:
        places.append(beside)
        return scratch(beside, name)

    monkeypatch.setattr("vaiopt.predictions.scratch", told)
    may = os.access

    def access(path: Any, mode: int) -> bool:
        own = candidate.folder in (Path(path), *Path(path).parents)
        return not (own and mode == os.W_OK) and may(path, mode)

    monkeypatch.setattr(os, "access", access)
    found = predict_candidate(candidate, raw[:2], model="bundle", target="cpu")
    assert len(found.rows) == 2 and candidate.folder not in places[0].parents


def test_a_picture_of_a_sample_is_predicted_as_the_sample(
    candidate: Candidate, raw: Any, tmp_path: Path
) -> None:
    for i, x in enumerate(raw[:8]):
        Image.fromarray((x[:, :, 0] * (255 / 16)).round().astype(np.uint8)).save(
            str(tmp_path / f"{i}.png")
        )
    found = predict_candidate(candidate, tmp_path, model="float")
    assert [row.name for row in found.rows] == [f"{i}.png" for i in range(8)]
    assert labels(found) == labels(predict_candidate(candidate, raw[:8], model="float"))
    for row in found.rows:
        assert row.confidence >= row.second_confidence and row.second != row.label


def test_the_result_shows_itself_and_is_kept_as_arrays(
    candidate: Candidate, raw: Any, tmp_path: Path
) -> None:
    found = vo.predict(candidate.run, raw[:3], progress=None)
    assert "sample 2" in repr(found) and "%" in repr(found)
    json.dumps(found.to_json(), allow_nan=False)
    found.save(tmp_path / "p.npz")
    arrays = load_npz(tmp_path / "p.npz", ("names", "outputs", "predicted"))
    assert arrays["outputs"].shape == (3, 10) and len(arrays["names"]) == 3


def test_what_the_run_does_not_have_is_named_with_its_command(
    candidate: Candidate, raw: Any
) -> None:
    with pytest.raises(RunError, match="no bundle for 'zcu102'") as caught:
        predict_candidate(candidate, raw, model="bundle", target="zcu102")
    assert "vaiopt bundle" in caught.value.hint
    with pytest.raises(SettingsError) as wrong:
        predict_candidate(candidate, raw, model="floats")
    assert "float" in wrong.value.hint
    with pytest.raises(RunError):
        predict_candidate(candidate.run.trial(7), raw)


def test_every_form_of_a_prediction_is_told_in_words() -> None:
    def told(predicted: Any, outputs: Any, classes: Any = ()) -> str:
        return prediction_rows(["a"], np.asarray([predicted]), np.asarray([outputs]), classes)[
            0
        ].label

    assert told(1, [0.25, 0.75], ("cat", "dog")) == "dog"
    assert told(2.5, [2.5]) == "2.5"
    assert told([2.5, 3.0], [2.5, 3.0]) == "2.5, 3"
    assert told([2.5, 3.0], [2.5, 3.0], ("width", "age")) == "width 2.5, age 3"
    assert told([1, 0, 1], [0.9, 0.1, 0.8], ("a", "b", "c")) == "a, c"
    assert told([0, 0, 0], [0.1, 0.1, 0.1], ("a", "b", "c")) == "none"
    assert told([[0, 0], [0, 1]], np.zeros((2, 2, 2)), ("sky", "sea")) == "sky 75 %, sea 25 %"
    assert told(np.zeros((4, 4, 3)), np.zeros((4, 4, 3))).startswith("4×4×3")


def test_what_a_bundle_leaves_to_its_host_is_done_for_every_task() -> None:
    """By the rule of the kit's own ``real_outputs``; maps have the classes in their last axis."""
    logits = np.asarray([[[[2.0, -1.0, 0.5], [0.0, 3.0, 1.0]]]])
    shares = np.full((1, 1, 2, 2), 0.5)
    single = np.asarray([[0.25]])
    for outputs, task, threshold, lacking in (
        (logits, "segmentation", None, "softmax"),
        (shares, "segmentation", None, ""),
        (single[..., np.newaxis, np.newaxis], "segmentation", 0.0, "sigmoid"),
        (logits[0, 0], "classification", None, "softmax"),
        (single, "binary", 0.0, "sigmoid"),
        (single, "binary", 0.5, ""),
        (logits[0, 0], "multilabel", 0.0, "sigmoid"),
        (logits[0, 0], "multilabel", 0.5, ""),
        (logits[0, 0], "regression", 0.5, ""),
        (logits, "image_to_image", 0.5, ""),
    ):
        assert task_of(task).left_to_host(outputs, threshold) == lacking, (task, threshold)


def test_one_output_is_the_probability_of_the_second_of_two_classes() -> None:
    rows = prediction_rows(
        ["a", "b"], np.asarray([1, 0]), np.asarray([[0.75], [0.25]], np.float32), ("no", "yes")
    )
    assert [(r.label, r.confidence, r.second) for r in rows] == [
        ("yes", 0.75, "no"),
        ("no", 0.75, "yes"),
    ]


def test_what_a_model_gives_is_turned_back_into_the_values_of_y(tmp_path: Path) -> None:
    """The outputs of a regression may be standardised."""
    dataset = load_dataset("diabetes")
    splits = split_dataset(dataset, (7, 2, 1), seed=0, standardise=True)
    made = made_candidate(tmp_path / "run")
    write_record(made.data, data_recipe(dataset, splits))
    keras = load_keras()
    model = keras.Sequential([keras.layers.Dense(1, input_shape=(10,))])
    save_model(model, made.model)
    x = dataset.x[:5]
    found = predict_candidate(made, x, model="float")
    plain = model.predict(splits.preprocessing.apply(x), verbose=0)
    expected = splits.targets.decode(plain).reshape(-1)
    assert not splits.targets.plain
    assert [row.label for row in found.rows] == [f"{float(value):.6g}" for value in expected]
    assert all(row.confidence is None for row in found.rows)
