"""What a kit hands back is taken as a record, or refused: its figures are shown and decide."""

import json
import math

import pytest
from bundled import bundle_of_a_standin

from tests.made_runs import measured_record, on
from vaiopt.deploy import remote
from vaiopt.deploy.measure import measure_candidate
from vaiopt.deploy.result import LONGEST, read_result
from vaiopt.deploy.ssh import Answer
from vaiopt.errors import BoardError
from vaiopt.runs.layout import Run
from vaiopt.text import silent

COMPARED = {"compared": True, "elements": 24, "different": 0, "equal": 24, "max_difference": 0}
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
        ({"per_class": [{"class": "a", "correct": 1, "count": 41}]}, "per_class[0].count"),
        ({"agreement": {"samples": 40, "equal": 41}}, "agreement.equal"),
        ({"golden": {"compared": True, "elements": 2, "different": 3}}, "golden.different"),
        ({"latency_ms": {"p50": 2.0, "p95": 1.0}}, "latency_ms.p50"),
        ({"latency_ms": {"p50": 2.0, "max": 3.0, "mean": 9.0}}, "latency_ms.mean"),
        ({"latency_ms": {"p50": 1e300}}, "latency_ms.p50"),
        ({"samples": 10**12}, "samples"),
        ({"latency_ms": {"p50": 2.0, "per_image": -1.0}}, "latency_ms.per_image"),
        ({"latency_ms": {"p50": 2.0, "batch": "one"}}, "latency_ms.batch"),
        ({"fps": {**GOOD["fps"], "best": {"threads": 1, "value": -5}}}, "fps.best.value"),
        ({"fps": {**GOOD["fps"], "by_threads": [{"threads": 1, "value": "x"}]}}, "fps.by_threads"),
        ({"preparation_ms": -2.0}, "preparation_ms"),
        ({"dpu_latency_ms": [1]}, "dpu_latency_ms"),
        ({"agreement": {"samples": 40, "equal": 40, "fraction": 0.0}}, "agreement.fraction"),
        ({"doubts": [{"told": "x"}]}, "doubts[0].name"),
        ({"golden": {"compared": True}}, "golden.elements is missing"),
        ({"golden": {**COMPARED, "elements": 0, "equal": 0}}, "nothing was compared"),
        ({"golden": {**COMPARED, "bit_exact": True, "equal": 0}}, "golden.different is 0, with 0"),
        ({"golden": {**COMPARED, "max_difference": 100}}, "golden.max_difference is 100"),
        ({"golden": {**COMPARED, "bit_exact": False}}, "golden.bit_exact is False"),
        ({"agreement": {"samples": 1, "equal": 1}}, "agreement.samples is 1"),
        ({"fps": {**GOOD["fps"], "frames": 40, "seconds": 4.0}}, "fps.value is 100.0, for 40"),
        ({"fps": {**GOOD["fps"], "value": 1e6}}, "fps.value is 1000000.0, with 2 threads of 1.0"),
        ({"latency_ms": {"p50": 2.0, "batch": 3, "per_image": 2.0}}, "latency_ms.per_image is 2.0"),
        ({"version": 2}, "unknown version"),
        ({"warnings": ["x" * LONGEST]}, "more than 1 MB of text"),
    ],
)
def test_a_result_that_cannot_be_is_refused_by_its_field(changes, named):
    with pytest.raises(BoardError) as caught:
        read_result(json.dumps({**GOOD, **changes}))
    assert named in caught.value.message
    assert "measure again" in caught.value.hint


def test_a_figure_that_is_told_twice_is_refused():
    text = json.dumps(GOOD)
    with pytest.raises(BoardError, match="'accuracy' stands in it twice"):
        read_result(text[:-1] + ', "accuracy": 0.2}')


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 100_000, '{"version": 1e999}'])
def test_what_is_no_result_is_refused(text):
    with pytest.raises(BoardError) as caught:
        read_result(text)
    assert caught.value.hint


def measured(tmp_path, **changes):
    candidate = Run(tmp_path / "run").trial(0)
    bundle_of_a_standin(candidate)
    manifest = json.loads((candidate.bundle("zcu102") / "manifest.json").read_text())
    own = {"model": {"sha256": manifest["model"]["sha256"]}, "golden": COMPARED}
    answer = {**GOOD, **own, **changes}
    kit = lambda *arguments: json.dumps(answer)  # noqa: E731
    return measure_candidate(candidate, on("zcu102", "local", threads=2), kit=kit)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"samples": 41}, "other samples"),
        ({"samples_sha256": "0" * 64}, "other samples"),
        ({"model": {"sha256": "1" * 64}}, "another model"),
        ({"fps": {"threads": 7, "value": 100.0}}, "of 7 threads, not of 2"),
        ({"golden": {"compared": False, "reason": "none"}}, "says nothing of the bundle's golden"),
        ({"latency_ms": {"p50": 0.0}}, "took no time"),
        ({"fps": {"threads": 2, "value": 0.0}}, "took no time"),
    ],
)
def test_a_result_of_something_else_leaves_the_good_one(tmp_path, changes, named):
    path = measured(tmp_path).path
    kept = path.read_bytes()
    with pytest.raises(BoardError, match=named):
        measured(tmp_path, **changes)
    assert path.read_bytes() == kept


class Talker:
    """A board whose job wrote this, and is done."""

    host = "kit"

    def __init__(self, log, result=b""):
        self.log, self.result = log, result

    def shell(self, text):
        start = int(text.split("tail -c +")[1].split()[0]) - 1
        return Answer(0, b"0\n" + self.log[start : start + remote.PART], "")

    def run(self, *words, folder):
        told = self.result if words[0] == "head" else b"0" * 64
        return Answer(0, told[: int(words[2])] if words[0] == "head" else told, "")


def test_a_job_that_writes_without_end_fills_no_memory():
    log = b"x" * 3 * remote.PART + b"\n" + b"line\n" * 200_000 + b"error: at last\nhint: so\n"
    job = remote._Job(Talker(log), "place", silent)
    job.follow()
    assert job.lines[-2:] == ["error: at last", "hint: so"] and len(job.lines) <= remote.MOST_LINES
    assert max(map(len, job.lines)) <= remote.LONGEST_LINE and len(job._rest) == 0


def test_a_result_that_is_too_long_is_not_fetched():
    with pytest.raises(BoardError, match="more than 1 MB"):
        remote._Job(Talker(b"", b"x" * 3 * LONGEST), "place", silent).fetch()
