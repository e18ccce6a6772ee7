"""Networks of the vendor's model zoo, built in code (Keras 2, no weights), to check the latency
model against published measurements.

Each has the name of its row in the published tables, and the number of operations that the name
states (some names give multiply-accumulates where others give operations; ``gops`` is always
operations).
"""

from __future__ import annotations

from typing import Any, Callable, NamedTuple, Tuple

from latency_networks import inceptions, mobile, prediction, resnets


class Network(NamedTuple):
    """One published network.

    Attributes:
        name: its row in the table.
        family: networks that are left out together in the cross-validation: the variants of one
            design (all of ResNet v1, 18 to 152 layers; Inception v1 to v3).
        gops: operations of one inference, in billions, as published (multiplications and additions
            both count).
        classifier: False for detection, segmentation and super resolution.
        build: makes the model from the Keras 2 module.
        end_to_end: False where most of the published end-to-end time is postprocessing on the host,
            which is not part of the network.
    """

    name: str
    family: str
    gops: float
    classifier: bool
    build: Callable[[Any], Any]
    end_to_end: bool = True


R50, R101, R152 = (3, 4, 6, 3), (3, 4, 23, 3), (3, 8, 36, 3)


def _application(name: str, **arguments: Any) -> Callable[[Any], Any]:
    return lambda keras: getattr(keras.applications, name)(weights=None, **arguments)


NETWORKS: Tuple[Network, ...] = (
    Network(
        "tf_resnetv1_50_imagenet_224_224_6.97G",
        "resnet",
        6.97,
        True,
        lambda k: resnets.slim_v1(k, R50),
    ),
    Network(
        "tf_resnetv1_101_imagenet_224_224_14.4G",
        "resnet",
        14.4,
        True,
        lambda k: resnets.slim_v1(k, R101),
    ),
    Network(
        "tf_resnetv1_152_imagenet_224_224_21.83G",
        "resnet",
        21.83,
        True,
        lambda k: resnets.slim_v1(k, R152),
    ),
    Network(
        "tf_mlperf_resnet50_imagenet_224_224_8.19G",
        "resnet",
        8.19,
        True,
        lambda k: resnets.v15(k, R50),
    ),
    Network(
        "pt_resnet50_imagenet_224_224_8.2G", "resnet", 8.2, True, lambda k: resnets.v15(k, R50)
    ),
    Network("tf2_resnet50_imagenet_224_224_7.76G", "resnet", 7.76, True, _application("ResNet50")),
    Network(
        "pt_vehicle-type-classification_CarBodyStyle_224_224_3.64G",
        "resnet",
        3.64,
        True,
        lambda k: resnets.basic(k, (2, 2, 2, 2), classes=7),
    ),
    Network(
        "tf_resnetv2_50_imagenet_299_299_13.1G",
        "resnet v2",
        13.1,
        True,
        lambda k: resnets.slim_v2(k, R50),
    ),
    Network(
        "tf_resnetv2_152_imagenet_299_299_40.47G",
        "resnet v2",
        40.47,
        True,
        lambda k: resnets.slim_v2(k, R152),
    ),
    Network("tf_inceptionv1_imagenet_224_224_3G", "inception", 3.0, True, inceptions.v1),
    Network("tf_inceptionv2_imagenet_224_224_3.88G", "inception", 3.88, True, inceptions.v2),
    Network(
        "tf_inceptionv3_imagenet_299_299_11.45G",
        "inception",
        11.45,
        True,
        _application("InceptionV3"),
    ),
    Network(
        "tf2_inceptionv3_imagenet_299_299_11.5G",
        "inception",
        11.5,
        True,
        _application("InceptionV3"),
    ),
    Network(
        "pt_inceptionv3_imagenet_299_299_11.4G",
        "inception",
        11.4,
        True,
        _application("InceptionV3"),
    ),
    Network(
        "tf_inceptionresnetv2_imagenet_299_299_26.35G",
        "inception-resnet",
        26.35,
        True,
        inceptions.inception_resnet_v2,
    ),
    Network(
        "tf_mobilenetv1_1.0_imagenet_224_224_1.14G",
        "mobilenet v1",
        1.14,
        True,
        _application("MobileNet"),
    ),
    Network(
        "tf2_mobilenetv1_imagenet_224_224_1.15G",
        "mobilenet v1",
        1.15,
        True,
        _application("MobileNet"),
    ),
    Network(
        "tf_mobilenetv1_0.25_imagenet_128_128_27M",
        "mobilenet v1",
        0.027,
        True,
        _application("MobileNet", alpha=0.25, input_shape=(128, 128, 3)),
    ),
    Network(
        "tf_mobilenetv2_1.0_imagenet_224_224_602M",
        "mobilenet v2",
        0.602,
        True,
        _application("MobileNetV2"),
    ),
    Network(
        "tf_mobilenetv2_1.4_imagenet_224_224_1.16G",
        "mobilenet v2",
        1.16,
        True,
        _application("MobileNetV2", alpha=1.4),
    ),
    Network(
        "tf_mobilenetEdge1.0_imagenet_224_224_990M",
        "mobilenet edgetpu",
        1.98,
        True,
        mobile.mobilenet_edgetpu,
    ),
    Network(
        "tf_efficientnet-edgetpu-S_imagenet_224_224_4.72G",
        "efficientnet",
        4.72,
        True,
        lambda k: mobile.efficientnet_edgetpu(k, 1.0, 1.0, 224),
    ),
    Network(
        "tf_efficientnet-edgetpu-L_imagenet_300_300_19.36G",
        "efficientnet",
        19.36,
        True,
        lambda k: mobile.efficientnet_edgetpu(k, 1.2, 1.4, 300),
    ),
    Network("tf_vgg16_imagenet_224_224_30.96G", "vgg", 30.96, True, _application("VGG16")),
    Network("pt_squeezenet_imagenet_224_224_703.5M", "squeezenet", 0.7035, True, mobile.squeezenet),
    Network("pt_SESR-S_DIV2K_360_640_10.2G", "sesr", 10.2, False, prediction.sesr),
    Network(
        "tf_yolov4_coco_416_416_60.3G", "yolo", 60.3, False, lambda k: prediction.yolo_v4(k, 416)
    ),
    Network(
        "tf_yolov4_coco_512_512_91.2G", "yolo", 91.2, False, lambda k: prediction.yolo_v4(k, 512)
    ),
    Network(
        "tf_superpoint_mixed_480_640_52.4G",
        "superpoint",
        52.4,
        False,
        prediction.superpoint,
        end_to_end=False,
    ),
    Network(
        "tf_ssdmobilenetv1_coco_300_300_2.47G",
        "ssd",
        2.47,
        False,
        prediction.ssd_mobilenet_v1,
        end_to_end=False,
    ),
    Network(
        "tf_ssdmobilenetv2_coco_300_300_3.75G",
        "ssd",
        3.75,
        False,
        prediction.ssd_mobilenet_v2,
        end_to_end=False,
    ),
    Network(
        "tf_mlperf_resnet34_coco_1200_1200_433G",
        "ssd",
        433.0,
        False,
        prediction.ssd_resnet34,
        end_to_end=False,
    ),
)
"""Networks with a row in the published tables of release 3.0 and a published definition that gives
the operations in their name.
"""

