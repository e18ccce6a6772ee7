"""Arrays and functions passed in Python: in the run folder, found by later steps."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vaiopt as vo
from tests.search.quick import QUICK
from vaiopt.data import load_dataset, load_splits, make_dataset
from vaiopt.passed import arrays_of, overrides_of, passed_into
from vaiopt.runs.layout import Run
from vaiopt.settings import load_settings, settings_from_run

SETTINGS = load_settings(None, [*QUICK, "data.limit=0", "search.trials=1"])
Y = np.arange(90) % 3
X = np.random.RandomState(0).normal(size=(90, 4)).astype("float32") + Y[:, None]


def test_arrays_are_written_once_and_found_again_where_the_run_is_moved(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    data = (X, Y), (X[:30], Y[:30]), (X[:15], Y[:15])
    vo.search_run(SETTINGS, run.folder, data=data, progress=None)
    file = run.inputs / "data.npz"
    before = file.stat().st_mtime_ns
    again = vo.override(SETTINGS, {"search.trials": 2})
    assert vo.search_run(again, run.folder, data=data, progress=None).trials == {"complete": 2}
    assert [file] == list(run.inputs.iterdir()) and file.stat().st_mtime_ns == before
    shutil.move(str(run.folder), str(tmp_path / "moved"))
    splits = load_splits(Run(tmp_path / "moved").chosen)
    assert splits.sizes() == {"train": 90, "validation": 30, "test": 15}


def test_other_arrays_are_refused_and_leave_nothing(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    vo.search_run(SETTINGS, run.folder, data=(X, Y), progress=None)
    with pytest.raises(vo.VaioptError, match="data.source"):
        vo.search_run(SETTINGS, run.folder, data=(X, Y[::-1]), progress=None)
    assert [path.name for path in run.inputs.iterdir()] == ["data.npz"]
    result = vo.search_run(
        SETTINGS, run.folder, data=(X, Y[::-1]), accept_changes=True, progress=None
    )
    assert result.trials == {"outdated": 1, "complete": 1} and len(list(run.inputs.iterdir())) == 2


def test_what_cannot_be_used_leaves_no_folder(tmp_path: Path) -> None:
    for data in (3, (X, Y[:5]), lambda: None, lambda: 1 / 0):
        with pytest.raises(vo.VaioptError):
            vo.search_run(SETTINGS, tmp_path / "run", data=data, progress=None)
    bad = vo.override(SETTINGS, {"model.hyperparameters": {"no_such": 3}})
    with pytest.raises(vo.VaioptError):
        vo.search_run(bad, tmp_path / "run", data=(X, Y), progress=None)
    assert not (tmp_path / "run").exists()


def test_a_dataset_comes_back_whole(tmp_path: Path) -> None:
    data = make_dataset(
        *("made", X, np.where(Y > 0, "yes", "no")),
        **{"test_x": X[:9], "test_y": ["yes"] * 9, "weights": np.arange(90)},
        feature_names=["a", "b", "c", "d"],
    )
    np.savez(str(tmp_path / "data.npz"), **arrays_of(data))
    loaded = load_dataset(str(tmp_path / "data.npz"))
    assert loaded.sha256() == data.sha256() and not loaded.notes
    assert (loaded.classes, loaded.feature_names) == (data.classes, data.feature_names)
    bright = make_dataset("made", np.zeros((4, 8, 8)) + [1], [0, 1, 0, 1], value_range=(0, 16))
    np.savez(str(tmp_path / "bright.npz"), **arrays_of(bright))
    assert load_dataset(str(tmp_path / "bright.npz")).value_range == (0, 16)


def test_a_function_gives_the_data_once(tmp_path: Path) -> None:
    called = []
    with passed_into(Run(tmp_path / "run"), SETTINGS) as passed:
        passed.take_data(lambda: called.append(1) or (X, Y))
    assert called == [1] and passed.settings.data.source.endswith("inputs/data.npz")


SCRIPT = """
import sys
import numpy as np
import vaiopt as vo
WIDE = 8

def build_model(hp):
    from tensorflow import keras
    layers = [
        keras.layers.Dense(hp.Int("units", 4, WIDE), input_shape=(4,)),
        keras.layers.Dense(3, "softmax"),
    ]
    model = keras.Sequential(layers)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model

y = np.arange(90) % 3
x = np.random.RandomState(0).normal(size=(90, 4)) + y[:, None]
if __name__ == "__main__":
    done = vo.search(build_model, data=(x, y), trials=1, epochs=1, workers=int(sys.argv[1]))
    assert done.trials == {"complete": 1}, done
"""


@pytest.mark.parametrize("how", ["script", "-c"])
def test_a_script_passes_its_own_function(tmp_path: Path, root: Path, how: str) -> None:
    (tmp_path / "mine.py").write_text(SCRIPT, encoding="utf-8")
    words = ["mine.py", "1"] if how == "script" else ["-c", SCRIPT, "0"]
    path = {"PYTHONPATH": str(root), "PATH": "/usr/bin:/bin", "HOME": str(Path.home())}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", *words],
        **{"cwd": str(tmp_path), "env": path, "stdout": subprocess.PIPE},
        stderr=subprocess.PIPE,
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    run = Run(tmp_path / "runs" / "build_model")
    assert "x = np" not in (run.inputs / "model.py").read_text(encoding="utf-8")
    # The command line goes on with it.
    assert settings_from_run(run).model.family == f"{run.inputs.resolve()}/model.py:build_model"


def test_settings_are_given_by_their_last_names() -> None:
    assert overrides_of({"trials": 3, "seed": 1}) == {"search.trials": 3, "seed": 1}
    with pytest.raises(vo.VaioptError, match="'threads' is one of hardware.threads"):
        overrides_of({"threads": 3})
    with pytest.raises(vo.VaioptError, match="'trails' is no setting") as caught:
        overrides_of({"trails": 3})
    assert "trials" in str(caught.value.hint)


def test_the_package_can_be_called_in_whatever_order_it_is_imported(root: Path) -> None:
    code = "import vaiopt as vo; assert callable(vo.search); from vaiopt.search import search_run"
    subprocess.run([sys.executable, "-c", code], cwd=str(root), check=True)


def test_an_unusable_model_function_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    def within(hp: Any) -> Any:
        return hp

    with pytest.raises(vo.VaioptError, match="cannot be found by another process"):
        vo.search(within, tmp_path / "run", data=(X, Y), progress=None)
    assert not (tmp_path / "run").exists()
