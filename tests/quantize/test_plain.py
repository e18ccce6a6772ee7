"""Models that no quantizer takes as they are, changed exactly."""

import numpy as np
import pytest

from vaiopt.errors import QuantizeError
from vaiopt.keras import load_keras
from vaiopt.quantize.checks import functional_model
from vaiopt.quantize.plain import plain_model

K = load_keras()
L = K.layers
IMAGE, FLAT = (8, 8, 3), (6,)


def conv(filters=4, **more):
    return L.Conv2D(filters, 3, padding="same", **more)


def nested():
    base = K.Sequential([conv(activation="relu", input_shape=IMAGE), L.MaxPooling2D()], name="base")
    return K.Sequential([base, L.GlobalAveragePooling2D(), L.Dense(3, activation="softmax")])


def nested_in_inference():
    inside = K.Input(IMAGE)
    x = L.BatchNormalization(name="norm")(conv(use_bias=False, name="conv")(inside))
    base = K.Model(inside, L.Add()([conv()(L.ReLU()(x)), x]), name="base")
    inputs = K.Input(IMAGE)
    x = L.GlobalAveragePooling2D()(base(inputs, training=False))
    return K.Model(inputs, L.Dense(3)(x))


def nested_deep_with_names_twice():
    def block(name):
        return K.Sequential([conv(3, name="conv", input_shape=IMAGE)], name=name)

    inner = K.Sequential([block("first"), block("second")], name="inner")
    inputs = K.Input(IMAGE)
    return K.Model(inputs, conv(2, name="conv")(inner(inputs)))


def shared_without_weights():
    relu, pool = L.ReLU(), L.MaxPooling2D()
    inputs = K.Input(IMAGE)
    x = pool(relu(conv()(inputs)))
    return K.Model(inputs, L.GlobalAveragePooling2D()(pool(relu(conv()(x)))))


def norm_behind_relu():
    return K.Sequential(
        [
            L.Dense(5, activation="relu", input_shape=FLAT),
            L.BatchNormalization(),
            L.Dropout(0.2),
            L.Dense(3, use_bias=False, activation="softmax"),
        ]
    )


def norm_of_a_table_with_two_readers():
    inputs = K.Input(FLAT)
    x = L.BatchNormalization(scale=False)(inputs)
    return K.Model(inputs, L.Concatenate()([L.Dense(3)(x), L.Dense(2, activation="relu")(x)]))


def norm_of_flattened_features():
    return K.Sequential(
        [conv(input_shape=IMAGE), L.Flatten(), L.BatchNormalization(center=False), L.Dense(2)]
    )


CHANGED = [
    nested,
    nested_in_inference,
    nested_deep_with_names_twice,
    shared_without_weights,
    norm_behind_relu,
    norm_of_a_table_with_two_readers,
    norm_of_flattened_features,
]


def made(make):
    """The model, with statistics that are not Keras's initial ones."""
    model, random = make(), np.random.RandomState(1)
    for layer in model.submodules:
        if isinstance(layer, L.BatchNormalization):
            layer.set_weights([random.uniform(0.5, 2, w.shape) for w in layer.get_weights()])
    return model


def outputs(model):
    x = np.random.RandomState(2).uniform(-2, 2, (16, *model.input_shape[1:])).astype(np.float32)
    return model.predict(x, verbose=0)


@pytest.mark.parametrize("make", CHANGED)
def test_it_computes_the_same_and_is_taken(make):
    model = made(make)
    plain = functional_model(model)
    assert outputs(plain) == pytest.approx(outputs(model), abs=2e-6, rel=1e-5)
    assert not [x for x in plain.layers if isinstance(x, K.Model)]
    assert len({x.name for x in plain.layers}) == len(plain.layers)
    if make.__name__.startswith("norm"):
        assert not [x for x in plain.layers if isinstance(x, L.BatchNormalization)]


def test_the_given_model_stays_as_it_is():
    model = made(nested_in_inference)
    before, names = [w.copy() for w in model.get_weights()], [x.name for x in model.layers]
    functional_model(model)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights()))
    assert [x.name for x in model.layers] == names


def test_what_needs_no_change_is_left_alone():
    inputs = K.Input(IMAGE)
    x = L.BatchNormalization()(conv()(inputs))
    model = K.Model(inputs, L.Dense(2)(L.GlobalAveragePooling2D()(L.ReLU()(x))))
    assert plain_model(model) is model


def shared_with_weights():
    shared, inputs = conv(3), K.Input(IMAGE)
    return K.Model(inputs, shared(shared(inputs)))


def norm_before_an_activation():
    layers = [L.Dense(5, activation="relu", input_shape=FLAT), L.BatchNormalization()]
    return K.Sequential([*layers, L.Activation("relu"), L.Dense(2)])


def norm_that_is_an_output():
    inputs = K.Input(FLAT)
    x = L.BatchNormalization()(L.Dense(4, activation="relu")(inputs))
    return K.Model(inputs, [x, L.Dense(2)(x)])


@pytest.mark.parametrize(
    "make", [shared_with_weights, norm_before_an_activation, norm_that_is_an_output]
)
def test_what_cannot_be_changed_exactly_stays(make):
    model = functional = make()
    if not hasattr(model, "_nodes_by_depth") or isinstance(model, K.Sequential):
        functional = K.Model(model.inputs, model.outputs)
    assert plain_model(functional) is functional


def test_a_model_that_cannot_be_flattened_is_refused_by_name():
    base = K.Sequential([conv(3, input_shape=IMAGE)], name="twice")
    inputs = K.Input(IMAGE)
    with pytest.raises(QuantizeError, match="'twice' is a model of its own"):
        functional_model(K.Model(inputs, base(base(inputs))))
