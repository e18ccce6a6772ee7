"""What a backbone is worth: trained on half of the classes, and moved to the others with few
samples, against the same network from scratch.

    python benchmarks/transfer.py digits --samples 100
    python benchmarks/transfer.py fashion_mnist --samples 500
    python benchmarks/transfer.py fashion_mnist --samples 500 --run RUN    # of photos, 32 x 32 x 3

The backbone is the small ResNet of the family ``resnet``, trained on the first five classes. Then
the same network learns the other five from so many of their samples, and all others of these
classes (at most 2,000) tell how well. With --run the backbone is the chosen model of a run, and all
classes are learned, of images that are padded to the size of its own.

Each way has as many epochs, and no choice is made by what is told. Prints mean and standard
deviation over the seeds, which decide the samples and the initial weights.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

from vaiopt.data import load_dataset
from vaiopt.keras import load_model
from vaiopt.runs.layout import Run
from vaiopt.search.training.trial import Job, run_trial
from vaiopt.settings import load_settings
from vaiopt.settings.reading import read_run_settings
from vaiopt.study.record import COMPLETE
from vaiopt.study.trials import load_trials

MOST_TOLD = 2000
RATE = 0.01
"""Of Adam: few samples are few steps, in which a frozen backbone's last layer has to learn."""
NETWORK = ["model.family=resnet", "model.hyperparameters.width=16", "model.hyperparameters.depth=1"]
OF_THE_MODEL = ("width", "depth", "stages", "version", "form")
"""Hyperparameters that decide shapes."""

WAYS = {
    "from scratch": [],
    "all layers trained on": ["model.weights=WEIGHTS"],
    "backbone frozen": ["model.weights=WEIGHTS", "train.freeze=backbone"],
    "frozen, then trained": [
        "model.weights=WEIGHTS",
        "train.freeze=backbone",
        "train.unfreeze_epoch=HALF",
    ],
}
"""What is compared, by the settings."""


def write_halves(source, samples, seed, folder):
    """Write the samples of the first half of the classes, and of the second half a few to learn
    from and others to be judged by.
    """
    data = load_dataset(source)
    half = len(data.classes) // 2
    random = np.random.RandomState(seed)
    first = random.permutation(np.flatnonzero(data.y < half))[: 10 * MOST_TOLD]
    second = random.permutation(np.flatnonzero(data.y >= half))
    few, others = second[:samples], second[samples : samples + MOST_TOLD]
    np.savez(str(folder / "first.npz"), x=data.x[first], y=data.y[first])
    np.savez(
        str(folder / "second.npz"),
        x=data.x[few],
        y=data.y[few] - half,
        x_val=data.x[others],
        y_val=data.y[others] - half,
        x_test=data.x[others],  # a test part there must be; nothing looks at it
        y_test=data.y[others] - half,
    )


def write_few(source, samples, seed, folder, shape):
    """Write a few samples to learn from and others to be judged by, padded to a shape."""
    data = load_dataset(source)
    chosen = np.random.RandomState(seed).permutation(len(data.x))[: samples + MOST_TOLD]
    x = data.x[chosen]
    edges = [((size - own) // 2, -(-(size - own) // 2)) for size, own in zip(shape, x.shape[1:3])]
    x = np.pad(x, ((0, 0), *edges, (0, 0)))
    x = np.repeat(x, shape[2] // x.shape[3], axis=3)
    few, others = slice(samples), slice(samples, None)
    y = data.y[chosen]
    np.savez(
        str(folder / "second.npz"),
        x=x[few],
        y=y[few],
        x_val=x[others],
        y_val=y[others],
        x_test=x[others],  # a test part there must be; nothing looks at it
        y_test=y[others],
    )


def backbone_of(folder):
    """Return where the chosen model of a run is, the shape of its images, and the settings that
    build it.
    """
    run = Run(folder)
    number = run.read_chosen().trials[0]
    settings, _ = read_run_settings(run)
    found = next(trial for trial in load_trials(run) if trial.number == number).hyperparameters
    values = [f"model.hyperparameters.{n}={found[n]}" for n in found if n in OF_THE_MODEL]
    model = run.trial(number).model
    shape = tuple(load_model(model).input_shape[1:])
    return str(model), shape, [f"model.family={settings.model.family}", *values]


def trained(folder, name, epochs, seed, sets, network):
    """Return the validation accuracy of a training, and where its model is."""
    texts = [
        f"data.source={folder / f'{name}.npz'}",
        *network,
        f"train.epochs={epochs}",
        "train.batch_size=16",
        f"train.learning_rate={RATE}",
        "train.keep=last",
        "data.split=9:1:0" if name == "second" else "data.split=8:1:1",
        "data.pool=false" if name == "second" else "data.pool=true",
        f"seed={seed}",
    ]
    place = folder / f"{name}-{len(list(folder.iterdir()))}"
    record = run_trial(Job(str(place), load_settings(None, [*texts, *sets]), 0, {}))
    if record.status != COMPLETE:
        raise SystemExit(record.reason)
    return record.metrics["val_accuracy"], Run(place).trial(0).model


def main():
    """Train, move, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", choices=["digits", "mnist", "fashion_mnist"])
    parser.add_argument("--samples", type=int, default=500, help="to learn the new classes from")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--run", help="of the backbone; without one it is trained")
    arguments = parser.parse_args()
    found = {way: [] for way in WAYS}
    network = NETWORK
    if arguments.run:
        weights, shape, network = backbone_of(arguments.run)
    for seed in range(arguments.seeds):
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            if arguments.run:
                write_few(arguments.source, arguments.samples, seed, folder, shape)
            else:
                write_halves(arguments.source, arguments.samples, seed, folder)
                _, weights = trained(folder, "first", arguments.epochs, seed, [], network)
            places = {"WEIGHTS": str(weights), "HALF": str(arguments.epochs // 2)}
            for way, sets in WAYS.items():
                for word, text in places.items():
                    sets = [given.replace(word, text) for given in sets]
                accuracy, _ = trained(folder, "second", arguments.epochs, seed, sets, network)
                found[way].append(100 * accuracy)
    for way, values in found.items():
        spread = np.std(values, ddof=1) if len(values) > 1 else 0.0
        print(f"{way:24} {np.mean(values):5.1f} % ({spread:.1f})", flush=True)


if __name__ == "__main__":
    main()
