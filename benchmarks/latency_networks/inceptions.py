"""Inception v1, v2 (TensorFlow slim) and Inception-ResNet v2; v3 is Keras's own."""

from __future__ import annotations

from typing import Any, Sequence, Tuple

from latency_networks.blocks import activate, classifier, concat, conv

V1_BLOCKS: Sequence[Sequence[Tuple[int, ...]]] = (
    ((64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64)),
    (
        (192, 96, 208, 16, 48, 64),
        (160, 112, 224, 24, 64, 64),
        (128, 128, 256, 24, 64, 64),
        (112, 144, 288, 32, 64, 64),
        (256, 160, 320, 32, 128, 128),
    ),
    ((256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128)),
)
"""Filters of each block: 1x1; 1x1 and 3x3; 1x1 and 3x3; 1x1 after the pooling."""


def v1(keras: Any, size: int = 224) -> Any:
    """Inception v1 of TensorFlow slim (3x3 where the paper has 5x5)."""
    layers = keras.layers
    inputs = keras.Input((size, size, 3))
    x = conv(keras, inputs, 64, 7, 2)
    x = layers.MaxPooling2D(3, 2, "same")(x)
    x = conv(keras, conv(keras, x, 64, 1), 192, 3)
    for number, blocks in enumerate(V1_BLOCKS):
        x = layers.MaxPooling2D(2 if number == 2 else 3, 2, "same")(x)
        for a, b1, b2, c1, c2, d in blocks:
            branches = [conv(keras, x, a, 1)]
            branches.append(conv(keras, conv(keras, x, b1, 1), b2, 3))
            branches.append(conv(keras, conv(keras, x, c1, 1), c2, 3))
            branches.append(conv(keras, layers.MaxPooling2D(3, 1, "same")(x), d, 1))
            x = concat(keras, branches)
    return classifier(keras, inputs, x, dense=False)


def googlenet(keras: Any, size: int = 224) -> Any:
    """GoogLeNet as published (Caffe): no batch normalization, 5x5 convolutions, maxima rounded
    up.
    """
    layers = keras.layers
    inputs = keras.Input((size, size, 3))
    x = conv(keras, inputs, 64, 7, 2, norm=False)
    x = layers.MaxPooling2D(3, 2, "same")(x)
    x = conv(keras, conv(keras, x, 64, 1, norm=False), 192, 3, norm=False)
    for blocks in V1_BLOCKS:
        x = layers.MaxPooling2D(3, 2, "same")(x)
        for a, b1, b2, c1, c2, d in blocks:
            branches = [conv(keras, x, a, 1, norm=False)]
            branches.append(conv(keras, conv(keras, x, b1, 1, norm=False), b2, 3, norm=False))
            branches.append(conv(keras, conv(keras, x, c1, 1, norm=False), c2, 5, norm=False))
            branches.append(conv(keras, layers.MaxPooling2D(3, 1, "same")(x), d, 1, norm=False))
            x = concat(keras, branches)
    return classifier(keras, inputs, x)


def v2(keras: Any, size: int = 224) -> Any:
    """Inception v2 of TensorFlow slim, with its separable first convolution (depth multiplier
    8).
    """
    layers = keras.layers
    inputs = keras.Input((size, size, 3))
    x = layers.SeparableConv2D(
        64, 7, strides=2, padding="same", depth_multiplier=8, use_bias=False
    )(inputs)
    x = activate(keras, layers.BatchNormalization()(x), "relu")
    x = layers.MaxPooling2D(3, 2, "same")(x)
    x = conv(keras, conv(keras, x, 64, 1), 192, 3)
    x = layers.MaxPooling2D(3, 2, "same")(x)
    x = _v2_block(keras, x, 64, (64, 64), (64, 96), 32)
    x = _v2_block(keras, x, 64, (64, 96), (64, 96), 64)
    x = _v2_reduction(keras, x, (128, 160), (64, 96))
    x = _v2_block(keras, x, 224, (64, 96), (96, 128), 128)
    x = _v2_block(keras, x, 192, (96, 128), (96, 128), 128)
    x = _v2_block(keras, x, 160, (128, 160), (128, 160), 96)
    x = _v2_block(keras, x, 96, (128, 192), (160, 192), 96)
    x = _v2_reduction(keras, x, (128, 192), (192, 256))
    x = _v2_block(keras, x, 352, (192, 320), (160, 224), 128)
    x = _v2_block(keras, x, 352, (192, 320), (192, 224), 128, average=False)
    return classifier(keras, inputs, x, dense=False)


