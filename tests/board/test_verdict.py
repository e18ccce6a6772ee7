"""What speaks against a measurement is found and named."""

from __future__ import annotations

import copy
import sys
from pathlib import Path
from typing import Any, Dict

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from made_bundles import BOARD

sys.path.insert(0, str(BOARD))

import kit_busy
from kit_verdict import ROWS, WAITING_SHARE, judge
from vaiopt.settings.choices import DOUBTS, names

MEANT = {"release": "3.0", "fingerprint": "0x101000056010407", "clock_mhz": 300.0, "cores": 2}
GOOD: Dict[str, Any] = {
    "model": {"kind": "xmodel"},
    "golden": {"compared": True, "elements": 24, "different": 0, "max_difference": 0},
    "agreement": {"samples": 100, "equal": 100, "fraction": 1.0},
    "machine": {"waiting": 0.02},
    "runtime": {
        "runtime": "vart",
        "release": "3.0",
        "fingerprint": "0x101000056010407",
        "board": {
            "fingerprints": ["0x101000056010407", "0x101000056010407"],
            "frequency_mhz": 300,
            "fingerprint_check": True,
        },
    },
}


def changed(where: str, value: Any) -> Dict[str, Any]:
    """The good result with one thing changed, by its dotted name."""
    result = copy.deepcopy(GOOD)
    *path, last = where.split(".")
    inner = result
    for name in path:
        inner = inner[name]
    inner[last] = value
    return result


def found(result: Any, content: Any = MEANT) -> Any:
    return [doubt["name"] for doubt in judge(result, content)]


def test_a_measurement_in_order_has_nothing_against_it() -> None:
    assert judge(GOOD, MEANT) == [] and judge(GOOD, {}) == []
    unknown = {**GOOD, "runtime": {"runtime": "vart", "release": "", "board": {}}, "machine": {}}
    unknown.pop("agreement")
    assert judge({**unknown, "golden": {"compared": False}}, MEANT) == []


WRONG = {"compared": True, "elements": 24, "different": 1, "max_difference": 1}


@pytest.mark.parametrize(
    ("where", "value", "name", "told"),
    [
        ("golden", WRONG, "golden", "1 of 24 golden outputs"),
        ("agreement", {"samples": 9, "equal": 8, "fraction": 8 / 9}, "agreement", "1 of 9 results"),
        ("runtime.release", "2.5", "release", "the runtime of this board is 2.5"),
        ("runtime.fingerprint", "0x1", "fingerprint", "the target's is 0x101000056010407"),
        ("runtime.board.fingerprints", ["0x2", "0x2"], "fingerprint", "board's DPU has 0x2"),
        ("runtime.board.fingerprint_check", False, "unchecked", "switched off"),
        ("runtime.board.frequency_mhz", 150, "clock", "runs at 150 MHz, the target's at 300 MHz"),
        ("runtime.board.fingerprints", ["0x101000056010407"], "cores", "1 core(s)"),
        ("machine.waiting", WAITING_SHARE + 0.1, "busy", "busy: for 35 %"),
    ],
)
def test_each_doubt_is_named_in_words_with_its_cure(
    where: str, value: Any, name: str, told: str
) -> None:
    (doubt,) = judge(changed(where, value), MEANT)
    assert doubt["name"] == name and told in doubt["told"] and doubt["cure"]


def test_an_interpreter_may_round_ties_otherwise_but_not_compute_garbage() -> None:
    lite = changed("model", {"kind": "tflite"})
    assert found({**lite, "golden": WRONG}) == []
    assert found({**lite, "golden": {**WRONG, "max_difference": 200}}) == ["golden"]
    one = {"samples": 20, "equal": 19, "fraction": 0.95}
    assert found({**lite, "agreement": one}) == []
    half = {**one, "equal": 10, "fraction": 0.5}
    assert found({**lite, "agreement": half}) == ["agreement"]
    values = {**MEANT, "task": "regression"}
    assert found({**lite, "agreement": half}, values) == []
    assert found({**GOOD, "agreement": half}, values) == ["agreement"]


def test_each_of_several_outputs_is_judged_for_itself() -> None:
    few = {"agreement": {"samples": 20, "equal": 0, "fraction": 0.0}}
    many = {"agreement": {"samples": 20480, "equal": 20480, "fraction": 1.0}}
    values = {"agreement": {"samples": 20, "equal": 1, "fraction": 0.05}}
    tasks = {"kind": "classification", "mask": "segmentation", "size": "regression"}
    content = {**MEANT, "outputs": [{"name": n, "task": task} for n, task in tasks.items()]}
    together = {"samples": 20500, "equal": 20480, "fraction": 20480 / 20500}
    outputs = {"kind": few, "mask": many, "size": values, "more": {}}
    result = {**GOOD, "agreement": together, "outputs": outputs}
    (doubt,) = judge({**result, "model": {"kind": "tflite"}}, content)
    assert "20 of 20 results of 'kind'" in doubt["told"] and "size" not in doubt["told"]
    (doubt,) = judge(result, content)
    assert "of 'kind'" in doubt["told"] and "of 'size'" in doubt["told"]


def test_a_board_that_tells_nonsense_of_itself_is_no_abort() -> None:
    for value in (None, True, "fast", -1, float("nan"), [300]):
        assert found(changed("runtime.board.frequency_mhz", value)) == []
    assert found(changed("runtime.board", ["x"])) == []
    assert found(GOOD, {"clock_mhz": "x", "cores": "many", "fingerprint": 7}) == []


def test_the_settings_know_the_doubts_by_the_same_names() -> None:
    assert tuple(row.name for row in ROWS) == names(DOUBTS)


def test_a_machine_that_does_not_tell_of_waiting_is_not_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kit_busy, "WAITED", "/no/such/file")
    assert kit_busy.waiting_share() is None


def test_the_share_of_waiting_is_the_least_of_the_probes(monkeypatch: pytest.MonkeyPatch) -> None:
    shares = iter([0.9, 0.4, 0.6])
    monkeypatch.setattr(kit_busy, "_probe", lambda: next(shares))
    assert kit_busy.waiting_share() == 0.4
