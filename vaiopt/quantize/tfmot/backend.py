"""The off-board backend: the vendor's scheme on tensorflow-model-optimization."""

from __future__ import annotations

from typing import Any

from vaiopt.environment import Availability, has_module, has_vitis_quantizer
from vaiopt.int8.model import save_quantized
from vaiopt.keras import set_random_seed
from vaiopt.quantize.backend import Quantized, Quantizer, QuantizeRequest, train_at_int8
from vaiopt.quantize.tfmot.assemble import make_quantized, position_list
from vaiopt.quantize.tfmot.averages import set_averages
from vaiopt.quantize.tfmot.emulation import Emulation
from vaiopt.quantize.tfmot.failures import refuse_failures
from vaiopt.quantize.tfmot.finetune import finetune
from vaiopt.quantize.tfmot.graph import Graph, read_graph
from vaiopt.quantize.tfmot.placement import float_layers, place
from vaiopt.quantize.tfmot.pof2s import load_tfmot
from vaiopt.quantize.tfmot.prepare import prepare, to_dpu_functions
from vaiopt.quantize.tfmot.refine import refine
from vaiopt.quantize.tfmot.rules import Rules, rules_of


class TfmotQuantizer(Quantizer):
    """The vendor's rules, off-board."""

    name = "tfmot"
    doc = "the vendor's rules of a release, on tensorflow-model-optimization"
    package = "tensorflow-model-optimization"
    methods = ("ptq", "finetune", "qat")

    def available(self) -> Availability:
        """Tell whether the real toolkit is installed: the vendor's package has the same name."""
        if has_module("tensorflow_model_optimization") and not has_vitis_quantizer():
            return Availability(True, self.package)
        return Availability(False, f"no {self.package}", "pip install 'vaiopt[host]'")

    def quantize(self, request: QuantizeRequest) -> Quantized:
        """Quantize a model as :class:`Quantizer` says, after the rules of the release."""
        load_tfmot()
        rules = rules_of(request.release)
        graph = prepared_graph(request.model, rules)
        emulation = Emulation(graph, rules.tiny_position)
        request.progress(f"choosing positions on {len(request.x[0])} samples")
        positions = refine(graph, rules, emulation.calibrate(request.x, request.batch_size))
        if request.training is not None and request.epochs > 0:
            emulation.set_positions(positions)
            set_random_seed(request.seed)
            train_at_int8(emulation.model, request)
            emulation.read_weights()
            positions = refine(graph, rules, emulation.calibrate(request.x, request.batch_size))
        if request.method == "finetune":
            finetune(emulation, positions, request)
        entries = position_list(graph, positions)
        model = make_quantized(graph, positions)
        return Quantized(
            model,
            entries,
            float_layers(graph),
            lambda path: save_quantized(model, entries, path),
            request.release,
        )


def prepared_graph(model: Any, rules: Rules) -> Graph:
    """Return the graph of a float model after preparation, with every rounding placed.

    Raises:
        QuantizeError: the quantizer of the release refuses the model, or fails on it.
    """
    graph = read_graph(model)
    prepare(graph, rules)
    to_dpu_functions(graph)
    set_averages(graph, rules)
    place(graph, rules)
    refuse_failures(graph, rules)
    return graph
