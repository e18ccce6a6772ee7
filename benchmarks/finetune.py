"""What fast finetuning wins back of what int8 costs a depthwise network.

    python benchmarks/finetune.py
    python benchmarks/finetune.py FOLDER_OF_CIFAR_10 --limit 20000 --epochs 10

A small MobileNet v1, several seeds of weights; 200 calibration samples. A line for each: accuracy
on the test split in float, after post-training quantization and after fast finetuning, and the
seconds of processor time that each of the two took.
"""

from __future__ import annotations

import argparse
import time
from typing import Any, List, NamedTuple

import numpy as np

from vaiopt.data import calibration_indices, load_dataset, split_dataset
from vaiopt.data.batches import DeviceData
from vaiopt.keras import load_keras
from vaiopt.models import build, load_family
from vaiopt.quantize.backend import QuantizeRequest
from vaiopt.quantize.tfmot.backend import TfmotQuantizer
from vaiopt.search.training import fit
from vaiopt.study.hyperparameters import HyperParameters

NETWORK = {"version": "v1", "width": 0.25, "depth": 0.5}
CALIBRATION = 200


class Result(NamedTuple):
    """Accuracy on the test split, in percent, and what it took."""

    accuracy: float
    seconds: float


def main() -> None:
    """Train and quantize for each seed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("source", nargs="?", default="fashion_mnist")
    parser.add_argument("--limit", type=int, default=6000)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--release", default="3.0")
    arguments = parser.parse_args()
    dataset = load_dataset(arguments.source, limit=arguments.limit, seed=0)
    splits, device = split_dataset(dataset, (5, 1, 2), seed=0), DeviceData(dataset)
    for seed in range(arguments.seeds):
        plan = fit.Plan(arguments.epochs, 32, seed, "val_accuracy", True, 0)
        model = trained(device, splits, plan)
        results = [quantized(model, splits, arguments.release, way) for way in ("ptq", "finetune")]
        print(line(accuracy(model, splits.test), results), flush=True)


def trained(device: Any, splits: Any, plan: fit.Plan) -> Any:
    """Return a trained float model."""
    keras, dataset = load_keras(), splits.dataset
    keras.backend.clear_session()
    keras.utils.set_random_seed(plan.seed)
    known = (dataset.sample_shape, len(dataset.classes), len(dataset))
    model = build(load_family("mobilenet"), HyperParameters(NETWORK, {}, *known))
    fit.train(model, device, splits, plan)
    return model


def quantized(model: Any, splits: Any, release: str, method: str) -> Result:
    """Quantize a model and return its accuracy."""
    drawn = splits.train.take(calibration_indices(splits.train.y, CALIBRATION, 0))
    start = time.process_time()
    request = QuantizeRequest(model, [drawn.x], release, method)
    int8 = TfmotQuantizer().quantize(request).model
    seconds = time.process_time() - start
    return Result(accuracy(int8, splits.test), seconds)


def accuracy(model: Any, part: Any) -> float:
    """Return the percentage of right answers."""
    return 100 * float(np.mean(model.predict(part.x, verbose=0).argmax(axis=1) == part.y))


def line(exact: float, results: List[Result]) -> str:
    """Return a line of figures."""
    plain, tuned = results
    lost = exact - plain.accuracy
    won = f"{100 * (tuned.accuracy - plain.accuracy) / lost:.0f} % won back" if lost > 0 else ""
    return (
        f"float {exact:.2f} %, ptq {plain.accuracy:.2f} % ({plain.seconds:.0f} s), finetune"
        f" {tuned.accuracy:.2f} % ({tuned.seconds:.0f} s) {won}"
    )


if __name__ == "__main__":
    main()
