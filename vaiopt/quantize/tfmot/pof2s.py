"""The vendor's scheme ``pof2s`` (power-of-two scale) for tensorflow-model-optimization: quantizers,
quantize configs and the scheme.

The classes are made when first asked for, because tensorflow-model-optimization loads TensorFlow,
and because in a Vitis-AI container the package of that name is the vendor's.
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

from vaiopt.errors import MissingToolError
from vaiopt.int8.arithmetic import CANDIDATES, QMAX, QMIN
from vaiopt.keras import load_tensorflow

ENTRY, ACTIVATION, WEIGHT = "entry", "activation", "weight"
"""What a quantizer rounds; it decides the rounding and how the position is chosen."""

TINY = 1e-9
"""Release 1.4 looks at no number that needs a scale below this."""

_loaded: Dict[str, Any] = {}


def load_tfmot() -> Any:
    """Import tensorflow-model-optimization with Keras 2 and return it.

    Raises:
        MissingToolError: it is not installed, or the vendor's package stands in its place.
    """
    load_tensorflow()
    try:
        import tensorflow_model_optimization as tfmot

        quantization = tfmot.quantization.keras
        quantization.quantize_apply  # noqa: B018  (the vendor's package has no such function)
    except (ImportError, AttributeError) as error:
        raise MissingToolError(
            "the backend 'tfmot' needs tensorflow-model-optimization, which cannot be imported"
            f" ({error})",
            "Install it with: pip install 'vaiopt[host]'; in a Vitis-AI container use --backend"
            " vitis.",
        ) from error
    return tfmot


def non_overflow(tf: Any, x: Any) -> Any:
    """Return the largest position at which nothing saturates (a scalar), as the vendor does."""
    low, high = tf.reduce_min(x), tf.reduce_max(x)
    ratio = (QMAX - QMIN - 1) / float(QMIN * 2)  # -127/128
    low, high = tf.minimum(low, high / ratio), tf.maximum(high, low * ratio)
    scale = tf.maximum(tf.maximum(low / QMIN, high / QMAX), 2.0**-52)
    return tf.floor(-tf.math.log(scale) / tf.math.log(2.0))


def unless_tiny(tf: Any, x: Any, position: Any, tiny_position: Optional[int]) -> Any:
    """Return a position, or ``tiny_position``, if there is one, where all of ``x`` is tiny."""
    if tiny_position is None:
        return position
    low, high = tf.minimum(tf.reduce_min(x), 0.0), tf.maximum(tf.reduce_max(x), 0.0)
    scale = tf.maximum(low / QMIN, high / QMAX)
    return tf.where(scale < TINY, float(tiny_position), position)


def weight_chooser(tf: Any, tiny_position: Optional[int] = None) -> Any:
    """Return a compiled function that gives the position of weights or biases of any shape.

    Compiled, because TensorFlow's graph optimizer changes the rounding of the position's logarithm,
    and the vendor's graph is optimized.

    Args:
        tf: TensorFlow.
        tiny_position: as :func:`unless_tiny` takes it.
    """
    return tf.function(
        lambda values: unless_tiny(tf, values, min_error(tf, values, False), tiny_position),
        input_signature=[tf.TensorSpec(None, tf.float32)],
    )


def min_error(tf: Any, x: Any, half_up: bool) -> Any:
    """Return the position (a scalar) of the smallest float32 squared error, first of equals."""
    first = non_overflow(tf, x)
    errors: List[Any] = []
    for offset in range(CANDIDATES):
        # One after the other: side by side, each would hold some tensors of the size of ``x``.
        with tf.control_dependencies(errors[-1:]):
            scale = tf.pow(2.0, first + offset)
            errors.append(tf.reduce_sum(tf.square(x - rounded(tf, x, scale, half_up))))
    return first + tf.cast(tf.argmin(errors), tf.float32)


def rounded(tf: Any, x: Any, scale: Any, half_up: bool) -> Any:
    """Return ``x`` rounded to the grid ``1 / scale`` and saturated at int8."""
    steps = tf.floor(x * scale + 0.5) if half_up else tf.round(x * scale)
    return tf.clip_by_value(steps, QMIN, QMAX) / scale


def straight_through(tf: Any, x: Any, scale: Any, half_up: bool) -> Any:
    """Round as :func:`rounded`; the gradient passes where nothing saturates."""

    @tf.custom_gradient  # type: ignore[misc]
    def forward(value: Any) -> Any:
        def gradient(upstream: Any) -> Any:
            steps = value * scale
            inside = tf.logical_and(steps >= QMIN - 0.5, steps <= QMAX + 0.5)
            return tf.where(inside, upstream, tf.zeros_like(upstream))

        return rounded(tf, value, scale, half_up), gradient

    return forward(x)


def pof2s() -> Dict[str, Any]:
    """Return the classes ``Pof2sQuantizer``, ``Pof2sQuantizeConfig`` and ``Pof2sScheme``.

    Raises:
        MissingToolError: as :func:`load_tfmot`.
    """
    if not _loaded:
        tfmot, tf = load_tfmot(), load_tensorflow()
        _loaded["Pof2sQuantizer"] = _quantizer_class(tfmot, tf)
        _loaded["Pof2sQuantizeConfig"] = _config_class(tfmot, _loaded["Pof2sQuantizer"])
        _loaded["Pof2sScheme"] = _scheme_class()
    return _loaded


def _quantizer_class(tfmot: Any, tf: Any) -> Any:
    base = tfmot.quantization.keras.quantizers.Quantizer

    class Pof2sQuantizer(base):  # type: ignore[misc,valid-type]
        """Rounds a tensor at a fix position that is a variable of the layer.

        While ``calibrating``, entries and activations choose the position from the tensor itself,
        for each batch anew.
        """

        def __init__(self, role: str, tiny_position: Optional[int] = None) -> None:
            self.role, self.tiny_position = role, tiny_position
            self.calibrating = False
            self.variable: Any = None

        def build(self, tensor_shape: Any, name: str, layer: Any) -> Dict[str, Any]:
            zero = tf.keras.initializers.Zeros()
            self.variable = layer.add_weight(
                name + "_position", shape=(), dtype="float32", initializer=zero, trainable=False
            )
            return {"position": self.variable}

        def __call__(self, inputs: Any, training: bool, weights: Dict[str, Any], **_: Any) -> Any:
            half_up = self.role != WEIGHT
            position = weights["position"]
            if self.calibrating and self.role != WEIGHT:
                entry = self.role == ENTRY
                found = non_overflow(tf, inputs) if entry else min_error(tf, inputs, True)
                found = unless_tiny(tf, inputs, found, self.tiny_position)
                position.assign(found)
                return rounded(tf, inputs, tf.pow(2.0, found), half_up)
            return straight_through(tf, inputs, tf.pow(2.0, position), half_up)

        def get_config(self) -> Dict[str, Any]:
            return {"role": self.role, "tiny_position": self.tiny_position}

    return Pof2sQuantizer


def _config_class(tfmot: Any, quantizer: Any) -> Any:
    base = tfmot.quantization.keras.QuantizeConfig

    class Pof2sQuantizeConfig(base):  # type: ignore[misc,valid-type]
        """Rounds the named weights of a layer, and its output.

        Args:
            weights: attributes of the layer: kernel, depthwise_kernel, bias, alpha.
            output: ``entry``, ``activation``, or empty where the output is not rounded.
            tiny_position: as :func:`unless_tiny` takes it.
        """

        def __init__(
            self,
            weights: Tuple[str, ...] = (),
            output: str = "",
            tiny_position: Optional[int] = None,
        ) -> None:
            self.weights, self.output = tuple(weights), output
            self.tiny_position = tiny_position
            self.weight_quantizers = [quantizer(WEIGHT) for _ in self.weights]
            self.output_quantizers = [quantizer(output, tiny_position)] if output else []

        def get_weights_and_quantizers(self, layer: Any) -> List[Tuple[Any, Any]]:
            return list(
                zip((getattr(layer, name) for name in self.weights), self.weight_quantizers)
            )

        def get_activations_and_quantizers(self, layer: Any) -> List[Tuple[Any, Any]]:
            return []

        def set_quantize_weights(self, layer: Any, quantize_weights: Any) -> None:
            for name, value in zip(self.weights, quantize_weights):
                setattr(layer, name, value)

        def set_quantize_activations(self, layer: Any, quantize_activations: Any) -> None:
            # Nothing to set: activations are layers of their own.
            return None

        def get_output_quantizers(self, layer: Any) -> List[Any]:
            return self.output_quantizers

        def get_config(self) -> Dict[str, Any]:
            own = {"weights": list(self.weights), "output": self.output}
            return {**own, "tiny_position": self.tiny_position}

        @classmethod
        def from_config(cls, config: Dict[str, Any]) -> Any:
            return cls(**config)

    return Pof2sQuantizeConfig


def _scheme_class() -> Any:
    class Unchanged:
        """A layout transform that leaves the model as it is: the graph was prepared before."""

        def apply(self, model: Any, quantize_map: Dict[str, Any]) -> Tuple[Any, Dict[str, Any]]:
            return model, quantize_map

    class Nothing:
        """A registry that quantizes no layer by itself: every quantized layer is annotated."""

        def supports(self, layer: Any) -> bool:
            return False

    class Pof2sScheme:
        """The quantize scheme of ``quantize_apply``."""

        def get_layout_transformer(self) -> Any:
            return Unchanged()

        def get_quantize_registry(self) -> Any:
            return Nothing()

    return Pof2sScheme
