"""Every setting: its name, type, default and meaning; reading them from TOML and from ``--set
section.key=value``.

The data classes below are the only place where a setting is declared. ``vaiopt init`` writes them
as a commented file, the reference page is made from them, and a run folder keeps them, filled in,
as ``run.toml``.
"""

from __future__ import annotations

import dataclasses
import importlib
import os
import sys
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

from vaiopt.errors import SettingsError, did_you_mean
from vaiopt.run import FORMAT_VERSION, PathLike, Run, check_version, write_text
from vaiopt.spec import Spec, is_spec, parse_spec

if typing.TYPE_CHECKING:
    Searchable = Any
else:
    Searchable = object


Overrides = Union[Sequence[str], Mapping[str, Any]]
"""Changed settings: texts ``section.key=value``, whose values are TOML, or a mapping of
``"section.key"`` to plain values.
"""


def _setting(
    default: Any,
    doc: str,
    choices: Sequence[str] = (),
    low: Optional[float] = None,
    spec: bool = False,
) -> Any:
    """Declare a setting: ``choices`` and ``low`` limit it, ``spec`` says that a search range may
    stand in its place.
    """
    metadata = {"doc": doc, "choices": tuple(choices), "low": low, "spec": spec}
    if isinstance(default, (list, dict)):
        return field(default_factory=lambda: type(default)(default), metadata=metadata)
    return field(default=default, metadata=metadata)


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
        "3.0", "Vitis-AI release of the board image", choices=("2.5", "3.0", "3.5")
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


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def sections() -> Dict[str, Any]:
    """Return the data class of each section, by name, in the order of the file."""
    hints = typing.get_type_hints(Settings)
    return {
        f.name: hints[f.name]
        for f in dataclasses.fields(Settings)
        if dataclasses.is_dataclass(hints[f.name])
    }


def load_settings(path: Optional[PathLike] = None, overrides: Overrides = ()) -> Settings:
    """Read settings from a TOML file and apply overrides.

    Args:
        path: the file; ``None`` gives the defaults. Relative files named in it are looked up beside
            it.
        overrides: ``{"section.key": value}``, or texts ``section.key=value``; the value of a text
            is TOML, or a bare text.

    Raises:
        SettingsError: the file is missing or not TOML, a key is unknown, a value of the wrong type
            or out of range.
    """
    content = _read_toml(Path(path)) if path is not None else {}
    content.pop("run", None)
    content.pop("version", None)
    _apply(content, overrides)
    settings = settings_from_dict(content)
    return _resolve_paths(settings, Path(path).resolve().parent) if path is not None else settings


