"""Make the table of a small CNN family on thinned Fashion-MNIST: every configuration, trained for
real, and what it costs on the zcu102.

    pip install torch                               # beside what vaiopt needs
    python benchmarks/front_fashion.py costs        # a minute and a half
    python benchmarks/front_fashion.py train        # some 70 minutes on one core

The data are 1,500 images for training and 3,000 for validation, of 14 x 14 pixels: each the mean
of 2 x 2, ten classes alike. A training is 4 epochs of Adam in batches of 50, its rate down along a
cosine, on one thread, in PyTorch: the same networks as Keras builds, whose costs are asked of
vaiopt, at a fifth of the time. The seed of a training is the number of its configuration.

The result is ``benchmarks/data/front_fashion.npz``: ``accuracy`` (blocks, convs, filters, kind,
reduce, dense, learning rate) and ``latency_ms``, ``params``, ``macs`` without the last axis; see
``KINDS`` and ``DENSE`` for the two axes that stand for two hyperparameters each. The script can be
stopped and goes on where it was.
"""

import argparse
import itertools
import os
import time
from pathlib import Path

import numpy as np

PATH = Path(__file__).resolve().parent / "data" / "front_fashion.npz"
BLOCKS = (1, 2, 3)
CONVS = (1, 2, 3)
FILTERS = (6, 12, 24)
KINDS = (("plain", 3), ("separable", 3), ("separable", 5))  # and the kernel
REDUCE = ("max", "stride")
DENSE = ((0, 0), (1, 64), (1, 1024), (2, 64), (2, 1024))  # layers, and the units of each
RATES = (6e-4, 2.5e-3, 1e-2)
NETWORK = (BLOCKS, CONVS, FILTERS, KINDS, REDUCE, DENSE)
SIZE, CLASSES = 14, 10
TRAINING, VALIDATION = 1500, 3000
EPOCHS, BATCH = 4, 50
COSTS = ("latency_ms", "params", "macs")


def layers(blocks, convs, filters, kind, reduce, dense):
    """Yield the layers of a network, in words: their name and what they are given."""
    channels = 1
    for block in range(blocks):
        for conv in range(convs):
            stride = 2 if reduce == "stride" and conv == convs - 1 else 1
            wanted = filters * 2**block
            if kind[0] == "separable" and channels > 1:
                yield "depthwise", (channels, kind[1], stride)
                yield "conv", (channels, wanted, 1, 1)
            else:
                yield "conv", (channels, wanted, kind[1], stride)
            yield "normalize", (wanted,)
            channels = wanted
        if reduce == "max":
            yield "pool", ()
    yield "flatten", ()
    for _ in range(dense[0]):
        yield "dense", (dense[1],)


def keras_model(*network):
    """Return a network as Keras builds it."""
    from vaiopt.keras import load_keras

    keras = load_keras()
    make = keras.layers
    rows = {
        "depthwise": lambda _, kernel, stride: [
            make.DepthwiseConv2D(kernel, stride, padding="same", use_bias=False)
        ],
        "conv": lambda _, filters, kernel, stride: [
            make.Conv2D(filters, kernel, stride, padding="same", use_bias=False)
        ],
        "normalize": lambda _: [make.BatchNormalization(), make.ReLU()],
        "pool": lambda: [make.MaxPooling2D(2, padding="same")],
        "flatten": lambda: [make.Flatten()],
        "dense": lambda units: [make.Dense(units, activation="relu")],
    }
    inputs = x = make.Input((SIZE, SIZE, 1))
    for name, given in layers(*network):
        for layer in rows[name](*given):
            x = layer(x)
    return keras.Model(inputs, make.Dense(CLASSES, activation="softmax")(x))


