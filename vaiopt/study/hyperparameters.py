"""What a model function asks for its values."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

from vaiopt.errors import ModelError
from vaiopt.study.overrides import overridden
from vaiopt.study.parameters import (
    Boolean,
    Choice,
    Fixed,
    Float,
    HyperParameter,
    Int,
    Parent,
    check_range,
    deserialize,
    serialize,
)
from vaiopt.study.plain_values import BadHyperParameter
from vaiopt.study.space import Dimension, Value
from vaiopt.tasks.task import Form


class Inputs(Dict[str, Any]):
    """Each of several inputs of the data, by its name; none where they have one."""

    def __missing__(self, name: str) -> Any:
        known = f"Known: {', '.join(self)}." if self else "They have one, of shape hp.input_shape."
        raise ModelError(
            f"the data have no input '{name}'",
            f"{known} Each of several is an array x_<input>, such as x_{name}.",
        )


class HyperParameters:
    """What a model function is given: KerasTuner's conventions, and what the data look like.

    Args:
        values: the point to build; a name that is missing takes its default.
        overrides: changes from the settings, by name: a plain value fixes it, a :class:`Range`
            replaces its range.
        input_shape: shape of one sample, without the batch, such as ``(28, 28, 1)`` or ``(30,)``.
        classes: number of classes, or of labels, quantities or channels: of the outputs.
        samples: number of training samples.
        task: what is learned, a name of :data:`vaiopt.tasks.TASKS`.
        y_shape: shape of one label, () for one number.

    Attributes:
        outputs: of several outputs what each must give, by its name: ``task``, ``classes`` and
            ``y_shape``.
        inputs: of several inputs what each gets, by its name: ``shape`` and ``dtype``; then
            ``input_shape`` is ().
        values: the active values so far, by the names that they were asked by.
        dimensions: what was asked for, by the names of the search space.
    """

    def __init__(
        self,
        values: Optional[Mapping[str, Value]] = None,
        overrides: Optional[Mapping[str, Any]] = None,
        input_shape: Tuple[int, ...] = (),
        classes: int = 0,
        samples: int = 0,
        task: str = "classification",
        y_shape: Tuple[int, ...] = (),
    ) -> None:
        self.input_shape = tuple(input_shape)
        # Of all sizes of images that are searched: what a range must not depend on is another.
        self.smallest_shape = self.input_shape
        self.classes = classes
        self.samples = samples
        self.task = task
        self.y_shape = tuple(y_shape)
        self.outputs: Mapping[str, Form] = {}
        self.inputs: Mapping[str, Any] = Inputs()
        self.values: Dict[str, Value] = {}
        self.dimensions: Dict[str, Dimension] = {}
        self.overrides: Mapping[str, Any] = dict(overrides or {})
        self._given = dict(values or {})
        self._known: Dict[str, Dimension] = {}
        self._space: List[HyperParameter] = []
        self._hps: Dict[str, List[HyperParameter]] = {}
        self._active: Dict[str, str] = {}
        self._conditions: List[Parent] = []
        self._scopes: List[str] = []

    # What KerasTuner's functions call. The argument names and their order are KerasTuner's.

    def Int(  # noqa: N802
        self,
        name: str,
        min_value: int,
        max_value: int,
        step: Optional[int] = None,
        sampling: Optional[str] = "linear",
        default: Optional[int] = None,
        parent_name: Optional[str] = None,
        parent_values: Any = None,
    ) -> Any:
        """Ask for a whole number, both ends included; None where the scope is inactive."""
        with self._maybe_scope(parent_name, parent_values):
            full = self._full_name(name)
            return self._ask(
                Int(full, min_value, max_value, step, sampling, default, self._conditions)
            )

    def Float(  # noqa: N802
        self,
        name: str,
        min_value: float,
        max_value: float,
        step: Optional[float] = None,
        sampling: Optional[str] = "linear",
        default: Optional[float] = None,
        parent_name: Optional[str] = None,
        parent_values: Any = None,
    ) -> Any:
        """Ask for a number, both ends included; None where the scope is inactive."""
        with self._maybe_scope(parent_name, parent_values):
            full = self._full_name(name)
            return self._ask(
                Float(full, min_value, max_value, step, sampling, default, self._conditions)
            )

    def Choice(  # noqa: N802
        self,
        name: str,
        values: Sequence[Value],
        ordered: Optional[bool] = None,
        default: Value = None,
        parent_name: Optional[str] = None,
        parent_values: Any = None,
    ) -> Any:
        """Ask for one of ``values``; None where the scope is inactive."""
        with self._maybe_scope(parent_name, parent_values):
            full = self._full_name(name)
            return self._ask(Choice(full, values, ordered, default, self._conditions))

    def Boolean(  # noqa: N802
        self,
        name: str,
        default: bool = False,
        parent_name: Optional[str] = None,
        parent_values: Any = None,
    ) -> Any:
        """Ask for true or false; None where the scope is inactive."""
        with self._maybe_scope(parent_name, parent_values):
            return self._ask(Boolean(self._full_name(name), default, self._conditions))

    def Fixed(  # noqa: N802
        self, name: str, value: Value, parent_name: Optional[str] = None, parent_values: Any = None
    ) -> Any:
        """Record a value that is not searched, and return it."""
        with self._maybe_scope(parent_name, parent_values):
            return self._ask(Fixed(self._full_name(name), value, self._conditions))

    def get(self, name: str) -> Any:
        """Return a value that was asked for before.

        Raises:
            KeyError: it was not, as in KerasTuner.
            ModelError: it is inactive; also a ValueError.
        """
        for known in (self._full_name(name), name):
            if known in self.values:
                return self.values[known]
        if self._full_name(name) in self._hps or name in self._hps:
            raise BadHyperParameter(
                f"hyperparameter '{name}' is currently inactive",
                "Ask for its value where the conditions of its scope hold.",
            )
        raise KeyError(f"{name} does not exist.")

    def __getitem__(self, name: str) -> Any:
        return self.get(name)

    def __contains__(self, name: str) -> bool:
        return self._full_name(name) in self.values or name in self.values

    @contextlib.contextmanager
    def conditional_scope(self, parent_name: str, parent_values: Any) -> Iterator[None]:
        """Answer None within this block unless ``parent_name`` is one of ``parent_values``."""
        full = self._full_name(parent_name)
        parent = full if full in self._hps else parent_name
        if parent not in self._hps:
            raise BadHyperParameter(
                f"conditional_scope names '{parent_name}', which was not asked for before",
                "Ask for the parent first.",
            )
        self._conditions.append(Parent(parent, parent_values))
        try:
            yield
        finally:
            self._conditions.pop()

    @contextlib.contextmanager
    def name_scope(self, name: str) -> Iterator[None]:
        """Put ``name/`` before every name that is asked for within this block."""
        self._scopes.append(str(name))
        try:
            yield
        finally:
            self._scopes.pop()

    @property
    def space(self) -> List[HyperParameter]:
        """What was asked for so far, each name and conditions once, as KerasTuner's objects."""
        return self._space

    def is_active(self, hyperparameter: Union[str, HyperParameter]) -> bool:
        """Return whether the conditions of a hyperparameter hold, of a name those of any of it."""
        if isinstance(hyperparameter, HyperParameter):
            return all(c.is_active(self.values) for c in hyperparameter.conditions)
        return any(map(self.is_active, self._hps.get(str(hyperparameter), ())))

    def get_config(self) -> Dict[str, Any]:
        """Return what was asked for and the values, in KerasTuner's form."""
        return {"space": [serialize(p) for p in self._space], "values": dict(self.values)}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "HyperParameters":
        """Return what :meth:`get_config` told. Raises :class:`ModelError`."""
        found = cls()
        for entry in config["space"]:
            found._list(deserialize(entry))
        found.values = dict(config["values"])
        return found

    def copy(self) -> "HyperParameters":
        """Return others of the same values, that can be changed without changing these."""
        found = type(self)(
            self._given,
            self.overrides,
            self.input_shape,
            self.classes,
            self.samples,
            self.task,
            self.y_shape,
        )
        found.outputs, found.inputs = self.outputs, self.inputs
        found.know(self._known.values())
        for parameter in self._space:
            found._list(parameter)
        found.values = dict(self.values)
        found.dimensions = dict(self.dimensions)
        found._active = dict(self._active)
        return found

    def merge(
        self, hps: Union["HyperParameters", Iterable[HyperParameter]], overwrite: bool = True
    ) -> None:
        """Take over what others were asked for.

        Args:
            hps: the others.
            overwrite: whether theirs count where both have a name under the same conditions.
        """
        for parameter in list(hps.space if isinstance(hps, HyperParameters) else hps):
            known = self._listed(parameter)
            if known and not overwrite:
                continue
            if known:
                self._space.remove(known)
                self._hps[parameter.name].remove(known)
            self._list(parameter)
            if self.is_active(parameter) and (overwrite or parameter.name not in self.values):
                self.values[parameter.name] = parameter.default

    def ensure_active_values(self) -> None:
        """Drop the values of what is inactive, and draw those that are missing."""
        for parameter in self._space:
            if not self.is_active(parameter.name):
                self.values.pop(parameter.name, None)
            elif self.is_active(parameter) and parameter.name not in self.values:
                self.values[parameter.name] = parameter.random_sample()

    # What the search asks.

    def know(self, dimensions: Iterable[Dimension]) -> None:
        """Note the dimensions that were met before: of one name in two scopes there are two, and
        they say which is which.
        """
        self._known = {dimension.name: dimension for dimension in dimensions}

    def point(self) -> Dict[str, Value]:
        """Return the active values so far, by the names of the search space."""
        return {key: self.values[name] for name, key in self._active.items() if name in self.values}

    def met(self) -> Tuple[Dimension, ...]:
        """Return the dimensions that were asked for and are none of the known ones, if any are."""
        if not self._known:
            return ()
        return tuple(d for key, d in self.dimensions.items() if key not in self._known)

    def _full_name(self, name: str) -> str:
        return "/".join([*self._scopes, str(name)])

    @contextlib.contextmanager
    def _maybe_scope(self, parent_name: Optional[str], parent_values: Any) -> Iterator[None]:
        if parent_name is None:
            yield
            return
        with self.conditional_scope(parent_name, parent_values):
            yield

    def _ask(self, parameter: HyperParameter) -> Any:
        name = parameter.name
        if any(condition.name == name for condition in parameter.conditions):
            raise BadHyperParameter(
                f"hyperparameter '{name}' depends on itself: a conditional hyperparameter cannot"
                " have the same name as its parent",
                "Give it a name of its own.",
            )
        if self._listed(parameter) is None:
            self._list(parameter)
        dimension = overridden(parameter.dimension(self._chain()), self.overrides)
        if name in self.overrides:
            check_range(dimension)
        key = self._registered(dimension)
        if not self.is_active(parameter):
            return None
        if self._active.setdefault(name, key) != key:
            raise _two_ranges(name)
        if name not in self.values:
            value = self._given.get(key, dimension.default)
            self.values[name] = value if dimension.contains(value) else dimension.default
        return self.values[name]

    def _chain(self) -> Tuple[Tuple[str, Tuple[Value, ...]], ...]:
        """Return the conditions of this scope by the names of the search space."""
        chain = []
        for condition in self._conditions:
            last = [d.name for d in self.dimensions.values() if d.asked_as == condition.name][-1:]
            parent = self._active.get(condition.name) or (last or [condition.name])[0]
            chain.append((parent, tuple(condition.values)))
        return tuple(chain)

    def _registered(self, dimension: Dimension) -> str:
        """Note a dimension, and return its name in the search space."""
        named = self._named(dimension)
        here = self.dimensions.get(named.name)
        if here is not None and not here.same_range(named):
            raise _two_ranges(dimension.name)
        self.dimensions[named.name] = named if here is None else here.also(named)
        return named.name

    def _named(self, dimension: Dimension) -> Dimension:
        """Return a dimension under its name in the search space: that of a known one with the same
        range, or its own while no other range has it, or one with its conditions.
        """
        name = dimension.name
        namesakes = [d for d in self._known.values() if d.asked_as == name]
        namesakes += [d for d in self.dimensions.values() if d.asked_as == name]
        for other in namesakes:
            if other.same_range(dimension):
                return replace(dimension, name=other.name, asked=other.asked)
        scoped = replace(dimension, name=dimension.scoped_name(), asked=name)
        if not dimension.conditions or not (namesakes or scoped.name in self._given):
            return dimension
        return scoped

    def _listed(self, parameter: HyperParameter) -> Optional[HyperParameter]:
        """Return the hyperparameter of this name and conditions that is listed, or None."""
        same = (
            p for p in self._hps.get(parameter.name, ()) if p.conditions == parameter.conditions
        )
        return next(same, None)

    def _list(self, parameter: HyperParameter) -> None:
        self._hps.setdefault(parameter.name, []).append(parameter)
        self._space.append(parameter)


def _two_ranges(name: str) -> BadHyperParameter:
    return BadHyperParameter(
        f"the model function asks for '{name}' with two different ranges or defaults",
        "Give each of them a name of its own.",
    )
