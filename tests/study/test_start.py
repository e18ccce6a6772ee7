import json

import pytest

from tests.search import stub
from vaiopt.errors import SettingsError
from vaiopt.runs.layout import Run
from vaiopt.settings import ObjectiveSettings
from vaiopt.study.hyperparameters import HyperParameters
from vaiopt.study.objective import Objective
from vaiopt.study.start import Start, read_start
from vaiopt.study.trace import trace_space


def build(hp):
    hp.Int("units", 8, 64, step=8)
    hp.Float("rate", 1e-4, 1e-1, sampling="log", default=1e-3)
    hp.Choice("kind", ["relu", "tanh"])
    hp.Boolean("deep")
    hp.Choice("batch", [16, 32])


SPACE = trace_space(build, HyperParameters)
WHOLE = {"units": 16, "rate": 0.01, "kind": "tanh", "deep": True, "batch": 32}


def read(path):
    return read_start(str(path), SPACE, Objective(ObjectiveSettings()), {})


def seen(found):
    return [(o.point, o.value) for o in found.observations]


TABLES = {
    "plain.csv": "units,rate,kind,deep,batch,value\n16,1e-2,tanh,true,32,0.9\n",
    "floats.csv": "units,rate,kind,deep,batch,value\n16.0,0.01,tanh,True,32.0,0.9\n",
    "trials.csv": "number,status,value,hp.units,hp.rate,hp.kind,hp.deep,hp.batch,val_loss\n"
    "3,complete,0.9,16,0.01,tanh,True,32,0.3\n4,failed,,16,0.01,relu,True,32,\n",
    "points.json": json.dumps([{"point": WHOLE, "value": 0.9}]),
    "flat.json": json.dumps([{**WHOLE, "value": 0.9}]),
    "trials.json": json.dumps(
        {"trials": [{"status": "complete", "hyperparameters": WHOLE, "value": 0.9, "metrics": {}}]}
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_gives_points_and_values(tmp_path, name):
    (tmp_path / name).write_text(TABLES[name])
    found = read(tmp_path / name)
    assert seen(found) == [(WHOLE, 0.9)] and found.left_out == ""
    types = {n: type(value) for n, value in found.observations[0].point.items()}
    assert types == {n: type(value) for n, value in WHOLE.items()}
    assert Start.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_what_is_left_out_of_a_point_stands_at_its_default_and_what_does_not_fit_is_said(tmp_path):
    rows = ["units,value", "8,0.5", "9,0.6", "99,0.6", "16,nan", "24,", "32,0.7"]
    (tmp_path / "some.csv").write_text("\n".join(rows))
    found = read(tmp_path / "some.csv")
    assert [(point["units"], value) for point, value in seen(found)] == [(8, 0.5), (32, 0.7)]
    assert found.observations[0].point["rate"] == 1e-3
    assert "2 (without the objective)" in found.left_out and "units cannot be '9'" in found.left_out
    assert "2 observation(s)" in found.said() and "left out: " in found.said()


@pytest.mark.parametrize(
    "name, text",
    [
        ("none.csv", "units,value\n9,0.5\n"),
        ("other.csv", "nodes,value\n9,0.5\n"),
        ("empty.csv", ""),
        ("empty.json", "[]"),
        ("number.json", "3"),
        ("list.json", "[3]"),
        ("object.json", "{}"),
        ("broken.json", "{"),
        ("no_value.csv", "units\n8\n"),
        ("long.csv", "units,value\n8,0.5,9\n"),
        ("table.txt", "units,value\n8,0.5\n"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_hint(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    with pytest.raises(SettingsError, match="search.start_from") as caught:
        read(tmp_path / name)
    assert caught.value.hint


@pytest.mark.parametrize("name", ["nowhere.csv", "nowhere", "."])
def test_what_is_not_there_or_no_run_is_refused(tmp_path, name):
    with pytest.raises(SettingsError, match="search.start_from"):
        read(tmp_path / name)


def test_a_search_starts_from_the_trials_of_another_run_and_keeps_what_it_read(
    tmp_path, monkeypatch
):
    with stub.stubbed(monkeypatch, tmp_path / "old", "search.trials=6") as old:
        known = old.run()
    lines, warm = [], f"search.start_from={json.dumps(str(tmp_path / 'old'))}"
    more = ["search.trials=3", "search.initial_points=3", warm]
    with stub.stubbed(monkeypatch, tmp_path / "new", *more, progress=lines.append) as new:
        trials = new.run()
    assert [line for line in lines if line.startswith("6 observation(s) of")]
    assert [t.number for t in trials] == [0, 1, 2]
    assert trials[0].hyperparameters == known[0].hyperparameters  # the default point
    tried = [t.hyperparameters for t in known]
    assert all(t.hyperparameters not in tried for t in trials[1:])
    kept = Run(tmp_path / "new").start.read_text()
    with stub.stubbed(monkeypatch, tmp_path / "old", "search.trials=8") as old:
        old.run()
    go_on = ["search.trials=5", *more[1:]]
    with stub.stubbed(monkeypatch, tmp_path / "new", *go_on) as new:
        resumed = new.run()
    assert Run(tmp_path / "new").start.read_text() == kept
    assert [t.hyperparameters for t in resumed[:3]] == [t.hyperparameters for t in trials]
    with stub.stubbed(monkeypatch, tmp_path / "plain", "search.trials=3", more[1]) as plain:
        assert plain.run()[1].hyperparameters != resumed[1].hyperparameters
