"""What quantize and compile will say of a model before it is trained: part of
:mod:`vaiopt.flow`.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Tuple

import numpy as np

from vaiopt.compile.tflite.backend import TfliteCompiler, compile_model
from vaiopt.errors import VaioptError
from vaiopt.hardware import left_to_cpu, load_target
from vaiopt.quantize.backend import QuantizeRequest
from vaiopt.quantize.checks import functional_model
from vaiopt.quantize.tfmot.backend import TfmotQuantizer, prepared_graph
from vaiopt.quantize.tfmot.graph import Graph
from vaiopt.quantize.tfmot.rules import rules_of
from vaiopt.search.training.afterwards import Afterwards
from vaiopt.settings import Settings

SAMPLES = 10
"""Random samples that a model is quantized with on trial."""
MOST_TOLD = 3
"""Layers that are named; the others are counted."""


def _refused(error: VaioptError) -> str:
    return f"the steps after the search will refuse this: {error.message}. {error.hint}"


@dataclass(frozen=True)
class Deployable(Afterwards):
    """Asks the code of the steps itself.

    Attributes:
        settings: of the run.
        steps: names of steps that will run after the search.
    """

    settings: Settings
    steps: Tuple[str, ...] = ()

    def warnings(self, model: Any) -> Tuple[str, ...]:
        """As :meth:`vaiopt.search.training.afterwards.Afterwards.warnings`."""
        try:
            self._prepared(model)
            if "compile" in self.steps:
                self._compile(model)
        except VaioptError as error:
            if "quantize" in self.steps:
                raise
            return (_refused(error),)
        return self._left_to_the_cpu(model)

    def check(self, model: Any) -> None:
        """As :meth:`vaiopt.search.training.afterwards.Afterwards.check`."""
        if "quantize" in self.steps:
            self._prepared(model)

    def _prepared(self, model: Any) -> Graph:
        return prepared_graph(functional_model(model), rules_of(self.settings.hardware.release))

    def _left_to_the_cpu(self, model: Any) -> Tuple[str, ...]:
        hardware = self.settings.hardware
        target = load_target(hardware.target, hardware.release)
        where = "is left to the CPU in float"
        if not target.device.accelerator:
            where = "cannot be compiled to int8"
        told = [f"layer '{x.layer}' {where}: {x.reason}" for x in left_to_cpu(model, target)]
        more = len(told) - MOST_TOLD
        return tuple(told[:MOST_TOLD]) + ((f"and {more} more layers",) if more > 0 else ())

    def _compile(self, model: Any) -> None:
        """Quantize and compile for the CPU, with the weights as they are; for a DPU nobody knows
        without the vendor's compiler.
        """
        hardware, quantizer = self.settings.hardware, TfmotQuantizer()
        target = load_target(hardware.target, hardware.release)
        tools = (quantizer, TfliteCompiler())
        if target.device.accelerator or not all(tool.available().ready for tool in tools):
            return
        functional, random = functional_model(model), np.random.RandomState(0)
        x = [
            random.uniform(-1, 1, (SAMPLES, *tensor.shape[1:])).astype(np.float32)
            for tensor in functional.inputs
        ]
        quantized = quantizer.quantize(QuantizeRequest(functional, x, hardware.release))
        with tempfile.TemporaryDirectory() as folder:
            compile_model(quantized.model, Path(folder) / "model.tflite")
