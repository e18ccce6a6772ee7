"""What a kit hands back is taken as a record, or refused: its figures are shown and decide."""

import json
import math

import pytest

from tests.made_runs import measured_record
from vaiopt.deploy.result import LONGEST, read_result
from vaiopt.errors import BoardError

GOOD = {"version": 1, **measured_record("cpu").to_json(), "modules": ["numpy"]}


def test_a_result_in_order_is_taken_with_all_that_it_tells():
    found = read_result(json.dumps({**GOOD, "runtime": {"runtime": "vart"}}))
    assert (found.accuracy, found.samples, found.latency_ms.p50) == (0.9, 40, 1.0)
    assert (found.release, found.modules) == ("3.0", ("numpy",))
    assert found.more["runtime"] == {"runtime": "vart"}


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"latency_ms": {**GOOD["latency_ms"], "p50": math.nan}}, "latency_ms.p50"),
        ({"latency_ms": {"p50": "fast"}}, "latency_ms.p50"),
        ({"latency_ms": {"p50": -3.0}}, "latency_ms.p50"),
        ({"latency_ms": None}, "latency_ms"),
        ({"latency_ms": {}}, "latency_ms.p50 is missing"),
        ({"accuracy": 2.0}, "accuracy"),
        ({"accuracy": "high"}, "accuracy"),
        ({"model": [1]}, "model"),
        ({"model": {}}, "model.sha256"),
        ({"modules": None}, "modules"),
        ({"fps": {"threads": 2, "value": math.inf}}, "fps.value"),
        ({"fps": {"threads": 0, "value": 1.0}}, "fps.threads"),
        ({"samples": "many"}, "samples"),
        ({"runtime": {"clock": math.nan}}, "runtime"),
        ({"per_class": [{"class": "a", "correct": -1, "count": 2}]}, "per_class[0].correct"),
        ({"version": 2}, "unknown version"),
        ({"warnings": ["x" * LONGEST]}, "2 MB of text"),
    ],
)
def test_a_result_that_cannot_be_is_refused_by_its_field(changes, named):
    with pytest.raises(BoardError) as caught:
        read_result(json.dumps({**GOOD, **changes}))
    assert named in caught.value.message
    assert "measure again" in caught.value.hint


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 100_000, '{"version": 1e999}'])
def test_what_is_no_result_is_refused(text):
    with pytest.raises(BoardError) as caught:
        read_result(text)
    assert caught.value.hint
