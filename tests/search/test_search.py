"""Whole searches, on real data that are small: scikit-learn's digits."""

import errno
import json
import os
import time
from urllib.request import Request, urlopen

import pytest

from tests.search.quick import SETTINGS
from vaiopt import search
from vaiopt.data import read_recipe
from vaiopt.errors import DataError, ModelError, RunError, SettingsError, TargetError
from vaiopt.keras import load_model, load_tensorflow
from vaiopt.record import read_record
from vaiopt.runs.layout import Run
from vaiopt.runs.records import CandidateMetrics, Chosen
from vaiopt.search import search_run
from vaiopt.search.training import trial as worker
from vaiopt.settings import override
from vaiopt.study.initial_weights import read_initial_weights
from vaiopt.study.record import COMPLETE, FAILED, INFEASIBLE, INTERRUPTED
from vaiopt.study.space_file import read_space
from vaiopt.study.trials import load_trials

FRAGILE = """
from tensorflow import keras

def build_model(hp):
    kind = hp.Choice("kind", ["good", "raises", "nan", "shape"])
    if kind == "raises":
        raise RuntimeError("no luck")
    inputs = keras.Input(hp.input_shape)
    x = keras.layers.Flatten()(inputs)
    outputs = keras.layers.Dense(hp.classes, activation="softmax")(x)
    model = keras.Model(inputs, outputs)
    rate = float("nan") if kind == "nan" else 1e-3
    loss = "mse" if kind == "shape" else "sparse_categorical_crossentropy"
    model.compile(keras.optimizers.SGD(rate), loss, metrics=["accuracy"])
    if kind == "shape":
        model.add_loss(lambda: 1 / 0)
    return model
"""


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    folder = tmp_path_factory.mktemp("search") / "run"
    return search_run(SETTINGS, folder), Run(folder)


def test_it_writes_the_chosen_model_its_metrics_and_its_data(searched):
    result, run = searched
    assert run.read_chosen() == Chosen((result.chosen.number,))
    metrics = read_record(run.chosen.metrics, CandidateMetrics, "")
    assert metrics.trial == result.chosen.number
    assert metrics.metrics["val_accuracy"] == result.chosen.metrics["val_accuracy"]
    assert load_model(run.chosen.model).count_params() == metrics.costs["params"]
    assert read_recipe(run.chosen).classes == tuple(str(i) for i in range(10))
    for name in ("model.h5", "metrics.json", "data.json", "initial_weights.npz"):
        assert (run.folder / "float" / name).samefile(run.chosen.folder / name)
    json.dumps(result.to_json(), allow_nan=False)


def test_the_weights_that_training_started_from_are_kept_with_the_chosen_model(searched):
    run = searched[1]
    model = load_model(run.chosen.model)
    kept = read_initial_weights(run.chosen.initial_weights, "")
    assert set(kept) == {weight.name for weight in model.weights}
    for weight in model.weights:
        if "kernel" in weight.name:
            limit = (6 / sum(weight.shape)) ** 0.5
            assert 0.9 * limit < kept[weight.name].high <= limit  # Glorot's uniform distribution
            assert kept[weight.name].high != weight.numpy().max()


def test_each_trial_records_curve_metrics_costs_seconds_and_memory(searched):
    result, run = searched
    trials = load_trials(run)
    assert [t.status for t in trials] == [COMPLETE] * 3
    for trial in trials:
        assert len(trial.curve) == 1
        assert {"loss", "accuracy", "val_loss", "val_accuracy", "val_f1", "seconds"} <= set(
            trial.curve[0]
        )
        assert trial.costs["params"] > 0
        assert trial.costs["latency_ms"] > 0
        assert trial.seconds > 0
        assert trial.peak_memory_mb > 50
        assert trial.samples == read_space(run).splits["validation"]
        assert trial.started < trial.finished


