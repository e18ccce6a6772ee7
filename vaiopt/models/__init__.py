"""The model families, each a function ``build_model(hp)`` in a module of its own, and how a name in
the settings finds one.

A family is added by a module with such a function, and a row of its name in
``vaiopt.settings.choices.FAMILIES``.
"""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from typing import Any, Callable

from vaiopt import user_code
from vaiopt.errors import ModelError, did_you_mean
from vaiopt.keras import forget_models, load_keras
from vaiopt.models.ends import check_ends, check_outputs
from vaiopt.models.inputs import fit_input
from vaiopt.models.keras_tuner_names import stand_in
from vaiopt.models.keyword_function import with_hp
from vaiopt.models.several_inputs import with_inputs_of
from vaiopt.models.several_outputs import with_listed_outputs
from vaiopt.reading import check_regular
from vaiopt.settings import choices
from vaiopt.study.hyperparameters import HyperParameters
from vaiopt.study.trace import BuildFailed

FAMILIES = choices.names(choices.FAMILIES)
"""Each is the name of a module here."""

BuildModel = Callable[[HyperParameters], Any]


def load_family(family: str) -> BuildModel:
    """Return the model function that ``model.family`` names.

    Args:
        family: a name in :data:`FAMILIES`, or ``file.py:function`` (``file.py`` alone means
            ``file.py:build_model``). What stands behind the name may be a function of ``hp``, one
            whose parameters are the hyperparameters, or a KerasTuner ``HyperModel`` (an instance,
            or a class without arguments).

    Raises:
        ModelError: there is no such family, file or function.
    """
    check_family(family)
    if family in FAMILIES:
        function: BuildModel = importlib.import_module(f"{__name__}.{family}").build_model
        return function
    path, _, name = family.partition(":")
    name = name or "build_model"
    found = getattr(_load_module(Path(path)), name, None)
    if found is None:
        raise ModelError(
            f"'{path}' has no '{name}'",
            "Define def build_model(hp) in it, or name another function.",
        )
    if inspect.isclass(found):
        _check_takes_nothing(found, path, name)
        with user_code.running(_fails_at_import(path), found):
            found = found()
    build = getattr(found, "build", found)
    if not callable(build):
        raise ModelError(
            f"'{name}' in '{path}' is not a function of hp", "Define def build_model(hp) in it."
        )
    return with_hp(build) if build is found else build


def check_family(family: str) -> None:
    """Check that there is what ``model.family`` names, as far as that is known without running
    any code. Raises :class:`ModelError`.
    """
    if family in FAMILIES:
        return
    path = family.partition(":")[0]
    if not path.endswith(".py"):
        raise ModelError(
            f"unknown model family '{family}'",
            f"{did_you_mean(family, FAMILIES)} Or give file.py:build_model.",
        )
    try:
        check_regular(path)
    except FileNotFoundError as error:
        raise ModelError(
            f"there is no model file '{path}'",
            "Paths are looked up beside the settings file, then here.",
        ) from error
    except OSError as error:
        raise ModelError(
            f"the model file '{path}' cannot be read: {error}",
            "Give a Python file: FILE.py:FUNCTION.",
        ) from error


def _check_takes_nothing(kind: Any, path: str, name: str) -> None:
    """Raise :class:`ModelError` for a class that cannot be made without arguments."""
    try:
        parameters = inspect.signature(kind).parameters.values()
    except (TypeError, ValueError):  # a class of C
        return
    without = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    needed = [p.name for p in parameters if p.default is p.empty and p.kind not in without]
    if needed:
        raise ModelError(
            f"the class '{name}' in '{path}' needs arguments: {', '.join(needed)}",
            f"Make an instance in the file, and name that: mine = {name}(...), then {path}:mine",
        )


def _load_module(path: Path) -> Any:
    """Import a model file of the user's. Raises :class:`ModelError`."""
    # A user's file imports tensorflow by itself; Keras must be settled before that.
    load_keras()
    stand_in()
    with user_code.running(_fails_at_import(path)):
        return user_code.load_file(path)


def _fails_at_import(path: Any) -> Callable[[str], ModelError]:
    return lambda what: ModelError(
        f"'{path}' fails when it is imported: {what}", f"Run it alone: python {path}"
    )


def build(function: BuildModel, hp: HyperParameters) -> Any:
    """Call a model function, as if it were the first of this process, and check what it gives.

    Returns:
        A Keras 2 functional or Sequential model that maps ``(batch, *hp.input_shape)`` to what the
        task asks for, such as ``(batch, hp.classes)``.

    Raises:
        BuildFailed: the function raised, or returned something else.
    """
    keras = load_keras()

    def failed(what: str) -> BuildFailed:
        hint = f"Mend it for these hyperparameters: {hp.values}"
        return BuildFailed(f"the model function raised {what}", hint)

    forget_models()
    with user_code.running(failed, function):
        model = function(hp)
        if hp.input_shape and isinstance(model, keras.Model):
            model = fit_input(model, tuple(hp.input_shape))
    if not isinstance(model, keras.Model):
        raise BuildFailed(
            f"the model function returned {_class_name(model)}, not a Keras 2 model",
            "Return the model; import Keras with 'from tensorflow import keras', not 'import keras'"
            " (Keras 3).",
        )
    model = with_listed_outputs(model)
    check_ends(model, hp)
    model = with_inputs_of(model, hp)
    if hp.input_shape and tuple(model.input_shape[1:]) != tuple(hp.input_shape):
        raise BuildFailed(
            f"the model takes inputs of shape {tuple(model.input_shape[1:])}, the data have"
            f" {hp.input_shape}",
            "Use keras.Input(hp.input_shape).",
        )
    if hp.classes:
        check_outputs(model, hp)
    return model


def _class_name(value: Any) -> str:
    kind = type(value)
    return "None" if value is None else f"{kind.__module__.split('.')[0]}.{kind.__name__}"
