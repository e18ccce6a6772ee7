"""A strict stand-in for the vendor's quantizer, written from its documentation and from what it was
seen to do.

It wraps layers, splits activations and names variables as the vendor does, so that what reads its
models can be tested without it. It is strict where the vendor is: a Sequential model, a separable
convolution with an activation, or a wrong argument is an error. Positions are chosen from the first
calibration batch, without adjustments.
"""

import numpy as np
import tensorflow as tf

from vaiopt.int8.arithmetic import (
    dequantize,
    min_error_position,
    non_overflow_position,
    quantize_weights,
)

keras = tf.keras
register = keras.utils.register_keras_serializable
FUNCTIONS_BEFORE = ("softmax", "tanh")
CONVOLUTIONS = ("Conv2D", "DepthwiseConv2D", "Dense")
KNOWN = CONVOLUTIONS + (
    "Activation",
    "VitisSigmoid",
    "ReLU",
    "MaxPooling2D",
    "Flatten",
    "Add",
    "Reshape",
)


def rounded(x, position):
    @tf.custom_gradient
    def straight_through(value):
        scale = tf.pow(2.0, position)
        return (
            tf.clip_by_value(tf.floor(value * scale + 0.5), -128, 127) / scale,
            lambda upstream: upstream,
        )

    return straight_through(x)


@register(package="Vitis", name="VitisQuantize")
class VitisQuantize(keras.layers.Layer):
    """Rounds an input."""

    def build(self, input_shape):
        self.position = self.add_weight(
            name=self.name + "_pos", shape=(), initializer="zeros", trainable=False
        )

    def call(self, inputs):
        return rounded(inputs, self.position)

    def get_quantize_info(self):
        return {"type": "input", "info": {"quant_pos_var": self.position.numpy()}}


@register(package="Vitis", name="VitisSigmoid")
class VitisSigmoid(keras.layers.Layer):
    """The DPU's sigmoid."""

    def call(self, inputs):
        return tf.clip_by_value(inputs + 3, 0, 6) * 2731.0 / 16384.0


keras.utils.get_custom_objects()["VitisSigmoid"] = (
    VitisSigmoid  # today's Keras writes wrapped layers without their package
)


@register(package="Vitis", name="QuantizeWrapper")
class QuantizeWrapper(keras.layers.Wrapper):
    """A layer whose weights and output, or input, are rounded."""

    def __init__(self, layer, points=(), **kwargs):
        super().__init__(layer, **dict({"name": "quant_" + layer.name}, **kwargs))
        self.points = list(points)

    def build(self, input_shape):
        self.layer.build(input_shape)
        self.positions = {
            point: self.add_weight(
                name=point + "_pos", shape=(), initializer="zeros", trainable=False
            )
            for point in self.points
        }
        super().build(input_shape)

    def call(self, inputs):
        if "pre_activation" in self.points:
            return self.layer(rounded(inputs, self.positions["pre_activation"]))
        outputs = self.layer(inputs)
        for point in ("post_activation", "output_0"):
            if point in self.points:
                outputs = rounded(outputs, self.positions[point])
        return outputs

    def get_quantize_info(self):
        return {
            point: {"info": {"quant_pos_var": position.numpy()}}
            for point, position in self.positions.items()
        }

    def get_config(self):
        return dict(super().get_config(), points=self.points)


class VitisQuantizer:
    """Post-training quantization, fast finetuning and quantization-aware training of a functional
    model.
    """

    def __init__(self, float_model, quantize_strategy="pof2s", custom_objects=None, target=None):
        if isinstance(float_model, keras.Sequential):
            raise ValueError("Dimensions must be equal, but are 3 and 4")
        if quantize_strategy != "pof2s":
            raise ValueError("unknown strategy")
        for layer in float_model.layers:
            if type(layer).__name__ == "SeparableConv2D":
                raise AssertionError(
                    "a separable convolution loses its activation here: " + layer.name
                )
            if type(layer).__name__ == "BatchNormalization" and not layer.center:
                raise KeyError("beta:0")
            if layer.name == "refuse_me":
                raise ValueError(
                    "[Quantizer_TF2_Unsupported_Layer][Unsupported layer type] Layer refuse_me is"
                    " not supported."
                )
            if layer.name == "break_me":
                raise KeyError("name")
        self.model = float_model

    def quantize_model(
        self,
        loss=None,
        metrics=None,
        calib_dataset=None,
        calib_batch_size=None,
        calib_steps=None,
        eval_dataset=None,
        verbose=0,
        add_shape_info=False,
        input_shape=None,
        configs=None,
        include_fast_ft=False,
        fast_ft_epochs=10,
    ):
        print("[VAI INFO] Start Quantize Calibration...")
        if calib_dataset is None or not calib_batch_size:
            raise ValueError(
                "[Quantizer_TF2_Invalid_Calib_Dataset][Invalid calibration dataset] Need to assign"
                " `calib_dataset`."
            )
        return build(self.model, np.asarray(calib_dataset[:calib_batch_size], np.float32))

    def get_qat_model(
        self,
        init_quant=False,
        loss=None,
        metrics=None,
        calib_dataset=None,
        calib_batch_size=None,
        calib_steps=None,
    ):
        if init_quant and calib_dataset is None:
            raise ValueError(
                "[Quantizer_TF2_Invalid_Calib_Dataset][Invalid calibration dataset] Need to assign"
                " `calib_dataset`."
            )
        return build(self.model, np.asarray(calib_dataset[:calib_batch_size], np.float32))

    @staticmethod
    def get_deploy_model(model):
        return model


