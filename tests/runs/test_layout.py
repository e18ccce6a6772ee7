"""Where the files of a run are, which folders are runs, and the old names of files."""

import warnings
from pathlib import Path
from typing import Dict

import pytest

from tests.made_runs import RUN_TOML, made_candidate
from vaiopt.errors import RunError
from vaiopt.files import write_text
from vaiopt.record import write_record
from vaiopt.runs.choice import write_chosen
from vaiopt.runs.layout import Run, open_run
from vaiopt.runs.records import Chosen
from vaiopt.search import search_run
from vaiopt.settings import Settings


def content(folder: Path) -> Dict[str, bytes]:
    """The files of a folder, and what is in them."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def test_what_is_made_of_a_trial_stays_under_the_trial(tmp_path: Path) -> None:
    candidate = Run(tmp_path).trial(7)
    own = tmp_path / "trials" / "0007"
    assert candidate.folder == own and candidate.model == own / "model.h5"
    assert candidate.quantized_model == own / "quantized" / "quantized.h5"
    assert candidate.compiled("zcu102") == own / "compiled" / "zcu102"
    assert candidate.bundle("zcu102") == own / "bundle" / "zcu102"
    assert candidate.measured("cpu@kit") == own / "measured" / "cpu@kit.json"
    assert list(tmp_path.iterdir()) == [], "asking for paths makes nothing"


def test_candidates_are_the_trials_with_a_model_by_number(tmp_path: Path) -> None:
    run = Run(tmp_path)
    for number in (10000, 3, 9999):
        write_text(run.trial(number).model, "model")
    write_text(run.trial(5).metrics, "{}")
    write_text(run.trials / "0004.old" / "model.h5", "model")
    assert [candidate.number for candidate in run.candidates()] == [3, 9999, 10000]


def test_the_chosen_one_is_the_first_of_chosen_json(tmp_path: Path) -> None:
    run = made_candidate(tmp_path).run
    write_record(run.chosen_file, Chosen((4, 2)))
    assert run.chosen.number == 4


def test_where_nothing_is_chosen_both_commands_are_named(tmp_path: Path) -> None:
    with pytest.raises(RunError) as caught:
        _ = Run(tmp_path).chosen
    assert "vaiopt choose" in caught.value.hint and "vaiopt search" in caught.value.hint


@pytest.mark.parametrize("trials", ["[]", "[-1]", '["3"]', "3", "[1.5]", "[true]", "null"])
def test_a_choice_that_cannot_be_is_refused(tmp_path: Path, trials: str) -> None:
    run = made_candidate(tmp_path).run
    run.chosen_file.write_text(f'{{"version": 1, "trials": {trials}}}')
    with pytest.raises(RunError, match="chosen.json.*trials"):
        _ = run.chosen


def test_the_old_names_of_a_run_s_files_are_those_of_the_chosen_one_and_warn(
    tmp_path: Path,
) -> None:
    run = made_candidate(tmp_path, number=3).run
    with pytest.warns(DeprecationWarning, match="run.float_model is now run.chosen.model") as told:
        assert run.float_model == run.chosen.model
    assert told[0].filename == __file__
    with pytest.warns(DeprecationWarning):
        assert run.data_spec == run.chosen.data
    with pytest.warns(DeprecationWarning):
        assert run.compiled("cpu") == run.chosen.compiled("cpu")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not hasattr(run, "float_models")


def test_what_is_no_run_is_told_for_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "m.h5").write_text("x")
    with pytest.raises(RunError, match="m.h5' is a file, not a run"):
        open_run(tmp_path / "m.h5")
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "saved_model.pb").write_text("x")
    with pytest.raises(RunError, match="is a SavedModel of TensorFlow"):
        open_run(tmp_path / "saved")


def test_only_a_folder_with_run_toml_is_a_run(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="there is no run folder"):
        open_run(tmp_path / "none")
    with pytest.raises(RunError, match="is not a run"):
        open_run(tmp_path)
    write_text(tmp_path / "run.toml", RUN_TOML)
    assert open_run(tmp_path).folder == tmp_path


def test_a_run_of_the_first_version_is_refused_and_nothing_of_it_is_lost(tmp_path: Path) -> None:
    """It kept the chosen model in ``float/`` and what was made of it at the top: links there would
    have replaced them.
    """
    run = Run(tmp_path / "run")
    write_text(run.settings, RUN_TOML)
    write_text(run.trial(1).model, "model of trial 1")
    for name in ("float/model.h5", "float/metrics.json", "quantized/quantized.h5"):
        write_text(run.folder / name, name)
    before = content(run.folder)
    for use in (
        lambda: open_run(run.folder),
        lambda: search_run(Settings(), run.folder),
        lambda: write_chosen(run, Chosen((1,))),
    ):
        with pytest.raises(RunError, match=r"made by vaiopt 0\.1") as caught:
            use()
        assert "--run" in caught.value.hint
        assert content(run.folder) == before


def test_a_candidate_without_its_model_is_refused_with_what_helps(tmp_path: Path) -> None:
    candidate = Run(tmp_path / "run").trial(3)
    with pytest.raises(RunError, match="model.h5' is missing") as caught:
        candidate.kept_model()
    assert f"vaiopt choose {tmp_path / 'run'}" in caught.value.hint