def _read_toml(path: Path) -> Dict[str, Any]:
    if not path.is_file():
        raise SettingsError(
            f"there is no settings file '{path}'", f"Write a commented one with: vaiopt init {path}"
        )
    try:
        return parse_toml(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise SettingsError(
            f"'{path}' is not a UTF-8 text file", "Write a fresh one with: vaiopt init FILE.toml"
        ) from error
    except ValueError as error:
        raise SettingsError(
            f"'{path}' is not valid TOML: {error}",
            "Mend that line; 'vaiopt init' writes an example.",
        ) from error


def parse_toml(text: str) -> Dict[str, Any]:
    """Parse TOML with the standard library or, before Python 3.11, with tomli. Raises
    ValueError.
    """
    toml = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    return dict(toml.loads(text))


def _apply(content: Dict[str, Any], overrides: Overrides) -> None:
    if isinstance(overrides, Mapping):
        pairs = list(overrides.items())
    else:
        pairs = [
            _parsed(text) for text in ([overrides] if isinstance(overrides, str) else overrides)
        ]
    for key, value in pairs:
        parts = [part.strip() for part in key.strip().split(".")]
        table = content
        for part in parts[:-1]:
            table = table.setdefault(part, {})
            if not isinstance(table, dict):
                raise SettingsError(
                    f"'{key}' cannot be set: '{part}' is not a section",
                    "For instance: search.trials=30",
                )
        table[parts[-1]] = value


def _parsed(text: str) -> Tuple[str, Any]:
    """Return key and value of a text ``section.key=value``."""
    key, separator, value = text.partition("=")
    if not separator or not all(part.strip() for part in key.split(".")):
        raise SettingsError(
            f"'--set {text}' is not of the form section.key=value",
            "For instance: --set search.trials=30",
        )
    try:
        return key, parse_toml("value = " + value)["value"]
    except ValueError:
        return key, value.strip()


def settings_from_dict(content: Mapping[str, Any]) -> Settings:
    """Check plain values and return them as :class:`Settings`. Raises :class:`SettingsError`."""
    known = sections()
    names = [f.name for f in dataclasses.fields(Settings)]
    values: Dict[str, Any] = {}
    for key, value in content.items():
        if key not in names:
            raise SettingsError(f"unknown setting '{key}'", _where(key, names))
        if key in known:
            if not isinstance(value, Mapping):
                raise SettingsError(
                    f"'{key}' must be a section, not {_kind(value)}", f"Write it as: [{key}]"
                )
            values[key] = _section(known[key], key, value)
        else:
            values[key] = _checked(
                next(f for f in dataclasses.fields(Settings) if f.name == key), int, key, value
            )
    return Settings(**values)


def _where(key: str, names: Sequence[str]) -> str:
    """Return a hint for an unknown key: a like-named one of any section, else the nearest of
    ``names``.
    """
    for section, cls in sections().items():
        if key in [f.name for f in dataclasses.fields(cls)]:
            return f"Did you mean '{section}.{key}'?"
    return did_you_mean(key, names)


def _section(cls: Any, section: str, content: Mapping[str, Any]) -> Any:
    hints = typing.get_type_hints(cls)
    fields = {f.name: f for f in dataclasses.fields(cls)}
    values = {}
    for key, value in content.items():
        if key not in fields:
            known = [f"{section}.{name}" for name in fields]
            raise SettingsError(
                f"unknown setting '{section}.{key}'", did_you_mean(f"{section}.{key}", known)
            )
        values[key] = _checked(fields[key], hints[key], f"{section}.{key}", value)
    return cls(**values)


def _checked(declared: Any, annotation: Any, key: str, value: Any) -> Any:
    """Return ``value`` if it fits the declaration of ``key``, converted (int to float) where that
    loses nothing.
    """
    metadata = declared.metadata
    if metadata["spec"]:
        if is_spec(value):
            parse_spec(key, value)
            return dict(value)
        return _checked_searchable(key, value, declared.default, metadata)
    value = _typed(key, value, annotation)
    if metadata["choices"] and value not in metadata["choices"]:
        raise SettingsError(f"{key} is '{value}'", did_you_mean(str(value), metadata["choices"]))
    for name, item in value.items() if isinstance(value, dict) else [("", value)]:
        _at_least(f"{key}.{name}" if name else key, item, metadata["low"])
    return value


def _checked_searchable(key: str, value: Any, default: Any, metadata: Mapping[str, Any]) -> Any:
    example = "a search range such as {choice = [..]} is allowed too"
    if key == "data.split" and isinstance(value, (list, tuple)):
        return ":".join(str(part) for part in value)
    if metadata["low"] is None:
        if not isinstance(value, str):
            raise SettingsError(
                f"{key} must be a text, not {_kind(value)}", f"For instance '{default}'; {example}"
            )
        return value
    if value == "auto":
        return value
    wants_integer = key in ("train.epochs", "train.batch_size")
    if isinstance(value, bool) or not isinstance(value, int if wants_integer else (int, float)):
        kind = "a whole number" if wants_integer else "a number"
        raise SettingsError(
            f'{key} must be {kind} or "auto", not {_kind(value)}',
            example[0].upper() + example[1:] + ".",
        )
    _at_least(key, value, metadata["low"])
    return value


def _at_least(key: str, value: Any, low: Optional[float]) -> None:
    if low is not None and value is not None and not value >= low:
        raise SettingsError(f"{key} is {value}", f"It must be at least {low:g}.")


def _typed(key: str, value: Any, annotation: Any) -> Any:
    origin = getattr(annotation, "__origin__", None)
    arguments: Tuple[Any, ...] = getattr(annotation, "__args__", ()) or ()
    if origin is Union:
        return None if value is None else _typed(key, value, arguments[0])
    if origin in (list, List):
        if not isinstance(value, (list, tuple)):
            raise _wrong_type(key, value, "a list")
        return [_typed(key, item, arguments[0]) for item in value]
    if origin in (dict, Dict):
        if not isinstance(value, Mapping):
            raise _wrong_type(key, value, "a table")
        return {name: _typed(f"{key}.{name}", item, arguments[1]) for name, item in value.items()}
    if annotation is Any:
        return value
    names = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
    if annotation is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, annotation) or (isinstance(value, bool) and annotation is not bool):
        raise _wrong_type(key, value, names[annotation])
    return value


