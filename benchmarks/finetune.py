"""What fast finetuning wins back of what int8 costs a depthwise network.

    python benchmarks/finetune.py
    python benchmarks/finetune.py FOLDER_OF_CIFAR_10 --limit 20000 --epochs 10

A small MobileNet v1, several seeds of weights; 200 calibration samples. The scales of its depthwise
layers start apart, by up to two to the power of --spread: so its channels come to have the unequal
ranges that a network gets by long training. A line for each seed: accuracy on the test split in
float, after post-training quantization and after fast finetuning, how many answers are the float
model's, and the seconds of processor time.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
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
    """Of the test split: right answers and answers of the float model, in percent; and what it
    took.
    """

    accuracy: float
    agreement: float
    seconds: float


def main() -> None:
    """Train and quantize for each seed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("source", nargs="?", default="fashion_mnist")
    parser.add_argument("--limit", type=int, default=6000)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--spread", type=float, default=5.0)
    parser.add_argument("--release", default="3.0")
    arguments = parser.parse_args()
    dataset = load_dataset(arguments.source, limit=arguments.limit, seed=0)
    splits, device = split_dataset(dataset, (5, 1, 2), seed=0), DeviceData(dataset)
    for seed in range(arguments.seeds):
        plan = fit.Plan(arguments.epochs, 32, seed, "val_accuracy", True, 0)
        model = trained(device, splits, plan, arguments.spread)
        answers = answers_of(model, splits.test)
        results = [
            quantized(model, splits, answers, QuantizeRequest(model, [], arguments.release, way))
            for way in ("ptq", "finetune")
        ]
        print(line(percent(answers == splits.test.y), results), flush=True)


def trained(device: Any, splits: Any, plan: fit.Plan, spread: float) -> Any:
    """Return a trained float model."""
    keras, dataset = load_keras(), splits.dataset
    keras.backend.clear_session()
    keras.utils.set_random_seed(plan.seed)
    known = (dataset.sample_shape, len(dataset.classes), len(dataset))
    model = build(load_family("mobilenet"), HyperParameters(NETWORK, {}, *known))
    random = np.random.default_rng(plan.seed)
    for layer in model.layers:
        if layer.name.startswith("conv_dw") and layer.name.endswith("_bn"):
            gamma, *others = layer.get_weights()
            layer.set_weights([gamma * 2 ** -random.uniform(0, spread, gamma.shape), *others])
    fit.train(model, device, splits, plan)
    return model


def quantized(model: Any, splits: Any, answers: np.ndarray, request: QuantizeRequest) -> Result:
    """Quantize a model and judge it."""
    drawn = splits.train.take(calibration_indices(splits.train.y, CALIBRATION, 0))
    start = time.process_time()
    int8 = TfmotQuantizer().quantize(replace(request, x=[drawn.x])).model
    seconds, found = time.process_time() - start, answers_of(int8, splits.test)
    return Result(percent(found == splits.test.y), percent(found == answers), seconds)


def answers_of(model: Any, part: Any) -> np.ndarray:
    """Return the class that a model gives each sample."""
    return np.asarray(model.predict(part.x, verbose=0).argmax(axis=1))


def percent(right: np.ndarray) -> float:
    """Return the share of what is true, in percent."""
    return 100 * float(np.mean(right))


def line(exact: float, results: List[Result]) -> str:
    """Return a line of figures."""
    lost = exact - results[0].accuracy
    won = 100 * (results[1].accuracy - results[0].accuracy) / lost if lost > 0 else 0.0
    told = [
        f"{name} {each.accuracy:.2f} % (as float {each.agreement:.1f} %, {each.seconds:.0f} s)"
        for name, each in zip(("ptq", "finetune"), results)
    ]
    return f"float {exact:.2f} %, {', '.join(told)}: {won:.0f} % of the loss won back"


if __name__ == "__main__":
    main()
