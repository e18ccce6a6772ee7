"""Messages about model functions and model files."""

from __future__ import annotations

import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable, Sequence

import numpy as np

from tests.docs.provoked.bench import Bench, Provocations, classifier
from vaiopt.data import make_dataset, split_dataset
from vaiopt.data.batches import DeviceData
from vaiopt.data.inputs import InputPart
from vaiopt.keras import load_keras, load_model
from vaiopt.models import build, load_family
from vaiopt.models.keyword_function import with_hp
from vaiopt.models.loss_weights import counted_weights
from vaiopt.network.file import attribute_text
from vaiopt.network.read import read_graph
from vaiopt.search.loop import Search
from vaiopt.search.training.describe import describe_search
from vaiopt.search.training.feasible import check_targets
from vaiopt.search.training.hypermodel import check_trained
from vaiopt.search.training.options import check_names
from vaiopt.search.training.weights import weight_arguments
from vaiopt.settings import load_settings
from vaiopt.study.hyperparameters import HyperParameters
from vaiopt.study.record import FAILED, TrialRecord
from vaiopt.tasks import task_of
from vaiopt.tasks.task import Form

LABELS = np.arange(10) % 2


def in_a_dictionary(key: str, own: bool = False) -> Callable[[Bench], Any]:
    """Build a model that gives its output 'b' under a key."""

    def heads(hp: Any) -> Any:
        keras = load_keras()

        class Own(keras.Model):  # type: ignore[name-defined,misc]
            pass

        inputs = keras.Input((4,))
        outputs = {key: keras.layers.Dense(1, name="b")(inputs)}
        return (Own if own else keras.Model)(inputs, outputs)

    return built(heads, shape=(4,), classes=1)


def built(function: Any, shape: Any = (8, 8, 1), classes: int = 2) -> Any:
    return lambda bench: build(function, HyperParameters({}, {}, shape, classes))


def fails(hp: Any) -> Any:
    raise RuntimeError("no luck")


def asks_for_split(bench: Bench) -> None:
    hp = HyperParameters()
    hp.Float("split", 0.1, 0.5)
    check_names(hp)


def asks_for_an_amount(bench: Bench) -> None:
    hp = HyperParameters(overrides={"augment_shift": 0.1})
    hp.Float("augment_shift", 0.1, 0.5)
    check_names(hp)


def all_failed(bench: Bench) -> None:
    trials = [TrialRecord(n, FAILED, "no luck") for n in range(9)]
    Search._stop_if_hopeless(SimpleNamespace(), trials)  # type: ignore[arg-type]


def loss_of_a_batch(bench: Bench) -> None:
    model = classifier()
    model.compile("sgd", lambda y, said: load_keras().backend.mean(said))
    counted_weights(task_of("classification"), model, LABELS, LABELS, np.ones(len(LABELS)))


def changed(change: Callable[[Any, Path], None]) -> Callable[[Bench], Any]:
    """Load a model file of which something is changed by hand."""

    def load(bench: Bench) -> None:
        import h5py

        path = bench.folder / "m.h5"
        classifier().save(str(path))
        with h5py.File(str(path), "r+") as file:
            change(file, bench.folder)
        load_model(path)

    return load


def of_keras_3(file: Any, folder: Path) -> None:
    file.attrs["keras_version"] = "3.4.1"


def without_weights(file: Any, folder: Path) -> None:
    del file["model_weights"]
    file.create_dataset("x", data=np.zeros(1000))


def more_units(file: Any, folder: Path) -> None:
    text = attribute_text(file.attrs["model_config"]).replace('"units": 2', '"units": 2000000')
    file.attrs["model_config"] = text


def weights_elsewhere(file: Any, folder: Path) -> None:
    import h5py

    file["more"] = h5py.ExternalLink("other.h5", "/x")


def archive(version: str) -> Callable[[Bench], Any]:
    def load(bench: Bench) -> None:
        with zipfile.ZipFile("m.keras", "w") as file:
            file.writestr("metadata.json", f'{{"keras_version": "{version}"}}')
        load_model("m.keras")

    return load


def code_in_a_file(bench: Bench) -> None:
    classifier(load_keras().layers.Lambda(abs)).save("m.h5")
    load_model("m.h5")


def enormous(bench: Bench) -> None:
    layers = load_keras().layers
    text = classifier(layers.Conv2D(4, 3)).to_json().replace('"filters": 4', f'"filters": {10**9}')
    read_graph(bench.file("m.json", text))


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


def asking(ask: Callable[[HyperParameters], Any]) -> Callable[[Bench], Any]:
    return lambda bench: ask(HyperParameters())


def family(text: str) -> Callable[[Bench], Any]:
    return lambda bench: load_family(f"{bench.file('mine.py', text)}:Mine")


def of_ones_own_layer(bench: Bench) -> None:
    class Mine(load_keras().layers.Layer):  # type: ignore[misc, name-defined]
        pass

    path = bench.folder / "m.h5"
    classifier(Mine()).save(str(path))
    load_model(path)


def two_classes() -> Any:
    return split_dataset(make_dataset("mine", np.zeros((20, 2)), np.arange(20) % 2), seed=0)