def test_tensorboard_finds_the_scalars_and_the_hyperparameters_of_each_trial(searched):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    _, run = searched
    folders = sorted(run.tensorboard.iterdir())
    assert [folder.name for folder in folders] == ["0000", "0001", "0002"]
    log = EventAccumulator(str(folders[1])).Reload()
    assert "_hparams_/session_start_info" in log.PluginTagToContent("hparams")
    assert {"val_accuracy", "val_f1", "epoch/loss", "epoch/val_loss"} <= set(log.Tags()["tensors"])


@pytest.mark.slow
def test_tensorboard_serves_the_table_of_hyperparameters_and_the_scalars_of_a_run_folder(searched):
    from tensorboard import default, program

    result, run = searched
    board = program.TensorBoard(default.get_plugins())
    board.configure(
        argv=[
            "",
            "--logdir",
            str(run.folder),
            "--host",
            "127.0.0.1",
            "--port",
            "0",
            "--load_fast",
            "false",
        ]
    )
    address = board.launch()

    def ask(path, body=None):
        request = Request(
            address.rstrip("/") + "/data/plugin/" + path,
            None if body is None else json.dumps(body).encode(),
        )
        request.add_header("Content-Type", "application/json")
        with urlopen(request, timeout=60) as answer:
            return json.loads(answer.read().decode())

    deadline = time.monotonic() + 300  # the folder is read in a thread of TensorBoard's
    while len(ask("scalars/tags")) < 3 and time.monotonic() < deadline:
        time.sleep(0.1)
    names = [f"tensorboard/000{number}" for number in range(3)]
    tags = ask("scalars/tags")
    assert sorted(tags) == names
    assert {"epoch/loss", "epoch/val_accuracy", "val_accuracy"} <= set(tags[names[1]])
    experiment = ask("hparams/experiment", {"experimentName": ""})
    columns = [{"metric": info["name"]} for info in experiment["metricInfos"]] + [
        {"hparam": i["name"]} for i in experiment["hparamInfos"]
    ]
    states = ["STATUS_UNKNOWN", "STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_RUNNING"]
    query = {
        "experimentName": "",
        "allowedStatuses": states,
        "colParams": columns,
        "startIndex": 0,
        "sliceSize": 10,
    }
    groups = ask("hparams/session_groups", query)["sessionGroups"]
    assert [session["name"] for group in groups for session in group["sessions"]] == names
    trials = load_trials(run)
    for group, trial in zip(groups, trials):
        assert group["hparams"]["learning_rate"] == pytest.approx(
            trial.hyperparameters["learning_rate"]
        )
        values = {value["name"]["tag"]: value["value"] for value in group["metricValues"]}
        assert values["val_accuracy"] == pytest.approx(trial.metrics["val_accuracy"])


def test_a_finished_search_goes_on_to_more_trials(searched, tmp_path):
    first = search_run(override(SETTINGS, ["search.trials=2"]), tmp_path / "run")
    assert first.trials == {COMPLETE: 2}
    second = search_run(SETTINGS, tmp_path / "run")
    assert second.trials == {COMPLETE: 3}
    points = [t.hyperparameters for t in load_trials(Run(tmp_path / "run"))]
    assert points == [t.hyperparameters for t in load_trials(searched[1])]


def test_a_trial_left_by_a_killed_search_is_run_again(tmp_path):
    import optuna

    from vaiopt.study.space_file import read_space
    from vaiopt.study.storage import STUDY_NAME, journal_storage
    from vaiopt.study.trials import distributions

    run = Run(tmp_path / "run")
    search_run(override(SETTINGS, ["search.trials=2"]), run.folder)
    space = read_space(run).space
    study = optuna.load_study(study_name=STUDY_NAME, storage=journal_storage(run))
    study.ask(
        fixed_distributions=distributions(space)
    )  # as a search that is killed now would leave it
    search_run(SETTINGS, run.folder)
    trials = load_trials(run)
    assert [t.status for t in trials] == [COMPLETE, COMPLETE, INTERRUPTED, COMPLETE]
    left, again = trials[2].hyperparameters, trials[3].hyperparameters
    assert again == {name: left[name] for name in again}


