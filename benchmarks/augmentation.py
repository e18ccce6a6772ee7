"""What augmentation is worth where samples are few: the same trainings with and without.

    python benchmarks/augmentation.py
    python benchmarks/augmentation.py fashion_mnist --limit 2000 --epochs 15

A model of cnn_blocks at its default point, several seeds of weights and order. A line for each kind
of augmentation: median and range of the accuracy on the test split, and the samples a second of the
trainings, validation included.
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import replace
from typing import Any, Dict, List, Tuple

from vaiopt.data import load_dataset, split_dataset
from vaiopt.data.batches import DeviceData
from vaiopt.keras import load_keras
from vaiopt.models import build, load_family
from vaiopt.search.training import fit
from vaiopt.study.hyperparameters import HyperParameters

KINDS: Dict[str, Dict[str, float]] = {
    "none": {},
    "shift": {"shift": 0.13},
    "rotation": {"rotation": 15.0},
    "shift and rotation": {"shift": 0.13, "rotation": 15.0},
    "cutout": {"cutout": 0.3},
    "mixup": {"mixup": 0.2},
    "cutmix": {"cutmix": 1.0},
}


def main() -> None:
    """Train for each kind and seed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("source", nargs="?", default="digits")
    parser.add_argument("--limit", type=int, default=400)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=list(KINDS))
    arguments = parser.parse_args()
    dataset = load_dataset(arguments.source, limit=arguments.limit, seed=0)
    splits, device = split_dataset(dataset, (2, 1, 7), seed=0), DeviceData(dataset)
    # What is compared is the test split: it is large, and nothing is chosen by it.
    judged = replace(splits, validation=splits.test)
    plan = fit.Plan(
        arguments.epochs, arguments.batch_size, 0, "val_accuracy", True, 0, keep_best=False
    )
    print(f"{len(splits.train)} training samples, {len(splits.test)} test samples")
    for kind in arguments.kinds:
        runs = [
            trained(device, judged, replace(plan, seed=seed, augment=KINDS[kind]))
            for seed in range(arguments.seeds)
        ]
        print(line(kind, runs, len(splits.train) * arguments.epochs), flush=True)


def trained(device: Any, splits: Any, plan: fit.Plan) -> Tuple[float, float]:
    """Return the accuracy that a training comes to, in percent, and its seconds."""
    keras, dataset = load_keras(), splits.dataset
    keras.backend.clear_session()
    keras.utils.set_random_seed(plan.seed)
    known = (dataset.sample_shape, len(dataset.classes), len(dataset))
    model = build(load_family("cnn_blocks"), HyperParameters({}, {}, *known))
    start = time.perf_counter()
    accuracy = fit.train(model, device, splits, plan).entry["val_accuracy"]
    return 100 * accuracy, time.perf_counter() - start


def line(kind: str, runs: List[Tuple[float, float]], samples: int) -> str:
    """Return a line of figures."""
    accuracies = sorted(accuracy for accuracy, _ in runs)
    rate = samples / statistics.median(seconds for _, seconds in runs)
    return (
        f"{kind:20} {statistics.median(accuracies):5.1f} %"
        f" ({accuracies[0]:.1f} to {accuracies[-1]:.1f}), {rate:,.0f} samples/s"
    )


if __name__ == "__main__":
    main()
