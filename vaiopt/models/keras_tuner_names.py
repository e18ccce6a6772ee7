"""KerasTuner's names, for files that were written for it where it is not installed, as in the
containers.

What a model function needs of it works: ``HyperModel``, ``HyperParameters`` and its parts,
``Objective``, the errors. Tuners, oracles and ready-made models can be imported, since such files
often do, and say what to do instead where one is made.
"""

from __future__ import annotations

import sys
import types
from typing import Any, Callable, Dict, Mapping, NoReturn, Optional, Type

from vaiopt.environment import has_module
from vaiopt.errors import ModelError
from vaiopt.study import parameters
from vaiopt.study.hyperparameters import HyperParameters

NAMES = ("keras_tuner", "kerastuner")
"""Today's name of the package, and the one before 2021."""


class HyperModel:
    """Base class of models with a search space."""

    def __init__(self, name: Optional[str] = None, tunable: bool = True) -> None:
        self.name = name
        self.tunable = tunable

    def build(self, hp: Any) -> Any:
        """Return a compiled model."""
        raise NotImplementedError

    def declare_hyperparameters(self, hp: Any) -> None:
        """Ask for nothing beforehand."""

    def fit(self, hp: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
        """Train the model as Keras does."""
        return model.fit(*args, **kwargs)


class Objective:
    """The name of a metric, and whether it is to be ``min`` or ``max``."""

    def __init__(self, name: str, direction: str) -> None:
        self.name = name
        self.direction = direction

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Objective) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]


class FailedTrialError(Exception):
    """Raised by a model function whose trial is to fail."""


class FatalError(Exception):
    """Raised by a model function that cannot go on."""


class FatalValueError(FatalError, ValueError):
    """See :class:`FatalError`."""


class FatalTypeError(FatalError, TypeError):
    """See :class:`FatalError`."""


class FatalRuntimeError(FatalError, RuntimeError):
    """See :class:`FatalError`."""


ERRORS = (FailedTrialError, FatalError, FatalValueError, FatalTypeError, FatalRuntimeError)
WORKING = (HyperModel, Objective, *ERRORS)

_SEARCH = "vaiopt searches itself, for instance: --set search.{}. Make no tuner where the file is"
_SEARCH += ' imported: put it below if __name__ == "__main__":, or leave it out.'
_MODEL = "Build the model of layers of Keras, or install keras-tuner. {}"
_LEFT_OUT = "Leave it out: vaiopt searches itself.{}"

INSTEAD: Dict[str, Dict[str, str]] = {
    "tuners": {
        "RandomSearch": _SEARCH.format("sampler=random"),
        "BayesianOptimization": _SEARCH.format("sampler=gp"),
        "GridSearch": _SEARCH.format("sampler=grid"),
        "Hyperband": _SEARCH.format("pruner=hyperband"),
        "SklearnTuner": _SEARCH.format("sampler=gp"),
        "Sklearn": _SEARCH.format("sampler=gp"),
    },
    "engine": {
        "Tuner": _SEARCH.format("sampler=gp"),
        "BaseTuner": _SEARCH.format("sampler=gp"),
        "MultiExecutionTuner": _SEARCH.format("sampler=gp"),
        "Oracle": _LEFT_OUT.format(""),
        "Trial": _LEFT_OUT.format(""),
        "Stateful": _LEFT_OUT.format(""),
        "MetricObservation": _LEFT_OUT.format(""),
    },
    "oracles": {
        "RandomSearchOracle": _SEARCH.format("sampler=random"),
        "BayesianOptimizationOracle": _SEARCH.format("sampler=gp"),
        "GridSearchOracle": _SEARCH.format("sampler=grid"),
        "HyperbandOracle": _SEARCH.format("pruner=hyperband"),
    },
    "applications": {
        "HyperResNet": _MODEL.format(""),
        "HyperXception": _MODEL.format(""),
        "HyperEfficientNet": _MODEL.format(""),
        "HyperImageAugment": _MODEL.format(""),
    },
}
"""What to do instead of making one of these, by where they stand."""

ALIASES = {
    "oracles": {
        name: f"{name}Oracle"
        for name in ("RandomSearch", "BayesianOptimization", "GridSearch", "Hyperband")
    },
}
"""Further names of those in a module."""

