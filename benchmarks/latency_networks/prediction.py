"""Networks that are no classifiers: super resolution, YOLO v3 and v4, SuperPoint and SSD."""

from __future__ import annotations

from typing import Any, List, Sequence, Tuple

from latency_networks.blocks import concat, conv, depthwise
from latency_networks.mobile import mobilenet_v2_features
from latency_networks.resnets import basic_unit


def sesr(
    keras: Any,
    height: int = 360,
    width: int = 640,
    filters: int = 16,
    depth: int = 7,
    scale: int = 2,
) -> Any:
    """SESR super resolution after its linear blocks have been collapsed; the shuffle of pixels at
    the end is left to the host.
    """
    inputs = keras.Input((height, width, 3))
    x = first = conv(keras, inputs, filters, 5, norm=False)
    for _ in range(depth):
        x = conv(keras, x, filters, 3, norm=False)
    x = keras.layers.Add()([x, first])
    return keras.Model(inputs, conv(keras, x, 3 * scale * scale, 5, activation=None, norm=False))


def superpoint(keras: Any, height: int = 480, width: int = 640) -> Any:
    """SuperPoint: interest points and descriptors."""
    inputs = x = keras.Input((height, width, 1))
    for number, filters in enumerate((64, 64, 128, 128)):
        if number:
            x = keras.layers.MaxPooling2D(2)(x)
        x = conv(keras, conv(keras, x, filters, 3), filters, 3)
    points = conv(keras, conv(keras, x, 256, 3), 65, 1, activation=None)
    descriptors = conv(keras, conv(keras, x, 256, 3), 256, 1, activation=None)
    return keras.Model(inputs, [points, descriptors])


def yolo_v4(keras: Any, size: int = 416, classes: int = 80) -> Any:
    """YOLO v4 with leaky ReLU, as in the vendor's model zoo."""
    inputs = keras.Input((size, size, 3))
    x = _leaky(keras, inputs, 32, 3)
    stages: List[Any] = []
    for filters, count in ((64, 1), (128, 2), (256, 8), (512, 8), (1024, 4)):
        x = _cross_stage(keras, x, filters, count)
        stages.append(x)
    x = _alternate(keras, x, 512, 3)
    pools = [keras.layers.MaxPooling2D(kernel, 1, "same")(x) for kernel in (13, 9, 5)]
    deep = _alternate(keras, concat(keras, pools + [x]), 512, 3)
    middle = _alternate(keras, _upward(keras, deep, stages[3], 256), 256, 5)
    fine = _alternate(keras, _upward(keras, middle, stages[2], 128), 128, 5)
    outputs = [_yolo_head(keras, fine, 256, classes)]
    middle = _alternate(keras, concat(keras, [_leaky(keras, fine, 256, 3, 2), middle]), 256, 5)
    outputs.append(_yolo_head(keras, middle, 512, classes))
    deep = _alternate(keras, concat(keras, [_leaky(keras, middle, 512, 3, 2), deep]), 512, 5)
    outputs.append(_yolo_head(keras, deep, 1024, classes))
    return keras.Model(inputs, outputs)


def _leaky(keras: Any, x: Any, filters: int, kernel: int, stride: int = 1) -> Any:
    return conv(keras, x, filters, kernel, stride, activation="leaky")


