"""The MLP of the published studies on MNIST, 784-128-256-10, written for KerasTuner's ``hp``: its
variants, and the space that Hyperband searched.
"""

from vaiopt.keras import load_keras


def mlp(hp, nodes1, nodes2, optimizer, initializer="glorot_uniform", penalty=None, dropout=0.0):
    keras = load_keras()
    layers = keras.layers
    x = inputs = keras.Input(hp.input_shape)
    x = layers.Flatten()(x)
    for nodes in (nodes1, nodes2):
        x = layers.Dense(
            nodes, activation="relu", kernel_initializer=initializer, kernel_regularizer=penalty
        )(x)
        if dropout:
            x = layers.Dropout(dropout)(x)
    outputs = layers.Dense(hp.classes, activation="softmax", kernel_initializer=initializer)(x)
    model = keras.Model(inputs, outputs)
    model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def build_variant(hp):
    """Optimizers, an initialisation far off, L2, L1 and dropout, at a fixed size."""
    keras = load_keras()
    name = hp.Choice("optimizer", ["adam", "rmsprop", "sgd"])
    with hp.conditional_scope("optimizer", ["rmsprop"]):
        rho = hp.Choice("rho", [0.9, 0.01, 0.99])
    optimizers = {
        "adam": lambda: keras.optimizers.Adam(0.001),
        "rmsprop": lambda: keras.optimizers.RMSprop(0.001, rho=rho),
        "sgd": lambda: keras.optimizers.SGD(0.01),
    }
    start = hp.Choice("initializer", ["glorot_uniform", "normal_10"])
    initializer = (
        {"class_name": "RandomNormal", "config": {"mean": 10.0}} if start == "normal_10" else start
    )
    kind = hp.Choice("regularizer", ["none", "l2", "l1"])
    with hp.conditional_scope("regularizer", ["l2", "l1"]):
        strength = hp.Choice("strength", [0.1, 0.01, 0.001])
    penalty = None if kind == "none" else getattr(keras.regularizers, kind)(strength)
    return mlp(
        hp, 128, 256, optimizers[name](), initializer, penalty, hp.Choice("dropout", [0.0, 0.3])
    )


def build_tuned(hp):
    """The 36 combinations of the published Hyperband search."""
    keras = load_keras()
    nodes1, nodes2 = hp.Choice("nodes1", [64, 128], default=128), hp.Choice("nodes2", [256, 512])
    penalty = keras.regularizers.l2(hp.Choice("l2", [0.1, 0.001, 0.000001], default=0.001))
    rate = hp.Choice("learning_rate", [0.1, 0.01, 0.001], default=0.001)
    return mlp(hp, nodes1, nodes2, keras.optimizers.RMSprop(rate), "he_normal", penalty)
