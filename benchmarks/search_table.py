"""Make the tabular benchmark of the samplers: every configuration of a small MLP family, trained
for real.

    python benchmarks/search_table.py digits        # some ten minutes on one core
    python benchmarks/search_table.py mnist         # needs mnist.npz, see VAIOPT_DATA

``mnist`` is a thinned MNIST: 2,500 images of 14 x 14 pixels.

The result is ``benchmarks/data/search_<name>.npz`` with ``accuracy`` (layers, nodes1, nodes2,
nodes3, learning rate, activation, batch size, epoch) on validation data. Inactive sizes stand at
their first value; the other cells of an inactive size stay NaN. The script can be stopped and goes
on where it was. The networks are trained by scikit-learn's MLPClassifier (Adam, one ``partial_fit``
an epoch): the same arithmetic as Keras without 0.5 s of tracing a model, which is what makes
thousands of trainings affordable.
"""

import itertools
import sys
import time
import warnings
from pathlib import Path

import numpy as np

NODES = (16, 32, 64, 128)
RATES = tuple(float(r) for r in 10 ** np.linspace(-4.5, -0.5, 9))
ACTIVATIONS = ("relu", "logistic")
BATCHES = (16, 64)
LAYERS = (1, 2, 3)
EPOCHS = 8
SHAPE = (
    len(LAYERS),
    len(NODES),
    len(NODES),
    len(NODES),
    len(RATES),
    len(ACTIVATIONS),
    len(BATCHES),
)
FOLDER = Path(__file__).resolve().parent / "data"


def load(name):
    """Return training and validation data, ``(x, y, x, y)``."""
    from vaiopt.data import load_dataset, split_dataset

    dataset = load_dataset(name, limit=2500 if name == "mnist" else 0, seed=0)
    splits = split_dataset(dataset, (6, 3, 1) if name == "mnist" else (6.5, 2.5, 1), seed=0)

    def flat(part):
        x = part.x
        if name == "mnist":  # the mean of 2 x 2 pixels
            x = x[:, ::2, ::2] + x[:, 1::2, ::2] + x[:, ::2, 1::2] + x[:, 1::2, 1::2]
            x = x / 4
        return x.reshape(len(x), -1), part.y

    return (*flat(splits.train), *flat(splits.validation))


def cells():
    """Return the index of every configuration that differs from the others."""
    for index in itertools.product(*(range(n) for n in SHAPE)):
        layers = LAYERS[index[0]]
        if all(index[1 + i] == 0 for i in range(layers, 3)):
            yield index


def train(data, index, seed=0):
    """Train one configuration and return its validation accuracy after every epoch."""
    from sklearn.neural_network import MLPClassifier

    x, y, val_x, val_y = data
    sizes = tuple(NODES[index[1 + i]] for i in range(LAYERS[index[0]]))
    model = MLPClassifier(
        sizes,
        activation=ACTIVATIONS[index[5]],
        learning_rate_init=RATES[index[4]],
        batch_size=BATCHES[index[6]],
        alpha=0.0,
        random_state=seed,
    )
    curve = []
    for _ in range(EPOCHS):
        model.partial_fit(x, y, classes=np.arange(10))
        curve.append(model.score(val_x, val_y))
    return curve


def main(name):
    """Fill the table of ``name``."""
    from threadpoolctl import threadpool_limits

    path = FOLDER / f"search_{name}.npz"
    FOLDER.mkdir(exist_ok=True)
    accuracy = (
        np.load(path)["accuracy"]
        if path.exists()
        else np.full((*SHAPE, EPOCHS), np.nan, dtype=np.float32)
    )
    data = load(name)
    missing = [index for index in cells() if np.isnan(accuracy[index]).any()]
    # In random order, so that a table that is not complete yet can be looked at.
    np.random.RandomState(0).shuffle(missing)
    saved = time.perf_counter()
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for done, index in enumerate(missing, start=1):
            index = tuple(index)
            accuracy[index] = train(data, index)
            if time.perf_counter() - saved > 30 or done == len(missing):
                np.savez_compressed(path, accuracy=accuracy)
                saved = time.perf_counter()
                print(f"{done}/{len(missing)}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
