"""What fast finetuning, and training at int8, win back of what int8 costs a depthwise network.

    python benchmarks/finetune.py FOLDER_OF_CIFAR_10
    python benchmarks/finetune.py FOLDER_OF_CIFAR_10 --seeds 3 --qat-epochs 2 --keep kept
    python benchmarks/finetune.py --use kept --backend vitis --release 3.5

A MobileNet v2 of a third of the width, trained on 12,500 of 20,000 images with network slimming
(Liu et al. 2017, "Learning efficient convolutional networks through network slimming"): an L1 norm
of the scales of the batch normalisations behind its pointwise convolutions lets channels die, and
int8 costs such a network much. 200 calibration samples. A line for each seed of weights: accuracy
on the test split in float, after post-training quantization and after each way to win back, how
many answers are the float model's, and the seconds of processor time. ``--keep`` writes the float
models and the samples, which ``--use`` takes instead of training: so the vendor's quantizer, where
it is installed, is asked the same.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from typing import Any, List, NamedTuple

import numpy as np

from vaiopt.data import calibration_indices, load_dataset, split_dataset
from vaiopt.keras import load_keras, load_tensorflow, save_model
from vaiopt.models import build, load_family
from vaiopt.quantize.backend import Quantizer, QuantizeRequest
from vaiopt.quantize.checks import functional_model
from vaiopt.quantize.tfmot.backend import TfmotQuantizer
from vaiopt.quantize.vitis import VitisQuantizer
from vaiopt.study.hyperparameters import HyperParameters

NETWORK = {"version": "v2", "width": 0.35, "depth": 1.0, "dropout": 0.0}
SLIMMING = 0.005
"""Of the L1 norm, beside the cross-entropy: Liu et al. take 1e-5 to 1e-4, for 160 epochs."""
LEARNING_RATE = 0.1
BATCH = 64
CALIBRATION = 200
QUANTIZERS = {"tfmot": TfmotQuantizer, "vitis": VitisQuantizer}


class Samples(NamedTuple):
    """What a model is judged on, and calibrated with."""

    x: np.ndarray
    y: np.ndarray
    calibration: np.ndarray


class Result(NamedTuple):
    """Of the test split: right answers and answers of the float model, in percent; and what it
    took.
    """

    way: str
    accuracy: float
    agreement: float
    seconds: float


def main() -> None:
    """Train, or take what is kept, and quantize for each seed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("source", nargs="?", default="fashion_mnist")
    parser.add_argument("--limit", type=int, default=20000)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--release", default="3.0")
    parser.add_argument("--qat-epochs", type=int, default=0)
    parser.add_argument("--backend", default="tfmot", choices=sorted(QUANTIZERS))
    parser.add_argument("--keep", metavar="STEM")
    parser.add_argument("--use", metavar="STEM")
    arguments = parser.parse_args()
    if arguments.use and (arguments.qat_epochs or arguments.keep):
        parser.error("--use has no data to train on, and nothing to keep")
    if arguments.use:
        kept = np.load(f"{arguments.use}.npz")
        samples, splits = Samples(*(kept[name] for name in Samples._fields)), None
    else:
        dataset = load_dataset(arguments.source, limit=arguments.limit)
        splits = split_dataset(dataset, (5, 1, 2), seed=0)
        drawn = splits.train.take(calibration_indices(splits.train.y, CALIBRATION, 0))
        samples = Samples(splits.test.x, splits.test.y, drawn.x)
    if arguments.keep:
        np.savez(f"{arguments.keep}.npz", **samples._asdict())
    for seed in range(arguments.seeds):
        if splits is None:
            model = functional_model(f"{arguments.use}_{seed}.h5")
        else:
            model = trained(splits, arguments.epochs, seed)
        if arguments.keep:
            save_model(model, f"{arguments.keep}_{seed}.h5")
        request = QuantizeRequest(model, [samples.calibration], arguments.release, "ptq")
        requests = [request, replace(request, method="finetune")]
        if arguments.qat_epochs:
            labelled = ([splits.train.x], splits.train.y)
            epochs = arguments.qat_epochs
            requests.append(replace(request, method="qat", training=labelled, epochs=epochs))
        answers = answers_of(model, samples.x)
        quantizer = QUANTIZERS[arguments.backend]()
        results = [quantized(quantizer, each, samples, answers) for each in requests]
        print(line(percent(answers == samples.y), results), flush=True)


def trained(splits: Any, epochs: int, seed: int) -> Any:
    """Return a trained float model."""
    keras, tf, dataset = load_keras(), load_tensorflow(), splits.dataset
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    known = (dataset.sample_shape, len(dataset.classes), len(dataset))
    model = build(load_family("mobilenet"), HyperParameters(NETWORK, {}, *known))
    for convolution, norm in zip(model.layers, model.layers[1:]):
        if type(convolution) is keras.layers.Conv2D and hasattr(norm, "gamma"):
            model.add_loss(lambda norm=norm: SLIMMING * tf.reduce_sum(tf.abs(norm.gamma)))
    samples = tf.data.Dataset.from_tensor_slices((splits.train.x, splits.train.y))
    samples = samples.shuffle(len(splits.train), seed=seed).batch(BATCH)
    samples = samples.map(lambda x, y: (tf.image.random_flip_left_right(x), y)).prefetch(2)
    rate = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, epochs * len(samples))
    optimizer = keras.optimizers.SGD(rate, momentum=0.9, nesterov=True)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(samples, epochs=epochs, verbose=2)
    return model


def quantized(
    quantizer: Quantizer, request: QuantizeRequest, samples: Samples, answers: np.ndarray
) -> Result:
    """Quantize a model and judge it."""
    start = time.process_time()
    int8 = quantizer.quantize(request).model
    seconds, found = time.process_time() - start, answers_of(int8, samples.x)
    right, same = percent(found == samples.y), percent(found == answers)
    return Result(request.method, right, same, seconds)


def answers_of(model: Any, x: np.ndarray) -> np.ndarray:
    """Return the class that a model gives each sample."""
    return np.asarray(model.predict(x, verbose=0).argmax(axis=1))


def percent(right: np.ndarray) -> float:
    """Return the share of what is true, in percent."""
    return 100 * float(np.mean(right))


def line(exact: float, results: List[Result]) -> str:
    """Return a line of figures."""
    told = [f"float {exact:.2f} %"]
    lost = exact - results[0].accuracy
    for way, accuracy, agreement, seconds in results:
        figures = f"as float {agreement:.1f} %, {seconds:.0f} s"
        if way != "ptq" and lost > 0:
            figures += f", {100 * (accuracy - results[0].accuracy) / lost:.0f} % won back"
        told.append(f"{way} {accuracy:.2f} % ({figures})")
    return ", ".join(told)


if __name__ == "__main__":
    main()
