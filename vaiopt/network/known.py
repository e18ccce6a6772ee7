"""Whether the configuration of a model names known classes and functions only.

Keras builds what a configuration names: a ``Lambda`` layer holds Python code, a TensorFlow
operation any function of TensorFlow (one that writes files, say), an entry with a ``module``
whatever that module has. Here nothing is built. Every entry is looked at, wherever it stands: in
nested models, wrapped layers, cells, activations, keyword arguments, and layers that lead nowhere.
"""

from __future__ import annotations

import re
from typing import Any, FrozenSet, List, Mapping, NamedTuple, Optional, Pattern, Tuple

from vaiopt.errors import ModelError
from vaiopt.network.layers import LAYERS
from vaiopt.network.node_defs import operation_of

TRUST_HINT = "Build the model without it; or, if you made the file yourself, add --trust-model."

PACKAGES = ("vaiopt", "Vitis")
"""Packages whose registered classes are known: our own, and the vendor's quantizer's."""


def _names(text: str) -> FrozenSet[str]:
    return frozenset(text.split())


CODE = _names("Lambda TFOpLambda SlicingOpLambda TensorFlowOpLayer")
"""Layer classes that hold code, or name a function; the last three are looked into."""

OTHERS = _names(
    # models
    "Functional Model Sequential"
    # cells
    " LSTMCell GRUCell SimpleRNNCell StackedRNNCells"
    # initializers
    " Zeros Ones Constant RandomNormal RandomUniform TruncatedNormal VarianceScaling Orthogonal"
    " Identity GlorotNormal GlorotUniform LecunNormal LecunUniform HeNormal HeUniform"
    # regularizers and constraints
    " L1 L2 L1L2 OrthogonalRegularizer MaxNorm MinMaxNorm NonNeg UnitNorm RadialConstraint"
    # types
    " Policy PolicyV1 TensorShape __tuple__ __ellipsis__"
)
"""Classes besides layers that a configuration may name."""

ACTIVATIONS = _names(
    "linear relu relu6 leaky_relu elu selu gelu mish silu swish hard_swish hard_silu hard_sigmoid"
    " sigmoid log_sigmoid softmax log_softmax softplus softsign tanh exponential"
    # as TensorFlow's functions are called
    " swish_v2 softmax_v2 relu_v2 elu_v2 gelu_v2 silu_v2"
)
"""Functions that a configuration may name."""

FUNCTIONS = re.compile(
    r"(compat\.v1\.)?(math|nn|image|linalg|signal|__operators__|keras\.activations)\.\w+"
    r"|(compat\.v1\.)?(reshape|transpose|concat|split|stack|unstack|squeeze|expand_dims|slice"
    r"|strided_slice|pad|tile|cast|identity|gather|clip_by_value|where|shape|rank|size|reverse"
    r"|broadcast_to|zeros_like|ones_like|space_to_depth|depth_to_space|space_to_batch"
    r"|batch_to_space|one_hot|repeat|roll|meshgrid|norm|tensordot|einsum|fill)"
)
"""Functions of TensorFlow that compute tensors from tensors and do nothing else."""

OPERATIONS = _names(
    "Abs Add AddN AddV2 AvgPool BatchMatMulV2 BiasAdd Cast ConcatV2 Conv2D Const DepthToSpace"
    " DepthwiseConv2dNative Div Elu Exp ExpandDims Fill GatherV2 Identity LeakyRelu Log MatMul Max"
    " MaxPool Maximum Mean Min Minimum MirrorPad Mul Neg Pack Pad PadV2 Pow Prod RealDiv Relu Relu6"
    " Reshape ResizeBilinear ResizeNearestNeighbor Rsqrt Selu Shape Sigmoid Slice Softmax Softplus"
    " SpaceToDepth Split SplitV Sqrt Square SquaredDifference Squeeze StridedSlice Sub Sum Tanh"
    " Tile Transpose Unpack ZerosLike"
)
"""TensorFlow operations of a ``TensorFlowOpLayer`` (TensorFlow 2.3) that do nothing else."""

MODULE = re.compile(
    r"builtins|((tf_)?keras|tensorflow\.keras)(\.\w+)*|tensorflow\.python\.ops\.init_ops_v2"
)
"""Modules from which an entry may come."""

OWN_MODULE = re.compile(r"(vaiopt|tensorflow_model_optimization)(\.\w+)*")
"""Modules of the registered classes of :data:`PACKAGES`."""

