"""Pieces that several networks share. ``keras`` is always the Keras 2 module, so that nothing here
imports TensorFlow itself.
"""

from __future__ import annotations

from typing import Any, Optional, Sequence, Tuple, Union

Kernel = Union[int, Tuple[int, int]]


def conv(
    keras: Any,
    x: Any,
    filters: int,
    kernel: Kernel,
    stride: int = 1,
    padding: str = "same",
    activation: Optional[str] = "relu",
    norm: bool = True,
) -> Any:
    """Convolution, batch normalization (unless ``norm`` is False: then with bias) and activation
    (``relu``, ``relu6``, ``leaky``, None).
    """
    x = keras.layers.Conv2D(filters, kernel, strides=stride, padding=padding, use_bias=not norm)(x)
    if norm:
        x = keras.layers.BatchNormalization()(x)
    return activate(keras, x, activation)


def depthwise(
    keras: Any,
    x: Any,
    kernel: int,
    stride: int = 1,
    activation: Optional[str] = "relu",
    multiplier: int = 1,
) -> Any:
    """Depthwise convolution, batch normalization and activation."""
    x = keras.layers.DepthwiseConv2D(
        kernel, strides=stride, padding="same", depth_multiplier=multiplier, use_bias=False
    )(x)
    x = keras.layers.BatchNormalization()(x)
    return activate(keras, x, activation)


def activate(keras: Any, x: Any, activation: Optional[str]) -> Any:
    """Apply ``relu``, ``relu6``, ``leaky`` (alpha 0.1) or nothing."""
    if activation is None:
        return x
    if activation == "leaky":
        return keras.layers.LeakyReLU(alpha=0.1)(x)
    return keras.layers.ReLU(6.0 if activation == "relu6" else None)(x)


def explicit_padding(keras: Any, x: Any, kernel: int) -> Any:
    """Pad as frameworks do that pad by half the kernel on every side (PyTorch, slim's
    conv2d_same).
    """
    total = kernel - 1
    return keras.layers.ZeroPadding2D(
        ((total // 2, total - total // 2), (total // 2, total - total // 2))
    )(x)


def classifier(keras: Any, inputs: Any, x: Any, classes: int = 1000, dense: bool = True) -> Any:
    """Global average pooling and a dense layer (or a 1x1 convolution, as slim does), and
    softmax.
    """
    if dense:
        x = keras.layers.GlobalAveragePooling2D()(x)
        x = keras.layers.Dense(classes)(x)
    else:
        x = keras.layers.AveragePooling2D(tuple(int(n) for n in x.shape[1:3]))(x)
        x = keras.layers.Conv2D(classes, 1)(x)
        x = keras.layers.Flatten()(x)
    return keras.Model(inputs, keras.layers.Softmax()(x))


def concat(keras: Any, tensors: Sequence[Any]) -> Any:
    """Concatenate along the channels."""
    return keras.layers.Concatenate()(list(tensors))
