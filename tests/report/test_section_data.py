"""The section of the report on the data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List

import numpy as np
import pytest

from tests.report.synthetic import make_run
from vaiopt.data import make_dataset, split_dataset
from vaiopt.data.data_sheet import Repeated
from vaiopt.errors import DataError
from vaiopt.report.data import ReportData, gather
from vaiopt.report.images import APART, over
from vaiopt.report.samples import SHOWN, sample_pictures
from vaiopt.report.section_data import data_section


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> ReportData:
    return gather(make_run(tmp_path_factory.mktemp("data") / "run", trials=3, stages=()))


def test_training_samples_of_each_class_are_shown(data: ReportData) -> None:
    assert len(data.samples) == SHOWN and data.notes == ()
    assert {sample.told for sample in data.samples} == {str(n) for n in range(10)}
    text = "".join(map(str, data_section(data).blocks))
    assert text.count("data:image/png") == SHOWN and "train 1,257" in text


def test_samples_in_two_parts_are_a_warning(data: ReportData) -> None:
    assert data.sheet is not None
    repeated = (Repeated("train", "test", 7, examples=("<a> = b",)),)
    text = "".join(
        map(str, data_section(replace(data, sheet=replace(data.sheet, repeated=repeated))).blocks)
    )
    assert "WARNING: 7 samples of test are in train, too (&lt;a&gt; = b)" in text


def test_a_run_of_an_earlier_version_has_no_such_section(data: ReportData) -> None:
    assert not data_section(replace(data, sheet=None)).blocks


def test_data_that_are_gone_are_shown_without_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(candidate: Any) -> Any:
        raise DataError("there is no 'gone.npz'", "Restore it.")

    monkeypatch.setattr("vaiopt.report.data.sample_pictures", gone)
    found = gather(make_run(tmp_path / "run", trials=2, stages=()))
    assert found.samples == () and "without pictures: there is no 'gone.npz'" in found.notes[0]
    assert data_section(found).blocks


def test_images_of_several_inputs_stand_beside_each_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    x: Dict[str, np.ndarray] = {
        "left": np.zeros((30, 8, 6), np.uint8),
        "spot": np.linspace(0, 1, 90).reshape(30, 3),
        "right": np.full((30, 4, 4, 3), 0.5, np.float32),
    }
    x["right"][0] = 1.0
    x["right"][1] = 0.0
    splits = split_dataset(make_dataset("two", x, np.arange(30) % 2), seed=0)
    monkeypatch.setattr("vaiopt.data.load_splits", lambda candidate: splits)
    shown: List[np.ndarray] = []
    monkeypatch.setattr("vaiopt.report.samples.data_uri", lambda pixels: shown.append(pixels))
    assert len(sample_pictures(None)) == len(shown) > 0  # type: ignore[arg-type]
    assert shown[0].shape == (8, 6 + APART + 4, 3)
    assert (shown[0][:, :6] == 0).all() and (shown[0][4:, 6:] == 255).all()
    assert {0, 128, 255}.issuperset(int(pixels[0, -1, 0]) for pixels in shown)
    alone = make_dataset("row", x["spot"], np.arange(30) % 2)
    monkeypatch.setattr("vaiopt.data.load_splits", lambda candidate: split_dataset(alone, seed=0))
    assert sample_pictures(None) == []  # type: ignore[arg-type]


def test_masks_lie_over_grey_and_coloured_samples() -> None:
    mask = np.array([[0, 1], [255, 2]], np.uint8)
    for channels in (1, 3):
        pixels = np.full((4, 4, channels), 200, np.uint8)
        shown = over(pixels, mask)
        assert shown.shape == (4, 4, 3) and shown.dtype == np.uint8
        assert shown[3, 0].tolist() == [90] * 3  # does not count: black over it
