"""What it costs to read each batch from a file: trainings of the same network on the same images,
in memory and in a file, in turns.

    python benchmarks/data_speed.py                # 20,000 images of 32x32 pixels, a small CNN
    python benchmarks/data_speed.py --network mlp  # 1,200 samples of 64 values, a small MLP
    python benchmarks/data_speed.py --images cifar10/train    # photos, a folder for each class, and
                                                              # the VGG of examples/cifar10.toml

Samples a second without the first epoch, medians (lowest to highest) over the repetitions, and the
ratio of file to memory within a repetition.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from typing import Any, Callable, List, NamedTuple, Tuple

import numpy as np

EPOCHS = 3


class Case(NamedTuple):
    """A training: how many samples of which shape, and the batch size."""

    samples: int
    shape: Tuple[int, ...]
    batch: int
    family: str = ""


CASES = {"cnn": Case(20_000, (32, 32, 3), 128), "mlp": Case(1_200, (64,), 32)}
PHOTOS = Case(4_000, (32, 32, 3), 128, "vgg_small")
FIRST_POINT = {"width": 32, "stages": 4, "depth": 2, "dropout": 0.2}


def network(case: Case) -> Any:
    """Return a compiled model."""
    from vaiopt.keras import load_keras
    from vaiopt.models import load_family
    from vaiopt.study.hyperparameters import HyperParameters

    keras = load_keras()
    if case.family:
        point = HyperParameters(FIRST_POINT, {}, case.shape, 10, case.samples)
        return load_family(case.family)(point)
    layers: List[Any] = [keras.layers.Input(case.shape)]
    if len(case.shape) == 3:
        for filters in (16, 32):
            layers.append(keras.layers.Conv2D(filters, 3, strides=2, activation="relu"))
        layers.append(keras.layers.Flatten())
    layers += [keras.layers.Dense(32, activation="relu"), keras.layers.Dense(10)]
    model = keras.Sequential(layers)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss)
    return model


def rate(dataset: Any, case: Case, clock: Callable[[], float]) -> float:
    """Return samples a second of a training."""
    from vaiopt.data import split_dataset
    from vaiopt.data.batches import DeviceData

    splits = split_dataset(dataset, (8, 1, 1), seed=0)
    part = splits.train
    data = DeviceData(dataset).batches(
        part.indices, splits.preprocessing, case.batch, labels=part.y, shuffle_seed=0
    )
    model = network(case)
    model.fit(data, epochs=1, verbose=0)
    started = clock()
    model.fit(data, epochs=EPOCHS, verbose=0)
    return EPOCHS * len(part) / (clock() - started)


def random_samples(folder: str, case: Case) -> str:
    """Make a file of random samples and return its path."""
    random = np.random.default_rng(0)
    x = random.integers(0, 256, (case.samples, *case.shape), np.uint8)
    np.savez(f"{folder}/a.npz", x=x, y=np.arange(len(x)) % 10)
    return f"{folder}/a.npz"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--network", choices=tuple(CASES), default="cnn")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--images", help="a folder of photos, with one for each class")
    parser.add_argument("--cpu", action="store_true", help="CPU seconds, beside other work")
    options = parser.parse_args()
    clock = time.process_time if options.cpu else time.perf_counter
    case = PHOTOS if options.images else CASES[options.network]
    from vaiopt.data import load_dataset

    rates: List[List[float]] = [[], []]
    with tempfile.TemporaryDirectory() as folder:
        source = options.images or random_samples(folder, case)
        for _ in range(options.repeat):
            for found, limit in zip(rates, (1e6, 0.0)):
                dataset = load_dataset(source, in_memory_mb=limit, limit=case.samples)
                found.append(rate(dataset, case, clock))
    ratios = [in_file / in_memory for in_memory, in_file in zip(*rates)]
    for name, found in (("in memory", rates[0]), ("in a file", rates[1]), ("ratio", ratios)):
        print(f"{name}: {statistics.median(found):,.2f} ({min(found):,.2f} to {max(found):,.2f})")


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main()
