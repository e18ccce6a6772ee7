"""Tables of inspection, quantization, compilation and measurement."""

from __future__ import annotations

from dataclasses import replace

from tests.report.synthetic import COMPILED, MEASURED, QUANTIZED, inspection, layer
from vaiopt.runs.records import LayerNoise
from vaiopt.sheets.compilation import compile_facts, operation_table
from vaiopt.sheets.inspection import layer_table
from vaiopt.sheets.measurement import measured_facts
from vaiopt.sheets.quantization import quantization_advice, quantization_facts


def test_layers_have_remarks_only_where_there_are_some() -> None:
    plain = layer("conv", "Conv2D", "DPU", 0.05, ("conv/relu",))
    assert layer_table(inspection([plain])).columns[-1] == "limited by"
    table = layer_table(inspection([plain, plain._replace(reason="too wide")]))
    assert [row[-1] for row in table.rows] == [None, "too wide", None]
    assert table.rows[-1][0] == "(fixed part)"
    assert table.rows[0][:3] == ["conv", "Conv2D + relu", "DPU"]
    assert table.rows[0][6] == "50 µs"


def test_what_is_not_known_of_a_quantization_has_no_line() -> None:
    assert ["input levels used", "17 of 256"] in quantization_facts(QUANTIZED)
    without = replace(QUANTIZED, input=None, float_scores={}, int8_scores={})
    names = [row[0] for row in quantization_facts(without)]
    assert names == ["backend", "method", "Vitis-AI release", "calibration", "time"]


def test_advice_is_for_layers_that_have_a_suggestion() -> None:
    rows = quantization_advice(QUANTIZED).rows
    assert rows == [["dense", "33.1 dB", "quantization-aware training (--method qat)"]]


def test_a_compile_record_is_told_once() -> None:
    assert operation_table(COMPILED).rows == [["conv", "conv2d-fix"]]
    facts = dict(compile_facts(COMPILED))
    assert facts["input.name"] == "input" and facts["golden.reason"] == "needs a board"
    assert not {"backend", "file", "threshold"} & set(facts)


def test_a_measurement_tells_what_matters() -> None:
    facts = measured_facts(MEASURED)
    assert facts["golden outputs equal"] == "640 of 640 values"
    assert facts["machine"] == "kit aarch64 Linux"
    assert "started" not in facts


def test_where_no_layer_is_hurt_it_says_nowhere() -> None:
    quiet = [LayerNoise("image", "input", 55.0, "wider"), LayerNoise("conv", "output", 44.0)]
    record = replace(QUANTIZED, layers=tuple(quiet))
    assert quantization_advice(record).rows == [["nowhere", "at least 44.0 dB", None]]
    loud = replace(record, layers=(*quiet, LayerNoise("dense", "output", 12.0, "qat")))
    assert [row[0] for row in quantization_advice(loud).rows] == ["dense"]
    assert quantization_advice(replace(record, layers=())).rows == []


def test_an_inspection_shows_the_fixed_part_with_its_share() -> None:
    table = layer_table(inspection([layer("conv", "Conv2D", "DPU", 0.5)]))
    rows = [row for row in table.rows if row[0] == "(fixed part)"]
    assert len(rows) == 1 and "host" in rows[0] and "28.6 %" in rows[0]
