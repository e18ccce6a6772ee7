"""The quantize stage: its files, its report, and runs."""

import json
from dataclasses import replace

import h5py
import numpy as np
import pytest
from float_networks import head, images, network

from tests.made_runs import made_candidate, write_data
from vaiopt.data import DataRecipe, load_dataset, split_dataset
from vaiopt.errors import DataError, QuantizeError, RunError
from vaiopt.keras import load_keras, save_model
from vaiopt.quantize import (
    Labelled,
    integer_outputs,
    load_quantized,
    quantize_candidate,
    quantize_model,
)
from vaiopt.record import read_record, write_record
from vaiopt.runs.records import QuantizedMetrics
from vaiopt.settings import settings_from_dict

pytest.importorskip("tensorflow_model_optimization")


def small(layers, x):
    x = layers.Conv2D(4, 3, activation="relu", name="c")(x)
    return head(layers, layers.MaxPooling2D(name="pool")(x))


def quantize(out, model=None, x=None, **options):
    return quantize_model(
        model or network(small), images(40) if x is None else x, out=out, backend="tfmot", **options
    )


@pytest.mark.parametrize("kind", ["others", "current", "beside", "file", "in a file"])
def test_a_folder_with_anything_else_is_refused_and_left_as_it_is(tmp_path, monkeypatch, kind):
    (tmp_path / "q").mkdir()
    thesis = tmp_path / "q" / "thesis.txt"
    thesis.write_text("mine")
    out = {"file": thesis, "in a file": thesis / "q"}.get(kind, tmp_path / "q")
    if kind == "current":
        thesis.unlink()
        monkeypatch.chdir(tmp_path / "q")
        out = "."
    if kind == "beside":
        (tmp_path / "q" / "metrics.json").write_text("{}")
    before = sorted((tmp_path / "q").iterdir())
    with pytest.raises(RunError, match="is a file|replaced as a whole") as caught:
        quantize(out, model="no model is looked at")
    assert "--out DIR" in caught.value.hint and sorted((tmp_path / "q").iterdir()) == before


def test_four_files_are_written_and_agree(tmp_path):
    x = images(40)
    result = quantize(tmp_path / "q", x=x, calib_batch_size=16)
    folder = tmp_path / "q"
    assert sorted(path.name for path in folder.iterdir()) == [
        "fix_positions.json",
        "golden.npz",
        "metrics.json",
        "quantized.h5",
    ]
    positions = json.loads((folder / "fix_positions.json").read_text())
    assert positions[0] == {"layer": "img", "tensor": "input", "bits": 8, "position": 7}
    assert [(entry["layer"], entry["tensor"]) for entry in positions[1:]] == [
        ("c", "kernel"), ("c", "bias"), ("c", "output"), ("pool", "output"),
        ("out", "kernel"), ("out", "bias"), ("out", "pre_activation"),
    ]  # fmt: skip
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["version"] == 1 and metrics["backend"] == "tfmot" and metrics["release"] == "3.0"
    assert (
        (metrics["calibration_size"], metrics["calib_batch_size"])
        == (40, 16)
        == (result.record.calibration_size, result.record.calib_batch_size)
    )
    assert read_record(folder / "metrics.json", QuantizedMetrics, "") == result.record
    assert metrics["input"] == {"layer": "img", "position": 7, "levels_used": 256}
    golden, integers = (
        np.load(str(folder / "golden.npz")),
        integer_outputs(load_quantized(folder / "quantized.h5"), x[:16]),
    )
    assert golden["inputs"].dtype == golden["outputs"].dtype == np.int8
    assert np.array_equal(golden["inputs"], integers["img/input"]) and np.array_equal(
        golden["outputs"], integers["out/pre_activation"]
    )
    assert golden["input_position"] == 7


def test_for_the_golden_outputs_no_other_maps_are_held(tmp_path, monkeypatch):
    held = []

    def watched(*arguments):
        found = integer_outputs(*arguments)
        held.extend(found)
        return found

    monkeypatch.setattr("vaiopt.int8.golden.integer_outputs", watched)
    quantize(tmp_path / "q")
    assert held == ["img/input", "out/pre_activation"]