def _v2_block(
    keras: Any, x: Any, a: int, b: Tuple[int, int], c: Tuple[int, int], d: int, average: bool = True
) -> Any:
    pool = keras.layers.AveragePooling2D if average else keras.layers.MaxPooling2D
    deep = conv(keras, conv(keras, conv(keras, x, c[0], 1), c[1], 3), c[1], 3)
    return concat(
        keras,
        [
            conv(keras, x, a, 1),
            conv(keras, conv(keras, x, b[0], 1), b[1], 3),
            deep,
            conv(keras, pool(3, 1, "same")(x), d, 1),
        ],
    )


def _v2_reduction(keras: Any, x: Any, b: Tuple[int, int], c: Tuple[int, int]) -> Any:
    deep = conv(keras, conv(keras, conv(keras, x, c[0], 1), c[1], 3), c[1], 3, 2)
    return concat(
        keras,
        [
            conv(keras, conv(keras, x, b[0], 1), b[1], 3, 2),
            deep,
            keras.layers.MaxPooling2D(3, 2, "same")(x),
        ],
    )


def inception_resnet_v2(keras: Any, size: int = 299) -> Any:
    """Inception-ResNet v2. The scaling of the residuals is left out: the compiler folds it into the
    convolution before it.
    """
    layers = keras.layers
    inputs = keras.Input((size, size, 3))
    x = conv(keras, inputs, 32, 3, 2, "valid")
    x = conv(keras, conv(keras, x, 32, 3, 1, "valid"), 64, 3)
    x = layers.MaxPooling2D(3, 2)(x)
    x = conv(keras, conv(keras, x, 80, 1, 1, "valid"), 192, 3, 1, "valid")
    x = layers.MaxPooling2D(3, 2)(x)
    deep = conv(keras, conv(keras, conv(keras, x, 64, 1), 96, 3), 96, 3)
    pooled = conv(keras, layers.AveragePooling2D(3, 1, "same")(x), 64, 1)
    x = concat(
        keras, [conv(keras, x, 96, 1), conv(keras, conv(keras, x, 48, 1), 64, 5), deep, pooled]
    )
    for _ in range(10):
        deep = conv(keras, conv(keras, conv(keras, x, 32, 1), 48, 3), 64, 3)
        x = _residual(
            keras, x, [conv(keras, x, 32, 1), conv(keras, conv(keras, x, 32, 1), 32, 3), deep]
        )
    deep = conv(keras, conv(keras, conv(keras, x, 256, 1), 256, 3), 384, 3, 2, "valid")
    x = concat(keras, [conv(keras, x, 384, 3, 2, "valid"), deep, layers.MaxPooling2D(3, 2)(x)])
    for _ in range(20):
        deep = conv(keras, conv(keras, conv(keras, x, 128, 1), 160, (1, 7)), 192, (7, 1))
        x = _residual(keras, x, [conv(keras, x, 192, 1), deep])
    first = conv(keras, conv(keras, x, 256, 1), 384, 3, 2, "valid")
    second = conv(keras, conv(keras, x, 256, 1), 288, 3, 2, "valid")
    third = conv(keras, conv(keras, conv(keras, x, 256, 1), 288, 3), 320, 3, 2, "valid")
    x = concat(keras, [first, second, third, layers.MaxPooling2D(3, 2)(x)])
    for number in range(10):
        deep = conv(keras, conv(keras, conv(keras, x, 192, 1), 224, (1, 3)), 256, (3, 1))
        x = _residual(
            keras, x, [conv(keras, x, 192, 1), deep], activation=None if number == 9 else "relu"
        )
    return classifier(keras, inputs, conv(keras, x, 1536, 1))


def _residual(keras: Any, x: Any, branches: Sequence[Any], activation: Any = "relu") -> Any:
    up = conv(keras, concat(keras, branches), int(x.shape[-1]), 1, activation=None, norm=False)
    return activate(keras, keras.layers.Add()([x, up]), activation)