def test_other_settings_are_refused_and_nothing_is_lost(searched):
    _, run = searched
    before = run.settings.read_bytes()
    with pytest.raises(RunError, match="train.epochs: 1 -> 2"):
        search_run(override(SETTINGS, ["train.epochs=2"]), run.folder)
    assert run.settings.read_bytes() == before


def test_a_folder_that_is_no_run_is_not_touched(tmp_path):
    (tmp_path / "thesis.txt").write_text("x")
    with pytest.raises(RunError, match="not a run"):
        search_run(SETTINGS, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_whatever_a_trial_does_is_recorded_and_the_search_goes_on(tmp_path):
    (tmp_path / "fragile.py").write_text(FRAGILE)
    settings = override(
        SETTINGS,
        ["model.family={}".format(json.dumps(str(tmp_path / "fragile.py"))), "search.trials=4"],
    )
    result = search_run(settings, tmp_path / "run")
    trials = {t.hyperparameters["kind"]: t for t in load_trials(Run(tmp_path / "run"))}
    assert result.chosen.hyperparameters["kind"] == "good"
    assert trials["raises"].status == FAILED
    assert "RuntimeError: no luck" in trials["raises"].reason
    assert "became nan" in trials["nan"].reason or "became inf" in trials["nan"].reason
    assert "division by zero" in trials["shape"].reason
    assert "Traceback" in trials["shape"].traceback


@pytest.mark.usefixtures("short_look")
def test_no_trial_is_spent_on_a_point_that_breaks_a_limit(tmp_path):
    settings = override(SETTINGS, ["objective.max_params=3000", "search.trials=5"])
    search_run(settings, tmp_path / "run")
    trials = load_trials(Run(tmp_path / "run"))
    assert [t.status for t in trials] == [COMPLETE] * 5
    assert all(t.costs["params"] <= 3000 for t in trials)


@pytest.mark.usefixtures("short_look")
def test_a_given_point_that_breaks_a_limit_is_recorded_never_trained_and_not_counted(tmp_path):
    large = ["objective.max_params=3000", "search.points=[{nodes = 128}]", "search.trials=3"]
    search_run(override(SETTINGS, large), tmp_path / "run")
    trials = load_trials(Run(tmp_path / "run"))
    assert [t.status for t in trials] == [COMPLETE, INFEASIBLE, COMPLETE, COMPLETE]
    assert trials[1].curve == [] and "max_params" in trials[1].reason


def test_batch_size_epochs_optimizer_and_split_are_searched_like_anything_else(tmp_path):
    extra = [
        "train.batch_size={choice=[16, 64]}",
        "train.epochs={int=[1, 2]}",
        "data.split={choice=['7:2:1', '6:2:2']}",
        "model.family=mlp",
    ]
    search_run(override(SETTINGS, [*extra, "search.trials=4"]), tmp_path / "run")
    trials = load_trials(Run(tmp_path / "run"))
    assert {"batch_size", "epochs", "split", "optimizer"} <= set(trials[0].hyperparameters)
    assert all(len(t.curve) == t.hyperparameters["epochs"] for t in trials if t.status == COMPLETE)
    # Whatever the ratio, the test part is what no trial has seen.
    assert read_recipe(Run(tmp_path / "run").chosen).reserved == pytest.approx(0.9)


def test_a_space_with_nothing_to_search_is_refused_before_training(tmp_path):
    names = {"layers": 1, "nodes": 16, "shape": "brick", "dropout": 0.0, "learning_rate": 0.001}
    fixed = [f"model.hyperparameters.{name}={json.dumps(value)}" for name, value in names.items()]
    with pytest.raises(SettingsError, match="space is empty"):
        search_run(override(SETTINGS, fixed), tmp_path / "run")
    assert search_run(override(SETTINGS, [*fixed, "search.trials=1"]), tmp_path / "run").trials == {
        COMPLETE: 1
    }


def test_an_unknown_hyperparameter_in_the_settings_is_refused(tmp_path):
    with pytest.raises(SettingsError) as caught:
        search_run(override(SETTINGS, ["model.hyperparameters.nods=3"]), tmp_path / "run")
    assert "'nodes'" in caught.value.hint


def test_a_function_that_always_fails_stops_the_search_with_its_reason(tmp_path):
    (tmp_path / "bad.py").write_text("def build_model(hp):\n    raise ValueError('never')\n")
    with pytest.raises(ModelError, match="never"):
        search_run(
            override(SETTINGS, ["model.family={}".format(json.dumps(str(tmp_path / "bad.py")))]),
            tmp_path / "run",
        )


@pytest.mark.slow
def test_worker_processes_give_the_same_trials_as_this_process(searched, tmp_path):
    search_run(override(SETTINGS, ["search.workers=1", "search.recycle_after=2"]), tmp_path / "run")
    here, there = (load_trials(run) for run in (searched[1], Run(tmp_path / "run")))
    assert [t.hyperparameters for t in here] == [t.hyperparameters for t in there]
    assert [t.value for t in here] == pytest.approx([t.value for t in there], abs=0.05)
    assert len({t.worker for t in there}) == 2


SLOW = """
import time
from tensorflow import keras

class Slow(keras.Model):
    def train_step(self, data):
        time.sleep(600)

def build_model(hp):
    kind = hp.Choice("kind", ["good", "slow"])
    inputs = keras.Input(hp.input_shape)
    outputs = keras.layers.Dense(hp.classes, activation="softmax")(keras.layers.Flatten()(inputs))
    model = (Slow if kind == "slow" else keras.Model)(inputs, outputs)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model
"""


@pytest.mark.slow
def test_a_trial_that_takes_too_long_is_stopped_and_the_search_goes_on(tmp_path):
    (tmp_path / "slow.py").write_text(SLOW)
    family = "model.family={}".format(json.dumps(str(tmp_path / "slow.py")))
    settings = override(
        SETTINGS, [family, "search.workers=1", "search.trial_timeout=60", "search.trials=2"]
    )
    assert search_run(settings, tmp_path / "run").trials == {COMPLETE: 1, FAILED: 1}
    assert "timed out after 60 s" in load_trials(Run(tmp_path / "run"))[1].reason


def test_hopeless_trials_are_pruned_within_an_epoch_and_keep_their_curve(tmp_path):
    extra = [
        "search.pruner=halving",
        "search.trials=8",
        "search.sampler=random",
        "train.epochs=2",
        "data.limit=0",
    ]
    wide = ["model.hyperparameters.learning_rate={float=[1e-7, 1e-2], log=true, default=0.005}"]
    search_run(override(SETTINGS, [*extra, *wide]), tmp_path / "run")
    trials = load_trials(Run(tmp_path / "run"))
    pruned = [t for t in trials if t.status == "pruned"]
    assert pruned
    for trial in pruned:
        assert trial.value is None
        assert "stopped after report" in trial.reason
        assert 0 < trial.curve[-1]["epoch"] <= 2
        assert "val_accuracy" in trial.curve[-1]
        assert len(trial.pruning["reports"]) < 10
    assert trials[0].status == COMPLETE


def test_cross_validation_gives_the_mean_of_the_folds_and_a_model_of_the_regular_split(tmp_path):
    result = search_run(override(SETTINGS, ["train.folds=3", "search.trials=2"]), tmp_path / "run")
    assert {"val_accuracy", "val_accuracy_std"} <= set(result.chosen.metrics)
    assert result.chosen.value == result.chosen.metrics["val_accuracy"]
    assert (
        load_model(Run(tmp_path / "run").chosen.model).count_params()
        == result.chosen.costs["params"]
    )


def test_more_folds_than_samples_of_a_class_are_refused_before_training(tmp_path):
    with pytest.raises(DataError, match="train.folds"):
        search_run(override(SETTINGS, ["train.folds=500"]), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_grid_search_runs_every_point_whatever_the_number_of_trials(tmp_path):
    values = {
        "layers": "1",
        "nodes": "16",
        "dropout": "0.0",
        "learning_rate": "{choice=[0.01, 0.001]}",
    }
    fixed = [f"model.hyperparameters.{name}={value}" for name, value in values.items()]
    result = search_run(
        override(SETTINGS, [*fixed, "search.sampler=grid", "search.trials=1"]), tmp_path / "run"
    )
    assert result.trials == {COMPLETE: 4}


def test_a_grid_with_too_many_points_is_refused_before_training(tmp_path):
    with pytest.raises(
        SettingsError, match=r"^the grid has [\d,]+ points, more than search.grid_limit = 20$"
    ) as caught:
        search_run(
            override(SETTINGS, ["search.sampler=grid", "search.grid_limit=20"]), tmp_path / "run"
        )
    assert caught.value.hint.startswith("Take a random part of it: --set search.grid_fraction=0.0")
    assert not (tmp_path / "run").exists()


def test_a_place_that_cannot_be_written_and_no_target_are_told_before_anything_is_loaded(
    tmp_path, monkeypatch
):
    def loaded(*arguments, **more):
        raise AssertionError("it went on")

    monkeypatch.setattr(search, "Search", loaded)
    (tmp_path / "file").write_text("")
    for folder in ("file", "file/run"):
        with pytest.raises(RunError, match="is a file"):
            search_run(SETTINGS, tmp_path / folder)
    with pytest.raises(TargetError, match="there is no target 'zcu103'"):
        search_run(override(SETTINGS, {"hardware.target": "zcu103"}), tmp_path / "run")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(RunError, match="nothing can be written to") as caught:
        search_run(SETTINGS, tmp_path / "run")
    assert "--run" in caught.value.hint


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EFBIG])
def test_a_full_disk_stops_the_search_and_the_trial_is_run_again(tmp_path, monkeypatch, number):
    def full(model, path, attributes):
        raise OSError(number, os.strerror(number), str(path))

    with monkeypatch.context() as patched:
        patched.setattr(worker, "save_model", full)
        with pytest.raises(OSError) as caught:
            search_run(SETTINGS, tmp_path / "run")
        assert caught.value.errno == number
    assert search_run(SETTINGS, tmp_path / "run").trials == {COMPLETE: 3, INTERRUPTED: 1}


