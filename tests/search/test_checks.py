"""What is refused before anything heavy is loaded."""

import pytest

from vaiopt.errors import VaioptError
from vaiopt.search import search_run
from vaiopt.settings import load_settings


@pytest.mark.parametrize(
    "setting, says",
    [
        ("data.source=digts", "Did you mean 'digits'"),
        ("data.source=none/photos", "none/photos"),
        ("data.source=data.py:load", "data.py"),
        ("data.source=here.txt", "here.txt"),
        ("model.family=cnn_bloks", "Did you mean 'cnn_blocks'"),
        ("model.family=model.py:build", "model.py"),
        ("model.weights=none.h5", "none.h5"),
        ("train.callbacks=own.py:callbacks", "own.py"),
        ("objective.metrics=own.py:metrics", "own.py"),
        ("search.start_from=none.csv", "none.csv"),
        ("search.start_from=none", "none"),
    ],
)
def test_what_is_named_and_not_there_is_said_before_anything_is_loaded(
    tmp_path, monkeypatch, setting, says
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here.txt").write_text("no data")
    told = []
    with pytest.raises(VaioptError) as caught:
        search_run(load_settings(None, [setting]), "run", progress=told.append)
    assert says in f"{caught.value.message} {caught.value.hint}"
    assert told == []  # 'loading the data' is what it says when TensorFlow is loaded
    assert not (tmp_path / "run").exists()


def test_what_a_run_keeps_of_other_points_is_not_looked_for_again(tmp_path):
    from vaiopt.runs.layout import Run
    from vaiopt.search.checks import check_named

    run = Run(tmp_path)
    run.start.write_text("{}")
    check_named(load_settings(None, ["search.start_from=gone.csv"]), run)