def _wrong_type(key: str, value: Any, wanted: str) -> SettingsError:
    return SettingsError(
        f"{key} must be {wanted}, not {_kind(value)}", f"Write {wanted} in its place."
    )


def _kind(value: Any) -> str:
    names = {
        bool: "true/false",
        int: "the number",
        float: "the number",
        str: "the text",
        list: "a list",
        dict: "a table",
    }
    name = names.get(type(value), type(value).__name__)
    return name if isinstance(value, (list, dict, bool)) else f"{name} {value!r}"


def _resolve_paths(settings: Settings, base: Path) -> Settings:
    """Make files that the settings name relative to the settings file absolute, where they exist
    there.
    """

    def resolved(text: str) -> str:
        path, separator, function = text.partition(":")
        looks_like_file = path.endswith((".py", ".npz", ".json")) or os.sep in path
        return (
            str(base / path) + separator + function
            if looks_like_file and not os.path.isabs(path) and (base / path).exists()
            else text
        )

    return dataclasses.replace(
        settings,
        data=dataclasses.replace(settings.data, source=resolved(settings.data.source)),
        model=dataclasses.replace(settings.model, family=resolved(settings.model.family)),
        hardware=dataclasses.replace(settings.hardware, target=resolved(settings.hardware.target)),
    )


def searched(settings: Settings) -> Dict[str, Spec]:
    """Return the search ranges that stand in place of a data or training setting, by hyperparameter
    name.
    """
    found = {}
    for section, name in (("data", "split"), ("train", "epochs"), ("train", "batch_size")):
        value = getattr(getattr(settings, section), name)
        if is_spec(value):
            found[name] = parse_spec(f"{section}.{name}", value)
    return found


def override(settings: Settings, overrides: Overrides) -> Settings:
    """Return the settings with ``{"section.key": value}``, or texts ``section.key=value``, applied.
    Raises :class:`SettingsError`.
    """
    content = settings.to_dict()
    _apply(content, overrides)
    return settings_from_dict(content)


def save_run_settings(run: Run, settings: Settings, environment: Mapping[str, Any]) -> None:
    """Write ``run.toml``: the settings, filled in, and in a table ``[run]`` the versions and the
    caller's commit.
    """
    import tomli_w

    content = {"version": FORMAT_VERSION, **settings.to_dict(), "run": _plain(environment)}
    write_text(run.settings, tomli_w.dumps(content))


def read_run_settings(run: Run) -> Tuple[Settings, Dict[str, Any]]:
    """Read ``run.toml`` and return the settings and its table ``[run]``.

    Raises:
        RunError: it is of another version.
        SettingsError: it cannot be read.
    """
    content = _read_toml(run.settings)
    check_version(
        content.pop("version", None), run.settings, "vaiopt search SETTINGS.toml --run NEW_FOLDER"
    )
    environment = content.pop("run", {})
    return settings_from_dict(content), environment


def settings_from_run(run: Run) -> Settings:
    """Return the settings in ``run.toml``. Raises as :func:`read_run_settings`."""
    return read_run_settings(run)[0]


def commented_toml(settings: Optional[Settings] = None) -> str:
    """Return a settings file in which every key stands with its default, its meaning and its
    choices.
    """
    import tomli_w

    settings = settings if settings is not None else Settings()
    lines = ["# Settings of vaiopt. Every key is optional; what stands here is its default.", ""]
    lines += _commented(
        settings,
        [f for f in dataclasses.fields(Settings) if f.name not in sections()],
        tomli_w.dumps,
    )
    for name, cls in sections().items():
        lines += ["", "# {}".format((cls.__doc__ or "").splitlines()[0]), f"[{name}]"]
        lines += _commented(getattr(settings, name), list(dataclasses.fields(cls)), tomli_w.dumps)
    return "\n".join(lines) + "\n"


def _commented(section: Any, fields: Sequence[Any], dumps: Any) -> List[str]:
    lines: List[str] = []
    for declared in fields:
        value = getattr(section, declared.name)
        choices = declared.metadata["choices"]
        lines.append(
            "# {}{}".format(
                declared.metadata["doc"], " ({})".format(", ".join(choices)) if choices else ""
            )
        )
        if value is None or value == {}:
            lines.append(f"# {declared.name} =")
        else:
            lines.append(dumps({declared.name: value}).strip())
    return lines
