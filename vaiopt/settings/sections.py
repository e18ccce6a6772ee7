"""Every setting: its name, type, default and meaning; reading them from TOML and from ``--set
section.key=value``.

The data classes below are the only place where a setting is declared. ``vaiopt init`` writes them
as a commented file, the reference page is made from them, and a run folder keeps them, filled in,
as ``run.toml``.
"""

from __future__ import annotations

import dataclasses
import typing
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional

from vaiopt import releases
from vaiopt.settings.schema import _plain, _setting

if typing.TYPE_CHECKING:
    Searchable = Any
else:
    Searchable = object


@dataclass(frozen=True)
class DataSettings:
    """What is learned from."""

    source: str = _setting(
        "digits",
        "digits, breast_cancer, mnist, fashion_mnist, a .npz file, a folder of images, or"
        " module:function / file.py:function",
    )
    split: Searchable = _setting(
        "7:2:1",
        "train : validation : test, seeded and stratified; a search range of such texts is allowed",
        spec=True,
    )
    pool: bool = _setting(
        True,
        "pool a given test set with the rest before splitting; false keeps it as the test split",
    )
    limit: int = _setting(0, "use at most this many samples, drawn by class (0: all)", low=0)
    image_size: List[int] = _setting(
        [], "resize images of a folder to [height, width] ([]: they must be of one size)"
    )
    grayscale: bool = _setting(False, "read images of a folder as grey")
    offset: Optional[float] = _setting(
        None,
        "preprocessing (x - offset) / scale; both unset: all 256 input levels of the DPU are used",
    )
    scale: Optional[float] = _setting(None, "see offset")


@dataclass(frozen=True)
class ModelSettings:
    """The model family and its search space."""

    family: str = _setting(
        "auto", "auto, cnn, cnn_blocks, mlp, mlp_tabular, or file.py:build_model of your own"
    )
    hyperparameters: Dict[str, Any] = _setting(
        {},
        "fix or change what the family asks for: name = value, or a range such as {int = [8, 64],"
        " step = 8} or {float = [1e-4, 1e-2], log = true}",
    )


@dataclass(frozen=True)
class TrainSettings:
    """How one trial trains. Each may be a value, a search range, or "auto"."""

    epochs: Searchable = _setting(
        "auto",
        "passes over the training data; auto: 3 for 20,000 samples and more, up to 20 for few",
        low=1,
        spec=True,
    )
    batch_size: Searchable = _setting(
        "auto", "samples a step; auto: 128, or 32 for fewer than 5,000 samples", low=1, spec=True
    )
    optimizer: Searchable = _setting(
        "auto", "adam, sgd, rmsprop, adagrad, ...; auto: what the family asks for", spec=True
    )
    learning_rate: Searchable = _setting(
        "auto", "auto: searched within the family's range", low=0.0, spec=True
    )
    schedule: str = _setting(
        "constant",
        "of the learning rate; cosine takes it down to 0 over the epochs, which lets few epochs"
        " reach more",
        choices=("constant", "cosine"),
    )
    folds: int = _setting(
        0, "k of k-fold cross-validation as a trial's metric (0: the validation split)", low=0
    )
    patience: int = _setting(
        0, "stop a trial after this many epochs without a better objective (0: never)", low=0
    )


@dataclass(frozen=True)
class SearchSettings:
    """The search."""

    trials: int = _setting(15, "trials in all", low=1)
    sampler: str = _setting(
        "gp",
        "gp or forest (scikit-optimize); tpe, optuna_gp, cmaes, nsga2 (Optuna); random; grid (all"
        " its points, whatever search.trials says)",
        choices=("gp", "forest", "tpe", "optuna_gp", "cmaes", "nsga2", "random", "grid"),
    )
    acquisition: str = _setting(
        "EI",
        "of gp and forest: expected improvement, lower confidence bound, probability of"
        " improvement, or a hedge among them",
        choices=("EI", "LCB", "PI", "gp_hedge"),
    )
    initial_points: int = _setting(
        5, "points, the family's default first, before the model chooses", low=1
    )
    points: List[Dict[str, Any]] = _setting(
        [],
        "points to try first, after the family's default: a table of hyperparameters each; what one"
        " leaves out stands at its default",
    )
    grid_fraction: float = _setting(1.0, "share of the grid that is taken, at random", low=0.0)
    grid_points: int = _setting(5, "values that a grid takes from a continuous range", low=2)
    grid_limit: int = _setting(1000, "most points of a grid", low=1)
    pruner: str = _setting(
        "median",
        "stops a trial that does worse than others did: median, halving (asynchronous successive"
        " halving), hyperband",
        choices=("none", "median", "halving", "hyperband"),
    )
    keep_models: int = _setting(
        5,
        "models of the best trials that are kept in the run folder, besides the default point's",
        low=1,
    )
    workers: int = _setting(1, "worker processes (0: train in this process)", low=0)
    trial_timeout: float = _setting(3600.0, "seconds after which a trial is stopped", low=1.0)
    trial_memory_mb: float = _setting(
        0.0,
        "memory of a worker process at which its trial is stopped (0: 90 % of this machine's)",
        low=0.0,
    )
    recycle_after: int = _setting(
        50,
        "trials after which a worker process is replaced by a fresh one, so that what a model"
        " function leaks cannot add up",
        low=1,
    )
    scheduler: str = _setting(
        "",
        "a Dask cluster: tcp://HOST:PORT, or the path of a scheduler file; search.workers is its"
        " trials at once",
    )
    resources: Dict[str, float] = _setting(
        {},
        "what a trial takes of a Dask worker's resources; only workers that offer them run trials;"
        " for instance {GPU = 1}",
        low=0.0,
    )
    storage: str = _setting(
        "",
        "where Optuna keeps the study: a database URL such as postgresql://USER@HOST/NAME (empty:"
        " the run folder)",
    )
    study: str = _setting("vaiopt", "the study's name in search.storage, one for each run")