def build(model, x):
    """Return the quantized model, layer by layer: each reads tensors that are rounded already."""
    tensors, values = {}, {}
    for layer in model.layers:
        if isinstance(layer, keras.layers.InputLayer):
            tensors[layer.name] = keras.Input(layer.output.shape[1:], name=layer.name)
            wrapped = VitisQuantize(name="quant_" + layer.name)
            tensors[layer.name] = wrapped(tensors[layer.name])
            wrapped.position.assign(non_overflow_position(x))
            values[layer.name] = wrapped(x)
            continue
        sources = layer.inbound_nodes[0].inbound_layers
        sources = sources if isinstance(sources, list) else [sources]
        inputs, data = [tensors[s.name] for s in sources], [values[s.name] for s in sources]
        inputs, data = (inputs, data) if len(inputs) > 1 else (inputs[0], data[0])
        tensors[layer.name], values[layer.name] = quantized(layer, inputs, data)
    inputs = [tensor._keras_history.layer for tensor in model.inputs]
    first = {layer.name: layer for layer in inputs}
    entries = [tensors[name]._keras_history.layer.input for name in first]
    return keras.Model(
        entries, [tensors[tensor._keras_history.layer.name] for tensor in model.outputs]
    )


def quantized(layer, inputs, data):
    """Return the tensor and the values behind the vendor's layers for one float layer."""
    kind = type(layer).__name__
    if kind not in KNOWN:
        copy = layer.__class__.from_config(layer.get_config())
        return copy(inputs), copy(data)
    config = layer.get_config()
    function = config.get("activation", "linear") if kind in CONVOLUTIONS else "linear"
    inner = layer.__class__.from_config(
        dict(config, activation="linear") if kind in CONVOLUTIONS else config
    )
    points = []
    if kind in CONVOLUTIONS:
        points = ["depthwise_kernel" if kind == "DepthwiseConv2D" else "kernel"] + (
            ["bias"] if layer.use_bias else []
        )
    if kind == "Activation":
        return apply(
            layer.__class__.from_config(config), act_points(config["activation"]), inputs, data, []
        )
    if kind in CONVOLUTIONS and function in ("linear", "sigmoid"):
        points.append("post_activation")
    elif kind not in CONVOLUTIONS + ("Flatten", "Reshape"):
        points.append("output_0")
    tensor, value = apply(inner, points, inputs, data, layer.get_weights())
    if function == "linear":
        return tensor, value
    name = f"{layer.name}_{function}"
    if function == "sigmoid":
        return apply(VitisSigmoid(name=name), ["output_0"], tensor, value, [])
    return apply(
        keras.layers.Activation(function, name=name), act_points(function), tensor, value, []
    )


def act_points(function):
    return ["pre_activation"] if function in FUNCTIONS_BEFORE else ["post_activation"]


def apply(inner, points, inputs, data, weights):
    """Wrap a layer, set its weights and positions, and return its tensor and values."""
    wrapper = QuantizeWrapper(inner, points)
    tensor = wrapper(inputs)
    if weights:
        for point, weight in zip(points, weights):
            position = min_error_position(weight, half_up=False)
            wrapper.positions[point].assign(position)
        inner.set_weights(
            [
                dequantize(
                    quantize_weights(w, int(wrapper.positions[p].numpy())),
                    int(wrapper.positions[p].numpy()),
                )
                for p, w in zip(points, weights)
            ]
        )
    plain = data if "pre_activation" in points else inner(data)
    for point in points:
        if point in ("pre_activation", "post_activation", "output_0"):
            wrapper.positions[point].assign(min_error_position(np.asarray(plain), half_up=True))
    return tensor, wrapper(data)
