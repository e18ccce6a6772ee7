"""The off-board backend: the vendor's scheme on tensorflow-model-optimization."""

from __future__ import annotations

from typing import Any, Dict, Optional, Sequence, Tuple

import numpy as np

from vaiopt.int8.model import save_quantized
from vaiopt.keras import load_keras
from vaiopt.quantize.backend import LEARNING_RATE, TRAINING_BATCH, Quantized
from vaiopt.quantize.tfmot.assemble import make_quantized, position_list
from vaiopt.quantize.tfmot.emulation import Emulation
from vaiopt.quantize.tfmot.graph import Graph, read_graph
from vaiopt.quantize.tfmot.placement import float_layers, place
from vaiopt.quantize.tfmot.pof2s import load_tfmot
from vaiopt.quantize.tfmot.prepare import prepare, to_dpu_functions
from vaiopt.quantize.tfmot.refine import Key, refine
from vaiopt.quantize.tfmot.rules import Rules, rules_of
from vaiopt.text import Progress, silent


def prepared_graph(model: Any, rules: Rules) -> Graph:
    """Return the graph of a functional float model after preparation, with every rounding
    placed.
    """
    graph = read_graph(model)
    prepare(graph, rules)
    to_dpu_functions(graph)
    place(graph, rules)
    return graph


def quantize_tfmot(
    model: Any,
    x: Sequence[np.ndarray],
    *,
    release: str,
    batch_size: int,
    training: Optional[Tuple[Sequence[np.ndarray], np.ndarray]] = None,
    epochs: int = 0,
    seed: int = 0,
    progress: Progress = silent,
) -> Quantized:
    """Quantize a functional float model after the vendor's rules.

    Args:
        model: functional, checked.
        x: calibration data, one float32 array per input.
        release: whose rules.
        batch_size: of the calibration.
        training: inputs and class numbers for quantization-aware training, or None for
            post-training quantization only.
        epochs: of that training.
        seed: of its order.
        progress: is told what happens.

    Raises:
        QuantizeError: the model cannot be quantized.
        MissingToolError: tensorflow-model-optimization is not installed.
    """
    load_tfmot()
    rules = rules_of(release)
    graph = prepared_graph(model, rules)
    emulation = Emulation(graph)
    progress(f"choosing positions on {len(x[0])} samples")
    positions = refine(graph, rules, emulation.calibrate(x, batch_size))
    if training is not None and epochs > 0:
        emulation.set_positions(positions)
        _train(emulation, training[0], training[1], epochs, seed, progress)
        emulation.read_weights()
        positions = refine(graph, rules, emulation.calibrate(x, batch_size))
    return _result(graph, positions, rules.release)


def _result(graph: Graph, positions: Dict[Key, int], release: str) -> Quantized:
    entries = position_list(graph, positions)
    quantized = make_quantized(graph, positions)
    return Quantized(
        quantized,
        entries,
        float_layers(graph),
        lambda path: save_quantized(quantized, entries, path),
        release,
    )


def _train(
    emulation: Emulation,
    x: Sequence[np.ndarray],
    y: np.ndarray,
    epochs: int,
    seed: int,
    progress: Progress,
) -> None:
    """Train the emulated model with the straight-through estimator at fixed positions."""
    keras = load_keras()
    keras.utils.set_random_seed(seed)
    binary = emulation.model.output_shape[-1] == 1
    loss = "binary_crossentropy" if binary else "sparse_categorical_crossentropy"
    emulation.model.compile(
        optimizer=keras.optimizers.Adam(LEARNING_RATE), loss=loss, metrics=["accuracy"]
    )

    def told(epoch: int, logs: Optional[Dict[str, float]] = None) -> None:
        progress(
            "training epoch {} of {}: loss {:.4f}, accuracy {:.4f}".format(
                epoch + 1, epochs, (logs or {})["loss"], (logs or {})["accuracy"]
            )
        )

    inputs = list(x) if len(x) > 1 else x[0]
    callback = keras.callbacks.LambdaCallback(on_epoch_end=told)
    emulation.model.fit(
        inputs,
        y,
        batch_size=TRAINING_BATCH,
        epochs=epochs,
        shuffle=True,
        verbose=0,
        callbacks=[callback],
    )
