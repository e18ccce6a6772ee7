"""What the report shows of augmentation."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Dict

import numpy as np
import pytest

from tests.report.synthetic import make_run
from vaiopt.data import make_dataset, split_dataset
from vaiopt.errors import DataError
from vaiopt.present.html import Markup
from vaiopt.present.table import Table
from vaiopt.report import ReportData, augmented, gather
from vaiopt.report import data as report_data
from vaiopt.report.augmented import SHOWN, augmented_pictures
from vaiopt.report.section_augmentation import augmentation
from vaiopt.runs.layout import Run

AMOUNTS = {"augment_shift": 0.2, "augment_noise": 0.0, "augment_mixup": 0.3}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return make_run(tmp_path_factory.mktemp("made") / "run", trials=3, points=1)


def with_amounts(data: ReportData, amounts: Dict[str, Any]) -> ReportData:
    """The same run, whose trials were augmented."""
    changed = [replace(t, hyperparameters={**t.hyperparameters, **amounts}) for t in data.trials]
    return replace(data, trials=changed)


def test_samples_are_shown_as_they_are_and_changed(run: Run) -> None:
    pictures = augmented_pictures(run.chosen, {"shift": 0.3, "mixup": 0.2})
    assert len(pictures) == SHOWN
    for picture in pictures:
        assert [name for name, _ in picture.images] == ["as it is", "changed, 1", "changed, 2"]
        assert picture.told.startswith("class '")
    assert len({uri for picture in pictures for _, uri in picture.images}) > 2 * SHOWN
    assert augmented_pictures(run.chosen, {"shift": 0.3, "mixup": 0.2}) == pictures


def test_the_section_is_there_where_training_samples_were_changed(run: Run) -> None:
    data = gather(run)
    assert data.augmented == () and not augmentation(data).blocks
    data = with_amounts(data, AMOUNTS)
    (table,) = augmentation(data).blocks
    assert isinstance(table, Table)
    assert [row[0] for row in table.rows] == ["shift", "mixup"]
    pictures = report_data._augmented(data.chosen_trial, run.chosen, [])
    blocks = augmentation(replace(data, augmented=pictures)).blocks
    assert isinstance(blocks[-1], Markup) and str(blocks[-1]).count("<img") == 3 * SHOWN


def test_data_that_are_gone_leave_the_pictures_out_and_a_note(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(candidate: Any) -> None:
        raise DataError("the data are gone", "Restore them.")

    monkeypatch.setattr(augmented, "load_splits", gone)
    notes: Any = []
    trial = with_amounts(gather(run), AMOUNTS).chosen_trial
    assert report_data._augmented(trial, run.chosen, notes) == ()
    assert notes == ["Training samples are not shown: the data are gone."]


@pytest.mark.parametrize("kind", ["masks", "signals", "images", "table"])
def test_masks_lie_over_their_images_and_signals_are_lines(
    kind: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    random = np.random.RandomState(0)
    x = random.randint(0, 255, (60, 12, 12, 3)).astype(np.uint8)
    y: Any = np.arange(60) % 3
    if kind == "masks":
        y = random.randint(0, 3, (60, 12, 12)).astype(np.uint8)
        y[:, :2] = 255
    given = {"signals": x.reshape(60, -1, 1, 3), "table": x.reshape(60, -1)[:, :9]}.get(kind, x)
    y = given if kind == "images" else y
    dataset = make_dataset("made", given, y)
    splits = split_dataset(dataset, (7, 2, 1), seed=0)
    monkeypatch.setattr(augmented, "load_splits", lambda candidate: splits)
    amounts = {"noise": 0.2} if kind in ("signals", "images") else {"mixup": 0.2}
    amounts = {"crop": 3, "cutout": 0.3} if kind == "masks" else amounts
    pictures = augmented_pictures(Run(tmp_path).trial(0), amounts)
    assert len(pictures) == (0 if kind == "table" else SHOWN)
    for picture in pictures:
        assert len({uri for _, uri in picture.images}) == 3
