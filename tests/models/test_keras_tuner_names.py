"""Files that were written for KerasTuner can be imported where it is not installed."""

import sys

import pytest

from vaiopt.errors import ModelError
from vaiopt.models import keras_tuner_names, load_family
from vaiopt.study.hyperparameters import HyperParameters

LINES = [
    "import {0} as kt; kt.HyperModel, kt.HyperParameters, kt.Objective('val_loss', 'min')",
    "from {0} import Objective, RandomSearch, BayesianOptimization, Hyperband, GridSearch, Tuner",
    "from {0}.tuners import RandomSearch, BayesianOptimization, Hyperband",
    "from {0}.tuners.bayesian import BayesianOptimization, BayesianOptimizationOracle",
    "from {0}.engine.hyperparameters import HyperParameter, HyperParameters, Int",
    "from {0}.engine import hyperparameters as hp_module; hp_module.Float",
    "from {0}.engine.hypermodel import HyperModel",
    "from {0}.engine.oracle import Objective, Oracle, synchronized",
    "from {0}.engine.conditions import Condition, Parent",
    "from {0}.oracles import RandomSearch, BayesianOptimizationOracle",
    "from {0}.applications import HyperResNet, HyperXception",
    "import {0}.errors; {0}.errors.FailedTrialError",
    "from {0}.engine.tuner import Tuner\nclass Mine(Tuner):\n    pass",
]


@pytest.fixture(autouse=True)
def nothing_stays(monkeypatch):
    monkeypatch.setattr(keras_tuner_names, "has_module", lambda name: False)
    known = dict(sys.modules)
    for name in list(sys.modules):
        if name.split(".")[0] in keras_tuner_names.NAMES:
            del sys.modules[name]
    yield
    for name in set(sys.modules) - set(known):
        if name.split(".")[0] in keras_tuner_names.NAMES:
            del sys.modules[name]
    sys.modules.update(known)


def load(tmp_path, text):
    path = tmp_path / "mine.py"
    path.write_text(text)
    return load_family(str(path))


@pytest.mark.parametrize("package", keras_tuner_names.NAMES)
@pytest.mark.parametrize("line", LINES)
def test_its_names_can_be_imported(tmp_path, line, package):
    text = f"{line.format(package)}\ndef build_model(hp):\n    return hp.Int('x', 1, 5)\n"
    assert load(tmp_path, text)(HyperParameters()) == 1


@pytest.mark.parametrize(
    "made, instead",
    [
        ("kt.RandomSearch(build_model, max_trials=3)", "search.sampler=random"),
        ("kt.tuners.Hyperband(build_model)", "search.pruner=hyperband"),
        ("kt.applications.HyperResNet(classes=10)", "install keras-tuner"),
    ],
)
def test_a_tuner_that_is_made_says_what_to_do_instead(tmp_path, made, instead):
    text = f"import keras_tuner as kt\ndef build_model(hp):\n    pass\ntuner = {made}\n"
    with pytest.raises(ModelError, match="needs KerasTuner, which is not installed") as caught:
        load(tmp_path, text)
    assert instead in caught.value.hint


def test_an_installed_kerastuner_is_left_alone(monkeypatch):
    monkeypatch.setattr(keras_tuner_names, "has_module", lambda name: True)
    keras_tuner_names.stand_in()
    assert not set(keras_tuner_names.NAMES) & set(sys.modules)