def test_the_model_computes_what_its_integers_say(tmp_path):
    x = images(20)
    quantize(tmp_path / "q", x=x)
    model = load_quantized(tmp_path / "q" / "quantized.h5")
    logits = integer_outputs(model, x)["out/pre_activation"]
    position = int(np.load(str(tmp_path / "q" / "golden.npz"))["output_position"])
    exponents = np.exp(logits * 2.0**-position)
    assert np.allclose(
        model.predict(x, verbose=0), exponents / exponents.sum(axis=1, keepdims=True), atol=1e-6
    )


def test_accuracies_are_of_the_validation_data_where_they_are_given(tmp_path):
    model, x = network(small), images(60)
    y = model.predict(x, verbose=0).argmax(axis=1)
    without = quantize(tmp_path / "a", model, x).record
    calibrated = quantize(tmp_path / "b", model, x, calib_y=y).record
    wrong = Labelled(x[:30], (y[:30] + 1) % 4)
    validated = quantize(tmp_path / "c", model, x, calib_y=y, validation=wrong).record
    assert (without.evaluated_on, without.float_scores, without.headline) == ("", {}, "")
    assert calibrated.evaluated_on == "calibration" and calibrated.float_scores["accuracy"] == 1
    assert calibrated.int8_scores["accuracy"] > 0.8
    assert validated.evaluated_on == "validation" and validated.float_scores["accuracy"] == 0


def test_the_five_worst_layers_have_a_suggestion(tmp_path):
    result = quantize(
        tmp_path / "q",
        network(
            lambda layers, x: head(layers, layers.Conv2D(4, 3, activation="sigmoid", name="s")(x))
        ),
    )
    worst = result.record.worst_layers()
    assert 0 < len(worst) <= 5 and list(worst) == sorted(worst, key=lambda row: row.snr_db)
    assert any(
        "ReLU" in row.suggestion for row in worst if (row.layer, row.tensor) == ("s", "output")
    )
    assert {"layer", "tensor", "snr_db", "suggestion"} == set(result.to_json()["layers"][0])


def test_few_levels_a_different_range_a_swish_and_float_layers_are_warned_of(tmp_path):
    def build(layers, x):
        x = layers.ELU(name="elu")(layers.Conv2D(4, 3, activation="swish", name="sw")(x))
        return head(layers, x)

    result = quantize(tmp_path / "q", network(build), (images(40) + 1) / 2, input_range=(-1.0, 1.0))
    text = "\n".join(result.record.warnings)
    for part in (
        "65 of 256 levels",
        "the preprocessing from -1 to 1",
        "'sw' is a swish",
        "'elu' stays in float",
        "at least 100",
    ):
        assert part in text
    assert result.record.float_layers == ("elu",)


def test_training_at_int8_recovers_accuracy(tmp_path):
    keras = load_keras()
    keras.utils.set_random_seed(1)
    data = split_dataset(load_dataset("digits", limit=600, seed=0), seed=0)
    x = keras.Input((8, 8, 1), name="img")
    y = keras.layers.Conv2D(6, 3, activation="sigmoid", name="c")(x)
    model = keras.Model(
        x, keras.layers.Dense(10, activation="softmax", name="out")(keras.layers.Flatten()(y))
    )
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    model.fit(data.train.x, data.train.y, epochs=6, verbose=0)
    parts = {
        "calib_y": data.train.y[:100],
        "validation": Labelled(data.validation.x, data.validation.y),
        "training": Labelled(data.train.x, data.train.y),
    }
    before = quantize(tmp_path / "a", model, data.train.x[:100], **parts).record
    lines = []
    after = quantize(
        tmp_path / "b",
        model,
        data.train.x[:100],
        method="qat",
        qat_epochs=2,
        progress=lines.append,
        **parts,
    ).record
    assert after.method == "qat" and any("training epoch 2 of 2" in line for line in lines)
    assert after.int8_scores["accuracy"] >= before.int8_scores["accuracy"] - 0.01
    loaded = load_quantized(tmp_path / "b" / "quantized.h5")
    kernel = loaded.get_layer("c").get_weights()[0]
    assert not np.array_equal(
        kernel, load_quantized(tmp_path / "a" / "quantized.h5").get_layer("c").get_weights()[0]
    )


