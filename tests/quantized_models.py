"""Small quantized Keras models with random int8 weights, made without the quantizer: every layer
that can be compiled.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Optional, Tuple

import numpy as np

from vaiopt.int8.model import fixed_layers, save_quantized
from vaiopt.int8.positions import FixPosition
from vaiopt.keras import load_keras


class Maker:
    """Builds one model; ``positions`` collects what ``fix_positions.json`` would hold."""

    def __init__(self, seed: int) -> None:
        self.keras = load_keras()
        self.fixed = fixed_layers()
        self.random = np.random.RandomState(seed)
        self.positions = []
        self.weights = []

    def fix(self, x: Any, layer: str, position: int, tensor: str = "output") -> Any:
        self.positions.append(FixPosition(layer, tensor, 8, position))
        name = f"{layer}_{tensor}_fix"
        return self.fixed["FixPosition"](
            position, float_layer=layer, tensor=tensor, entry=tensor == "input", name=name
        )(x)

    def linear(self, x: Any, layer: Any, kernel: int, bias: Optional[int], spread: int = 40) -> Any:
        """Apply a layer with random int8 weights at these positions."""
        y = layer(x)
        arrays = []
        for array, (tensor, position) in zip(
            layer.get_weights(), [("kernel", kernel), ("bias", bias)]
        ):
            integers = np.clip(
                np.rint(self.random.standard_normal(array.shape) * spread), -128, 127
            )
            name = (
                "depthwise_kernel"
                if tensor == "kernel" and "Depthwise" in type(layer).__name__
                else tensor
            )
            self.positions.append(FixPosition(layer.name, name, 8, position))
            arrays.append(np.ldexp(integers, -position).astype(np.float32))
        layer.set_weights(arrays)
        return y

    def save(self, inputs: Any, outputs: Any, path: Any) -> None:
        save_quantized(self.keras.Model(inputs, outputs), self.positions, path)


def lab_cnn(m: Maker) -> Tuple[Any, Any]:
    """Two convolutions with pooling, two dense layers, softmax."""
    k = m.keras.layers
    i = k.Input((8, 8, 1), name="image")
    x = m.fix(i, "image", 7, "input")
    x = m.fix(
        k.ReLU(name="r1")(m.linear(x, k.Conv2D(8, 5, padding="same", name="c1"), 7, 10)), "c1", 4
    )
    x = m.fix(k.MaxPooling2D(2, name="p1")(x), "p1", 4)
    x = m.fix(
        k.ReLU(name="r2")(
            m.linear(x, k.Conv2D(12, 3, padding="same", strides=2, name="c2"), 8, 12)
        ),
        "c2",
        3,
    )
    x = k.Flatten(name="flat")(x)
    x = m.fix(k.ReLU(name="r3")(m.linear(x, k.Dense(16, name="d1"), 7, 11)), "d1", 3)
    x = m.fix(m.linear(x, k.Dense(10, name="out"), 7, 10), "out", 2, "pre_activation")
    return i, k.Activation("softmax", name="out_softmax")(x)


def sigmoid_cnn(m: Maker) -> Tuple[Any, Any]:
    """The DPU's sigmoid after a convolution and after a dense layer."""
    k = m.keras.layers
    i = k.Input((8, 8, 1), name="image")
    x = m.fix(i, "image", 7, "input")
    x = m.fix(m.linear(x, k.Conv2D(8, 3, name="c1"), 7, 8), "c1", 4, "pre_activation")
    x = m.fix(m.fixed["FixedSigmoid"](name="s1")(x), "c1", 7)
    x = k.Flatten(name="flat")(x)
    x = m.fix(m.linear(x, k.Dense(16, name="d1"), 8, 10), "d1", 5, "pre_activation")
    x = m.fix(m.fixed["FixedSigmoid"](name="s2")(x), "d1", 7)
    x = m.fix(m.linear(x, k.Dense(4, name="out"), 6, 9), "out", 4, "pre_activation")
    return i, k.Activation("softmax", name="out_softmax")(x)


