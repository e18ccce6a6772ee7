"""What the statistics of batch normalisation are worth, from how many samples: the same training,
validated with Keras's moving averages (0 samples) and with statistics taken anew.

    python benchmarks/batch_statistics.py mnist --limit 3000 --epochs 3 --batch-size 128
    python benchmarks/batch_statistics.py digits

A batch-normalised model of cnn_blocks, at its default point. A line for each number of samples:
training and validation accuracy of the last epoch, and CPU seconds of the training.
"""

from __future__ import annotations

import argparse
import time

from vaiopt.data import load_dataset, split_dataset
from vaiopt.data.batches import DeviceData
from vaiopt.keras import load_keras
from vaiopt.models import build, load_family
from vaiopt.search.training import fit, statistics
from vaiopt.study.hyperparameters import HyperParameters


def main() -> None:
    """Train once for each number of samples."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("source")
    parser.add_argument("--limit", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--samples", type=int, nargs="+", default=[0, 64, 256, 10**6])
    arguments = parser.parse_args()
    dataset = load_dataset(arguments.source, limit=arguments.limit, seed=0)
    splits, device = split_dataset(dataset, (7, 2, 1), seed=0), DeviceData(dataset)
    known = (dataset.sample_shape, len(dataset.classes), len(dataset))
    plan = fit.Plan(arguments.epochs, arguments.batch_size, 0, "val_accuracy", True, 0)
    for samples in arguments.samples:
        statistics.SAMPLES = samples
        load_keras().utils.set_random_seed(0)
        model = build(load_family("cnn_blocks"), HyperParameters({"batch_norm": True}, {}, *known))
        before = time.process_time()
        last = fit.train(model, device, splits, plan).curve[-1]
        print(
            f"{min(samples, len(splits.train)):6} samples: training {100 * last['accuracy']:.1f} %,"
            f" validation {100 * last['val_accuracy']:.1f} %, {time.process_time() - before:.1f} s"
        )


if __name__ == "__main__":
    main()
