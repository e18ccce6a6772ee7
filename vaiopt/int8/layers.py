"""The Keras layers of a quantized model. See :mod:`vaiopt.int8.model` for what they mean
and how to get them.
"""

from __future__ import annotations

from typing import Any, Dict, Optional, Tuple

from vaiopt.int8.arithmetic import QMAX, QMIN, SIGMOID_MULTIPLIER, SIGMOID_SHIFT


def make_layers(tf: Any) -> Dict[str, Any]:
    """Return the layer classes by name.

    Args:
        tf: TensorFlow, with Keras 2 as ``tf.keras``.
    """
    classes = (
        _fix_position(tf),
        _sigmoid(tf),
        _float_sigmoid(tf),
        _average_pooling(tf),
        _global_average_pooling(tf),
    )
    return {layer.__name__: layer for layer in classes}


def fake_quantize(tf: Any, x: Any, scale: Any) -> Any:
    """Round half up to the grid ``1 / scale`` and saturate at int8; the gradient passes where
    nothing saturates.
    """

    @tf.custom_gradient  # type: ignore[misc]
    def rounded(value: Any) -> Any:
        steps = tf.floor(value * scale + tf.cast(0.5, value.dtype))

        def gradient(upstream: Any) -> Any:
            inside = tf.logical_and(steps >= QMIN, steps <= QMAX)
            return tf.where(inside, upstream, tf.zeros_like(upstream))

        return tf.clip_by_value(steps, QMIN, QMAX) / scale, gradient

    return rounded(x)


def _fields(layer: Any, *names: str) -> Dict[str, Any]:
    return {name: getattr(layer, name) for name in names}


def _mean(layer: Any, sums: Any, area: int) -> Any:
    """Return the mean of ``area`` cells: the plain one where the DPU's factor is not used."""
    return sums / area if layer.shift is None else sums * (layer.numerator / 2**layer.shift)


def _fix_position(tf: Any) -> Any:
    @tf.keras.utils.register_keras_serializable(package="vaiopt")  # type: ignore[misc]
    class FixPosition(tf.keras.layers.Layer):  # type: ignore[misc,name-defined]
        """Round to int8 at a fix position.

        Args:
            position: the fix position.
            float_layer: the layer of the float model that this tensor belongs to.
            tensor: which of its tensors: input, output, pre_activation or sigmoid.
            entry: real numbers of the host enter here; they are rounded in float32 whatever the
                model computes in.
        """

        def __init__(
            self,
            position: int = 0,
            float_layer: str = "",
            tensor: str = "output",
            entry: bool = False,
            **kwargs: Any,
        ) -> None:
            super().__init__(**kwargs)
            self.position, self.entry = int(position), bool(entry)
            self.float_layer, self.tensor = float_layer, tensor

        def call(self, inputs: Any) -> Any:
            x = tf.cast(inputs, tf.float32) if self.entry else inputs
            rounded = fake_quantize(tf, x, tf.constant(2.0**self.position, x.dtype))
            return tf.cast(rounded, inputs.dtype)

        def get_config(self) -> Dict[str, Any]:
            own = _fields(self, "position", "float_layer", "tensor", "entry")
            return {**super().get_config(), **own}

    return FixPosition


def _sigmoid(tf: Any) -> Any:
    @tf.keras.utils.register_keras_serializable(package="vaiopt")  # type: ignore[misc]
    class FixedSigmoid(tf.keras.layers.Layer):  # type: ignore[misc,name-defined]
        """The DPU's sigmoid."""

        def call(self, inputs: Any) -> Any:
            return tf.clip_by_value(inputs + 3, 0, 6) * SIGMOID_MULTIPLIER / 2**SIGMOID_SHIFT

    return FixedSigmoid


def _float_sigmoid(tf: Any) -> Any:
    @tf.keras.utils.register_keras_serializable(package="vaiopt")  # type: ignore[misc]
    class HardSigmoid(tf.keras.layers.Layer):  # type: ignore[misc,name-defined]
        """``relu6(x + 3) / 6``, of which :class:`FixedSigmoid` is the DPU's version, in float."""

        def call(self, inputs: Any) -> Any:
            return tf.nn.relu6(inputs + 3.0) * (1.0 / 6.0)

    return HardSigmoid


def _average_pooling(tf: Any) -> Any:
    @tf.keras.utils.register_keras_serializable(package="vaiopt")  # type: ignore[misc]
    class FixedAveragePooling2D(tf.keras.layers.Layer):  # type: ignore[misc,name-defined]
        """The DPU's average pooling: ``sum * numerator / 2**shift`` (the mean if ``shift`` is
        None).
        """

        def __init__(
            self,
            pool_size: Tuple[int, int] = (2, 2),
            strides: Optional[Tuple[int, int]] = None,
            padding: str = "valid",
            numerator: int = 1,
            shift: Optional[int] = None,
            **kwargs: Any,
        ) -> None:
            super().__init__(**kwargs)
            self.pool_size = tuple(int(size) for size in pool_size)
            self.strides = tuple(int(step) for step in strides or pool_size)
            self.padding, self.numerator, self.shift = padding, int(numerator), shift

        def _sums(self, x: Any) -> Any:
            # A depthwise convolution with ones adds exactly, which an average multiplied by its
            # area does not.
            ones = tf.ones(self.pool_size + (x.shape[-1], 1), x.dtype)
            return tf.nn.depthwise_conv2d(x, ones, (1,) + self.strides + (1,), self.padding.upper())

        def call(self, inputs: Any) -> Any:
            sums, area = self._sums(inputs), self.pool_size[0] * self.pool_size[1]
            if self.padding != "same":
                return _mean(self, sums, area)
            counts = self._sums(tf.ones_like(inputs[:1]))
            if self.shift is None:
                return sums / counts
            return sums * (area * self.numerator / 2**self.shift) / counts

        def get_config(self) -> Dict[str, Any]:
            own = _fields(self, "pool_size", "strides", "padding", "numerator", "shift")
            return {**super().get_config(), **own}

    return FixedAveragePooling2D


def _global_average_pooling(tf: Any) -> Any:
    @tf.keras.utils.register_keras_serializable(package="vaiopt")  # type: ignore[misc]
    class FixedGlobalAveragePooling2D(tf.keras.layers.Layer):  # type: ignore[misc,name-defined]
        """The DPU's global average pooling: ``sum * numerator / 2**shift`` (the mean if ``shift``
        is None).
        """

        def __init__(
            self,
            keepdims: bool = False,
            numerator: int = 1,
            shift: Optional[int] = None,
            **kwargs: Any,
        ) -> None:
            super().__init__(**kwargs)
            self.keepdims, self.numerator, self.shift = bool(keepdims), int(numerator), shift

        def call(self, inputs: Any) -> Any:
            sums = tf.reduce_sum(inputs, axis=[1, 2], keepdims=self.keepdims)
            return _mean(self, sums, inputs.shape[1] * inputs.shape[2])

        def get_config(self) -> Dict[str, Any]:
            return {**super().get_config(), **_fields(self, "keepdims", "numerator", "shift")}

    return FixedGlobalAveragePooling2D
