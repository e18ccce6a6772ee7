"""ResNet v1 and v2 as in TensorFlow slim, v1.5 as in MLPerf and PyTorch, and ResNet-18 and -34."""

from __future__ import annotations

from typing import Any, Sequence

from latency_networks.blocks import activate, classifier, conv, explicit_padding

WIDTHS = (64, 128, 256, 512)


def slim_v1(keras: Any, units: Sequence[int], size: int = 224) -> Any:
    """ResNet v1 of TensorFlow slim: the stride is in the 3x3 convolution of the *last* unit of a
    block.
    """
    inputs = keras.Input((size, size, 3))
    x = conv(keras, explicit_padding(keras, inputs, 7), 64, 7, 2, "valid")
    x = keras.layers.MaxPooling2D(3, 2, "same")(x)
    for block, count in enumerate(units):
        for unit in range(count):
            stride = 2 if unit == count - 1 and block < 3 else 1
            x = _slim_v1_unit(keras, x, WIDTHS[block], stride)
    return classifier(keras, inputs, x, dense=False)


def _slim_v1_unit(keras: Any, x: Any, width: int, stride: int) -> Any:
    if int(x.shape[-1]) == 4 * width:
        shortcut = x if stride == 1 else keras.layers.MaxPooling2D(1, stride)(x)
    else:
        shortcut = conv(keras, x, 4 * width, 1, stride, activation=None)
    y = conv(keras, x, width, 1)
    y = _conv_same(keras, y, width, stride)
    y = conv(keras, y, 4 * width, 1, activation=None)
    return activate(keras, keras.layers.Add()([shortcut, y]), "relu")


def _conv_same(keras: Any, x: Any, width: int, stride: int) -> Any:
    """slim's conv2d_same: explicit padding where there is a stride."""
    if stride == 1:
        return conv(keras, x, width, 3)
    return conv(keras, explicit_padding(keras, x, 3), width, 3, stride, "valid")


def slim_v2(keras: Any, units: Sequence[int], size: int = 299) -> Any:
    """ResNet v2 (pre-activation) of TensorFlow slim; the stride is in the last unit of a block."""
    inputs = keras.Input((size, size, 3))
    x = conv(
        keras, explicit_padding(keras, inputs, 7), 64, 7, 2, "valid", activation=None, norm=False
    )
    x = keras.layers.MaxPooling2D(3, 2, "same")(x)
    for block, count in enumerate(units):
        for unit in range(count):
            stride = 2 if unit == count - 1 and block < 3 else 1
            x = _slim_v2_unit(keras, x, WIDTHS[block], stride)
    x = activate(keras, keras.layers.BatchNormalization()(x), "relu")
    return classifier(keras, inputs, x, dense=False)


def _slim_v2_unit(keras: Any, x: Any, width: int, stride: int) -> Any:
    pre = activate(keras, keras.layers.BatchNormalization()(x), "relu")
    if int(x.shape[-1]) == 4 * width:
        shortcut = x if stride == 1 else keras.layers.MaxPooling2D(1, stride)(x)
    else:
        shortcut = conv(keras, pre, 4 * width, 1, stride, activation=None, norm=False)
    y = conv(keras, pre, width, 1)
    y = _conv_same(keras, y, width, stride)
    y = conv(keras, y, 4 * width, 1, activation=None, norm=False)
    return keras.layers.Add()([shortcut, y])


def v15(keras: Any, units: Sequence[int], size: int = 224) -> Any:
    """ResNet v1.5 (MLPerf, torchvision): the stride is in the 3x3 convolution of the first unit of
    a block.
    """
    inputs = keras.Input((size, size, 3))
    x = conv(keras, explicit_padding(keras, inputs, 7), 64, 7, 2, "valid")
    x = keras.layers.MaxPooling2D(3, 2, "same")(x)
    for block, count in enumerate(units):
        for unit in range(count):
            width, stride = WIDTHS[block], 2 if unit == 0 and block > 0 else 1
            shortcut = conv(keras, x, 4 * width, 1, stride, activation=None) if unit == 0 else x
            y = conv(keras, x, width, 1)
            y = conv(keras, y, width, 3, stride)
            y = conv(keras, y, 4 * width, 1, activation=None)
            x = activate(keras, keras.layers.Add()([shortcut, y]), "relu")
    return classifier(keras, inputs, x)


def basic(keras: Any, units: Sequence[int], size: int = 224, classes: int = 1000) -> Any:
    """ResNet-18 and -34 (torchvision): two 3x3 convolutions a unit."""
    inputs = keras.Input((size, size, 3))
    x = conv(keras, explicit_padding(keras, inputs, 7), 64, 7, 2, "valid")
    x = keras.layers.MaxPooling2D(3, 2, "same")(x)
    for block, count in enumerate(units):
        for unit in range(count):
            x = basic_unit(keras, x, WIDTHS[block], 2 if unit == 0 and block > 0 else 1)
    return classifier(keras, inputs, x, classes)


def basic_unit(keras: Any, x: Any, width: int, stride: int) -> Any:
    """One residual unit of two 3x3 convolutions."""
    shortcut = x
    if stride != 1 or int(x.shape[-1]) != width:
        shortcut = conv(keras, x, width, 1, stride, activation=None)
    y = conv(keras, x, width, 3, stride)
    y = conv(keras, y, width, 3, activation=None)
    return activate(keras, keras.layers.Add()([shortcut, y]), "relu")
