"""A model file cannot make Keras hang, nor ask for more memory than it is worth."""

import copy
import json

import h5py
import pytest

from vaiopt.errors import ModelError
from vaiopt.keras import load_model
from vaiopt.network.file import MOST_LAYERS
from vaiopt.network.flatten import MOST_CALLS
from vaiopt.network.read import read_graph


def entry(config, name):
    return next(e for e in config["layers"] if e["config"]["name"] == name)


def source(name, of):
    return lambda config: entry(config, name).update(inbound_nodes=[[[of, 0, 0, {}]]])


def setting(name, **changes):
    return lambda config: entry(config, name)["config"].update(changes)


def many_layers(config):
    config["layers"] += [copy.deepcopy(entry(config, "flat")) for _ in range(MOST_LAYERS)]


def nested_without_end(config):
    """Let 30 models lie within each other, each calling the next one twice."""
    inner = [relu("a", "i")]
    for _ in range(30):
        model = {"name": "m", "layers": [image_layer(), *inner], **ends(inner[-1]["name"])}
        inner = [
            {"class_name": "Functional", "name": "m", "config": model, "inbound_nodes": nodes("i")},
            {"class_name": "Add", "name": "s", "config": {"name": "s"}, "inbound_nodes": both()},
        ]
        inner[0]["inbound_nodes"] += nodes("i")
    config.update(name="top", layers=[image_layer(), *inner], **ends("s"))


def nodes(name):
    return [[[name, 0, 0, {}]]]


def both():
    return [[["m", 1, 0, {}], ["m", 2, 0, {}]]]


def ends(name):
    return {"input_layers": [["i", 0, 0]], "output_layers": [[name, 0, 0]]}


def image_layer():
    config = {"batch_input_shape": [None, 8, 8, 1], "name": "i"}
    return {"class_name": "InputLayer", "name": "i", "config": config, "inbound_nodes": []}


def relu(name, of):
    return {
        "class_name": "ReLU",
        "name": name,
        "config": {"name": name},
        "inbound_nodes": nodes(of),
    }


CHANGES = {
    "a layer that is its own input": (source("conv", "conv"), "circle"),
    "layers in a circle": (source("conv", "dense"), "circle"),
    "more layers than any network has": (many_layers, "more than 10,000 layers"),
    "models nested without end": (nested_without_end, f"more than {MOST_CALLS:,}"),
    "more filters than there are weights": (
        setting("conv", filters=10**9),
        "filters=1,",
    ),
    "more units, as a fraction": (setting("dense", units=1e12), "units="),
    "a kernel larger than the file": (
        setting("conv", kernel_size=[999, 999], padding="same"),
        "ask for",
    ),
    "a tensor larger than memory": (
        setting("image", batch_input_shape=[None, 2**20, 2**20, 1]),
        "values of one sample|ask for",
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_file_that_would_hang_or_fill_the_memory_is_refused(good, tmp_path, what):
    change, says = CHANGES[what]
    path = tmp_path / "bad.h5"
    path.write_bytes(good.read_bytes())
    with h5py.File(str(path), "r+") as file:
        config = json.loads(file.attrs["model_config"])
        change(config["config"])
        file.attrs["model_config"] = json.dumps(config).encode()
    with pytest.raises(ModelError, match=says):
        load_model(path)
    if "layers" in what or "nested" in what:  # reading alone would hang, too
        with pytest.raises(ModelError):
            read_graph(path)


def test_layers_stored_back_to_front_are_ordered_without_going_over_them_again_and_again():
    from vaiopt.network.calls import RawCall, ordered

    number = 9000
    calls = [
        RawCall((place, 0), str(place), "ReLU", {}, [(place + 1, 0, 0)] if place < number else [])
        for place in range(number + 1)
    ]
    looked = []
    counted = [call._replace(inputs=Counted(call.inputs, looked)) for call in calls]
    assert [call.name for call in ordered(counted)] == [str(n) for n in range(number, -1, -1)]
    assert len(looked) < 3 * number


class Counted(list):
    """A list that tells how often it is gone through."""

    def __init__(self, items, looked):
        super().__init__(items)
        self._looked = looked

    def __iter__(self):
        self._looked.append(1)
        return super().__iter__()
