"""Messages about settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.docs.provoked.bench import Bench, Provocations, describe, family, quick
from vaiopt.flow import describe_data, quantize_bare, run_flow
from vaiopt.models.keyword_function import with_hp
from vaiopt.search import search_run
from vaiopt.search.samplers import Problem, make_sampler
from vaiopt.search.training import feasible
from vaiopt.settings import load_settings
from vaiopt.settings.together import check_together
from vaiopt.study.hyperparameters import HyperParameters
from vaiopt.study.objective import Objective, check_direction
from vaiopt.study.trace import trace_space
from vaiopt.tasks.class_weights import weights_by_output

ONE_MODEL = """
from tensorflow import keras

def build_model(hp):
    layers = [keras.layers.Flatten(input_shape=(8, 8, 1)), keras.layers.Dense(10, "softmax")]
    model = keras.Sequential(layers)
    rate = keras.optimizers.schedules.ExponentialDecay(0.01, 10, 0.9)
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", ["accuracy"])
    return model

class Own:
    def build(self, hp):
        return build_model(hp)

    def fit(self, hp, model, x, y, validation_data):
        return model.fit(x, y)
"""


def refused(*texts: str) -> object:
    """What happens to texts behind ``--set``."""
    return lambda bench: load_settings(None, texts)


def weighed(**wanted: Any) -> object:
    return lambda bench: weights_by_output(wanted, ["a"], ["a"])


def described(*texts: str) -> object:
    return lambda bench: describe(*texts)


def searched(*texts: str) -> object:
    return lambda bench: search_run(quick(*texts), bench.folder / "run")


def callbacks(bench: Bench, body: str) -> str:
    """The setting that names a function with this body."""
    path = bench.file("own.py", f"def callbacks():\n    {body}\n")
    return f"train.callbacks={path}:callbacks"


def metrics(bench: Bench, body: str) -> str:
    """The setting that names a metric with this body."""
    path = bench.file("own_metric.py", f"def map50(y, outputs):\n    {body}\n")
    return f"objective.metrics={path}:map50"


def too_large_a_grid(bench: Bench) -> None:
    space = trace_space(lambda hp: hp.Float("rate", 0.0, 1.0), HyperParameters)
    settings = quick("search.sampler=grid", "search.grid_limit=2").search
    make_sampler(Problem(space, settings, 0, Objective()))


def mirrored(bench: Bench) -> None:
    space = trace_space(
        lambda hp: hp.Float("rate", 1e-4, 1.0, sampling="reverse_log"), HyperParameters
    )
    make_sampler(Problem(space, quick("search.sampler=tpe").search, 0, Objective()))


MESSAGES: Provocations = {
    "train.class_weights names the class '…', which there is not": lambda b: describe(
        "train.class_weights={zebra = 2.0}"
    ),
    "train.class_weights names the output '…', which there is not": weighed(b={}),
    "train.class_weights gives the output '…' the number …": weighed(a=2.0),
    "train.class_weights is by output (…), and there is one": described(
        'train.class_weights={a = "balanced"}'
    ),
    "the settings file '…' cannot be read: …": lambda b: load_settings(b.folder),
    "… is …, which is not UTF-8": lambda b: load_settings(None, {"data.source": "\udcff"}),
    "unknown setting '…'": refused("serch.trials=3"),
    "task is '…', and tasks gives one to each of … outputs": lambda b: check_together(
        load_settings(None, ["task=binary", "tasks.a=binary", "tasks.b=binary"])
    ),
    "… names one output, '…'": refused("tasks.a=binary"),
    "… must be …, not …": refused("search.trials=many"),
    "… is '…'": refused("search.sampler=gpp"),
    "… is …": refused("objective.references.params=0"),
    "… is empty": refused("search.study=' '"),
    "… is beyond 64 bits": refused(f"seed={2**70}"),
    "… has an unknown key '…'": refused("objective.weights.parms=0.1"),
    "'--set …' is not of the form section.key=value": refused("search.trials"),
    "'…' was changed, and … does not read it": lambda b: describe_data(
        "digits", ["search.trials=9"]
    ),
    "'…' is not valid TOML: …": lambda b: load_settings(b.file("s.toml", "[search\n")),
    "there is no settings file '…'": lambda b: load_settings(b.folder / "none.toml"),
    "the model family never asks for a hyperparameter '…'": described(
        "model.hyperparameters.nods=3"
    ),
    "… must have one of int, float, choice": refused("train.epochs={step=8}"),
    "… must be …, and is searched as '…'": refused("train.epochs={float=[1, 3]}"),
    "… cannot be …": described("train.optimizer={choice=['adam', 'adamm']}"),
    "model.hyperparameters sets …, as … does": searched("model.hyperparameters.split='7:2:1'"),
    "train.… is set, and the model is compiled with a schedule of its own": lambda b: describe(
        family(b, ONE_MODEL), "train.schedule=cosine"
    ),
    "train.… is set, and the model's own fit does not pass it on to Keras's": (
        lambda b: describe(family(b, ONE_MODEL)[:-1] + ':Own"', "train.batch_size=16")
    ),
    "search.fidelity is 'samples', and search.pruner '…' …": searched(
        "search.fidelity=samples", "search.pruner=none"
    ),
    "augment.… does not suit the data: …": described("augment.masking=0.2"),
    "augment.… is set, and the model is trained by a fit of its own": (
        lambda b: describe(family(b, ONE_MODEL)[:-1] + ':Own"', "augment.noise=0.1")
    ),
    "augment.… mixes labels, and …": lambda b: describe(
        family(b, ONE_MODEL.replace('["accuracy"]', '["sparse_categorical_accuracy"]')),
        "augment.mixup=0.2",
    ),
    "train.callbacks names no Python file: '…'": described("train.callbacks=mine"),
    "train.callbacks = '…' raised …": lambda b: describe(callbacks(b, "raise ValueError(1)")),
    "train.callbacks = '…' gave …": lambda b: describe(callbacks(b, "return 3")),
    "objective.metrics names no Python file: '…'": described("objective.metrics=mine"),
    "objective.metrics = '…' raised …": lambda b: describe(metrics(b, "raise ValueError(1)")),
    "objective.metrics = '…' gave …": lambda b: describe(metrics(b, "return 'much'")),
    "objective.weights.… weighs nothing: …": described("objective.weights.dpu_latency_ms=0.1"),
    "objective.dpu_only is set, and the target '…' has no DPU": described(
        "objective.dpu_only=true"
    ),
    "the soft costs of the default point come to a factor of …": described(
        "objective.weights.params=10", "objective.references.params=1e-300"
    ),
    "search.trial_memory_mb is …, and a worker takes … MB before its first trial": (
        lambda b: feasible.check_memory(
            quick("search.workers=1", "search.trial_memory_mb=20"), 600.0
        )
    ),
    "trials report no metric '…'": described("objective.metric=val_accuracies"),
    "whether more of objective.metric = '…' is better is not known": lambda b: check_direction(
        quick("objective.metric=val_nothing").objective
    ),
    "the search space is empty: every hyperparameter has one value": lambda b: search_run(
        quick(family(b, ONE_MODEL)), b.folder / "run"
    ),
    "the grid has … points…, more than search.grid_limit = …": too_large_a_grid,
    "hyperparameter '…' has sampling=\"reverse_log\", which search.sampler=… does not know": (
        mirrored
    ),
    "the parameters of … are its hyperparameters (…), and the settings give no range for any of"
    " them": lambda b: with_hp(lambda units=3: None).check_ranges({}),
    "front is …, which is no number of points": lambda b: run_flow(quick(), b.folder, front=0),
    "a bare model needs --calib and --out": lambda b: quantize_bare(
        Path("m.h5"), None, None, quick()
    ),
}