def test_training_needs_labels(tmp_path):
    with pytest.raises(DataError, match="'y'"):
        quantize(tmp_path / "q", method="qat")
    assert not (tmp_path / "q").exists()


@pytest.mark.parametrize(
    "options, error",
    [
        ({"release": "1.3"}, QuantizeError),
        ({"method": "magic"}, QuantizeError),
        ({"calib_batch_size": 0}, DataError),
    ],
)
def test_wrong_choices_are_refused_and_leave_nothing(tmp_path, options, error):
    with pytest.raises(error):
        quantize(tmp_path / "q", **options)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_backend_is_refused_with_the_known_ones(tmp_path):
    with pytest.raises(QuantizeError, match="tfmott") as caught:
        quantize_model(network(small), images(40), out=tmp_path / "q", backend="tfmott")
    assert "tfmot" in caught.value.hint


@pytest.mark.skipif(h5py.__version__ < "3", reason="h5py 2 writes the time into each dataset")
def test_the_same_model_gives_the_same_file_however_many_were_made_before(tmp_path):
    for name in ("first", "second"):
        quantize(tmp_path / name)
    first, second = (tmp_path / name / "quantized.h5" for name in ("first", "second"))
    assert first.read_bytes() == second.read_bytes()


def test_a_result_is_replaced_whole(tmp_path):
    (tmp_path / "q").mkdir()
    (tmp_path / "q" / "evaluation.json").write_text("old")
    quantize(tmp_path / "q")
    assert not (tmp_path / "q" / "evaluation.json").exists()


def trained_candidate(folder):
    candidate = made_candidate(folder)
    save_model(network(small, (8, 8, 1)), candidate.model)
    return candidate, write_data(candidate, limit=500)


def test_a_candidate_is_quantized_with_training_data_and_judged_on_validation_data(tmp_path):
    candidate, splits = trained_candidate(tmp_path / "run")
    settings = settings_from_dict(
        {
            "seed": 3,
            "quantize": {"calibration_size": 120, "calib_batch_size": 30, "backend": "tfmot"},
        }
    )
    result = quantize_candidate(candidate, settings)
    first = result.record
    assert result.folder == candidate.quantized_folder
    assert (first.calibration_size, first.calib_batch_size) == (120, 30)
    assert first.evaluated_on == "validation" and first.input.levels_used == 256
    positions = candidate.fix_positions.read_text()
    golden = np.load(str(candidate.golden))
    assert np.array_equal(golden["raw"], splits.validation.raw[:16])
    assert np.array_equal(
        golden["inputs"].astype(int), np.floor(splits.validation.x[:16] * 128 + 0.5).astype(int)
    )
    quantize_candidate(candidate, settings)
    assert candidate.fix_positions.read_text() == positions


def test_a_candidate_without_a_model_says_which_command_finds_another(tmp_path):
    candidate, _ = trained_candidate(tmp_path / "run")
    candidate.model.unlink()
    with pytest.raises(RunError) as caught:
        quantize_candidate(candidate, settings_from_dict({}))
    assert "vaiopt choose" in caught.value.hint


def test_a_candidate_whose_data_are_gone_is_told_before_its_model_is_loaded(tmp_path, monkeypatch):
    candidate, _ = trained_candidate(tmp_path / "run")
    recipe = read_record(candidate.data, DataRecipe, "")
    write_record(candidate.data, replace(recipe, source="gone/photos"))
    heavy = "vaiopt.quantize.checks.functional_model"
    monkeypatch.setattr(heavy, lambda path: pytest.fail("loaded"))
    with pytest.raises(DataError, match="gone/photos"):
        quantize_candidate(candidate, settings_from_dict({}))
