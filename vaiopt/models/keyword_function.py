"""Model functions in scikit-learn's manner, ``create_model(learning_rate=0.01, layers=2)``: their
parameters are the hyperparameters, and the settings give the ranges.
"""

from __future__ import annotations

import functools
import inspect
from typing import Any, Callable, Dict, List, Mapping, Optional

from vaiopt.errors import ModelError, SettingsError
from vaiopt.settings.ranges import Range
from vaiopt.study.hyperparameters import HyperParameters
from vaiopt.study.plain_values import BadKind, plain

HP = "hp"
"""The name by which KerasTuner's users call the hyperparameters."""
EXAMPLE = "{0} = {{int = [1, 5]}} or {0} = {{float = [1e-4, 1e-1], log = true}}"


class KeywordFunction:
    """A function of ``hp`` that calls one of keywords.

    A parameter is a hyperparameter where the settings name it, or where its default is a number, a
    text or a truth value; that is the default point. Any other is left at its default.

    Args:
        function: the person's.
        parameters: its parameters.
    """

    def __init__(self, function: Callable[..., Any], parameters: List[inspect.Parameter]) -> None:
        functools.update_wrapper(self, function)
        self._function = function
        self._parameters = parameters
        self._name = str(getattr(function, "__name__", "the model function"))

    def __call__(self, hp: HyperParameters) -> Any:
        """Return the model at a point.

        Raises:
            ModelError: a parameter has neither a default nor a range.
        """
        if self._takes_hp(hp.overrides):
            return self._function(hp)
        values: Dict[str, Any] = {}
        for parameter in self._parameters:
            name, default = parameter.name, _plain_default(parameter)
            if name in hp.overrides or default is not None:
                values[name] = hp.Fixed(name, default)
            elif not _has_default(parameter):
                raise ModelError(
                    f"the parameter '{name}' of {self._name} has neither a default nor a range",
                    f"Give it one under [model.hyperparameters]: {EXAMPLE.format(name)}",
                )
        return self._function(**values)

    def check_ranges(self, overrides: Mapping[str, Any]) -> None:
        """Check that there is something to search.

        Args:
            overrides: of the settings, by hyperparameter.

        Raises:
            SettingsError: no range is given.
        """
        ranges = any(isinstance(change, Range) for change in overrides.values())
        if ranges or self._takes_hp(overrides):
            return
        asked = [
            p for p in self._parameters if _plain_default(p) is not None or not _has_default(p)
        ]
        names = [parameter.name for parameter in asked] or [self._parameters[0].name]
        raise SettingsError(
            f"the parameters of {self._name} are its hyperparameters ({', '.join(names)}), and the"
            " settings give no range for any of them",
            f"Give one under [model.hyperparameters]: {EXAMPLE.format(names[0])}",
        )

    def _takes_hp(self, overrides: Mapping[str, Any]) -> bool:
        """Return whether it is a function of ``hp`` after all, whatever it calls that: one that
        needs a single argument, and the settings name none of its parameters.
        """
        needed = [p for p in self._parameters if not _has_default(p)]
        unset = len(self._parameters) == 1 and self._parameters[0].default is None
        single = unset or len(needed) == 1
        return single and not any(p.name in overrides for p in self._parameters)


def with_hp(function: Callable[..., Any]) -> Callable[[HyperParameters], Any]:
    """Return a model function as a function of ``hp``, whichever its parameters are.

    Raises:
        ModelError: it has no parameters, so that there is nothing to search.
    """
    parameters = _parameters(function)
    if parameters is None or (parameters and parameters[0].name == HP):
        return function
    if not parameters:
        raise ModelError(
            f"{getattr(function, '__name__', 'the model function')}() takes no hyperparameters",
            "Let it take hp, as in def build_model(hp), or its hyperparameters by name, as in def"
            " create_model(units=32).",
        )
    return KeywordFunction(function, parameters)


def _parameters(function: Callable[..., Any]) -> Optional[List[inspect.Parameter]]:
    """Return the parameters that have names; None where they are not known, or there are others."""
    try:
        found = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # written in C
        return None
    named = [p for p in found if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    others = [p for p in found if p.kind in (p.POSITIONAL_ONLY, p.VAR_POSITIONAL)]
    return None if others else named


def _plain_default(parameter: inspect.Parameter) -> Any:
    """Return the default if it is a number, a text or a truth value, else None."""
    if not _has_default(parameter):
        return None
    try:
        return plain(parameter.name, parameter.default)
    except BadKind:
        return None


def _has_default(parameter: inspect.Parameter) -> bool:
    return parameter.default is not parameter.empty