def with_outputs(*wanted: str) -> Callable[[Bench], Any]:
    """Build a model with the outputs 'a' and 'b' (with one, of 'b' alone) for tasks of these."""

    def heads(hp: Any) -> Any:
        keras = load_keras()
        inputs = keras.Input((4,))
        outputs = [keras.layers.Dense(1, name=name)(inputs) for name in "ab"]
        return keras.Model(inputs, outputs if wanted != ("c", "d") else outputs[1])

    def made(bench: Bench) -> None:
        hp = HyperParameters({}, {}, (4,), 2, 20, "=".join((*wanted[:1], "regression")))
        hp.outputs = {name: Form("regression", 1, (1,)) for name in wanted}
        build(heads, hp)

    return made


def of_inputs(*names: str, data: Sequence[str] = ("a", "b"), width: int = 3) -> Any:
    """Build a model with these inputs for data with those."""

    def added(hp: Any) -> Any:
        keras = load_keras()
        inputs = [keras.Input((width,), name=name) for name in names]
        both = keras.layers.Add()(inputs) if len(inputs) > 1 else inputs[0]
        return keras.Model(inputs, keras.layers.Dense(2)(both))

    def made(bench: Bench) -> None:
        hp = HyperParameters({}, {}, () if data else (3,), 2, 20)
        hp.inputs = {name: InputPart(name, (3,)) for name in data}
        build(added, hp)

    return made


def of_a_family(bench: Bench) -> None:
    path = bench.arrays(x_a=np.zeros((20, 3)), x_b=np.zeros((20, 4)), y=np.arange(20) % 2)
    describe_search(load_settings(None, [f"data.source={path}", "model.family=mlp"]))


def shares_of_others(bench: Bench) -> None:
    data = make_dataset("mine", np.zeros((20, 2)), np.linspace(-1, 1, 20), task="regression")
    model = load_keras().Sequential([load_keras().layers.Dense(1, input_shape=(2,))])
    model.compile("adam", "binary_crossentropy")
    shared: Any = SimpleNamespace(device=DeviceData(data))
    check_targets(model, shared, split_dataset(data, seed=0))


MESSAGES: Provocations = {
    (
        "the loss… gives one number for a whole batch, and samples or classes have weights"
    ): loss_of_a_batch,
    "the model has more than one input: …": of_inputs("a", "b", data=()),
    "the model has one input, '…', and the data have …: …": of_inputs("a"),
    "there are no samples of the model's input '…', only of …": of_inputs("a", "c"),
    "the model's input '…' takes the shape …, the data have …": of_inputs("a", "b", width=4),
    "the family '…' has one input, and the data have …: …": of_a_family,
    "the model has more than one output: …": with_outputs(),
    "the model has one output, '…', and there are tasks for …": with_outputs("c", "d"),
    "the model's output '…' comes from a layer that is called '…'": in_a_dictionary("a"),
    "the model gives its outputs as a dictionary, and is of a class of its own": in_a_dictionary(
        "b", own=True
    ),
    "the model's output '…' has no task": with_outputs("a", "c"),
    (
        "the model is compiled with the loss '…', which is for values from 0 to 1, and the"
        " targets… reach from … to …"
    ): shares_of_others,
    "the model function raised …": built(fails),
    "the model function returned …, not a Keras 2 model": built(lambda hp: None),
    "the model gives outputs of shape …, the data have … classes": built(
        lambda hp: classifier(), classes=5
    ),
    "the model takes inputs of shape …, the data have …": built(
        lambda hp: classifier(), shape=(9, 9, 3)
    ),
    "fit(hp, model, ...) trains another model than the one it is given": lambda b: check_trained(
        classifier(), classifier()
    ),
    "fit(hp, model, ...) takes no …, which the data or train.class_weights give": lambda b: (
        weight_arguments(
            lambda hp, model, x, y: None, classifier(), LABELS, two_classes(), "balanced"
        )
    ),
    "the first … trials all failed; the last: …": all_failed,
    "'…' is a Keras 3 file": archive("3.1.0"),
    "'…' was written by Keras …, which no Vitis-AI tool reads": changed(of_keras_3),
    "'…' is a subclassed model, whose layers cannot be read": subclassed,
    "input '…' has the undefined shape …": open_size,
    "the model function asks for 'split', the name of the split of the data": asks_for_split,
    "the model function asks for '…', the name of a setting of [augment]": asks_for_an_amount,
    "the model function asks for '…' with two different ranges or defaults": asked_twice,
    "hyperparameter '…' cannot have the value …": asking(lambda hp: hp.Choice("sizes", [[3, 3]])),
    "hyperparameter '…' has sampling=…, but sampling must be one of …": asking(
        lambda hp: hp.Int("units", 1, 4, sampling="lgo")
    ),
    "the class '…' in '…' needs arguments: …": family(
        "class Mine:\n    __init__ = lambda self, n: 0"
    ),
    "… needs KerasTuner, which is not installed": family("import keras_tuner as k\nk.Tuner()"),
    "the parameter '…' of … has neither a default nor a range": lambda bench: with_hp(
        lambda units, layers: None
    )(HyperParameters()),
    "'…' cannot be loaded: …": changed(without_weights),
    "layer '…' is a …: code that comes with the file is not run": code_in_a_file,
    "layer '…' is or has a '…', which Keras does not bring…": of_ones_own_layer,
    "'…' takes '…' from another file, which is not read": changed(weights_elsewhere),
    "'…' is damaged (…, which the file does not hold)": changed(more_units),
    "layer '…' makes … values of one sample, more than any board or computer holds": enormous,
    "'…' is a .keras archive of Keras …; the Vitis-AI tools read .h5": archive("2.15.0"),
}
