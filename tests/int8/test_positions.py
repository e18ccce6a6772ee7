"""The file of fix positions: what is written is read, and damage is named."""

import json

import pytest

from vaiopt.errors import RunError
from vaiopt.int8.positions import FixPosition, read_positions, write_positions
from vaiopt.run import read_positions as old_read_positions

ENTRIES = [FixPosition("conv", "kernel", 8, 7), FixPosition("conv", "output", 8, -2)]
DAMAGED = [
    (None, "JSON"),
    ({}, "not a list"),
    ([7], "entries[0]"),
    ([{"layer": "a", "tensor": "b", "bits": 8}], "entries[0].position is missing"),
    (
        [ENTRIES[0].to_json(), dict(ENTRIES[0].to_json(), position=1.5)],
        "entries[1].position is 1.5",
    ),
    ([dict(ENTRIES[0].to_json(), position=True)], "position is True"),
    ([dict(ENTRIES[0].to_json(), position=10**9)], "position is 1000000000"),
    ([dict(ENTRIES[0].to_json(), bits=0)], "bits is 0"),
    ([dict(ENTRIES[0].to_json(), layer=3)], "layer is 3"),
    ([dict(ENTRIES[0].to_json(), tensor=None)], "tensor is None"),
]


def test_the_file_is_a_bare_list_of_four_keys_and_is_read_back(tmp_path):
    write_positions(tmp_path / "p.json", ENTRIES)
    assert json.loads((tmp_path / "p.json").read_text()) == [
        {"layer": "conv", "tensor": "kernel", "bits": 8, "position": 7},
        {"layer": "conv", "tensor": "output", "bits": 8, "position": -2},
    ]
    assert read_positions(tmp_path / "p.json", "vaiopt quantize") == ENTRIES


def test_scripts_that_use_dictionaries_go_on_working(tmp_path):
    write_positions(tmp_path / "p.json", ENTRIES)
    entries = old_read_positions(tmp_path / "p.json", "vaiopt quantize")
    assert entries == [entry.to_json() for entry in ENTRIES]


@pytest.mark.parametrize("content, words", DAMAGED, ids=[words for _, words in DAMAGED])
def test_a_damaged_file_is_an_error_that_names_file_and_entry(tmp_path, content, words):
    text = "[{" if content is None else json.dumps(content)
    (tmp_path / "p.json").write_text(text)
    with pytest.raises(RunError, match="p.json") as error:
        read_positions(tmp_path / "p.json", "vaiopt quantize runs/a")
    assert words in error.value.message or content is None
    assert "vaiopt quantize runs/a" in error.value.hint


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[" * 100000, b"NaN", b'"text"'])
def test_what_is_no_json_list_is_an_error(tmp_path, content):
    (tmp_path / "p.json").write_bytes(content)
    with pytest.raises(RunError, match="p.json"):
        read_positions(tmp_path / "p.json", "vaiopt quantize")