@dataclass(frozen=True)
class ObjectiveSettings:
    """What is maximised."""

    metric: str = _setting(
        "val_accuracy",
        "val_accuracy, val_f1 (macro), val_loss, or any metric that the model reports on validation"
        " data",
    )
    direction: str = _setting(
        "auto",
        "auto: minimise a loss or error, maximise anything else",
        choices=("auto", "maximize", "minimize"),
    )
    weights: Dict[str, float] = _setting(
        {},
        "soft costs: score = metric x product of (cost / reference)^-weight, over params, macs,"
        " latency_ms or dpu_latency_ms; for instance {latency_ms = 0.05}",
    )
    references: Dict[str, float] = _setting(
        {}, "the reference of each soft cost; by default that of the default point"
    )
    max_latency_ms: Optional[float] = _setting(
        None, "hard limit: a slower candidate is infeasible and never trained", low=0.0
    )
    max_params: Optional[float] = _setting(None, "hard limit on parameters", low=0.0)
    max_macs: Optional[float] = _setting(None, "hard limit on multiply-accumulates", low=0.0)
    dpu_only: bool = _setting(
        False, "hard limit: every layer (but a last softmax) must run on the DPU"
    )
    rank_int8: int = _setting(
        0,
        "quantize this many of the best candidates and choose by int8 validation accuracy (0:"
        " choose by the float metric)",
        low=0,
    )
    measure_every: int = _setting(
        0,
        "hardware in the loop: after every so many trials measure the best on the kit; it then"
        " counts with its measured latency (0: never)",
        low=0,
    )
    measure_best: int = _setting(
        2, "how many of the best are measured each time, of those not measured yet", low=1
    )


QUANTIZERS = ("auto", "tfmot", "vitis")


METHODS = ("ptq", "finetune", "qat")


@dataclass(frozen=True)
class QuantizeSettings:
    """Float to int8."""

    backend: str = _setting(
        "auto", "auto: vitis where vai_q_tensorflow2 is installed, else tfmot", choices=QUANTIZERS
    )
    method: str = _setting(
        "ptq",
        "post-training; the vendor's fast finetuning (vitis only); or quantization-aware training",
        choices=METHODS,
    )
    calibration_size: int = _setting(
        200, "images for calibration, drawn from the training split by class", low=1
    )
    calib_batch_size: int = _setting(50, "their batch size; fix positions depend on it", low=1)
    qat_epochs: int = _setting(3, "epochs of quantization-aware training", low=1)


@dataclass(frozen=True)
class HardwareSettings:
    """Where the model will run."""

    target: str = _setting(
        "cpu",
        "cpu, zcu102, zcu104, kv260, ultra96, ... ('vaiopt targets' lists them), or the path of an"
        " arch.json",
    )
    release: str = _setting(
        releases.DEFAULT, "Vitis-AI release of the board image", choices=releases.RUNNABLE
    )
    threads: int = _setting(1, "threads that feed the DPU, for frames per second", low=1)


@dataclass(frozen=True)
class DeploySettings:
    """The bundle and its measurement."""

    samples: int = _setting(0, "test samples in the bundle (0: all)", low=0)
    threads: int = _setting(2, "threads for the throughput measurement", low=1)
    host: str = _setting("local", "local, or root@BOARD")


@dataclass(frozen=True)
class Settings:
    """All settings of a run. Frozen: a changed copy is made with :func:`dataclasses.replace` or
    :func:`override`.
    """

    seed: int = _setting(0, "decides splits, proposals and initial weights", low=0)
    data: DataSettings = field(default_factory=DataSettings)
    model: ModelSettings = field(default_factory=ModelSettings)
    train: TrainSettings = field(default_factory=TrainSettings)
    search: SearchSettings = field(default_factory=SearchSettings)
    objective: ObjectiveSettings = field(default_factory=ObjectiveSettings)
    quantize: QuantizeSettings = field(default_factory=QuantizeSettings)
    hardware: HardwareSettings = field(default_factory=HardwareSettings)
    deploy: DeploySettings = field(default_factory=DeploySettings)

    def to_dict(self) -> Dict[str, Any]:
        """Return plain values as they stand in a TOML file; unset optional ones are left out."""
        return dict(_plain(dataclasses.asdict(self)))
