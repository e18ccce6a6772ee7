"""Every setting: its name, type, default and meaning.

The data classes below are the only place where a setting is declared. ``vaiopt init`` writes them
as a commented file, the reference page is made from them, and a run folder keeps them, filled in,
as ``run.toml``.
"""

from __future__ import annotations

import dataclasses
import typing
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Dict, List, Optional

from vaiopt import releases
from vaiopt.settings import choices, features, values
from vaiopt.settings.augment import AugmentSettings
from vaiopt.settings.choices import NOTHING_FROZEN
from vaiopt.settings.ranges import list_of_tuple, ratio_text
from vaiopt.settings.schema import plain_values, setting
from vaiopt.settings.track import TrackSettings
from vaiopt.text import without_password

QUANTIZERS = choices.names(choices.QUANTIZERS)
METHODS = choices.names(choices.METHODS)

Searchable = Any
"""A value, "auto" or a search range; see ``Declaration.searchable``."""

changeable = partial(setting, may_change=True)
"""Declares a setting that may change between the trials of a run."""


@dataclass(frozen=True)
class DataSettings:
    """What is learned from."""

    source: str = setting(
        "digits", "where the samples are", choices=choices.SOURCES, other_texts=True
    )
    target: str = setting(
        "",
        "the column of a table (FILE.csv) that holds the classes, or a quantity (empty: the last);"
        " several columns with commas between them are several quantities or labels",
        may_be_empty=True,
    )
    split: Searchable = setting(
        "7:2:1",
        "train : validation : test, seeded and stratified; a search range of such texts is allowed",
        searchable=str,
        convert=ratio_text,
        check=values.check_split,
    )
    pool: bool = setting(
        True,
        "pool a given test set with the rest before splitting; false keeps it as the test split",
    )
    pool_validation: bool = setting(
        False,
        "pool a given validation set with the rest, too; false keeps it as the validation part, and"
        " a given test set beside it as the test part",
    )
    limit: int = setting(0, "use at most this many samples, drawn by class (0: all)", low=0)
    image_size: Searchable = setting(
        [],
        "resize images to [height, width] ([]: they must be of one size); a search range of the"
        " sides of squares is allowed, such as {choice = [32, 64]}",
        low=1,
        high=8192,
        searchable=list,
        convert=list_of_tuple,
        check=values.check_image_size,
    )
    resize: str = setting(
        "stretch", "how images are brought to image_size", choices=choices.RESIZES
    )
    grayscale: bool = setting(False, "read images of a folder as grey")
    skip_corrupt: bool = setting(
        False, "leave out image files that cannot be read; they are counted in a note"
    )
    kind: str = setting(
        "auto",
        "what samples are; three axes can be grey images or signals (time, channels)",
        choices=choices.KINDS,
    )
    unscored: List[str] = setting(
        [],
        "classes of masks that are neither learned nor scored, by name or number; 255 never is",
        check=values.check_names,
    )
    standardise: str = setting(
        "auto",
        "whether models learn quantities as (y - mean) / deviation, and images as -1 to 1",
        choices=choices.STANDARDISE,
    )
    offset: Optional[float] = setting(
        None,
        "preprocessing (x - offset) / scale; both unset: all 256 input levels of the DPU are used",
        low=-values.FLOAT32,
        high=values.FLOAT32,
    )
    scale: Optional[float] = setting(None, "see offset", above=0, high=values.FLOAT32)
    features: Dict[str, Any] = setting(
        {},
        "what the records of a TFRecord file hold: x and y, and weight if there is one, each as"
        ' "NAME:TYPE" or "NAME:TYPE:SHAPE", such as x = "image:uint8:32x32x3"',
        check=features.check_features,
    )
    in_memory_mb: float = changeable(
        64.0,
        "samples of more megabytes are not kept by each process: all read them from one file, batch"
        " by batch; results are the same",
        low=0,
        high=10**9,
    )
    cache: str = changeable(
        "",
        "a folder where decoded images and records are kept for the next command (empty: none)",
        may_be_empty=True,
    )
    hash: str = setting(
        "auto", "how other data than those of the run are told", choices=choices.HASHES
    )


