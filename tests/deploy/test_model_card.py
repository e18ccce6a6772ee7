"""The model card says what is known of a model, and nothing of the computer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.report.synthetic import MANIFEST, make_run
from vaiopt.data.recipe import read_recipe
from vaiopt.deploy.model_card import model_card
from vaiopt.record import write_record
from vaiopt.runs.layout import Run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return make_run(tmp_path_factory.mktemp("card") / "run", trials=6)


def test_it_has_scores_with_intervals_data_and_hyperparameters(run: Run) -> None:
    card = model_card(run.chosen, MANIFEST)
    for told in ("float accuracy", "int8 accuracy", "95 %:", "digits", "learning\\_rate", "zcu102"):
        assert told in card, told
    assert card.count("\n## ") == 6 and "to be filled in" in card
    assert MANIFEST.model.sha256 in card
    assert str(run.folder) not in card and str(Path.home()) not in card


def test_what_was_not_evaluated_is_said_not_to_be(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", trials=4, stages=())
    card = model_card(run.chosen, MANIFEST)
    assert "not evaluated yet" in card and "int8 accuracy" not in card
    assert str(tmp_path) not in card


def test_a_name_of_a_class_breaks_no_table(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", trials=4, stages=())
    recipe = read_recipe(run.chosen)
    source = str(tmp_path / "secret" / "photos|x")
    write_record(run.chosen.data, replace(recipe, name="photos|x", source=source))
    card = model_card(run.chosen, replace(MANIFEST, classes=("a|b", "<script>")))
    rows = [line for line in card.splitlines() if line.startswith("|")]
    assert all(line.replace("\\|", "").count("|") == 3 for line in rows)
    assert "<script>" not in card and "secret" not in card


def test_how_images_are_brought_to_the_input_is_said(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", trials=4, stages=())
    assert "brought to it by" not in model_card(run.chosen, MANIFEST)
    recipe = replace(read_recipe(run.chosen), image_size=(8, 8), resize="crop")
    write_record(run.chosen.data, recipe)
    assert "crop: the largest part from the middle" in model_card(run.chosen, MANIFEST)


def test_what_the_names_are_of_is_said_and_one_name_of_the_data_once(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", trials=4, stages=())
    recipe = replace(read_recipe(run.chosen), name="d.csv", source="d.csv", task="regression")
    write_record(run.chosen.data, recipe)
    card = model_card(run.chosen, replace(MANIFEST, classes=("width", "age")))
    assert "| quantities | width, age |" in card and "| classes |" not in card
    assert "| data | d.csv |" in card