ULTRA96_NETWORKS: Tuple[Network, ...] = (
    Network(
        "tf_resnet50_imagenet_224_224_6.97G",
        "resnet",
        6.97,
        True,
        lambda k: resnets.slim_v1(k, R50),
    ),
    Network("cf_resnet50_imagenet_224_224_7.7G", "resnet", 7.7, True, _application("ResNet50")),
    Network(
        "cf_resnet18_imagenet_224_224_3.65G",
        "resnet",
        3.65,
        True,
        lambda k: resnets.basic(k, (2, 2, 2, 2)),
    ),
    Network("cf_inceptionv1_imagenet_224_224_3.16G", "inception", 3.16, True, inceptions.googlenet),
    Network("tf_inceptionv1_imagenet_224_224_3G", "inception", 3.0, True, inceptions.v1),
    Network(
        "cf_inceptionv3_imagenet_299_299_11.4G",
        "inception",
        11.4,
        True,
        _application("InceptionV3"),
    ),
    Network(
        "cf_mobilenetv2_imagenet_224_224_0.59G",
        "mobilenet v2",
        0.59,
        True,
        _application("MobileNetV2"),
    ),
    Network(
        "tf_mobilenetv2_imagenet_224_224_1.17G",
        "mobilenet v2",
        1.17,
        True,
        _application("MobileNetV2", alpha=1.4),
    ),
    Network(
        "tf_mobilenetv1_imagenet_224_224_1.14G",
        "mobilenet v1",
        1.14,
        True,
        _application("MobileNet"),
    ),
    Network(
        "cf_squeeze_imagenet_227_227_0.76G",
        "squeezenet",
        0.76,
        True,
        lambda k: mobile.squeezenet(k, 227, "same"),
    ),
    Network(
        "dk_yolov3_bdd_288_512_53.7G",
        "yolo",
        53.7,
        False,
        lambda k: prediction.yolo_v3(k, 288, 512, 10),
    ),
)
"""Networks with a row in the published table of the Ultra96 (release 2.5; the measurements are of
an older DPU, V1.4.0).
"""
