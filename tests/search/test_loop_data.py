"""A search tells what is wrong with its data before the first trial."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, List

import pytest

from tests.search import stub
from vaiopt.data.data_sheet import DataSheet, Repeated
from vaiopt.runs.layout import Run
from vaiopt.search import loop
from vaiopt.study.space_file import read_space


def test_samples_that_training_and_test_share_are_a_warning(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = stub.describe(None)
    repeated = (Repeated("train", "test", 3, examples=("a.png = b.png",)),)
    sheet = DataSheet(
        "mine", "mine.npz", "classification", (4,), "float32", found.splits, repeated=repeated
    )
    lines: List[str] = []

    def describe(*arguments: Any) -> Any:
        return replace(found, sheet=sheet)

    search = stub.stubbed(monkeypatch, tmp_path / "run", "search.trials=1", progress=lines.append)
    monkeypatch.setattr(loop, "describe_search", describe)
    with search:
        pass
    assert sum(line.startswith("WARNING: 3 samples of test are in train") for line in lines) == 1
    assert read_space(Run(tmp_path / "run")).sheet == sheet
