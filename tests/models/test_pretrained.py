import zipfile

import numpy as np
import pytest

from vaiopt.errors import ModelError
from vaiopt.keras import load_keras
from vaiopt.models.pretrained import leaves, take_weights
from vaiopt.network.weights import automatic_kind, read_weights, snake


@pytest.fixture(scope="module")
def keras():
    return load_keras()


def network(keras, classes=3, names=("a", "a_bn", "b", "out"), seed=1, filters=4):
    """Return a small network whose layers have these names; "" for Keras's own."""
    layers = keras.layers
    named = [{"name": name} if name else {} for name in names]
    inputs = x = keras.Input((8, 8, 3))
    x = layers.Conv2D(filters, 3, **named[0])(x)
    x = layers.BatchNormalization(**named[1])(x)
    x = layers.Conv2D(6, 3, **named[2])(x)
    x = layers.GlobalAveragePooling2D()(x)
    return shaken(keras.Model(inputs, layers.Dense(classes, **named[3])(x)), seed)


def shaken(model, seed):
    random = np.random.RandomState(seed)
    model.set_weights([random.uniform(0.1, 1, w.shape) for w in model.get_weights()])
    return model


def nested(keras, classes=3, seed=1):
    """Return the same network with its convolutions in a model within the model."""
    layers = keras.layers
    image = keras.Input((8, 8, 3))
    x = layers.Conv2D(6, 3, name="b")(
        layers.BatchNormalization(name="a_bn")(layers.Conv2D(4, 3, name="a")(image))
    )
    base = keras.Model(image, x, name="base")
    inputs = keras.Input((8, 8, 3))
    x = layers.GlobalAveragePooling2D()(base(inputs))
    return shaken(keras.Model(inputs, layers.Dense(classes, name="out")(x)), seed)


def by_name(model):
    return {leaf.layer.name: leaf.layer.get_weights() for leaf in leaves(model)}


def same(one, other, *names):
    one, other = by_name(one), by_name(other)
    names = names or tuple(one)
    return all(np.array_equal(a, b) for n in names for a, b in zip(one[n], other[n]))


def write(model, path):
    (model.save_weights if path.name == "weights.h5" else model.save)(str(path))
    if path.suffix == ".keras" and not zipfile.is_zipfile(str(path)):
        pytest.skip("this Keras writes no .keras archives")
    return str(path)


FORMS = ["model.h5", "weights.h5", "model.keras"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("inside, into", [(network, network), (nested, network), (network, nested)])
def test_weights_are_taken_by_name_from_every_form(keras, tmp_path, form, inside, into):
    source, model = inside(keras), into(keras, seed=2)
    taken = take_weights(model, write(source, tmp_path / form))
    assert same(source, model) and len(taken.layers) == 4 and not taken.left and not taken.ordered
    assert str(taken) == f"weights of 4 of 4 layers taken from {form}"


def test_a_head_of_another_shape_keeps_its_own_weights_and_is_named(keras, tmp_path):
    source, model = network(keras, classes=5), network(keras, classes=3, seed=2)
    before = by_name(model)["out"]
    taken = take_weights(model, write(source, tmp_path / "model.h5"))
    assert same(source, model, "a", "a_bn", "b")
    assert all(np.array_equal(a, b) for a, b in zip(before, by_name(model)["out"]))
    assert str(taken) == (
        "weights of 3 of 4 layers taken from model.h5; left: out (6x5 in the file, 6x3 here)"
    )


@pytest.mark.parametrize("form", FORMS)
def test_automatic_names_count_by_their_place(keras, tmp_path, form):
    network(keras)  # Keras counts on
    own = ("",) * 4
    path = write(network(keras, names=own), tmp_path / form)
    source = network(keras, names=own)
    keras.backend.clear_session()
    model = network(keras, names=own, classes=4, seed=2)
    assert len(take_weights(model, path).layers) == 3
    pairs = zip(source.get_weights()[:8], model.get_weights()[:8])
    assert all(np.array_equal(a, b) for a, b in pairs)


def test_the_newer_form_of_keras_2_names_nothing_and_counts_by_class(keras, tmp_path):
    source = network(keras, names=("",) * 4)
    path = str(tmp_path / "x.weights.h5")
    source.save_weights(path)
    model = network(keras, names=("",) * 4, seed=2)
    assert len(take_weights(model, path).layers) == 4
    assert all(np.array_equal(a, b) for a, b in zip(source.get_weights(), model.get_weights()))


def newer_file(path, layers, **attributes):
    """Write weights as Keras 3 does: {group: (name or None, arrays)}."""
    import h5py

    with h5py.File(path, "w") as file:
        for group, (name, arrays) in layers.items():
            variables = file.create_group(f"{group}/vars")
            if name:
                variables.attrs["name"] = name
            for number, array in enumerate(arrays):
                variables[str(number)] = array
    return str(path)


def test_weights_of_keras_3_are_taken_by_their_names(keras, tmp_path):
    source, model = network(keras), network(keras, seed=2)
    kinds = ("conv2d", "batch_normalization", "conv2d_1", "dense")
    held = by_name(source)
    stored = {f"layers/{kind}": (name, held[name]) for kind, name in zip(kinds, held)}
    taken = take_weights(model, newer_file(tmp_path / "k3.weights.h5", stored))
    assert same(source, model) and len(taken.layers) == 4


def test_without_any_name_models_within_models_are_refused(keras, tmp_path):
    held = by_name(network(keras))
    stored = {"layers/functional/layers/conv2d": (None, held["a"])}
    with pytest.raises(ModelError, match="does not say which layers"):
        take_weights(network(keras), newer_file(tmp_path / "k.weights.h5", stored))


def test_other_names_in_the_same_order_are_taken_and_told(keras, tmp_path):
    source = network(keras, names=("p", "q", "r", "s"), classes=9)
    model = network(keras, seed=2)
    taken = take_weights(model, write(source, tmp_path / "model.h5"))
    assert taken.ordered and taken.layers == ("a", "a_bn", "b")
    assert "by their order (no name of theirs is in it)" in str(taken)
    pairs = zip(source.get_weights()[:8], model.get_weights()[:8])
    assert all(np.array_equal(a, b) for a, b in pairs)


def test_other_names_in_another_order_fit_nothing(keras, tmp_path):
    source = network(keras, names=("p", "q", "r", "s"), filters=5)
    with pytest.raises(ModelError, match="the file has p, q, r, ..., the model a, a_bn, b, ..."):
        take_weights(network(keras), write(source, tmp_path / "model.h5"))


def test_weights_of_another_width_are_refused_with_the_shapes(keras, tmp_path):
    model = network(keras)
    layers = keras.layers
    source = keras.Sequential([layers.Conv2D(8, 3, name="a", input_shape=(8, 8, 3))])
    before = model.get_weights()
    with pytest.raises(ModelError, match=r"a \(3x3x3x8 in the file, 3x3x3x4 here\)") as caught:
        take_weights(model, write(source, tmp_path / "model.h5"))
    assert "width" in caught.value.hint
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights()))


