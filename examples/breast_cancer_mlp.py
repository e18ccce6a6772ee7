"""The MLP of the published scan of the Wisconsin breast cancer data. Learning rates are multiples
of what suits each optimizer, as in Talos.
"""

from vaiopt.keras import load_keras

UNIT = {"Adam": 1000.0, "Nadam": 500.0, "RMSprop": 1000.0}
"""What a learning rate is divided by."""


def build_model(hp):
    keras = load_keras()
    layers = keras.layers
    name = hp.Choice("optimizer", list(UNIT))
    rate = (
        hp.Choice("lr", [0.5, 0.95, 1.4, 1.85, 2.3, 2.75, 3.2, 3.65, 4.1, 4.55], default=0.95)
        / UNIT[name]
    )
    nodes = hp.Choice("first_neuron", [4, 8, 16, 32, 64], default=16)
    hidden = hp.Choice("hidden_layers", [0, 1, 2])
    dropout = hp.Choice("dropout", [0.0, 0.1, 0.2, 0.3, 0.4])
    shape = hp.Choice("shape", ["brick", "long_funnel"])
    activation = hp.Choice("activation", ["relu", "elu"])
    loss = hp.Choice("losses", ["log_cosh", "binary_crossentropy"], default="binary_crossentropy")
    x = inputs = keras.Input(hp.input_shape)
    x = layers.Dense(nodes, activation=activation)(x)
    x = layers.Dropout(dropout)(x)
    for index in range(hidden):
        # A long funnel keeps the first width for half of the layers and then narrows to the output.
        narrow = shape == "long_funnel" and index >= hidden / 2
        x = layers.Dense(max(2, nodes // 2) if narrow else nodes, activation=activation)(x)
        x = layers.Dropout(dropout)(x)
    model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x))
    losses = {
        "log_cosh": keras.losses.LogCosh(),
        "binary_crossentropy": keras.losses.BinaryCrossentropy(),
    }
    model.compile(
        optimizer=getattr(keras.optimizers, name)(rate), loss=losses[loss], metrics=["accuracy"]
    )
    return model
