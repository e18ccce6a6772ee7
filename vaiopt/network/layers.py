"""What is known of each Keras layer class: one row in :data:`LAYERS`.

So an ``.h5`` file or an architecture JSON can be read without TensorFlow and without running
anything that is in it. A class without a row becomes an operation ``other``, of its input's shape
and without parameters, unless the model is live and tells both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Mapping, Optional, Sequence, Tuple

from vaiopt.errors import ModelError
from vaiopt.network import activations, attributes, parameters, shapes
from vaiopt.network.graph import KINDS
from vaiopt.network.sizes import Shape

Config = Mapping[str, Any]


@dataclass(frozen=True)
class LayerClass:
    """One Keras layer class.

    Attributes:
        name: of the class, without package.
        kind: of the operation that it becomes, one of :data:`vaiopt.network.graph.KINDS`.
        shape: of its output; None where it is not known.
        parameters: how many it has.
        attributes: what the operation has besides shapes.
        activation: for a class that is an activation function: which one.
        removed: it does nothing at inference and disappears.
        separable: it becomes a depthwise and a 1x1 convolution.
        keeps_activation: the ``activation`` in its configuration is computed inside of it, instead
            of being an operation of its own.
        preprocessing: right after an input, it does what the host does to every image.
    """

    name: str
    kind: str = "other"
    shape: Optional[shapes.ShapeFunction] = None
    parameters: parameters.ParameterFunction = parameters.none
    attributes: attributes.AttributeFunction = attributes.none
    activation: Optional[activations.ActivationFunction] = None
    removed: bool = False
    separable: bool = False
    keeps_activation: bool = False
    preprocessing: bool = False

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"layer class {self.name}: there is no kind '{self.kind}'")


def _activation(
    name: str,
    activation: activations.ActivationFunction,
    count: parameters.ParameterFunction = parameters.none,
) -> LayerClass:
    return LayerClass(name, "activation", shapes.merged, count, activation=activation)


def _recurrent(name: str, gates: int, reset_after: bool = False) -> LayerClass:
    count = parameters.recurrent(gates, reset_after)
    return LayerClass(name, "other", shapes.recurrent, count, keeps_activation=True)


def _bidirectional_shape(
    config: Config, inputs: Sequence[Shape], arguments: Config
) -> Optional[Shape]:
    name, inner = _inner(config)
    one = output_shape(name, inner, inputs, arguments)
    factor = 2 if config.get("merge_mode", "concat") == "concat" else 1
    return None if one is None else one[:-1] + (one[-1] * factor,)


def _bidirectional_parameters(config: Config, inputs: Sequence[Shape], output: Shape) -> int:
    name, inner = _inner(config)
    return 2 * parameter_count(name, inner, inputs, output)


def _inner(config: Config) -> Tuple[str, Config]:
    """Return class name and configuration of the layer inside of a wrapping one."""
    return str(config["layer"]["class_name"]).split(">")[-1], config["layer"]["config"]


_REMOVED = (
    "Dropout SpatialDropout1D SpatialDropout2D SpatialDropout3D AlphaDropout GaussianDropout"
    " GaussianNoise ActivityRegularization RandomFlip RandomRotation RandomZoom RandomTranslation"
    " RandomContrast RandomBrightness RandomHeight RandomWidth VitisQuantize QuantizeLayer"
)

_ROWS = (
    LayerClass("InputLayer", "input", shapes.input_layer),
    # convolutions and dense layers
    LayerClass("Conv2D", "conv", shapes.conv2d, parameters.conv, attributes.conv),
    LayerClass(
        "DepthwiseConv2D",
        "depthwise",
        shapes.depthwise2d,
        parameters.depthwise,
        attributes.depthwise,
    ),
    LayerClass(
        "SeparableConv2D",
        "conv",
        shapes.conv2d,
        parameters.separable,
        attributes.conv,
        separable=True,
    ),
    LayerClass(
        "Conv2DTranspose", "transposed", shapes.transposed2d, parameters.conv, attributes.transposed
    ),
    LayerClass("Conv1D", "other", shapes.conv1d, parameters.conv),
    LayerClass("SeparableConv1D", "other", shapes.conv1d, parameters.separable),
    LayerClass("Dense", "dense", shapes.dense, parameters.dense, attributes.dense),
    # pooling
    LayerClass("MaxPooling2D", "max_pool", shapes.pool2d, attributes=attributes.pool),
    *(
        LayerClass(name, "average_pool", shapes.pool2d, attributes=attributes.pool)
        for name in ("AveragePooling2D", "VitisAveragePooling2D")
    ),
    *(
        LayerClass(
            name, "global_average_pool", shapes.global_pool, attributes=attributes.global_pool
        )
        for name in ("GlobalAveragePooling2D", "VitisGlobalAveragePooling2D")
    ),
    LayerClass("GlobalMaxPooling2D", "other", shapes.global_pool),
    LayerClass("GlobalAveragePooling1D", "other", shapes.global_pool),
    LayerClass("GlobalMaxPooling1D", "other", shapes.global_pool),
    LayerClass("MaxPooling1D", "other", shapes.pool1d),
    LayerClass("AveragePooling1D", "other", shapes.pool1d),
    # normalization
    *(
        LayerClass(name, "batch_norm", shapes.merged, parameters.batch_norm, attributes.batch_norm)
        for name in ("BatchNormalization", "SyncBatchNormalization")
    ),
    LayerClass("LayerNormalization", "other", shapes.merged, parameters.layer_norm),
    LayerClass("GroupNormalization", "other", shapes.merged, parameters.layer_norm),
    LayerClass("UnitNormalization", "other", shapes.merged),
    # what is done to the data
    LayerClass(
        "Normalization", "other", shapes.merged, parameters.normalization, preprocessing=True
    ),
    LayerClass(
        "Rescaling", "other", shapes.merged, attributes=attributes.rescaling, preprocessing=True
    ),
    LayerClass("Resizing", "other", shapes.resize, preprocessing=True),
    LayerClass("CenterCrop", "other", shapes.resize, preprocessing=True),
    # activation functions
    _activation("Activation", activations.named),
    _activation("ReLU", activations.relu),
    _activation("LeakyReLU", activations.leaky_relu),
    _activation("PReLU", activations.always("prelu"), parameters.prelu),
    _activation("ELU", activations.always("elu")),
    _activation("ThresholdedReLU", activations.always("thresholdedrelu")),
    _activation("Softmax", activations.always("softmax")),
    _activation("VitisSigmoid", activations.always("hard_sigmoid")),
    # several tensors into one
    LayerClass("Add", "add", shapes.merged),
    LayerClass("Multiply", "multiply", shapes.merged),
    *(
        LayerClass(name, "other", shapes.merged)
        for name in ("Subtract", "Average", "Maximum", "Minimum")
    ),
    LayerClass("Concatenate", "concat", shapes.concatenate, attributes=attributes.concat),
    LayerClass("Dot"),
    LayerClass("CustomScaleLayer"),
    # shapes
    LayerClass("Flatten", "flatten", shapes.flatten),
    LayerClass("Reshape", "reshape", shapes.reshape),
    LayerClass("Permute", "other", shapes.permute),
    LayerClass("RepeatVector", "other", shapes.repeat),
    LayerClass("ZeroPadding2D", "pad", shapes.pad2d, attributes=attributes.pad),
    LayerClass("ZeroPadding1D", "other", shapes.pad1d),
    LayerClass("Cropping2D", "other", shapes.crop2d),
    LayerClass("Cropping1D", "other", shapes.crop1d),
    LayerClass("UpSampling2D", "upsample", shapes.upsample2d, attributes=attributes.upsample),
    LayerClass("UpSampling1D", "other", shapes.upsample1d),
    LayerClass("Masking", "other", shapes.merged),
    # sequences
    _recurrent("LSTM", 4),
    _recurrent("GRU", 3, reset_after=True),
    _recurrent("SimpleRNN", 1),
    LayerClass(
        "Bidirectional",
        "other",
        _bidirectional_shape,
        _bidirectional_parameters,
        keeps_activation=True,
    ),
    LayerClass("Embedding", "other", shapes.embedding, parameters.embedding),
    # code
    LayerClass("Lambda", "lambda"),
    LayerClass(
        "TFOpLambda", "tensorflow", shapes.tensorflow_operation, attributes=attributes.tensorflow
    ),
    LayerClass("SlicingOpLambda", "tensorflow", attributes=attributes.tensorflow),
    LayerClass("TensorFlowOpLayer", "tensorflow", attributes=attributes.tensorflow),
    *(LayerClass(name, "other", shapes.unchanged, removed=True) for name in _REMOVED.split()),
)

LAYERS: Dict[str, LayerClass] = {row.name: row for row in _ROWS}
"""All known layer classes by name."""


def layer_class(name: str) -> LayerClass:
    """Return the row of a class; for a class without one, a row that says that nothing is known."""
    return LAYERS.get(name) or LayerClass(name)


def output_shape(
    class_name: str, config: Config, inputs: Sequence[Shape], arguments: Config
) -> Optional[Shape]:
    """Return the (first) output shape of a layer, or None when this layer is not known.

    Args:
        class_name: Keras class name without package, such as ``Conv2D``.
        config: the layer's configuration.
        inputs: shapes of the input tensors.
        arguments: keyword arguments of the call (TensorFlow operations have theirs there).

    Raises:
        ModelError: the shapes do not fit the layer.
        LookupError, TypeError, ValueError: the configuration is not that of such a layer.
    """
    row = layer_class(class_name)
    if row.shape is None or not (inputs or row.kind == "input"):
        return None
    result = row.shape(config, inputs, arguments)
    if result is not None and any(length < 1 for length in result):
        raise ModelError(
            f"layer '{config.get('name', '?')}' ({class_name}) gives the empty shape {result} for"
            f" an input of {inputs[0] if inputs else result}",
            "Use a smaller kernel or stride, padding='same', or a larger input.",
        )
    return result


def parameter_count(class_name: str, config: Config, inputs: Sequence[Shape], output: Shape) -> int:
    """Return how many parameters a layer has (trainable or not, as ``count_params``); 0 for a layer
    that is not known.
    """
    return layer_class(class_name).parameters(config, inputs, output)