@dataclass(frozen=True)
class ModelSettings:
    """The model family and its search space."""

    family: str = setting(
        "auto",
        "the model family, or file.py:build_model of your own",
        choices=choices.FAMILIES,
        other_texts=True,
    )
    hyperparameters: Dict[str, Any] = setting(
        {},
        "fix or change what the family asks for: name = value, or a range such as {int = [8, 64],"
        " step = 8} or {float = [1e-4, 1e-2], log = true}",
        check=values.check_hyperparameters,
    )
    weights: str = setting(
        "",
        "trained weights that a model starts from: a .h5, .weights.h5 or .keras file that Keras"
        " wrote, of the same layers or a part of them (empty: random ones)",
        may_be_empty=True,
    )


@dataclass(frozen=True)
class TrainSettings:
    """How one trial trains. Each may be a value, a search range, or "auto"."""

    epochs: Searchable = setting(
        "auto",
        "passes over the training data; auto: 3 for 20,000 samples and more, up to 20 for few",
        low=1,
        high=10**6,
        searchable=int,
    )
    batch_size: Searchable = setting(
        "auto",
        "samples a step; auto: 128, or 32 for fewer than 5,000 samples",
        low=1,
        searchable=int,
    )
    optimizer: Searchable = setting(
        "auto", "adam, sgd, rmsprop, adagrad, ...; auto: what the family asks for", searchable=str
    )
    learning_rate: Searchable = setting(
        "auto", "auto: searched within the family's range", above=0.0, searchable=float
    )
    freeze: Searchable = setting(
        NOTHING_FROZEN,
        "which layers keep their weights; or a number: so many layers with weights, from the input"
        " on; or how the names of layers, or of models within the model, begin",
        choices=choices.FREEZE,
        other_texts=True,
        searchable=str,
        convert=values.number_text,
    )
    unfreeze_epoch: Searchable = setting(
        "auto",
        "epochs after which frozen layers are trained, too, but for batch normalisation (0: never);"
        " auto: 0",
        low=0,
        high=10**6,
        searchable=int,
    )
    fine_tune_rate: Searchable = setting(
        "auto",
        "of the learning rate, from train.unfreeze_epoch on; auto: 0.1",
        above=0.0,
        high=1000.0,
        searchable=float,
    )
    mixed_precision: bool = setting(
        False,
        "train in float16 (GPU) or bfloat16 (CPU) where that is exact enough: faster where the"
        " device knows it; the model that is kept is float32",
    )
    schedule: str = setting("constant", "of the learning rate", choices=choices.SCHEDULES)
    class_weights: Any = setting(
        "none",
        "how much the samples of each class count in training; or a table such as {cat = 1.0,"
        " dog = 5.0}, by name or number",
        choices=choices.CLASS_WEIGHTS,
        other_texts=True,
        low=0.0,
        high=1e6,
        convert=values.text_keys,
        check=values.check_class_weights,
    )
    folds: int = setting(
        0, "k of k-fold cross-validation as a trial's metric (0 or 1: the validation split)", low=0
    )
    warmup: float = setting(
        0.0, "epochs in which the learning rate rises from 0 first", low=0.0, high=10.0**6
    )
    patience: int = setting(
        0, "stop a trial after this many epochs without a better metric (0: never)", low=0
    )
    keep: str = setting(
        "best", "the epoch that scores a trial and whose weights are kept", choices=choices.KEPT
    )
    repeats: int = setting(
        1, "trainings of a trial, from different seeds; their mean is its metric", low=1, high=1000
    )
    callbacks: str = setting(
        "",
        "Keras callbacks of your own: file.py:FUNCTION, which returns a list of them",
        may_be_empty=True,
    )


