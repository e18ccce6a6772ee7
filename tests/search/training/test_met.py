"""A trial tells which hyperparameters it met that the search space does not have."""

from tests.search.quick import SETTINGS
from vaiopt.search.training.describe import describe_search
from vaiopt.search.training.trial import Job, run_trial
from vaiopt.settings import override
from vaiopt.study.record import COMPLETE

MODEL = """
from tensorflow import keras


class Mine:
    def build(self, hp):
        layers = keras.layers
        middle = 0.3 < hp.Float("fraction", 0.0, 1.0) < 0.6
        units = hp.Int("late", 4, 8) if middle else 4
        hidden = layers.Dense(units), layers.Dense(10, activation="softmax")
        model = keras.Sequential([layers.Flatten(input_shape=(8, 8, 1)), *hidden])
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    def fit(self, hp, model, *args, **kwargs):
        if hp.get("fraction") > 0.3:
            hp.Boolean("shuffled")
        return model.fit(*args, **kwargs)
"""


def test_what_build_and_fit_ask_for_is_told_once_only_where_it_is_new(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(MODEL)
    settings = override(SETTINGS, [f"model.family={path}:Mine", "data.limit=150"])
    space = describe_search(settings).space
    assert "shuffled" in [d.name for d in space]
    assert "late" not in [d.name for d in space]
    found = []
    for number, fraction in enumerate((0.1, 0.5)):
        point = {**space.defaults(), "fraction": fraction}
        record = run_trial(Job(str(tmp_path / "run"), settings, number, point, space=space))
        assert record.status == COMPLETE, record.reason
        found.append([d.name for d in record.met])
    assert found == [[], ["late"]]
