"""Weight tensors of a Keras 2 ``.h5`` file: their spread before and after training and their int8
grid. Needs h5py, not TensorFlow.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple, TypeVar

import numpy as np

from vaiopt.errors import ModelError
from vaiopt.files import PathLike
from vaiopt.int8.positions import FixPosition
from vaiopt.network.file import read_model_config
from vaiopt.network.hdf5 import open_hdf5
from vaiopt.study.initial_weights import Histogram

_T = TypeVar("_T")
KERNELS = ("kernel", "depthwise_kernel", "pointwise_kernel", "embeddings")
# The standard deviation of a normal distribution cut at two standard deviations; Keras divides by
# it to keep the variance asked for.
TRUNCATED_DEVIATION = 0.87962566103423978


@dataclass(frozen=True)
class Initial:
    """The distribution that a tensor was drawn from.

    Attributes:
        kind: ``uniform``, ``normal``, or ``truncated``: a normal one cut at two standard
            deviations.
        spread: half the width of a uniform one, else the standard deviation before it is cut.
        mean: the middle.
    """

    kind: str
    spread: float
    mean: float = 0.0

    def density(self, values: np.ndarray) -> np.ndarray:
        """Return the probability density at ``values``."""
        distance = values - self.mean
        if self.kind == "uniform":
            return np.where(np.abs(distance) <= self.spread, 0.5 / self.spread, 0.0)
        bell = np.exp(-0.5 * (distance / self.spread) ** 2) / (self.spread * math.sqrt(2 * math.pi))
        if self.kind == "truncated":
            kept = np.abs(distance) <= 2 * self.spread
            return np.where(kept, bell / math.erf(math.sqrt(2.0)), 0.0)
        return bell


@dataclass(frozen=True)
class WeightTensor:
    """One weight tensor of the chosen model.

    Attributes:
        layer, name: names of the layer and of the tensor in it (``kernel``, ``bias``, ...).
        values: the trained values, any shape.
        before: how its values were distributed before training, if the search kept that.
        initial: what it was drawn from, if the layer's initializer is one of Keras's random ones.
        position: its fix position: int8 codes stand for ``code * 2**-position``; ``None`` if the
            tensor is not quantized by itself.
        codes: the int8 codes in the quantized model; ``None`` if that is not known, then they are
            rounded here.
    """

    layer: str
    name: str
    values: np.ndarray
    before: Optional[Histogram] = None
    initial: Optional[Initial] = None
    position: Optional[int] = None
    codes: Optional[np.ndarray] = None

    @property
    def is_kernel(self) -> bool:
        """Whether it is a layer's main weight rather than a bias or a statistic."""
        return self.name in KERNELS

    @property
    def step(self) -> Optional[float]:
        """The distance between neighbouring int8 values."""
        return None if self.position is None else 2.0**-self.position

    def quantized(self) -> np.ndarray:
        """Return the int8 codes, rounded half to even as weights are. Raises ValueError without a
        position.
        """
        return self._rounded() if self.codes is None else self.codes

    def _rounded(self) -> np.ndarray:
        if self.position is None:
            raise ValueError(f"{self.layer}/{self.name} has no fix position")
        scaled = np.nan_to_num(self.values.astype(np.float64) * 2.0**self.position)
        return np.clip(np.rint(scaled), -128, 127).astype(np.int16)

    @property
    def changed(self) -> bool:
        """Whether quantization did more than round: batch normalisation folded in, layers
        equalised, or trained on.
        """
        if self.codes is None or self.position is None:
            return False
        return bool(np.any(np.abs(self.codes - self._rounded()) > 1))

    def snr_db(self) -> Optional[float]:
        """Return the signal-to-noise ratio of rounding to int8 in decibels; ``None`` where it is
        infinite or says nothing.
        """
        if self.position is None or self.changed:
            return None
        error = self.values - self.quantized() * 2.0**-self.position
        noise, signal = (
            float(np.sum(np.square(part, dtype=np.float64))) for part in (error, self.values)
        )
        return 10.0 * math.log10(signal / noise) if noise > 0 and signal > 0 else None


def with_grid(
    weights: Sequence[WeightTensor],
    positions: Sequence[FixPosition],
    quantized: Sequence[WeightTensor],
) -> List[WeightTensor]:
    """Return the weights with their fix positions and int8 codes.

    Args:
        weights: of the float model.
        positions: those in ``fix_positions.json``.
        quantized: the weights in the quantized model; only those that lie on their grid are taken
            as codes.
    """
    known = {(p.layer, p.tensor): p.position for p in positions}
    deployed = {(w.layer, w.name): w.values for w in quantized}
    found = []
    for weight in weights:
        position = _of_layer(known, weight.layer, weight.name)
        values = _of_layer(deployed, weight.layer, weight.name)
        codes = None
        if position is not None and values is not None and values.shape == weight.values.shape:
            scaled = values.astype(np.float64) * 2.0**position
            if np.all(scaled == np.rint(scaled)) and np.all(np.abs(scaled) <= 128):
                codes = scaled.astype(np.int16)
        found.append(replace(weight, position=position, codes=codes))
    return found


def _of_layer(known: Mapping[Tuple[str, str], _T], layer: str, tensor: str) -> Optional[_T]:
    """Return what is known of a tensor; the prefix that the vendor's quantizer puts before a
    layer's name is allowed.
    """
    return known.get((layer, tensor), known.get(("quant_" + layer, tensor)))