def residual(m: Maker) -> Tuple[Any, Any]:
    """Depthwise, residual addition with ReLU, ReLU6, average and global average pooling, dense
    without bias.
    """
    k = m.keras.layers
    i = k.Input((9, 9, 3), name="image")
    x = m.fix(i, "image", 6, "input")
    x = m.fix(
        k.ReLU(max_value=6.0, name="r1")(
            m.linear(x, k.Conv2D(6, 3, padding="same", name="c1"), 6, 9)
        ),
        "c1",
        3,
    )
    y = m.fix(m.linear(x, k.DepthwiseConv2D(3, padding="same", name="dw"), 5, 8), "dw", 2)
    x = m.fix(k.ReLU(name="ra")(k.Add(name="add")([x, y])), "add", 2)
    pool = m.fixed["FixedAveragePooling2D"]((3, 3), (3, 3), "valid", 7, 6, name="avg")
    x = m.fix(pool(x), "avg", 2)
    x = m.fix(m.linear(x, k.Conv2D(8, 1, name="c2"), 6, 9), "c2", 3)
    x = m.fix(m.fixed["FixedGlobalAveragePooling2D"](False, 7, 6, name="gap")(x), "gap", 5)
    x = m.fix(
        m.linear(x, k.Dense(5, use_bias=False, name="out"), 7, None), "out", 4, "pre_activation"
    )
    return i, k.Activation("softmax", name="out_softmax")(x)


def branches(m: Maker) -> Tuple[Any, Any]:
    """Concatenation of tensors at different positions, leaky ReLU, padding, up-sampling,
    multiplication, transposed convolution.
    """
    k = m.keras.layers
    i = k.Input((6, 6, 2), name="image")
    x = m.fix(i, "image", 7, "input")
    a = m.fix(
        k.LeakyReLU(alpha=26 / 256, name="la")(
            m.linear(x, k.Conv2D(4, 3, padding="same", name="ca"), 7, 11)
        ),
        "la",
        4,
    )
    b = m.fix(
        m.linear(k.ZeroPadding2D(((1, 1), (2, 0)), name="pad")(x), k.Conv2D(4, 3, name="cb"), 7, 9),
        "cb",
        5,
    )
    b = m.fix(m.fixed["FixedSigmoid"](name="sb")(b), "sb", 7)
    x = m.fix(k.Concatenate(name="cat")([a, b]), "cat", 4)
    x = m.fix(k.MaxPooling2D(3, 2, padding="same", name="mp")(x), "mp", 3)
    x = m.fix(k.UpSampling2D(2, name="up")(x), "up", 3)
    x = m.fix(
        k.ReLU(name="rt")(m.linear(x, k.Conv2DTranspose(3, 2, strides=2, name="tc"), 7, 9)), "tc", 4
    )
    y = m.fix(m.linear(x, k.Conv2D(3, 1, dilation_rate=1, name="cm"), 7, 9), "cm", 3)
    x = m.fix(k.Multiply(name="mul")([x, y]), "mul", 2)
    x = m.fix(k.ReLU(name="lone")(x), "lone", 2)
    x = k.Reshape((-1,), name="flat")(x)
    x = m.fix(
        k.LeakyReLU(alpha=26 / 256, name="ld")(m.linear(x, k.Dense(6, name="d"), 8, 13)), "ld", 4
    )
    return i, m.fix(m.linear(x, k.Dense(3, name="out"), 7, 10), "out", 4)


def linear(m: Maker) -> Tuple[Any, Any]:
    """One dense layer on an image: what a stand-in DPU can compute too."""
    k = m.keras.layers
    i = k.Input((8, 8, 1), name="image")
    x = k.Flatten(name="flat")(m.fix(i, "image", 7, "input"))
    x = m.fix(m.linear(x, k.Dense(10, name="dense"), 7, 10), "dense", 4, "pre_activation")
    return i, k.Activation("softmax", name="dense_softmax")(x)


def table(m: Maker) -> Tuple[Any, Any]:
    """A tabular network with one output."""
    k = m.keras.layers
    i = k.Input((30,), name="row")
    x = m.fix(i, "row", 6, "input")
    x = m.fix(k.ReLU(name="r1")(m.linear(x, k.Dense(16, name="d1"), 7, 9)), "d1", 4)
    x = m.fix(m.linear(x, k.Dense(1, name="out"), 7, 8), "out", 3, "pre_activation")
    return i, k.Activation("sigmoid", name="out_sigmoid")(x)


MODELS: Dict[str, Callable[[Maker], Tuple[Any, Any]]] = {
    "lab_cnn": lab_cnn,
    "sigmoid_cnn": sigmoid_cnn,
    "residual": residual,
    "branches": branches,
    "linear": linear,
    "table": table,
}