FUNCTION = ("function", "builtin")
"""What a function has in the place of its class; its name is in ``config``."""


class _Place(NamedTuple):
    """A part of a configuration, and the name of the layer that it belongs to."""

    item: Any
    layer: str


def check_known(config: Any, trust: bool = False) -> None:
    """Refuse a configuration that names anything but known classes and functions.

    Args:
        config: of a model, as JSON.
        trust: whether code and functions of any kind are accepted.

    Raises:
        ModelError: the layer is named.
    """
    if trust:
        return
    waiting: List[_Place] = [_Place(config, "?")]
    while waiting:
        item, layer = waiting.pop()
        if isinstance(item, Mapping):
            layer = _name(item) or layer
            _check(item, layer)
            waiting.extend(_Place(value, layer) for value in item.values())
        elif isinstance(item, (list, tuple)):
            waiting.extend(_Place(value, layer) for value in item)


def _name(item: Mapping[str, Any]) -> Optional[str]:
    """Return the name of a layer's entry."""
    config = item.get("config")
    name = config.get("name") if isinstance(config, Mapping) else None
    name = item.get("name", name)
    return name if isinstance(name, str) and "class_name" in item else None


def _check(item: Mapping[str, Any], layer: str) -> None:
    for key in ("activation", "recurrent_activation"):
        named = item.get(key)
        if isinstance(named, str) and not _is_activation(named):
            raise ModelError(
                f"layer '{layer}' has the activation '{named[:80]}', which Keras does not bring",
                "Use one of keras.activations, or a layer of its own.",
            )
    if "class_name" not in item:
        return
    if str(item["class_name"]).split(">")[-1] in CODE:
        _check_code(item, layer)
    elif not _is_known(item):
        what = item.get("config") if item["class_name"] in FUNCTION else item["class_name"]
        module = item.get("module")
        raise ModelError(
            f"layer '{layer}' is or has a '{f'{module}.' if module else ''}{str(what)[:80]}', which"
            " Keras does not bring: it is not built from a file",
            "Build the model of Keras's own layers; look at the file with: vaiopt inspect",
        )


def _is_known(item: Mapping[str, Any]) -> bool:
    """Whether an entry is of a known class, or a known function, wherever Keras looks for it: under
    the name that it is registered with, else in the module.
    """
    kind, registered, module = (item.get(k) for k in ("class_name", "registered_name", "module"))
    if kind in FUNCTION:
        return _is_activation(item.get("config")) and _fits(MODULE, module)
    if isinstance(registered, str) and registered.split(">")[0] in PACKAGES:
        return kind == registered.split(">")[-1] and _fits(OWN_MODULE, module)
    return all(_is_class(name) for name in (kind, registered or kind)) and _fits(MODULE, module)


def _check_code(item: Mapping[str, Any], layer: str) -> None:
    kind = str(item["class_name"]).split(">")[-1]
    what, known = _function(kind, item.get("config"))
    if not known:
        raise ModelError(
            f"layer '{layer}' is a {kind}{what}: code that comes with the file is not run",
            TRUST_HINT,
        )


def _function(kind: str, config: Any) -> Tuple[str, bool]:
    """Return what a layer with code calls, in words, and whether that is known."""
    config = config if isinstance(config, Mapping) else {}
    if kind == "TensorFlowOpLayer":
        operation = operation_of(config)
        return f" ({operation[:80]})", operation in OPERATIONS
    function = config.get("function")
    if kind in ("TFOpLambda", "SlicingOpLambda") and isinstance(function, str):
        return f" ({function[:80]})", FUNCTIONS.fullmatch(function) is not None
    return "", False


def _is_class(name: Any) -> bool:
    """Whether a class is known; a registered one is written as ``package>Name``."""
    if not isinstance(name, str):
        return False
    *packages, plain = name.split(">")
    if packages and packages[0] in PACKAGES:
        return len(packages) == 1
    return plain in OTHERS or (plain in LAYERS and plain not in CODE)


def _is_activation(name: Any) -> bool:
    if isinstance(name, str) and name.split(">")[0] in PACKAGES:
        return True
    return isinstance(name, str) and name in ACTIVATIONS


def _fits(modules: Pattern[str], name: Any) -> bool:
    return name is None or (isinstance(name, str) and modules.fullmatch(name) is not None)
