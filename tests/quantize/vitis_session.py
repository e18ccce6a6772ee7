"""What a person does in the container, run in a process where the vendor's package (here its
stand-in) is the one that is found.

Prints one JSON object: what happened in each step.
"""

import contextlib
import io
import json
import sys
from pathlib import Path

import numpy as np
from float_networks import head, images, network

from vaiopt.environment import has_vitis_quantizer
from vaiopt.errors import VaioptError
from vaiopt.int8.vendor import is_vitis_model
from vaiopt.keras import load_keras
from vaiopt.quantize import (
    choose_backend,
    fix_positions,
    integer_outputs,
    load_quantized,
    quantize_model,
)


def everyday(layers, x):
    x = layers.Conv2D(4, 3, activation="relu", name="conv1")(x)
    x = layers.ReLU(name="conv2_relu")(layers.Conv2D(4, 3, activation="sigmoid", name="conv2")(x))
    return head(layers, layers.MaxPooling2D(name="pool")(x))


def error_of(model, **options):
    """Return the message and hint with which a model is refused."""
    try:
        quantize_model(model, images(20), out=Path(sys.argv[1]) / "refused", **options)
    except VaioptError as error:
        return [type(error).__name__, error.message, error.hint]
    return None


def main() -> None:
    keras, out, said = load_keras(), Path(sys.argv[1]), io.StringIO()
    x = images(40)
    with contextlib.redirect_stdout(said):
        result = quantize_model(
            network(everyday),
            x,
            np.arange(40) % 4,
            out=out / "q",
            release="3.0",
            calib_batch_size=20,
        )
    model = load_quantized(out / "q" / "quantized.h5")
    integers = integer_outputs(model, x[:16])
    golden = np.load(str(out / "q" / "golden.npz"))
    sequential = keras.Sequential(
        [
            keras.layers.Dense(5, activation="relu", input_shape=(6,), name="a"),
            keras.layers.Dense(4, name="b"),
        ]
    )
    separable = network(
        lambda layers, t: head(
            layers, layers.SeparableConv2D(4, 3, activation="relu", name="sep")(t)
        )
    )
    without_beta = network(
        lambda layers, t: head(
            layers,
            layers.BatchNormalization(center=False, name="norm")(
                layers.Conv2D(4, 3, name="conv")(t)
            ),
        )
    )
    foreign = network(lambda layers, t: head(layers, layers.ELU(name="elu")(t)))
    answer = {
        "vendor": has_vitis_quantizer(),
        "auto": choose_backend("auto"),
        "result": result.to_json(),
        "said": said.getvalue(),
        "is_vitis": is_vitis_model(model),
        "positions": [entry.name for entry in fix_positions(model)],
        "integers": {name: str(values.dtype) for name, values in integers.items()},
        "golden": [
            str(golden["output_name"]),
            bool(np.array_equal(golden["outputs"], integers["out/pre_activation"])),
        ],
        "logits_agree": bool(
            np.allclose(
                softmax(integers["out/pre_activation"] * 2.0 ** -int(golden["output_position"])),
                model.predict(x[:16], verbose=0),
                atol=1e-5,
            )
        ),
        "sequential": quantize_model(sequential, images(20, (6,)), out=out / "s").record.backend,
        "separable": names_of(separable, out / "sep"),
        "separable_integers": list(
            integer_outputs(load_quantized(out / "sep" / "quantized.h5"), images(4))
        ),
        "without_beta": names_of(without_beta, out / "beta"),
        "finetune": quantize_model(
            network(head), x, out=out / "f", method="finetune"
        ).record.method,
        "qat": (
            quantize_model(
                network(head), x, np.arange(40) % 4, out=out / "t", method="qat", qat_epochs=1
            ).record.method
        ),
        "left_in_float": quantize_model(foreign, x, out=out / "e").record.float_layers,
        "quantized_again": error_of(model),
        "refused": error_of(
            network(lambda layers, t: head(layers, layers.Conv2D(2, 3, name="refuse_me")(t)))
        ),
        "broken": error_of(
            network(lambda layers, t: head(layers, layers.Conv2D(2, 3, name="break_me")(t)))
        ),
        "tfmot": error_of(network(head), backend="tfmot"),
        "left_behind": sorted(path.name for path in out.glob("refused*")),
    }
    print(json.dumps(answer))


def names_of(model, out):
    quantize_model(model, images(20), out=out)
    return [
        "{layer}/{tensor}".format(**entry)
        for entry in json.loads((out / "fix_positions.json").read_text())
    ]


def softmax(logits):
    exponents = np.exp(logits)
    return exponents / exponents.sum(axis=1, keepdims=True)


if __name__ == "__main__":
    main()
