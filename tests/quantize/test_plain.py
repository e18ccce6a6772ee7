"""Models that no quantizer takes as they are, changed exactly."""

import numpy as np
import pytest

from vaiopt.errors import QuantizeError
from vaiopt.keras import load_keras, load_tensorflow, set_random_seed
from vaiopt.network.read import read_graph
from vaiopt.quantize.checks import functional_model
from vaiopt.quantize.plain import changes_of, plain_model
from vaiopt.quantize.tfmot.backend import prepared_graph
from vaiopt.quantize.tfmot.placement import float_layers
from vaiopt.quantize.tfmot.rules import rules_of

K, tf = load_keras(), load_tensorflow()
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


def tensors_added_and_sliced():
    inputs = K.Input(IMAGE)
    x = conv()(inputs) + 0.5 * conv()(inputs)
    x = tf.concat([x[..., 1:3], tf.nn.relu(x)], -1)
    return K.Model(inputs, L.Dense(3)(tf.reduce_mean(x - 1.0, [1, 2])))


def channels_split_and_swapped():
    inputs = K.Input(IMAGE)
    first, second = tf.split(conv()(inputs), 2, -1)
    return K.Model(inputs, conv()(tf.concat([second, first], -1)[:, ::2, ::2]))


def hard_swish_by_operators():
    inputs = K.Input(IMAGE)
    x = conv()(inputs)
    x = L.Multiply()([x, L.ReLU(6.0)(x + 3.0) * (1.0 / 6.0)])
    x = conv()(x)
    return K.Model(inputs, L.GlobalAveragePooling2D()(x * tf.nn.relu6(x + 3.0) / 6.0))


def leaky_inside():
    return K.Sequential([conv(activation=L.LeakyReLU(0.1), input_shape=IMAGE), conv()])


def working_in_training_only():
    layers = [L.RandomFlip(), conv(), L.SpatialDropout2D(0.2), L.GaussianNoise(0.2), L.ReLU()]
    return K.Sequential([L.InputLayer(IMAGE), *layers, L.AlphaDropout(0.1)])


def scaled(*layers, shape=IMAGE):
    return lambda: K.Sequential([L.InputLayer(shape), *(make() for make in layers)])


def of_single_channels():
    grouped = L.Conv2D(3, 3, groups=3, activation="relu")
    return K.Sequential([L.InputLayer(IMAGE), grouped, L.BatchNormalization()])


SCALED = {
    "a valid convolution": [lambda: L.Rescaling(0.5, offset=-1.0), lambda: L.Conv2D(4, 3)],
    "a padded convolution": [lambda: L.Rescaling(0.5, offset=-1.0), conv],
    "a depthwise one": [
        lambda: L.Rescaling([0.5, 1.0, 2.0], offset=[0.1, 0.2, 0.3]),
        lambda: L.DepthwiseConv2D(3, depth_multiplier=2, activation="relu"),
    ],
    "a separable one": [lambda: L.Rescaling(0.5), lambda: L.SeparableConv2D(4, 3)],
    "two in a row": [
        lambda: L.Rescaling(1 / 2),
        lambda: L.Normalization(mean=[1.0, 2.0, 3.0], variance=[1.0, 2.0, 3.0]),
        lambda: L.ZeroPadding2D(1),
        lambda: L.Conv2D(4, 3),
    ],
    "behind a transposed one": [
        lambda: L.Conv2DTranspose(5, 3, use_bias=False),
        lambda: L.Rescaling(0.5, offset=1.0),
    ],
    "behind a normalisation": [
        conv,
        lambda: L.BatchNormalization(scale=False),
        lambda: L.Rescaling(0.5, offset=1.0),
    ],
    "a dense layer on an image": [
        lambda: L.Rescaling([0.5, 1.0, 2.0], offset=0.5),
        L.Flatten,
        lambda: L.Dense(5, activation="relu"),
    ],
    "an image without channels": [
        lambda: L.Rescaling(0.5, offset=0.5),
        lambda: L.Reshape((8, 8, 3)),
        lambda: L.Conv2D(4, 3),
    ],
}

EXACT = [
    tensors_added_and_sliced,
    channels_split_and_swapped,
    hard_swish_by_operators,
    leaky_inside,
    working_in_training_only,
    of_single_channels,
    *(
        scaled(*makes, shape=(8, 24) if name == "an image without channels" else IMAGE)
        for name, makes in SCALED.items()
    ),
]


@pytest.mark.parametrize("number", range(len(EXACT)))
def test_it_is_the_same_function_of_layers_that_the_quantizer_knows(number):
    model, random = made(EXACT[number]), np.random.RandomState(4)
    for weight in model.trainable_weights:
        if "bias" in weight.name:
            weight.assign(random.uniform(-1, 1, weight.shape))
    try:
        wanted = outputs(model)
    except tf.errors.OpError:  # TensorFlow 2.8 has no groups on the CPU
        pytest.skip("TensorFlow cannot run this model here")
    plain = functional_model(model)
    assert outputs(plain) == pytest.approx(wanted, abs=5e-6)
    assert changes_of(plain) and not read_graph(plain).refusals
    kinds = {type(layer).__name__ for layer in plain.layers}
    assert not kinds & {"Rescaling", "Normalization", "TFOpLambda", "SlicingOpLambda"}
    for release in ("2.5", "3.5"):
        assert float_layers(prepared_graph(plain, rules_of(release))) == [] or number == 0


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
    set_random_seed(0)  # the tolerances are of float32
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