def test_a_disk_that_is_full_for_tensorboard_is_no_lack_of_memory(tmp_path, monkeypatch):
    tf = load_tensorflow()

    def full(*arguments, **options):
        raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")

    monkeypatch.setattr(tf.summary, "create_file_writer", full)
    with pytest.raises(OSError, match="No space left"):
        search_run(override(SETTINGS, ["search.trials=1"]), tmp_path / "run")


NAN = """
from tensorflow import keras

def nothing(y_true, y_pred):
    return y_pred[:, 0] * float("nan")

def build_model(hp):
    hp.Choice("unused", [1, 2])
    layers = [keras.layers.Flatten(input_shape=(8, 8, 1)), keras.layers.Dense(10, "softmax")]
    model = keras.Sequential(layers)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy", nothing])
    return model
"""


def test_a_trial_whose_objective_is_no_number_has_failed(tmp_path):
    (tmp_path / "model.py").write_text(NAN)
    family = f"model.family={json.dumps(str(tmp_path / 'model.py'))}"
    metric = ["objective.metric=val_nothing", "objective.direction=maximize"]
    with pytest.raises(RunError, match="complete"):
        search_run(override(SETTINGS, [family, *metric, "search.trials=1"]), tmp_path / "run")
    trial = load_trials(Run(tmp_path / "run"))[0]
    assert (trial.status, trial.reason) == (FAILED, "the objective became nan")
