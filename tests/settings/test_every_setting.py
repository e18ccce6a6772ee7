"""Each setting changes what it says: a row for each, with another value and where that is seen.

A new setting without a row fails here. The trainings are stand-ins, all else is real.
"""

import dataclasses
import hashlib
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, Callable, Dict, List, NamedTuple, Tuple

import h5py
import numpy as np
import pytest

from tests.made_runs import measured_record
from vaiopt import candidates, flow
from vaiopt.deploy import bundle, measure, remote
from vaiopt.errors import BoardError, DataError, SettingsError
from vaiopt.hardware import inspect_model, load_target
from vaiopt.models import load_family
from vaiopt.quantize import stage
from vaiopt.report.images import png
from vaiopt.runs.layout import Run
from vaiopt.runs.records import Doubt
from vaiopt.search.execution.choose import EXECUTORS, make_executor
from vaiopt.search.execution.dask import DaskExecutor
from vaiopt.search.execution.limits import memory_limit_mb
from vaiopt.search.samplers import Prices, Problem, as_optuna, make_sampler, survey
from vaiopt.search.training import fit
from vaiopt.search.training.judges import make_judge
from vaiopt.search.training.options import model_overrides, training_values
from vaiopt.search.training.reports import Reports
from vaiopt.search.training.shared import Shared
from vaiopt.search.training.trial import Job, run_trial
from vaiopt.settings import Settings, load_settings, override, save_run_settings, section_classes
from vaiopt.settings.schema import declarations
from vaiopt.study.hyperparameters import HyperParameters
from vaiopt.study.objective import Objective
from vaiopt.study.price import Price
from vaiopt.study.record import COMPLETE, TrialRecord
from vaiopt.study.start import read_start
from vaiopt.study.storage import journal_storage, quiet_optuna
from vaiopt.study.trace import trace_space
from vaiopt.study.trials import RECORD, distributions, load_trials, record_attribute
from vaiopt.track.trackers import names, place_of

BASE = [
    *("search.workers=0", "search.trials=2", "search.pruner=none", "search.sampler=random"),
    *("data.limit=200", "model.family=mlp_tabular", "train.epochs=3"),
]
METRICS = {"val_accuracy": 0.9, "val_f1": 0.8, "val_loss": 0.3}
COSTS = {
    "fps": 5.0,
    "params": 2e3,
    "macs": 4e3,
    "latency_ms": 2.0,
    "dpu_latency_ms": 1.0,
    "cpu_layers": 1.0,
}
REFERENCES = {name: 1.5 * cost for name, cost in COSTS.items()}


OWN_CALLBACKS = """
from tensorflow import keras

def callbacks():
    return [keras.callbacks.TerminateOnNaN()]

def map50(y, outputs):
    return 0.5
"""