@dataclass(frozen=True)
class SearchSettings:
    """The search."""

    trials: int = changeable(
        15, "trainings in all: what breaks a limit is no trial", low=1, high=10**6
    )
    max_hours: float = changeable(
        0.0,
        "hours of trials, over all commands on a run, after which no new one begins; those that run"
        " then end (0: no limit)",
        low=0.0,
        high=366.0 * 24,
    )
    stop_after: int = changeable(
        0, "trials in a row without a better one, after which no new one begins (0: never)", low=0
    )
    sampler: str = setting("gp", "what proposes the points", choices=choices.SAMPLERS)
    acquisition: str = setting(
        "EI", "of gp and forest: how the next point is chosen", choices=choices.ACQUISITIONS
    )
    initial_points: int = setting(
        5, "points, the family's default first, before the model chooses", low=1
    )
    points: List[Dict[str, Any]] = setting(
        [],
        "points to try first, after the family's default: a table of hyperparameters each; what one"
        " leaves out stands at its default",
        check=values.check_points,
    )
    start_from: str = setting(
        "",
        "what is known before: another run's folder, or a .csv or .json of points and their"
        " objectives; it counts for the proposals, and is no trial",
        may_be_empty=True,
    )
    grid_fraction: float = setting(
        1.0, "share of the grid that is taken, at random", above=0.0, high=1.0
    )
    grid_points: int = setting(
        5, "values that a grid takes from a continuous range", low=2, high=10**4
    )
    grid_limit: int = setting(1000, "most points of a grid", low=1, high=10**6)
    pruner: str = setting(
        "auto", "stops a trial that does worse than others did", choices=choices.PRUNERS
    )
    fidelity: str = setting("epochs", "what a pruner judges a trial by", choices=choices.FIDELITIES)
    keep_models: int = changeable(
        5, "models of the best trials that are kept, besides the default point's", low=1
    )
    workers: int = changeable(1, "worker processes (0: train in this process)", low=0, high=1024)
    trial_timeout: float = changeable(
        3600.0, "seconds after which a trial is stopped", low=1.0, high=366.0 * 86400
    )
    trial_memory_mb: float = changeable(
        0.0,
        "memory of a worker process at which its trial is stopped (0: 90 % of this machine's)",
        low=0.0,
    )
    recycle_after: int = changeable(
        50,
        "trials after which a worker process is replaced by a fresh one, so that what a model"
        " function leaks cannot add up",
        low=1,
    )
    gpus: str = changeable(
        "auto",
        "the GPUs that worker processes train on; or how many, which there must be",
        choices=choices.GPUS,
        other_texts=True,
        convert=values.number_text,
        check=values.check_gpus,
    )
    scheduler: str = changeable(
        "",
        "a Dask cluster: tcp://HOST:PORT, or the path of a scheduler file; search.workers is its"
        " trials at once",
        may_be_empty=True,
    )
    resources: Dict[str, float] = changeable(
        {},
        "what a trial takes of a Dask worker's resources; only workers that offer them run trials;"
        " for instance {GPU = 1}",
        above=0.0,
    )
    storage: str = setting(
        "",
        "where Optuna keeps the study: a database URL such as postgresql://USER@HOST/NAME (empty:"
        " the run folder)",
        shown=without_password,
        may_be_empty=True,
    )
    study: str = setting("vaiopt", "the study's name in search.storage, one for each run")


@dataclass(frozen=True)
class ObjectiveSettings:
    """What is maximised."""

    metric: str = setting(
        "auto",
        "what trials are compared by: val_loss, any metric that the model reports on validation"
        " data, or one of the task: val_accuracy, val_f1 (macro), val_auc, val_rmse, val_mae,"
        " val_r2, val_mean_iou, val_pixel_accuracy, val_psnr, val_ssim; auto: the first of the"
        " task",
    )
    metrics: str = setting(
        "",
        "metrics of your own: file.py:FUNCTION of labels and outputs, which returns a number or"
        " numbers by name; map is then val_map",
        may_be_empty=True,
    )
    direction: str = setting(
        "auto", "whether more of the metric is better", choices=choices.DIRECTIONS
    )
    weights: Dict[str, float] = setting(
        {},
        "soft costs: score = metric x product of (cost / reference)^-weight; for instance"
        " {latency_ms = 0.05}",
        low=0.0,
        high=10.0,
        keys=choices.COSTS,
    )
    references: Dict[str, float] = setting(
        {},
        "the reference of each soft cost; by default that of the default point",
        above=0.0,
        keys=choices.COSTS,
    )
    front: List[str] = setting(
        [],
        "costs against which the best trade-offs are searched, instead of one best model; for"
        ' instance ["latency_ms"], or ["latency_ms", "params"]',
        check=values.check_front,
    )
    min_metric: Optional[float] = setting(
        None,
        "the metric that a model must reach to be of use (for one to minimise: at most this); the"
        " cheapest that does is chosen",
        low=-1e12,
        high=1e12,
    )
    max_latency_ms: Optional[float] = setting(
        None, "hard limit: a slower candidate is infeasible and never trained", above=0.0
    )
    min_fps: Optional[float] = setting(
        None, "hard limit: fewer predicted frames a second are infeasible", above=0.0
    )
    max_params: Optional[float] = setting(None, "hard limit on parameters", above=0.0)
    max_macs: Optional[float] = setting(None, "hard limit on multiply-accumulates", above=0.0)
    dpu_only: bool = setting(
        False, "hard limit: every layer (but a last softmax) must run on the DPU"
    )
    rank_int8: int = setting(
        0,
        "quantize this many of the best candidates and choose by int8 validation accuracy (0 or 1:"
        " choose by the float metric)",
        low=0,
    )
    measure_every: int = setting(
        0,
        "hardware in the loop: after every so many trials measure the best on the kit; it then"
        " counts with its measured latency (0: never)",
        low=0,
    )
    measure_best: int = setting(
        2, "how many of the best are measured each time, of those not measured yet", low=1
    )