def torch_model(*network):
    """Return the same network in PyTorch, with logits."""
    from torch import nn

    rows = {
        "depthwise": lambda channels, kernel, stride: [
            nn.Conv2d(channels, channels, kernel, stride, kernel // 2, groups=channels, bias=False)
        ],
        "conv": lambda channels, filters, kernel, stride: [
            nn.Conv2d(channels, filters, kernel, stride, kernel // 2, bias=False)
        ],
        # A momentum for the few steps that there are.
        "normalize": lambda channels: [nn.BatchNorm2d(channels, momentum=0.3), nn.ReLU()],
        "pool": lambda: [nn.MaxPool2d(2, ceil_mode=True)],
        "flatten": lambda: [nn.Flatten()],
        "dense": lambda units: [nn.LazyLinear(units), nn.ReLU()],
    }
    made = [layer for name, given in layers(*network) for layer in rows[name](*given)]
    return nn.Sequential(*made, nn.LazyLinear(CLASSES))


def load():
    """Return training and validation data, ``(x, y, x, y)``; x has channels first."""
    from vaiopt.data import load_dataset, split_dataset

    dataset = load_dataset("fashion_mnist", limit=6000, seed=0)
    splits = split_dataset(dataset, (TRAINING, VALIDATION, 1500), seed=0)

    def thinned(part):
        x = part.x[:, ::2, ::2] + part.x[:, 1::2, ::2] + part.x[:, ::2, 1::2]
        x = (x + part.x[:, 1::2, 1::2]) / 4
        return np.ascontiguousarray(x.transpose(0, 3, 1, 2), np.float32), part.y.astype(np.int64)

    return (*thinned(splits.train), *thinned(splits.validation))


def train(data, network, rate, seed):
    """Train one configuration and return its validation accuracy."""
    import torch

    torch.manual_seed(seed)
    x, y, val_x, val_y = (torch.from_numpy(part) for part in data)
    model = torch_model(*network)
    model(x[:2])  # which makes the sizes of dense layers known
    model = model.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), lr=rate, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS * len(x) // BATCH)
    loss = torch.nn.CrossEntropyLoss()
    for _ in range(EPOCHS):
        for chosen in torch.randperm(len(x)).split(BATCH):
            optimizer.zero_grad()
            loss(model(x[chosen]), y[chosen]).backward()
            optimizer.step()
            schedule.step()
    model.eval()
    with torch.no_grad():
        right = [model(part).argmax(1) == labels for part, labels in batches(val_x, val_y)]
    return float(torch.cat(right).float().mean())


def batches(x, y, size=500):
    """Return pairs of parts of two arrays."""
    return zip(x.split(size), y.split(size))


def read():
    """Return what is known so far, NaN where it is not."""
    shape = tuple(len(axis) for axis in NETWORK)
    made = {name: np.full(shape, np.nan, np.float32) for name in COSTS}
    made["accuracy"] = np.full((*shape, len(RATES)), np.nan, np.float32)
    if PATH.exists():
        with np.load(PATH) as file:
            made.update({name: file[name] for name in file.files})
    return made


def write(table, names):
    """Write these arrays of the table, whole or not at all; the others stay as they are."""
    partial = PATH.with_suffix(".partial.npz")
    np.savez_compressed(partial, **{**read(), **{name: table[name] for name in names}})
    os.replace(partial, PATH)


def networks():
    """Yield the index and the values of each network."""
    for index in itertools.product(*(range(len(axis)) for axis in NETWORK)):
        yield index, tuple(axis[place] for axis, place in zip(NETWORK, index))


def fill_costs(arguments):
    """Ask the costs of every network on the zcu102."""
    from vaiopt.hardware import costs, load_target

    table, target = read(), load_target("zcu102")
    for index, network in networks():
        found = costs(keras_model(*network), target)
        for name in COSTS:
            table[name][index] = found[name]
    write(table, COSTS)
    latency = table["latency_ms"]
    print(f"latency {latency.min():.3f} to {latency.max():.3f} ms, {latency.max() / latency.min()}")


def fill_accuracy(arguments):
    """Train what is missing, in random order, so that an unfinished table can be looked at; the
    lowest learning rate last, without which there is a smaller table.
    """
    import torch

    torch.set_num_threads(1)
    table, data = read(), load()
    accuracy = table["accuracy"]
    cells = [
        ((*index, rate), network) for index, network in networks() for rate in range(len(RATES))
    ]
    order = np.random.RandomState(0).permutation(len(cells))
    order = sorted(order, key=lambda number: cells[number][0][-1] == 0)
    missing = [number for number in order if np.isnan(accuracy[cells[number][0]])]
    begun = saved = time.perf_counter()
    for done, number in enumerate(missing[: arguments.most], start=1):
        index, network = cells[number]
        accuracy[index] = train(data, network, RATES[index[-1]], seed=int(number))
        if time.perf_counter() - saved > 30 or done == len(missing):
            write(table, ("accuracy",))
            saved = time.perf_counter()
            left = (saved - begun) / done * (len(missing) - done) / 60
            print(f"{done} of {len(missing)}, {left:.0f} minutes left", flush=True)
    write(table, ("accuracy",))


def main():
    """Parse the command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=("costs", "train"))
    parser.add_argument("--most", type=int, default=None, help="trainings of this call")
    arguments = parser.parse_args()
    {"costs": fill_costs, "train": fill_accuracy}[arguments.command](arguments)


if __name__ == "__main__":
    main()
