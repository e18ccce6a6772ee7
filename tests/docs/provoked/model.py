"""Messages about model functions and model files."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from tests.docs.provoked.bench import Bench, Provocations, classifier
from vaiopt.keras import load_keras, load_model
from vaiopt.models import build
from vaiopt.network.read import read_graph
from vaiopt.search.loop import Search
from vaiopt.study.hyperparameters import HyperParameters
from vaiopt.study.record import FAILED, TrialRecord


def built(function: Any, shape: Any = (8, 8, 1), classes: int = 2) -> Any:
    return lambda bench: build(function, HyperParameters({}, {}, shape, classes))


def fails(hp: Any) -> Any:
    raise RuntimeError("no luck")


def all_failed(bench: Bench) -> None:
    trials = [TrialRecord(n, FAILED, "no luck") for n in range(9)]
    Search._stop_if_hopeless(SimpleNamespace(), trials)  # type: ignore[arg-type]


def of_keras_3(bench: Bench) -> None:
    import h5py

    path = bench.folder / "m.h5"
    classifier().save(str(path))
    with h5py.File(str(path), "r+") as file:
        file.attrs["keras_version"] = "3.4.1"
    load_model(path)


def subclassed(bench: Bench) -> None:
    class Mine(load_keras().Model):  # type: ignore[misc, name-defined]
        def call(self, x: Any) -> Any:
            return x

    read_graph(Mine())


def open_size(bench: Bench) -> None:
    keras = load_keras()
    inputs = keras.Input((None, None, 3))
    read_graph(keras.Model(inputs, keras.layers.Conv2D(4, 3)(inputs)))


def asked_twice(bench: Bench) -> None:
    hp = HyperParameters()
    hp.Int("units", 1, 4)
    hp.Int("units", 1, 8)


def of_ones_own_layer(bench: Bench) -> None:
    class Mine(load_keras().layers.Layer):  # type: ignore[misc, name-defined]
        pass

    path = bench.folder / "m.h5"
    classifier(Mine()).save(str(path))
    load_model(path)


MESSAGES: Provocations = {
    "the model function raised …": built(fails),
    "the model function returned …, not a Keras 2 model": built(lambda hp: None),
    "the model gives outputs of shape …, the data have … classes": built(
        lambda hp: classifier(), classes=5
    ),
    "the model takes inputs of shape …, the data have …": built(
        lambda hp: classifier(), shape=(9, 9, 3)
    ),
    "the first … trials all failed; the last: …": all_failed,
    "'…' is a Keras 3 file": lambda b: load_model(b.file("m.keras", "PK")),
    "'…' was written by Keras …, which no Vitis-AI tool reads": of_keras_3,
    "'…' is a subclassed model, whose layers cannot be read": subclassed,
    "input '…' has the undefined shape …": open_size,
    "the model function asks for '…' with two different ranges or defaults": asked_twice,
    "'…' cannot be loaded: …": of_ones_own_layer,
}
