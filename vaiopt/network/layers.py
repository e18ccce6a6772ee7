"""What is known of each Keras layer class: one row in :data:`LAYERS`.

So an ``.h5`` file or an architecture JSON can be read without TensorFlow and without running
anything that is in it. A class without a row becomes an operation ``other``, of its input's shape
and without parameters, unless the model is live and tells both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Mapping, Optional, Sequence, Tuple

from vaiopt.errors import ModelError
from vaiopt.network import activations, attributes, shapes
from vaiopt.network import parameters as counts
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
    parameters: counts.ParameterFunction = counts.none
    attributes: attributes.AttributeFunction = attributes.none
    activation: Optional[activations.ActivationFunction] = None
    removed: bool = False
    separable: bool = False
    keeps_activation: bool = False
    preprocessing: bool = False

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"layer class {self.name}: there is no kind '{self.kind}'")


def _both_ways(config: Config, inputs: Sequence[Shape], arguments: Config) -> Optional[Shape]:
    name, inner = _inner(config)
    one = output_shape(name, inner, inputs, arguments)
    factor = 2 if config.get("merge_mode", "concat") == "concat" else 1
    return None if one is None else one[:-1] + (one[-1] * factor,)


def _both_ways_parameters(config: Config, inputs: Sequence[Shape], output: Shape) -> int:
    name, inner = _inner(config)
    return 2 * parameter_count(name, inner, inputs, output)


def _inner(config: Config) -> Tuple[str, Config]:
    """Return class name and configuration of the layer inside of a wrapping one."""
    return str(config["layer"]["class_name"]).split(">")[-1], config["layer"]["config"]


_REMOVED = (
    "Dropout SpatialDropout1D SpatialDropout2D SpatialDropout3D AlphaDropout GaussianDropout"
    " GaussianNoise ActivityRegularization RandomFlip RandomRotation RandomZoom RandomTranslation"
    " RandomContrast RandomBrightness RandomHeight RandomWidth Identity VitisQuantize QuantizeLayer"
)

_UNSHAPED = (
    "Conv3D Conv3DTranspose LocallyConnected1D LocallyConnected2D ConvLSTM1D ConvLSTM2D ConvLSTM3D"
    " AveragePooling3D MaxPooling3D GlobalAveragePooling3D GlobalMaxPooling3D UpSampling3D"
    " ZeroPadding3D Cropping3D Attention AdditiveAttention MultiHeadAttention EinsumDense"
    " TimeDistributed RNN SpectralNormalization RandomCrop CategoryEncoding Discretization"
)

_row = LayerClass

_ROWS = (
    _row("InputLayer", "input", shapes.input_layer),
    # convolutions and dense layers
    _row("Conv2D", "conv", shapes.conv2d, counts.conv, attributes.conv),
    _row(
        "DepthwiseConv2D", "depthwise", shapes.depthwise2d, counts.depthwise, attributes.depthwise
    ),
    _row("Conv2DTranspose", "transposed", shapes.transposed2d, counts.conv, attributes.transposed),
    _row("SeparableConv2D", "conv", shapes.conv2d, counts.separable, separable=True),
    _row("Conv1D", "other", shapes.conv1d, counts.conv),
    _row("SeparableConv1D", "other", shapes.conv1d, counts.separable),
    _row("DepthwiseConv1D", "other", shapes.depthwise1d, counts.depthwise1d),
    _row("Conv1DTranspose", "other", shapes.transposed1d, counts.conv),
    _row("Dense", "dense", shapes.dense, counts.dense, attributes.dense),
    # pooling
    _row("MaxPooling2D", "max_pool", shapes.pool2d, attributes=attributes.pool),
    _row("AveragePooling2D", "average_pool", shapes.pool2d, attributes=attributes.pool),
    _row("VitisAveragePooling2D", "average_pool", shapes.pool2d, attributes=attributes.pool),
    *(
        _row(name, "global_average_pool", shapes.global_pool, attributes=attributes.global_pool)
        for name in ("GlobalAveragePooling2D", "VitisGlobalAveragePooling2D")
    ),
    _row("GlobalMaxPooling2D", "other", shapes.global_pool),
    _row("GlobalAveragePooling1D", "other", shapes.global_pool),
    _row("GlobalMaxPooling1D", "other", shapes.global_pool),
    _row("MaxPooling1D", "other", shapes.pool1d),
    _row("AveragePooling1D", "other", shapes.pool1d),
    # normalization
    *(
        _row(name, "batch_norm", shapes.merged, counts.batch_norm, attributes.batch_norm)
        for name in ("BatchNormalization", "SyncBatchNormalization")
    ),
    _row("LayerNormalization", "other", shapes.merged, counts.layer_norm),
    _row("GroupNormalization", "other", shapes.merged, counts.layer_norm),
    _row("UnitNormalization", "other", shapes.merged),
    # what is done to the data
    _row("Normalization", "other", shapes.merged, counts.normalization, preprocessing=True),
    _row("Rescaling", "other", shapes.merged, attributes=attributes.rescaling, preprocessing=True),
    _row("Resizing", "other", shapes.resize, preprocessing=True),
    _row("CenterCrop", "other", shapes.resize, preprocessing=True),
    # activation functions
    _row("Activation", "activation", shapes.merged, activation=activations.named),
    _row("ReLU", "activation", shapes.merged, activation=activations.relu),
    _row("LeakyReLU", "activation", shapes.merged, activation=activations.leaky_relu),
    _row(
        "PReLU", "activation", shapes.merged, counts.prelu, activation=activations.always("prelu")
    ),
    *(
        _row(name, "activation", shapes.merged, activation=activations.always(function))
        for name, function in (
            ("ELU", "elu"),
            ("ThresholdedReLU", "thresholdedrelu"),
            ("Softmax", "softmax"),
            ("HardSigmoid", "dpu_sigmoid"),
            ("VitisSigmoid", "dpu_sigmoid"),
        )
    ),
    # several tensors into one
    _row("Add", "add", shapes.merged),
    _row("Multiply", "multiply", shapes.merged),
    *(_row(name, "other", shapes.merged) for name in "Subtract Average Maximum Minimum".split()),
    _row("Concatenate", "concat", shapes.concatenate, attributes=attributes.concat),
    _row("Dot"),
    _row("CustomScaleLayer"),
    # shapes
    _row("Flatten", "flatten", shapes.flatten),
    _row("Reshape", "reshape", shapes.reshape),
    _row("Permute", "other", shapes.permute),
    _row("RepeatVector", "other", shapes.repeat),
    _row("ZeroPadding2D", "pad", shapes.pad2d, attributes=attributes.pad),
    _row("ZeroPadding1D", "other", shapes.pad1d),
    _row("Cropping2D", "other", shapes.crop2d),
    _row("Cropping1D", "other", shapes.crop1d),
    _row("UpSampling2D", "upsample", shapes.upsample2d, attributes=attributes.upsample),
    _row("UpSampling1D", "other", shapes.upsample1d),
    _row("Masking", "other", shapes.merged),
    # sequences
    *(
        _row(
            name, "other", shapes.recurrent, counts.recurrent(gates, resets), keeps_activation=True
        )
        for name, gates, resets in (("LSTM", 4, False), ("GRU", 3, True), ("SimpleRNN", 1, False))
    ),
    _row("Bidirectional", "other", _both_ways, _both_ways_parameters, keeps_activation=True),
    _row("Embedding", "other", shapes.embedding, counts.embedding),
    # code
    _row("Lambda", "lambda"),
    _row("TFOpLambda", "tensorflow", shapes.tensorflow, attributes=attributes.tensorflow),
    _row("SlicingOpLambda", "tensorflow", attributes=attributes.tensorflow),
    _row("TensorFlowOpLayer", "tensorflow", attributes=attributes.tensorflow),
    *(_row(name, "other", shapes.unchanged, removed=True) for name in _REMOVED.split()),
    # of our own int8 models, whose files are read again
    _row("FixPosition", "other", shapes.unchanged),
    _row("FixedSigmoid", "other", shapes.unchanged),
    _row("FixedAveragePooling2D", "other", shapes.pool2d),
    _row("FixedGlobalAveragePooling2D", "other", shapes.global_pool),
    # known, and safe to build, but nothing is known of their shapes
    *(_row(name) for name in _UNSHAPED.split()),
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
