"""MobileNet-EdgeTPU, EfficientNet-EdgeTPU, SqueezeNet; MobileNet v1 and v2 and VGG are Keras's
own.
"""

from __future__ import annotations

from typing import Any, Tuple

from latency_networks.blocks import activate, classifier, concat, conv, depthwise

EDGETPU_BLOCKS: Tuple[Tuple[int, int, int, int, int, bool], ...] = (
    # fused convolution?, kernel, stride, expansion, filters, residual
    (1, 3, 1, 1, 16, True),
    (1, 3, 2, 8, 32, True),
    (1, 3, 1, 4, 32, True),
    (1, 3, 1, 4, 32, True),
    (1, 3, 1, 4, 32, True),
    (1, 3, 2, 8, 48, True),
    (1, 3, 1, 4, 48, True),
    (1, 3, 1, 4, 48, True),
    (1, 3, 1, 4, 48, True),
    (0, 3, 2, 8, 96, True),
    (0, 3, 1, 4, 96, True),
    (0, 3, 1, 4, 96, True),
    (0, 3, 1, 4, 96, True),
    (0, 3, 1, 8, 96, False),
    (0, 3, 1, 4, 96, True),
    (0, 3, 1, 4, 96, True),
    (0, 3, 1, 4, 96, True),
    (0, 5, 2, 8, 160, True),
    (0, 5, 1, 4, 160, True),
    (0, 5, 1, 4, 160, True),
    (0, 5, 1, 4, 160, True),
    (0, 3, 1, 8, 192, True),
)
"""MobileNet-EdgeTPU (TensorFlow slim, mobilenet_v3.py, V3_EDGETPU)."""


def round_filters(filters: float, width: float, divisor: int = 8) -> int:
    """Return filters times width, rounded to a multiple of ``divisor`` and never down by more than
    a tenth.
    """
    scaled = filters * width
    rounded = max(divisor, int(scaled + divisor / 2) // divisor * divisor)
    return int(rounded + divisor if rounded < 0.9 * scaled else rounded)


def mobilenet_edgetpu(keras: Any, width: float = 1.0, size: int = 224) -> Any:
    """MobileNet-EdgeTPU. Its first block does not expand, so only its 1x1 projection is left."""
    inputs = keras.Input((size, size, 3))
    x = conv(keras, inputs, round_filters(32, width), 3, 2)
    for fused, kernel, stride, expansion, filters, residual in EDGETPU_BLOCKS:
        source, channels = x, int(x.shape[-1])
        if expansion > 1 and fused:
            x = conv(keras, x, channels * expansion, kernel, stride)
        elif expansion > 1:
            x = conv(keras, x, channels * expansion, 1)
            x = depthwise(keras, x, kernel, stride)
        x = conv(keras, x, round_filters(filters, width), 1, activation=None)
        if residual and stride == 1 and int(x.shape[-1]) == channels:
            x = keras.layers.Add()([source, x])
    x = conv(keras, x, max(1280, round_filters(1280, width)), 1)
    return classifier(keras, inputs, x, dense=False)


EFFICIENTNET_EDGETPU_BLOCKS: Tuple[Tuple[int, int, int, int, int, int, int, bool], ...] = (
    # fused?, repeats, kernel, stride, expansion, input filters, filters, residual
    (1, 1, 3, 1, 4, 24, 24, False),
    (1, 2, 3, 2, 8, 24, 32, True),
    (1, 4, 3, 2, 8, 32, 48, True),
    (0, 5, 5, 2, 8, 48, 96, True),
    (0, 4, 5, 1, 8, 96, 144, True),
    (0, 2, 5, 2, 8, 144, 192, True),
)
"""EfficientNet-EdgeTPU (TensorFlow tpu models, efficientnet_edgetpu_builder.py)."""


def efficientnet_edgetpu(keras: Any, width: float, depth: float, size: int) -> Any:
    """EfficientNet-EdgeTPU: S is (1.0, 1.0, 224), M (1.0, 1.1, 240), L (1.2, 1.4, 300). Fused
    blocks have their stride in the projection.
    """
    inputs = keras.Input((size, size, 3))
    x = conv(keras, inputs, round_filters(32, width), 3, 2)
    for (
        fused,
        repeats,
        kernel,
        stride,
        expansion,
        source,
        filters,
        residual,
    ) in EFFICIENTNET_EDGETPU_BLOCKS:
        count = -int(-depth * repeats // 1)
        for number in range(count):
            base = round_filters(source if number == 0 else filters, width)
            x = _efficient_block(
                keras,
                x,
                bool(fused),
                kernel,
                stride if number == 0 else 1,
                base * expansion,
                round_filters(filters, width),
                residual,
            )
    return classifier(keras, inputs, conv(keras, x, round_filters(1280, width), 1))


def _efficient_block(
    keras: Any,
    x: Any,
    fused: bool,
    kernel: int,
    stride: int,
    wide: int,
    filters: int,
    residual: bool,
) -> Any:
    source = x
    if fused:
        x = conv(keras, x, wide, kernel)
        x = conv(keras, x, filters, 1, stride, activation=None)
    else:
        x = depthwise(keras, conv(keras, x, wide, 1), kernel, stride)
        x = conv(keras, x, filters, 1, activation=None)
    if residual and stride == 1 and int(source.shape[-1]) == filters:
        x = keras.layers.Add()([source, x])
    return x


def squeezenet(keras: Any, size: int = 224, later_padding: str = "valid") -> Any:
    """SqueezeNet 1.1 (torchvision). Caffe rounds up: at 227 pixels that is padding "same" for the
    second and third pooling.
    """
    inputs = keras.Input((size, size, 3))
    x = conv(keras, inputs, 64, 3, 2, "valid", norm=False)
    for number, group in enumerate(
        (((16, 64), (16, 64)), ((32, 128), (32, 128)), ((48, 192), (48, 192), (64, 256), (64, 256)))
    ):
        x = keras.layers.MaxPooling2D(3, 2, later_padding if number else "valid")(x)
        for squeeze, expand in group:
            x = conv(keras, x, squeeze, 1, norm=False)
            x = concat(
                keras,
                [conv(keras, x, expand, 1, norm=False), conv(keras, x, expand, 3, norm=False)],
            )
    x = conv(keras, x, 1000, 1, norm=False)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Softmax()(x))


def mobilenet_v2_features(keras: Any, x: Any, taps: Tuple[int, ...]) -> Any:
    """Return the tensors after block ``n`` (its expansion, for n + 0.5 written as a negative
    number) of MobileNet v2 1.0, and the last.
    """
    x = conv(keras, x, 32, 3, 2, activation="relu6")
    found, number = [], 0
    for expansion, filters, repeats, stride in (
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    ):
        for repeat in range(repeats):
            source = x
            if expansion > 1:
                x = conv(keras, x, int(x.shape[-1]) * expansion, 1, activation="relu6")
                if -number in taps and number:
                    found.append(x)
            x = depthwise(keras, x, 3, stride if repeat == 0 else 1, "relu6")
            x = conv(keras, x, filters, 1, activation=None)
            if repeat:
                x = keras.layers.Add()([source, x])
            number += 1
    return found, activate(keras, x, None)