def write_weights(path: str) -> None:
    """Write weights of the last layer of the family."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = ["predictions"]
        group = file.create_group("predictions")
        group.attrs["weight_names"] = ["predictions/kernel:0", "predictions/bias:0"]
        group["predictions/kernel:0"] = np.ones((64, 10), np.float32)
        group["predictions/bias:0"] = np.ones(10, np.float32)


class Bench(NamedTuple):
    """Where a row is observed."""

    patch: pytest.MonkeyPatch
    folder: Any


def digest(*arrays: Any) -> str:
    return hashlib.sha256(b"".join(np.ascontiguousarray(a).tobytes() for a in arrays)).hexdigest()


def the_data(settings: Settings, bench: Bench) -> Any:
    shared = Shared(settings)
    hp = shared.hyperparameters({}, model_overrides(settings))
    splits = shared.splits(training_values(hp).split)
    numbers = (splits.preprocessing.offset, splits.preprocessing.scale, splits.targets)
    parts = [digest(part.indices) for part in (splits.train, splits.validation, splits.test)]
    known = shared.dataset.sample_shape, shared.dataset.classes, shared.dataset.task
    return len(shared.dataset), known, splits.sizes(), parts, numbers


def where_samples_are(settings: Settings, bench: Bench) -> Any:
    return type(Shared(settings).dataset.x).__name__


def what_records_hold(settings: Settings, bench: Bench) -> Any:
    return Shared(settings).dataset.request.features


def the_samples(settings: Settings, bench: Bench) -> Any:
    """The samples themselves, or why there are none."""
    try:
        return digest(Shared(settings).dataset.x)
    except DataError as error:
        return error.message


def the_model(settings: Settings, bench: Bench) -> Any:
    hp = Shared(settings).hyperparameters({}, model_overrides(settings))
    model = load_family(settings.model.family)(hp)
    return model.name, model.count_params(), hp.values


def with_stand_in(bench: Bench) -> Any:
    """Put a stand-in in the place of the training; return what it was asked."""
    asked = []

    def train(model: Any, device: Any, splits: Any, plan: Any, listeners: Any = None) -> Any:
        rate = float(model.optimizer.learning_rate.numpy())
        weights = digest(*model.get_weights())
        sizes = splits.sizes()
        kinds = sorted({layer.compute_dtype for layer in model.layers})
        asked.append((plan, type(model.optimizer).__name__, rate, sizes, weights, kinds))
        metrics = {**METRICS, "loss": 0.1, plan.metric: 0.5}
        return fit.Outcome([{"epoch": 1.0, "seconds": 0.0, **metrics}])

    bench.patch.setattr(fit, "train", train)
    return asked


def the_training(settings: Settings, bench: Bench) -> Any:
    asked = with_stand_in(bench)
    record = run_trial(Job(str(bench.folder / "run"), settings, 0, {}))
    assert record.status == COMPLETE, record.reason
    return asked


def the_search(settings: Settings, bench: Bench) -> Any:
    """A whole search; what is made of its candidates is counted."""
    with_stand_in(bench)
    made = []

    def stand_in(name: str, result: Any) -> None:
        def call(candidate: Any, *arguments: Any, **options: Any) -> Any:
            made.append((name, candidate.number, len(load_trials(candidate.run))))
            return result

        bench.patch.setattr(candidates, name, call)

    scores = SimpleNamespace(int8_scores={"accuracy": 0.5}, headline="accuracy")
    stand_in("quantize_candidate", SimpleNamespace(record=scores))
    latency = measured_record("cpu")
    stand_in("measure_candidate", SimpleNamespace(record=latency))
    stand_in("compile_candidate", None)
    stand_in("bundle_candidate", None)
    run = Run(bench.folder / f"run{len(list(bench.folder.iterdir()))}")
    flow.search(settings, run.folder)
    storage = journal_storage(run)
    names = quiet_optuna().get_all_study_names(storage)
    kept = sum(candidate.model.is_file() for candidate in run.candidates())
    points = [t.hyperparameters for t in load_trials(run)]
    return points, kept, made, names, type(storage).__name__


def where_it_is_kept(settings: Settings, bench: Bench) -> Any:
    run = Run(bench.folder / "run")
    save_run_settings(run, settings, {})
    return type(journal_storage(run)).__name__


def _build(hp: Any) -> None:
    hp.Int("units", 8, 64, step=8)
    hp.Float("rate", 1e-5, 1e-1, sampling="log", default=1e-3)


SPACE = trace_space(_build, HyperParameters)


def the_proposals(settings: Settings, bench: Bench) -> Any:
    """The first points of a sampler, or why there is none."""
    optuna = quiet_optuna()
    try:
        sampler = make_sampler(Problem(SPACE, settings.search, settings.seed, Objective()))
    except SettingsError as error:
        return error.message
    study = optuna.create_study(sampler=as_optuna(sampler), direction="maximize")
    for _ in range(6):
        trial = study.ask(fixed_distributions=distributions(SPACE))
        value = -abs(np.log10(trial.params["rate"]) + 2)
        record = TrialRecord(0, COMPLETE, value=value, hyperparameters=trial.params)
        trial.set_user_attr(RECORD, dict(record_attribute(record)))
        study.tell(trial, value)
    return [t.params for t in study.trials], sampler.total(settings.search.trials)


def the_proposals_of_a_front(settings: Settings, bench: Bench) -> Any:
    """The points of a sampler that knows what points cost."""
    objective = Objective(settings.objective)

    def ask(points: Any) -> Any:
        return [Price({"params": p["units"], "macs": 1 / p["units"]}) for p in points]

    seen = survey(SPACE, objective, ask, settings.seed, lambda line: None)
    prices = Prices(SPACE, objective, ask, seen) if objective.front else None
    sampler = make_sampler(Problem(SPACE, settings.search, settings.seed, objective, prices))
    study = SimpleNamespace(get_trials=lambda **options: [], user_attrs={}, directions=[])
    records: List[TrialRecord] = []
    for number in range(9):
        point = sampler.propose(study, None, records)
        (price,), value = ask([point]), 0.95 - 0.01 * abs(np.log10(point["rate"]) + 2)
        records.append(TrialRecord(number, COMPLETE, "", value, point, costs=price.costs))
    return [record.hyperparameters for record in records]


def the_warm_proposals(settings: Settings, bench: Bench) -> Any:
    (bench.folder / "known.csv").write_text("units,rate,value\n8,0.05,0.9\n16,0.04,0.8\n")
    objective, source = Objective(settings.objective), settings.search.start_from
    known = read_start(source, SPACE, objective, {}).records() if source else []
    problem = Problem(SPACE, settings.search, settings.seed, Objective(), None, known)
    first = TrialRecord(0, COMPLETE, value=0.5, hyperparameters=SPACE.defaults())
    return make_sampler(problem).propose(
        SimpleNamespace(get_trials=lambda **options: []), None, [first]
    )


def the_executor(settings: Settings, bench: Bench) -> Any:
    executor = make_executor(settings)
    executor.shutdown(wait=False)
    limits = [getattr(executor, name, None) for name in ("_recycle_after", "_timeout")]
    return type(executor).__name__, executor.slots, limits


def what_a_worker_sees(settings: Settings, bench: Bench) -> Any:
    bench.patch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    executor = make_executor(settings)
    gpus = executor._gpus
    executor.shutdown(wait=False)
    return gpus


def what_is_meant(settings: Settings, bench: Bench) -> Any:
    return next(row.name for row in EXECUTORS if row.is_meant(settings.search))


def what_a_cluster_is_asked(settings: Settings, bench: Bench) -> Any:
    asked = {}

    def submit(*arguments: Any, **options: Any) -> Any:
        asked.update(options)
        return SimpleNamespace(add_done_callback=lambda done: None)

    executor = object.__new__(DaskExecutor)
    client = SimpleNamespace(status="running", submit=submit)
    vars(executor).update(_settings=settings, _client=client, _name="plugin", _key="key")
    executor.submit(run_trial, Job("run", settings, 0, {}))
    return asked["resources"]


def the_pruner(settings: Settings, bench: Bench) -> Any:
    judge = make_judge(Reports(settings.search, Objective(), SPACE).pruning(0), ())
    return judge and type(judge._study.pruner).__name__


def the_reports(settings: Settings, bench: Bench) -> Any:
    return Reports(settings.search, Objective(), SPACE).pruning(0).most


def the_objective(settings: Settings, bench: Bench) -> Any:
    objective = Objective(settings.objective)
    score = objective.score(METRICS, COSTS, REFERENCES)
    return score, objective.infeasible(COSTS), objective.direction


def the_quantizer(settings: Settings, bench: Bench) -> Any:
    """What the quantizer is asked."""
    asked = {}

    def quantize(model: Any, x: Any, y: Any, **options: Any) -> None:
        asked.update(options, samples=len(x))

    splits = Shared(settings).splits((7.0, 2.0, 1.0))
    bench.patch.setattr(stage, "quantize_model", quantize)
    bench.patch.setattr(stage, "load_splits", lambda candidate: splits)
    bench.patch.setattr(stage, "refresh_links", lambda candidate: None)
    bench.patch.setattr(stage, "check_data", lambda candidate: None)
    model = SimpleNamespace(inputs=[SimpleNamespace(shape=(None, *splits.train.x.shape[1:]))])
    bench.patch.setattr(stage.checks, "functional_model", lambda given: model)
    files = {"folder": bench.folder, "model": "m.h5", "quantized_folder": "q"}
    candidate = SimpleNamespace(kept_model=lambda: None, **files)
    stage.quantize_candidate(candidate, settings)
    trains = asked.pop("training") is not None
    names = ("backend", "release", "method", "calib_batch_size", "qat_epochs", "samples")
    return trains, [asked[name] for name in names]


def the_target(settings: Settings, bench: Bench) -> Any:
    target = load_target(settings.hardware.target, settings.hardware.release)
    hp = HyperParameters({}, {}, (8, 8, 1), 10)
    model = load_family("mlp_tabular")(hp)
    threads = settings.hardware.threads
    return target.name, target.release, inspect_model(model, target, threads=threads).fps


def the_bundle(settings: Settings, bench: Bench) -> Any:
    splits = Shared(settings).splits((7.0, 2.0, 1.0))
    return len(bundle._samples(SimpleNamespace(), splits, settings.deploy.samples))


class Asked(Exception):
    """Ends a measurement once it is known what it asks of whom."""


def the_measurement(settings: Settings, bench: Bench) -> Any:
    def ask(*arguments: Any, **options: Any) -> None:
        lists = [part for part in arguments if isinstance(part, (list, tuple))]
        raise Asked(lists, [part for part in arguments if isinstance(part, str)])

    files = SimpleNamespace(file="model.tflite"), SimpleNamespace(file="samples.npz")
    manifest = SimpleNamespace(model=files[0], samples=files[1], entry="run.py", files={})
    bench.patch.setattr(measure, "check_bundle", lambda folder, command: manifest)
    bench.patch.setattr(measure, "run_local", ask)
    bench.patch.setattr(remote, "run_remote", ask)
    folder = bench.folder
    candidate = SimpleNamespace(
        folder=folder, bundle=lambda name: folder, command=lambda step: step
    )
    with pytest.raises(Asked) as asked:
        measure.measure_candidate(candidate, settings)
    return asked.value.args


def the_trust(settings: Settings, bench: Bench) -> Any:
    """Whether a search takes the latency that a busy kit gave."""
    record = replace(measured_record("zcu102"), doubts=(Doubt("busy", "busy"),))
    bench.patch.setattr(candidates, "BUSY_PAUSE_SECONDS", 0.0)
    bench.patch.setattr(
        candidates, "measure_candidate", lambda *arguments: SimpleNamespace(record=record)
    )
    try:
        return candidates._trusted(SimpleNamespace(number=1), settings, lambda line: None)
    except BoardError as error:
        return error.message


def where_results_go(settings: Settings, bench: Bench) -> Any:
    run = Run(bench.folder / "run")
    return [(name, place_of(name, settings.track, run)) for name in names(settings.track)]


class Row(NamedTuple):
    """Another value of a setting, what shows it, and what it takes besides."""

    value: Any
    seen_in: Callable[[Settings, Bench], Any]
    also: Tuple[str, ...] = ()


TABLE = ("data.source=table.csv", "data.limit=0")
PARTS = ("data.source=parts.npz", "data.limit=0")
COLOUR = ("data.source=colour.npz", "data.limit=0")
OUTPUTS = ("data.source=outputs.npz", "data.limit=0")
MASKS = ("data.source=masks.npz", "data.limit=0", "model.family=unet")
SIGNALS = ("data.source=signals.npz", "data.limit=0")
DASK = ("search.scheduler=tcp://host:1",)
FRONT = ('objective.front=["params"]', "search.sampler=gp")
GP = ("search.sampler=gp", "search.initial_points=3")
GRID = ("search.sampler=grid",)
FROZEN = ("train.freeze=1",)
LOOP = ("objective.measure_every=2",)
MLFLOW = ('track.to=["mlflow"]',)
ROWS: Dict[str, Row] = {
    "seed": Row(7, the_training),
    "task": Row("regression", the_data),
    "tasks": Row({"a": "classification", "b": "regression"}, the_data, OUTPUTS),
    "data.source": Row("breast_cancer", the_data),
    "data.target": Row("b", the_data, TABLE),
    "data.split": Row("6:2:2", the_data),
    "data.pool": Row(False, the_data, COLOUR),
    "data.pool_validation": Row(True, the_data, PARTS),
    "data.limit": Row(300, the_data),
    "data.image_size": Row([4, 6], the_data, COLOUR),
    "data.resize": Row("crop", the_samples, (*COLOUR, "data.image_size=[4, 6]")),
    "data.skip_corrupt": Row(True, the_samples, ("data.source=photos",)),
    "data.grayscale": Row(True, the_data, COLOUR),
    "data.kind": Row("table", the_data, COLOUR),
    "data.unscored": Row(["1"], the_data, MASKS),
    "data.standardise": Row("never", the_data, ("task=regression",)),
    "data.offset": Row(3.0, the_data),
    "data.scale": Row(2.0, the_data),
    "data.features": Row({"x": "x:int64", "y": "y:int64"}, what_records_hold),
    "data.in_memory_mb": Row(0.0, where_samples_are),
    "data.cache": Row("kept", lambda s, bench: Shared(s).dataset.notes, ("data.source=digits",)),
    "data.hash": Row("contents", lambda s, bench: Shared(s).dataset.request.hashed),
    "model.family": Row("mlp", the_model),
    "model.hyperparameters": Row({"nodes": 8}, the_model),
    "train.epochs": Row(5, the_training),
    "train.batch_size": Row(16, the_training),
    "train.optimizer": Row("sgd", the_training),
    "train.learning_rate": Row(0.05, the_training),
    "model.weights": Row("weights.h5", the_training),
    "train.freeze": Row(1, the_training),
    "train.unfreeze_epoch": Row(1, the_training, FROZEN),
    "train.fine_tune_rate": Row(0.5, the_training, (*FROZEN, "train.unfreeze_epoch=1")),
    "train.mixed_precision": Row(True, the_training),
    "train.schedule": Row("cosine", the_training),
    "train.class_weights": Row({"0": 2.0}, the_training),
    "train.folds": Row(2, the_training),
    "train.warmup": Row(1.0, the_training),
    "train.patience": Row(1, the_training),
    "train.keep": Row("last", the_training),
    "train.repeats": Row(2, the_training),
    "train.callbacks": Row("mine.py:callbacks", the_training),
    "augment.flip": Row(True, the_training),
    "augment.flip_vertical": Row(0.25, the_training),
    "augment.shift": Row(0.1, the_training),
    "augment.rotation": Row(10, the_training),
    "augment.zoom": Row(0.2, the_training),
    "augment.crop": Row(1, the_training),
    "augment.cutout": Row(0.3, the_training),
    "augment.brightness": Row(0.2, the_training),
    "augment.contrast": Row(0.2, the_training),
    "augment.saturation": Row(0.2, the_training, COLOUR),
    "augment.noise": Row(0.1, the_training),
    "augment.masking": Row(0.2, the_training, SIGNALS),
    "augment.mixup": Row(0.2, the_training),
    "augment.cutmix": Row({"float": [0.5, 1.0]}, the_training),
    "search.trials": Row(3, the_search),
    "search.max_hours": Row(1e-9, the_search),
    "search.stop_after": Row(1, the_search, ("search.trials=4",)),
    "search.sampler": Row("tpe", the_proposals),
    "search.acquisition": Row("PI", the_proposals, GP),
    "search.initial_points": Row(5, the_proposals, GP),
    "search.points": Row([{"rate": 0.02}], the_proposals),
    "search.start_from": Row("known.csv", the_warm_proposals, GP),
    "search.grid_fraction": Row(0.5, the_proposals, GRID),
    "search.grid_points": Row(3, the_proposals, GRID),
    "search.grid_limit": Row(10, the_proposals, GRID),
    "search.pruner": Row("halving", the_pruner),
    "search.fidelity": Row("samples", the_reports, ("search.pruner=hyperband",)),
    "search.keep_models": Row(1, the_search, ("search.trials=4",)),
    "search.workers": Row(2, the_executor),
    "search.trial_timeout": Row(60.0, the_executor, ("search.workers=1",)),
    "search.trial_memory_mb": Row(
        3000.0, lambda s, bench: memory_limit_mb(s.search), ("search.workers=1",)
    ),
    "search.recycle_after": Row(3, the_executor, ("search.workers=1",)),
    "search.gpus": Row("none", what_a_worker_sees, ("search.workers=1",)),
    "search.scheduler": Row("tcp://host:1", what_is_meant),
    "search.resources": Row({"GPU": 1.0}, what_a_cluster_is_asked, DASK),
    "search.storage": Row("sqlite:///study.db", where_it_is_kept),
    "search.study": Row(
        "mine", the_search, ("search.storage=sqlite:///study.db", "search.trials=1")
    ),
    "objective.metric": Row("val_f1", the_objective),
    "objective.metrics": Row("mine.py:map50", the_training),
    "objective.direction": Row("minimize", the_objective),
    "objective.weights": Row({"macs": 0.5}, the_objective),
    "objective.references": Row({"macs": 7e3}, the_objective, ("objective.weights.macs=0.5",)),
    "objective.front": Row(["macs"], the_proposals_of_a_front, FRONT),
    "objective.min_metric": Row(0.945, the_proposals_of_a_front, FRONT),
    "objective.min_fps": Row(9.0, the_objective),
    "objective.max_latency_ms": Row(1.5, the_objective),
    "objective.max_params": Row(1000.0, the_objective),
    "objective.max_macs": Row(1000.0, the_objective),
    "objective.dpu_only": Row(True, the_objective),
    "objective.rank_int8": Row(2, the_search),
    "objective.measure_every": Row(1, the_search),
    "objective.measure_best": Row(1, the_search, LOOP),
    "quantize.backend": Row("vitis", the_quantizer),
    "quantize.method": Row("qat", the_quantizer),
    "quantize.calibration_size": Row(30, the_quantizer),
    "quantize.calib_batch_size": Row(10, the_quantizer),
    "quantize.qat_epochs": Row(5, the_quantizer, ("quantize.method=qat",)),
    "hardware.target": Row("zcu104", the_target),
    "hardware.release": Row("2.5", the_target, ("hardware.target=zcu102",)),
    "hardware.threads": Row(2, the_target, ("hardware.target=zcu102",)),
    "deploy.samples": Row(5, the_bundle),
    "deploy.threads": Row(3, the_measurement),
    "deploy.host": Row("root@board", the_measurement),
    "deploy.python": Row("python3.9", the_measurement, ("deploy.host=root@board",)),
    "deploy.ssh_config": Row(__file__, the_measurement, ("deploy.host=root@board",)),
    "deploy.setup": Row(". /opt/setup.sh", the_measurement, ("deploy.host=root@board",)),
    "deploy.sudo": Row(True, the_measurement, ("deploy.host=root@board",)),
    "deploy.accept": Row(["busy"], the_trust),
    "track.to": Row(["wandb"], where_results_go),
    "track.name": Row("photos", where_results_go, MLFLOW),
    "track.folder": Row("kept", where_results_go, MLFLOW),
    "track.server": Row("http://host:5000", where_results_go, MLFLOW),
}


def declared() -> Dict[str, Any]:
    """Every setting, with its default."""
    found = {name: row.default for name, row in declarations(Settings).items()}
    for section, cls in section_classes().items():
        found.update({f"{section}.{n}": row.default for n, row in declarations(cls).items()})
    return found


def test_every_setting_has_a_row_and_every_row_a_setting() -> None:
    assert set(ROWS) == set(declared())


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Bench:
    monkeypatch.chdir(tmp_path)
    random = np.random.RandomState(0)
    arrays = {
        "x": random.randint(0, 255, (90, 8, 8, 3)).astype(np.uint8),
        "y": np.arange(90) % 3,
        "x_test": random.randint(0, 255, (30, 8, 8, 3)).astype(np.uint8),
        "y_test": np.arange(30) % 3,
    }
    np.savez(str(tmp_path / "colour.npz"), **arrays)
    series = random.randint(0, 255, (90, 16, 1, 2)).astype(np.uint8)
    np.savez(str(tmp_path / "signals.npz"), x=series, y=arrays["y"])
    masks = random.randint(0, 3, (90, 8, 8)).astype(np.uint8)
    np.savez(str(tmp_path / "masks.npz"), x=arrays["x"], y=masks)
    labels = {"y_a": arrays["y"], "y_b": arrays["y"]}
    np.savez(str(tmp_path / "outputs.npz"), x=arrays["x"], **labels)
    (tmp_path / "mine.py").write_text(OWN_CALLBACKS)
    for number in range(8):
        path = tmp_path / "photos" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(arrays["x"][number]) if number else b"")
    held_out = {"x_val": arrays["x_test"], "y_val": arrays["y_test"]}
    np.savez(str(tmp_path / "parts.npz"), x=arrays["x"], y=arrays["y"], **held_out)
    write_weights(str(tmp_path / "weights.h5"))
    lines = ["a,b,c", *(f"{n / 7},{n % 2},{n % 3}" for n in range(90))]
    (tmp_path / "table.csv").write_text("\n".join(lines), encoding="utf-8")
    return Bench(monkeypatch, tmp_path)


@pytest.mark.parametrize("key", ROWS)
def test_a_setting_changes_what_it_says(key: str, bench: Bench) -> None:
    row = ROWS[key]
    before = load_settings(None, [*BASE, *row.also])
    after = override(before, {key: row.value})
    assert before != after
    seen = plain(row.seen_in(before, bench))
    assert plain(row.seen_in(after, bench)) != seen


def plain(value: Any) -> str:
    """What was seen, so that it can be compared."""
    return repr(dataclasses.asdict(value) if dataclasses.is_dataclass(value) else value)