def _cross_stage(keras: Any, x: Any, filters: int, count: int) -> Any:
    """One stage of CSPDarknet53."""
    x = _leaky(keras, x, filters, 3, 2)
    half = filters if count == 1 else filters // 2
    route, x = _leaky(keras, x, half, 1), _leaky(keras, x, half, 1)
    for _ in range(count):
        y = _leaky(keras, _leaky(keras, x, filters // 2, 1), half, 3)
        x = keras.layers.Add()([x, y])
    return _leaky(keras, concat(keras, [_leaky(keras, x, half, 1), route]), filters, 1)


def _alternate(keras: Any, x: Any, filters: int, count: int) -> Any:
    """1x1 and 3x3 convolutions in turn, ``count`` in all."""
    for number in range(count):
        x = _leaky(keras, x, filters * (1 + number % 2), 3 if number % 2 else 1)
    return x


def _upward(keras: Any, x: Any, skip: Any, filters: int) -> Any:
    x = keras.layers.UpSampling2D(2)(_leaky(keras, x, filters, 1))
    return concat(keras, [_leaky(keras, skip, filters, 1), x])


def _yolo_head(keras: Any, x: Any, filters: int, classes: int) -> Any:
    return conv(
        keras, _leaky(keras, x, filters, 3), 3 * (classes + 5), 1, activation=None, norm=False
    )


def yolo_v3(keras: Any, height: int = 416, width: int = 416, classes: int = 80) -> Any:
    """YOLO v3 on Darknet-53."""
    inputs = keras.Input((height, width, 3))
    x = _leaky(keras, inputs, 32, 3)
    stages: List[Any] = []
    for filters, count in ((64, 1), (128, 2), (256, 8), (512, 8), (1024, 4)):
        x = _leaky(keras, x, filters, 3, 2)
        for _ in range(count):
            x = keras.layers.Add()(
                [x, _leaky(keras, _leaky(keras, x, filters // 2, 1), filters, 3)]
            )
        stages.append(x)
    outputs = []
    for number, filters in enumerate((512, 256, 128)):
        if number:
            x = keras.layers.UpSampling2D(2)(_leaky(keras, x, filters, 1))
            x = concat(keras, [x, stages[4 - number]])
        x = _alternate(keras, x, filters, 5)
        outputs.append(_yolo_head(keras, x, 2 * filters, classes))
    return keras.Model(inputs, outputs)


ANCHORS = (3, 6, 6, 6, 6, 6)


def _ssd_heads(keras: Any, features: Sequence[Any], kernel: int, classes: int = 91) -> List[Any]:
    """Box and class predictions of the TensorFlow object detection API."""
    outputs = []
    for feature, anchors in zip(features, ANCHORS):
        outputs.append(conv(keras, feature, 4 * anchors, kernel, activation=None, norm=False))
        outputs.append(conv(keras, feature, classes * anchors, kernel, activation=None, norm=False))
    return outputs


def _ssd_extras(
    keras: Any, x: Any, widths: Sequence[Tuple[int, int]], activation: str = "relu6"
) -> List[Any]:
    """The additional feature maps of SSD, each half the size of the one before."""
    features = []
    for squeeze, filters in widths:
        x = conv(
            keras,
            conv(keras, x, squeeze, 1, activation=activation),
            filters,
            3,
            2,
            activation=activation,
        )
        features.append(x)
    return features


SSD_EXTRAS = ((256, 512), (128, 256), (128, 256), (64, 128))


def ssd_mobilenet_v1(keras: Any, size: int = 300) -> Any:
    """SSD on MobileNet v1 (TensorFlow object detection API)."""
    inputs = keras.Input((size, size, 3))
    x = conv(keras, inputs, 32, 3, 2, activation="relu6")
    features = []
    blocks = (
        ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2))
        + ((512, 1),) * 5
        + ((1024, 2), (1024, 1))
    )
    for number, (filters, stride) in enumerate(blocks):
        x = conv(keras, depthwise(keras, x, 3, stride, "relu6"), filters, 1, activation="relu6")
        if number in (10, 12):
            features.append(x)
    features += _ssd_extras(keras, x, SSD_EXTRAS)
    return keras.Model(inputs, _ssd_heads(keras, features, 1))


def ssd_mobilenet_v2(keras: Any, size: int = 300) -> Any:
    """SSD on MobileNet v2 (TensorFlow object detection API): predictions with 3x3 convolutions."""
    inputs = keras.Input((size, size, 3))
    taps, x = mobilenet_v2_features(keras, inputs, (-13,))
    x = conv(keras, x, 1280, 1, activation="relu6")
    features = [taps[0], x] + _ssd_extras(keras, x, SSD_EXTRAS)
    return keras.Model(inputs, _ssd_heads(keras, features, 3))


def ssd_resnet34(keras: Any, size: int = 1200, classes: int = 81) -> Any:
    """SSD on ResNet-34 (MLPerf inference): the third block keeps its size, the fourth is left
    out.
    """
    inputs = keras.Input((size, size, 3))
    x = conv(keras, inputs, 64, 7, 2)
    x = keras.layers.MaxPooling2D(3, 2, "same")(x)
    for width, count, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 1)):
        for unit in range(count):
            x = basic_unit(keras, x, width, stride if unit == 0 else 1)
    features = [x]
    for squeeze, filters, stride, padding in (
        (256, 512, 2, "same"),
        (256, 512, 2, "same"),
        (128, 256, 2, "same"),
        (128, 256, 2, "valid"),
        (128, 256, 1, "valid"),
    ):
        x = conv(
            keras, conv(keras, x, squeeze, 1, norm=False), filters, 3, stride, padding, norm=False
        )
        features.append(x)
    outputs = []
    for feature, anchors, stride in zip(features, (4, 6, 6, 6, 4, 4), (3, 3, 2, 2, 2, 2)):
        for filters in (4 * anchors, classes * anchors):
            outputs.append(conv(keras, feature, filters, 3, stride, activation=None, norm=False))
    return keras.Model(inputs, outputs)
