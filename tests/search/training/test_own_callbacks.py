import pytest

from vaiopt.errors import SettingsError
from vaiopt.search.training.own_callbacks import own_callbacks
from vaiopt.study.hyperparameters import HyperParameters

OWN = """
from tensorflow import keras
from beside import Stop

def callbacks():
    return [Stop(), keras.callbacks.TerminateOnNaN()]

def patient(hp):
    return keras.callbacks.EarlyStopping("val_loss", patience=hp.Int("patience", 2, 9))

def wrong():
    return [1, "stop"]

def broken():
    raise ValueError("no such thing")

number = 3
"""
BESIDE = """
from tensorflow import keras

class Stop(keras.callbacks.Callback):
    pass
"""


@pytest.fixture
def mine(tmp_path):
    (tmp_path / "beside.py").write_text(BESIDE)
    path = tmp_path / "own.py"
    path.write_text(OWN)
    return str(path)


def test_none_are_asked_for_by_an_empty_text():
    assert own_callbacks("", HyperParameters()) == ()


def test_they_are_made_by_the_function_that_is_named_anew_each_time(mine):
    first, again = (own_callbacks(mine, HyperParameters()) for _ in range(2))
    assert [type(c).__name__ for c in first] == ["Stop", "TerminateOnNaN"]
    assert not {id(c) for c in first} & {id(c) for c in again}


def test_the_function_may_ask_for_hyperparameters(mine):
    hp = HyperParameters({"patience": 5})
    (callback,) = own_callbacks(f"{mine}:patient", hp)
    assert callback.patience == 5
    assert "patience" in hp.dimensions


@pytest.mark.parametrize(
    "name, message",
    [
        (":wrong", "gave int, str"),
        (":broken", "raised ValueError: no such thing"),
        (":missing", "has no function 'missing'"),
        (":number", "has no function 'number'"),
    ],
)
def test_what_is_no_list_of_callbacks_is_refused(mine, name, message):
    with pytest.raises(SettingsError, match=message) as raised:
        own_callbacks(mine + name, HyperParameters())
    assert raised.value.hint


@pytest.mark.parametrize("name", ["nothing.py", "nothing", ".", "nothing.py:f"])
def test_a_file_that_is_not_there_is_refused(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match="names no Python file"):
        own_callbacks(name, HyperParameters())
