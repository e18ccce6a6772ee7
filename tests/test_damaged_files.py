"""Whatever is done to a file, what reads it reads it or refuses it with an error and a hint; in a
second, and in little memory.

The rows are those of ``python -m benchmarks.fuzz``, which gives them a million files.
"""

from __future__ import annotations

import json
import random
import warnings
from pathlib import Path
from typing import Any, List

import numpy as np
import pytest

from benchmarks.fuzz.damage import DAMAGE, damaged_bytes, damaged_value
from benchmarks.fuzz.engines import Drawn, mutate, shares
from benchmarks.fuzz.readers import Reader
from benchmarks.fuzz.table import READERS
from benchmarks.fuzz.watch import ACCEPTED, REFUSED, Limits, forked, judged, watched
from vaiopt.errors import RunError
from vaiopt.json_text import DEEPEST, parse_json

INPUTS = 2000
"""In all; a few seconds."""

LIMITS = Limits(seconds=60.0, megabytes=1024)
NEEDS_TENSORFLOW = ("kit: model.tflite", "model .h5, loaded", "TFRecord file")

QUICK = [reader for reader in READERS if reader.name not in NEEDS_TENSORFLOW]
COUNTS = dict(zip((reader.name for reader in QUICK), shares(QUICK, INPUTS)))


@pytest.mark.parametrize("reader", QUICK, ids=[reader.name for reader in QUICK])
def test_a_damaged_file_is_read_or_refused(reader: Reader) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tally = mutate(reader, max(6, COUNTS[reader.name]), seed=0, limits=LIMITS)
    assert {how: (name, content[:300]) for how, (_, name, content) in tally.bugs.items()} == {}
    assert tally.inputs == tally.accepted + tally.refused


# --- what watches finds what it is there for


def raise_it(error: BaseException) -> Any:
    def read(path: Path) -> None:
        raise error

    return read


@pytest.mark.parametrize(
    "error", [KeyError("x"), OSError("x"), MemoryError(), RecursionError(), SystemExit(2)]
)
def test_an_error_that_is_not_ours_is_a_bug(error: BaseException, tmp_path: Path) -> None:
    assert watched(raise_it(error), tmp_path, LIMITS).is_bug


def test_an_error_of_ours_is_a_refusal_if_it_can_be_shown(tmp_path: Path) -> None:
    assert watched(raise_it(RunError("x", "y")), tmp_path, LIMITS).how == REFUSED
    assert watched(lambda path: None, tmp_path, LIMITS).how == ACCEPTED
    assert judged(RunError("x", "")) != REFUSED
    error = RunError("x", "y")
    error.message = "x\x1b[2J"
    assert judged(error) != REFUSED


def test_what_takes_too_long_is_a_bug(tmp_path: Path, hears_signals: None) -> None:
    def read(path: Path) -> None:
        while True:
            try:
                sum(range(1000))
            except Exception:  # noqa: BLE001, S112  what a reader may do
                continue

    short = Limits(seconds=0.2)
    assert "0.2 s" in watched(read, tmp_path, short).how
    assert "0.2 s" in forked(read, tmp_path, short).how


def test_what_ends_the_process_is_a_bug_unless_somebody_watches_over_it(tmp_path: Path) -> None:
    def read(path: Path) -> None:
        import os
        import signal

        os.kill(os.getpid(), signal.SIGKILL)

    assert forked(read, tmp_path, LIMITS).how == "ended by signal 9"
    assert forked(read, tmp_path, LIMITS, supervised=True).how == REFUSED
    assert forked(lambda path: None, tmp_path, LIMITS).how == ACCEPTED


def test_memory_that_is_taken_is_a_bug(tmp_path: Path) -> None:
    def read(path: Path) -> None:
        # Not bytearray(): on Python 3.7 a MemoryError after one of NumPy's is a TypeError.
        np.ones(300 * 2**20, np.uint8)

    small = Limits(megabytes=100)
    assert "MemoryError" in forked(read, tmp_path, small).how


# --- what damages


@pytest.mark.parametrize("ending", [*DAMAGE, ".any"])
def test_damage_is_the_same_for_a_seed_and_another_for_others(ending: str, tmp_path: Path) -> None:
    damage = DAMAGE.get(ending, damaged_bytes)
    reader = next(r for r in QUICK if ending in ENDINGS.get(r.name, ()) or ending == ".any")
    path = next(p for p in reader.make(tmp_path) if p.suffix == ending or ending == ".any")
    whole = path.read_bytes()
    made = [[damage(whole, random.Random(f"{n}")) for n in range(30)] for _ in range(2)]
    if ending not in (".npz", ".gz", ".h5"):  # times stand in them
        assert made[0] == made[1]
    assert len(set(made[0])) > 20


ENDINGS = {
    "arch.json": [".json"],
    "study.journal": [".journal"],
    "settings.toml": [".toml"],
    "--set": [".set"],
    "golden.npz": [".npz"],
    "IDX file": [".gz"],
    "function in a .py file": [".py"],
    "kit: its own tools": [".txt"],
    "model .h5, weights": [".h5"],
}


def test_bytes_make_the_choices_that_a_fuzzer_wants() -> None:
    content = {"a": [1, 2, {"b": "c"}], "d": None}
    data = bytes(range(64))
    assert damaged_value(content, Drawn(data)) == damaged_value(content, Drawn(data))
    made = {json.dumps(damaged_value(content, Drawn(bytes([n] * 64)))) for n in range(256)}
    assert len(made) > 10
    assert Drawn(b"").choice([1, 2]) == 1 and 0.0 <= Drawn(b"\xff" * 9).random() < 1.0


def test_shares_add_up_whatever_the_number() -> None:
    for inputs in (1, 10, 999, 10**6):
        counts: List[int] = list(shares(list(READERS), inputs))
        assert sum(counts) == inputs and min(counts) >= 0


# --- JSON


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, "[" * 5000 + "]" * 5000, '"\\ud800"', '{"\\uDFFF": 1}', "{", b"\xff"],
)
def test_json_that_no_file_can_hold_is_refused(text: Any) -> None:
    with pytest.raises(ValueError):
        parse_json(text)


def test_json_that_a_file_can_hold_is_read() -> None:
    deep = "[" * DEEPEST + "]" * DEEPEST
    assert json.dumps(parse_json(deep)).replace(" ", "") == deep
    assert parse_json("5") == 5 and parse_json("null") is None
    assert parse_json('"\\ud83d\\ude00 \\\\ud800"') == "\U0001f600 \\ud800"
    with pytest.raises(ValueError):
        parse_json(f"[{deep}]")