SUBMODULES: Dict[str, str] = {
    "engine.hypermodel": "HyperModel",
    "engine.objective": "Objective",
    "engine.oracle": "Oracle Objective synchronized",
    "engine.tuner": "Tuner",
    "engine.base_tuner": "BaseTuner",
    "engine.multi_execution_tuner": "MultiExecutionTuner",
    "engine.trial": "Trial",
    "engine.stateful": "Stateful",
    "engine.metrics_tracking": "MetricObservation",
    "tuners.randomsearch": "RandomSearch RandomSearchOracle",
    "tuners.bayesian": "BayesianOptimization BayesianOptimizationOracle",
    "tuners.gridsearch": "GridSearch GridSearchOracle",
    "tuners.hyperband": "Hyperband HyperbandOracle",
    "tuners.sklearn_tuner": "SklearnTuner Sklearn",
    "applications.resnet": "HyperResNet",
    "applications.xception": "HyperXception",
    "applications.efficientnet": "HyperEfficientNet",
    "applications.augment": "HyperImageAugment",
}
"""Modules of a few classes, which are found by name among all."""


def stand_in() -> None:
    """Put modules of KerasTuner's names in place, unless it is installed."""
    for name in NAMES:
        if name not in sys.modules and not has_module(name):
            _install(name)


def _install(package: str) -> None:
    """Put a package in place under a name, with its modules."""
    classes: Dict[str, Any] = {kind.__name__: kind for kind in WORKING}
    classes["synchronized"] = _synchronized
    modules: Dict[str, Dict[str, Any]] = {"errors": {kind.__name__: kind for kind in ERRORS}}
    for module, instead in INSTEAD.items():
        made = {name: _refused(package, name, hint) for name, hint in instead.items()}
        made.update({alias: made[name] for alias, name in ALIASES.get(module, {}).items()})
        modules[module] = made
        classes.update({name: kind for name, kind in made.items() if name in instead})
    asked = {
        "HyperParameters": HyperParameters,
        "HyperParameter": parameters.HyperParameter,
        "serialize": _serialize,
        "deserialize": _deserialize,
        **parameters.CLASSES,
    }
    conditions = {"Condition": parameters.Parent, "Parent": parameters.Parent}
    modules["engine"] = {}
    for name in ("hyperparameters", "hyperparameter", "hp_types"):
        modules[f"engine.hyperparameters.{name}"] = asked
    modules.update({"engine.hyperparameters": asked, "engine.conditions": conditions})
    modules.update(
        {
            name: {word: classes[word] for word in kinds.split()}
            for name, kinds in SUBMODULES.items()
        }
    )
    top = {**classes, "HyperParameters": HyperParameters, "__version__": "0"}
    top["HyperParameter"] = parameters.HyperParameter
    for name, content in sorted([("", top), *modules.items()]):
        _put(f"{package}.{name}" if name else package, content)


def _synchronized(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method of an oracle as it is."""
    return function


def _serialize(value: Any) -> Dict[str, Any]:
    """Return hyperparameters, or one of them, in KerasTuner's form."""
    return {"class_name": type(value).__name__, "config": value.get_config()}


def _deserialize(entry: Mapping[str, Any]) -> Any:
    """Return what :func:`_serialize` told. Raises :class:`ModelError`."""
    whole = entry["class_name"] == HyperParameters.__name__
    return HyperParameters.from_config(entry["config"]) if whole else parameters.deserialize(entry)


def _put(name: str, content: Dict[str, Any]) -> None:
    """Put one module in place, in the one around it, too."""
    module = types.ModuleType(name, "Stands in for KerasTuner, which is not installed.")
    module.__path__ = []  # type: ignore[attr-defined]
    vars(module).update(content)
    sys.modules[name] = module
    parent, _, last = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], last, module)


def _refused(package: str, name: str, hint: str) -> Type[Any]:
    """Return a class that says what to do instead where an object of it is made."""

    def refuse(self: Any, *args: Any, **kwargs: Any) -> NoReturn:
        raise ModelError(f"{package}.{name} needs KerasTuner, which is not installed", hint)

    body: Dict[str, Callable[..., Any]] = {"__init__": refuse}
    return type(name, (), {**body, "__module__": package, "__doc__": f"Stands in for {name}."})


for _kind in (*WORKING, HyperModel.fit):
    # Whose class it is shows in errors, and whether a HyperModel has a fit of its own.
    _kind.__module__ = NAMES[0]
