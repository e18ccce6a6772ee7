"""What quantize and compile will say is asked before a model is trained."""

from pathlib import Path
from typing import Any

import pytest

from tests.search.quick import SETTINGS
from vaiopt import flow
from vaiopt.deployable import Deployable
from vaiopt.errors import CompileError, QuantizeError, VaioptError
from vaiopt.keras import load_keras
from vaiopt.settings import override
from vaiopt.study.record import COMPLETE, INFEASIBLE
from vaiopt.study.trials import load_trials

L = load_keras().layers


def model_of(*layers: Any, shape: Any = (8, 8, 1)) -> Any:
    ends = [L.Flatten(), L.Dense(10, activation="softmax")]
    return load_keras().Sequential([L.InputLayer(input_shape=shape), *layers, *ends])


def asked(model: Any, *steps: str, target: str = "cpu") -> Any:
    return Deployable(override(SETTINGS, {"hardware.target": target}), steps).warnings(model)


def recurrent() -> Any:
    return model_of(L.Reshape((8, 8)), L.LSTM(4), L.Reshape((4, 1)))


def grouped() -> Any:
    return model_of(L.Conv2D(4, 3), L.Conv2D(4, 3, groups=2, name="grouped"))


def test_a_model_that_all_steps_take_brings_no_word() -> None:
    assert asked(model_of(L.Conv2D(4, 3, activation="relu")), "quantize", "compile") == ()


def test_what_quantize_refuses_is_a_warning_and_an_error_if_it_will_run() -> None:
    (warning,) = asked(grouped())
    assert "the steps after the search will refuse this" in warning and "grouped" in warning
    with pytest.raises(QuantizeError, match="groups=2"):
        asked(grouped(), "quantize")


def test_what_compile_for_the_cpu_refuses_is_an_error_if_it_will_run() -> None:
    (warning,) = asked(recurrent(), "quantize")
    assert "LSTM" in warning and "cannot be compiled" in warning
    with pytest.raises(CompileError, match="left in float"):
        asked(recurrent(), "quantize", "compile")


def test_layers_that_a_dpu_leaves_to_the_cpu_are_told() -> None:
    found = asked(recurrent(), "quantize", target="zcu102")
    assert any("LSTM" in line and "left to the CPU" in line for line in found)


CHOICE = """
from tensorflow import keras
layers = keras.layers

def build_model(hp):
    kind = hp.Choice("kind", ["plain", "norm"])
    inputs = keras.Input(hp.input_shape)
    x = layers.Dense(8, activation="relu")(layers.Flatten()(inputs))
    if kind == "norm":
        x = layers.ReLU()(layers.BatchNormalization(name="norm")(x))
    return keras.Model(inputs, layers.Dense(hp.classes, activation="softmax")(x))
"""


def test_a_point_that_a_later_step_refuses_is_not_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(CHOICE)
    more = ["model.family=mine.py", "search.trials=2", "train.epochs=1", "search.sampler=random"]
    settings = override(SETTINGS, more)
    flow.search(settings, tmp_path / "run", then=("quantize",))
    trials = load_trials(flow.open_run(tmp_path / "run"))
    refused = [t for t in trials if t.status == INFEASIBLE]
    assert trials[0].status == COMPLETE and refused
    assert all("normalisation 'norm'" in t.reason and not t.curve for t in refused)
    assert sum(t.status == COMPLETE for t in trials) <= 2  # trainings are what is counted
    flow.search(settings, tmp_path / "free")  # nothing follows: only the default point is told of
    assert [t.status for t in load_trials(flow.open_run(tmp_path / "free"))] == [COMPLETE] * 2


def test_a_flow_refuses_before_anything_is_trained_or_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(CHOICE.replace('"plain", "norm"', '"norm", "plain"'))
    settings = override(SETTINGS, ["model.family=mine.py", "search.trials=2"])
    with pytest.raises(VaioptError, match="normalisation 'norm'"):
        flow.run_flow(settings, tmp_path / "run", last="quantize")
    assert not (tmp_path / "run").exists()