def read_weights(
    path: PathLike, before: Optional[Mapping[str, Histogram]] = None
) -> List[WeightTensor]:
    """Return all weight tensors of a model file, in the order of its layers.

    Args:
        path: a Keras 2 ``.h5`` model.
        before: the distributions before training, by name as in the file.

    Raises:
        ModelError: it is not a Keras 2 model file, or damaged.
    """
    try:
        configs = dict(_layer_configs(read_model_config(path)))
        with open_hdf5(path) as file:
            return list(_tensors(file.get("model_weights", file), configs, before or {}))
    except (AttributeError, KeyError, OSError, RuntimeError, TypeError, ValueError) as error:
        raise ModelError(
            f"'{path}' is damaged ({error})", "Make it again, or restore it from a copy."
        ) from error


def _tensors(
    group: Any, configs: Mapping[str, Dict[str, Any]], before: Mapping[str, Histogram]
) -> Iterator[WeightTensor]:
    """Yield the tensors of an open file, in the order of its layers."""
    for layer in _names(group.attrs, "layer_names"):
        for full in _names(group[layer].attrs, "weight_names"):
            values = np.asarray(group[layer][full])
            if not np.issubdtype(values.dtype, np.number):
                raise ValueError(f"{full} holds no numbers")
            *owners, name = full.split(":")[0].split("/")
            owner = owners[-1] if owners and owners[-1] in configs else layer
            initial = _initial(configs.get(owner, {}).get(f"{name}_initializer"), values.shape)
            yield WeightTensor(owner, name, values, before=before.get(full), initial=initial)


def _names(attributes: Any, key: str) -> List[str]:
    """Return a list attribute of Keras's HDF5 layout; long lists are cut into ``key0``, ``key1``,
    ... .
    """
    cut = (k for k in attributes if k.startswith(key))
    keys = [key] if key in attributes else sorted(cut, key=lambda k: int(k[len(key) :] or 0))
    names = [name for k in keys for name in attributes[k]]
    return [name.decode("utf-8") if isinstance(name, bytes) else str(name) for name in names]


def _layer_configs(config: Dict[str, Any]) -> Iterator[Tuple[str, Dict[str, Any]]]:
    """Yield the name and configuration of every layer, nested models included."""
    content = config.get("config", {})
    for layer in content.get("layers", []) if isinstance(content, dict) else content:
        inner = layer.get("config", {}) if isinstance(layer, dict) else {}
        if isinstance(inner, dict) and "layers" in inner:
            yield from _layer_configs(layer)
        elif isinstance(inner, dict):
            yield str(inner.get("name", layer.get("name", ""))), inner


def _initial(config: Any, shape: Tuple[int, ...]) -> Optional[Initial]:
    """Return the distribution that Keras draws a tensor of ``shape`` from, or ``None`` if it is
    none of its random initializers.
    """
    if not isinstance(config, dict):
        return None
    kind, options = str(config.get("class_name", "")), config.get("config") or {}
    scaling = _SCALING.get(kind)
    if kind == "VarianceScaling":
        words = [str(options.get(key, usual)) for key, usual in _SCALING_WORDS]
        scaling = (float(options.get("scale", 1.0)), words[0], words[1])
    if scaling is not None:
        return _scaled(*scaling, shape)
    if kind == "RandomUniform":
        low, high = float(options.get("minval", -0.05)), float(options.get("maxval", 0.05))
        return Initial("uniform", (high - low) / 2, (high + low) / 2) if high > low else None
    if kind in ("RandomNormal", "TruncatedNormal"):
        deviation, mean = float(options.get("stddev", 0.05)), float(options.get("mean", 0.0))
        form = "normal" if kind == "RandomNormal" else "truncated"
        return Initial(form, deviation, mean) if deviation > 0 else None
    return None


_SCALING: Dict[str, Tuple[float, str, str]] = {
    "GlorotUniform": (1.0, "fan_avg", "uniform"),
    "GlorotNormal": (1.0, "fan_avg", "truncated_normal"),
    "HeUniform": (2.0, "fan_in", "uniform"),
    "HeNormal": (2.0, "fan_in", "truncated_normal"),
    "LecunUniform": (1.0, "fan_in", "uniform"),
    "LecunNormal": (1.0, "fan_in", "truncated_normal"),
}
"""Keras's named initializers as (scale, mode, distribution) of its ``VarianceScaling``."""

_SCALING_WORDS = (("mode", "fan_in"), ("distribution", "truncated_normal"))
"""What ``VarianceScaling`` has where nothing is said."""


def _scaled(
    scale: float, mode: str, distribution: str, shape: Tuple[int, ...]
) -> Optional[Initial]:
    """Return Keras's ``VarianceScaling`` for a tensor of ``shape``: the fans are the last two axes
    times the rest.
    """
    if not shape:
        return None
    rest = int(np.prod(shape[:-2])) if len(shape) > 2 else 1
    fan_in, fan_out = (
        (shape[0], shape[0]) if len(shape) == 1 else (shape[-2] * rest, shape[-1] * rest)
    )
    fan = {"fan_in": fan_in, "fan_out": fan_out}.get(mode, (fan_in + fan_out) / 2.0)
    variance = scale / max(1.0, float(fan))
    if distribution == "uniform":
        return Initial("uniform", math.sqrt(3.0 * variance))
    if distribution == "untruncated_normal":
        return Initial("normal", math.sqrt(variance))
    return Initial("truncated", math.sqrt(variance) / TRUNCATED_DEVIATION)