def test_layers_of_one_name_in_two_inner_models_are_told_apart(keras, tmp_path):
    layers = keras.layers

    def twins(seed):
        inputs = keras.Input((8, 8, 3))
        image = [keras.Input((8, 8, 3)) for _ in "lr"]
        bases = [
            keras.Model(x, layers.Conv2D(4, 3, name="conv")(x), name=n)
            for x, n in zip(image, ("left", "right"))
        ]
        return shaken(keras.Model(inputs, layers.Add()([b(inputs) for b in bases])), seed)

    source, model = twins(1), twins(2)
    taken = take_weights(model, write(source, tmp_path / "weights.h5"))
    assert taken.layers == ("left/conv", "right/conv")
    assert all(np.array_equal(a, b) for a, b in zip(source.get_weights(), model.get_weights()))


def test_a_file_that_changed_is_read_again(keras, tmp_path):
    model = network(keras)
    for seed in (5, 6):
        source = network(keras, seed=seed)
        path = write(source, tmp_path / "model.h5")
        take_weights(model, path)
        assert same(source, model)


@pytest.mark.parametrize(
    "name, content, says",
    [
        ("none.h5", None, "there is no file of weights"),
        ("text.h5", b"no weights", "is not an HDF5 file"),
        ("text.keras", b"no archive", "is damaged"),
    ],
)
def test_a_file_of_another_kind_is_refused(tmp_path, name, content, says):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError, match=says):
        read_weights(str(tmp_path / name))


def test_an_archive_without_weights_is_refused(tmp_path):
    with zipfile.ZipFile(str(tmp_path / "a.keras"), "w") as file:
        file.writestr("config.json", "{}")
    with pytest.raises(ModelError, match="is damaged"):
        read_weights(str(tmp_path / "a.keras"))


def test_weights_that_are_not_finite_or_no_numbers_are_refused(tmp_path):
    path = newer_file(tmp_path / "a.h5", {"layers/dense": ("d", [np.array([np.nan, 1.0])])})
    with pytest.raises(ModelError, match="not finite"):
        read_weights(path)
    path = newer_file(tmp_path / "b.h5", {"layers/dense": ("d", [np.array([b"x"])])})
    with pytest.raises(ModelError, match="is damaged"):
        read_weights(path)
    with pytest.raises(ModelError, match="holds no weights"):
        read_weights(newer_file(tmp_path / "c.h5", {}))


def test_automatic_names_are_those_of_keras():
    assert [snake(n) for n in ("Conv2D", "DepthwiseConv2D", "BatchNormalization", "PReLU")] == [
        "conv2d",
        "depthwise_conv2d",
        "batch_normalization",
        "p_re_lu",
    ]
    assert automatic_kind("dense_12") == "dense" and automatic_kind("Conv_1") == ""


def test_the_weights_of_kerass_own_mobilenet_fit_the_family(keras, tmp_path):
    from tests.models.test_backbones import built

    theirs = keras.applications.MobileNetV2(
        weights=None, include_top=False, input_shape=(32, 32, 3), alpha=0.35
    )
    path = write(theirs, tmp_path / "weights.h5")
    ours = built("mobilenet", {"width": 0.35, "depth": 1.0})
    taken = take_weights(ours, path)
    assert taken.left == ("predictions (not in the file)",)
    assert same(theirs, ours)