@dataclass(frozen=True)
class QuantizeSettings:
    """Float to int8."""

    backend: str = changeable("auto", "the quantizer", choices=choices.QUANTIZERS)
    method: str = changeable("ptq", "how it quantizes", choices=choices.METHODS)
    calibration_size: int = changeable(
        200, "images for calibration, drawn from the training split by class", low=1
    )
    calib_batch_size: int = changeable(50, "their batch size; fix positions depend on it", low=1)
    qat_epochs: int = changeable(3, "epochs of quantization-aware training", low=1, high=10**6)


@dataclass(frozen=True)
class HardwareSettings:
    """Where the model will run."""

    target: str = setting(
        "cpu",
        "cpu, zcu102, zcu104, kv260, ultra96, ... ('vaiopt targets' lists them), or the path of an"
        " arch.json",
    )
    release: str = setting(
        releases.DEFAULT,
        "Vitis-AI release of the board image",
        choices=releases.RUNNABLE,
        convert=values.release_text,
    )
    threads: int = setting(1, "threads that feed the DPU, for frames per second", low=1, high=1024)


@dataclass(frozen=True)
class DeploySettings:
    """The bundle and its measurement."""

    samples: int = changeable(0, "test samples in the bundle (0: all)", low=0)
    threads: int = changeable(2, "threads for the throughput measurement", low=1, high=1024)
    host: str = changeable(
        "local", "local, or root@BOARD, root@BOARD:PORT", check=values.check_host
    )
    ssh_config: str = changeable(
        "", "configuration file for ssh instead of your own (empty: yours)", may_be_empty=True
    )
    python: str = changeable(
        "python3", "the Python that a board runs the scripts with", check=values.check_program
    )
    setup: str = changeable(
        "",
        "a line that the board's shell runs first, such as '. /opt/xilinx/xrt/setup.sh' (empty:"
        " none)",
        may_be_empty=True,
    )
    sudo: bool = changeable(False, "run the scripts on a board by sudo, without a password")
    accept: List[str] = changeable(
        [],
        "doubts about a measurement with which it counts in the search all the same",
        keys=choices.DOUBTS,
        check=values.check_doubts,
    )


@dataclass(frozen=True)
class Settings:
    """All settings of a run. A changed copy is made with :func:`override`."""

    seed: int = setting(0, "decides splits, proposals and initial weights", low=0, high=2**32 - 1)
    task: str = setting("auto", "what is learned", choices=choices.TASKS)
    tasks: Dict[str, str] = setting({}, "task of each output, by name", check=values.check_tasks)
    data: DataSettings = field(default_factory=DataSettings)
    model: ModelSettings = field(default_factory=ModelSettings)
    train: TrainSettings = field(default_factory=TrainSettings)
    augment: AugmentSettings = field(default_factory=AugmentSettings)
    search: SearchSettings = field(default_factory=SearchSettings)
    objective: ObjectiveSettings = field(default_factory=ObjectiveSettings)
    quantize: QuantizeSettings = field(default_factory=QuantizeSettings)
    hardware: HardwareSettings = field(default_factory=HardwareSettings)
    deploy: DeploySettings = field(default_factory=DeploySettings)
    track: TrackSettings = field(default_factory=TrackSettings)

    @property
    def learned(self) -> str:
        """What is learned, in one text: the task, or that of each output."""
        return ",".join(f"{name}={task}" for name, task in self.tasks.items()) or self.task

    def to_dict(self) -> Dict[str, Any]:
        """Return plain values as they stand in a TOML file; unset optional ones are left out."""
        return dict(plain_values(dataclasses.asdict(self)))


def section_classes() -> Dict[str, Any]:
    """Return the data class of each section, by name, in the order of the file."""
    hints = typing.get_type_hints(Settings)
    return {name: cls for name, cls in hints.items() if dataclasses.is_dataclass(cls)}
