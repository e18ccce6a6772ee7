"""Single hyperparameters as KerasTuner has them: what ``hp.space`` lists.

Each knows its values, the conditions under which it is active, and how a probability becomes a
value (``sampling``: ``linear``, ``log`` or ``reverse_log``). :meth:`HyperParameter.dimension` says
the same in the words of the search.
"""

from __future__ import annotations

import math
import random
from typing import Any, ClassVar, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple, Type

from vaiopt.errors import ModelError, did_you_mean
from vaiopt.study.plain_values import BadHyperParameter, BadKind, number, plain, whole
from vaiopt.study.space import MOST_VALUES, Condition, Dimension, Value
from vaiopt.study.surrogate import from_unit, to_unit

SAMPLINGS = {"linear": (False, False), "log": (True, False), "reverse_log": (True, True)}
"""By KerasTuner's names: whether the range is logarithmic, and whether it is mirrored."""
SAMPLES = 10
"""Values that a continuous range lists, as many as in KerasTuner."""


class Parent:
    """A condition: another hyperparameter has one of these values.

    Args:
        name: the other one's full name.
        values: one value or several.
    """

    def __init__(self, name: str, values: Any) -> None:
        several = isinstance(values, (list, tuple, set, frozenset))
        self.name = name
        self.values = [plain(name, value) for value in (values if several else (values,))]

    def is_active(self, values: Mapping[str, Value]) -> bool:
        """Return whether it holds at a point."""
        return self.name in values and values[self.name] in self.values

    def get_config(self) -> Dict[str, Any]:
        """Return what makes it again."""
        return {"name": self.name, "values": list(self.values)}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "Parent":
        """Return the condition that :meth:`get_config` told."""
        return cls(**config)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Parent) and (other.name, other.values) == (self.name, self.values)

    __hash__ = None  # type: ignore[assignment]


class HyperParameter:
    """One hyperparameter, known by its name and its conditions.

    Args:
        name: with its scopes.
        default: where a search starts.
        conditions: all must hold for it to be active.
    """

    def __init__(
        self, name: str, default: Any = None, conditions: Optional[Sequence[Parent]] = None
    ) -> None:
        self.name = str(name)
        self._default = default
        self.conditions = list(conditions or ())

    @property
    def default(self) -> Any:
        """Where a search starts."""
        return self._default

    @property
    def values(self) -> Iterable[Value]:
        """All values; of a continuous range, ten of them."""
        return self.dimension().grid() or ()

    def dimension(self, chain: Sequence[Condition] = ()) -> Dimension:
        """Return it as a dimension of the search space, with these conditions."""
        raise NotImplementedError

    def get_config(self) -> Dict[str, Any]:
        """Return what makes it again."""
        told = [{"class_name": "Parent", "config": c.get_config()} for c in self.conditions]
        return {"name": self.name, "default": self._default, "conditions": told}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "HyperParameter":
        """Return the hyperparameter that :meth:`get_config` told."""
        told = [Parent.from_config(entry["config"]) for entry in config.get("conditions", ())]
        return cls(**{**config, "conditions": told})

    def random_sample(self, seed: Optional[int] = None) -> Any:
        """Return a random value, the same for the same seed."""
        return self.prob_to_value(random.Random(seed).random())

    def prob_to_value(self, prob: float) -> Any:
        """Return the value at a cumulative probability in [0, 1)."""
        values = list(self.values)
        return values[min(len(values) - 1, int(math.floor(prob * len(values))))]

    def value_to_prob(self, value: Any) -> float:
        """Return the cumulative probability of a value: the middle of its share."""
        values = list(self.values)
        return (values.index(value) + 0.5) / len(values)

    def __repr__(self) -> str:
        told = {key: value for key, value in self.get_config().items() if key != "conditions"}
        inside = ", ".join(
            f"{key}: {value!r}" if isinstance(value, str) else f"{key}: {value}"
            for key, value in told.items()
        )
        return f"{type(self).__name__}({inside})"


class _Numerical(HyperParameter):
    """A number between two ends."""

    kind: ClassVar[str] = ""

    def __init__(
        self,
        name: str,
        min_value: Any,
        max_value: Any,
        step: Any = None,
        sampling: Optional[str] = "linear",
        default: Any = None,
        conditions: Optional[Sequence[Parent]] = None,
    ) -> None:
        read = whole if self.kind == "int" else number
        super().__init__(
            name, None if default is None else read(name, "default", default), conditions
        )
        self.min_value = read(name, "min_value", min_value)
        self.max_value = read(name, "max_value", max_value)
        self.sampling = _sampling(name, sampling)
        self.step = None if step is None else read(name, "step", step)
        if self.step is None and self.kind == "int" and self.sampling == "linear":
            self.step = 1
        check_range(self.dimension())

    @property
    def default(self) -> Any:
        """Where a search starts: the lower end, if nothing else was said."""
        return self.min_value if self._default is None else self._default

    def dimension(self, chain: Sequence[Condition] = ()) -> Dimension:
        """See :class:`HyperParameter`."""
        log, reverse = SAMPLINGS[self.sampling]
        step = self.step if self.min_value < self.max_value or self.kind != "int" else 1
        return Dimension(
            self.name,
            self.kind,
            self.default,
            self.min_value,
            self.max_value,
            step,
            log,
            conditions=(tuple(chain),) if chain else (),
            reverse=reverse,
        )

    def get_config(self) -> Dict[str, Any]:
        """See :class:`HyperParameter`."""
        names = ("min_value", "max_value", "step", "sampling")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}

    @property
    def values(self) -> Iterable[Value]:
        """See :class:`HyperParameter`; KerasTuner counts the steps of a mirrored range down."""
        grid = self.dimension().grid()
        if grid is not None:
            return grid[::-1] if self.sampling == "reverse_log" else grid
        return list(dict.fromkeys(self.prob_to_value((i + 0.5) / SAMPLES) for i in range(SAMPLES)))

    def prob_to_value(self, prob: float) -> Any:
        """See :class:`HyperParameter`."""
        dimension = self.dimension()
        if dimension.grid() is not None:
            return super().prob_to_value(prob)
        return from_unit(dimension, prob)

    def value_to_prob(self, value: Any) -> float:
        """See :class:`HyperParameter`."""
        dimension = self.dimension()
        if self.min_value == self.max_value:
            return 0.5
        if dimension.grid() is None:
            return to_unit(dimension, value)
        values: List[Any] = list(self.values)
        near = min(range(len(values)), key=lambda i: abs(values[i] - value))
        return (near + 0.5) / len(values)


class Int(_Numerical):
    """A whole number, both ends included; with a logarithm the step is a factor."""

    kind = "int"


class Float(_Numerical):
    """A number, both ends included; with a logarithm the step is a factor."""

    kind = "float"


class Choice(HyperParameter):
    """One of some numbers or texts.

    Args:
        name: with its scopes.
        values: at least one.
        ordered: whether their order means something; by default, if they are numbers.
        default: the first, if nothing else was said.
        conditions: see :class:`HyperParameter`.
    """

    def __init__(
        self,
        name: str,
        values: Iterable[Any],
        ordered: Optional[bool] = None,
        default: Any = None,
        conditions: Optional[Sequence[Parent]] = None,
    ) -> None:
        super().__init__(name, None if default is None else plain(name, default), conditions)
        self._values = _distinct(name, [plain(name, value) for value in values])
        if not self._values:
            raise BadHyperParameter(
                f"hyperparameter '{name}' has no values to choose from",
                "Give hp.Choice at least one value.",
            )
        self.ordered = are_numbers(self._values) if ordered is None else bool(ordered)
        check_range(self.dimension())

    @property
    def values(self) -> List[Value]:
        """See :class:`HyperParameter`."""
        return list(self._values)

    @property
    def default(self) -> Any:
        """Where a search starts: None if that can be chosen, else the first value."""
        return self._default if self._default is not None or None in self._values else self.first

    @property
    def first(self) -> Value:
        """The first value."""
        return self._values[0]

    def dimension(self, chain: Sequence[Condition] = ()) -> Dimension:
        """See :class:`HyperParameter`."""
        conditions = (tuple(chain),) if chain else ()
        return Dimension(
            self.name,
            "choice",
            self.default,
            values=self._values,
            ordered=self.ordered,
            conditions=conditions,
        )

    def get_config(self) -> Dict[str, Any]:
        """See :class:`HyperParameter`."""
        return {**super().get_config(), "values": self.values, "ordered": self.ordered}


class Boolean(HyperParameter):
    """True or false."""

    def __init__(
        self, name: str, default: Any = False, conditions: Optional[Sequence[Parent]] = None
    ) -> None:
        super().__init__(name, plain(name, default), conditions)
        check_range(self.dimension())

    @property
    def values(self) -> Tuple[Value, ...]:
        """See :class:`HyperParameter`."""
        return (True, False)

    def dimension(self, chain: Sequence[Condition] = ()) -> Dimension:
        """See :class:`HyperParameter`."""
        conditions = (tuple(chain),) if chain else ()
        return Dimension(
            self.name, "choice", self.default, values=(False, True), conditions=conditions
        )

    def value_to_prob(self, value: Any) -> float:
        """See :class:`HyperParameter`."""
        return 0.75 if value else 0.25

    def prob_to_value(self, prob: float) -> bool:
        """See :class:`HyperParameter`."""
        return prob >= 0.5


class Fixed(HyperParameter):
    """A value that is not searched."""

    def __init__(
        self, name: str, value: Any, conditions: Optional[Sequence[Parent]] = None
    ) -> None:
        super().__init__(name, plain(name, value), conditions)

    @property
    def value(self) -> Value:
        """The value."""
        fixed: Value = self._default
        return fixed

    @property
    def values(self) -> Tuple[Value, ...]:
        """See :class:`HyperParameter`."""
        return (self.value,)

    def dimension(self, chain: Sequence[Condition] = ()) -> Dimension:
        """See :class:`HyperParameter`."""
        conditions = (tuple(chain),) if chain else ()
        return Dimension(
            self.name, "choice", self.value, values=(self.value,), conditions=conditions
        )

    def get_config(self) -> Dict[str, Any]:
        """See :class:`HyperParameter`."""
        config = super().get_config()
        return {"name": config["name"], "value": self.value, "conditions": config["conditions"]}


CLASSES: Dict[str, Type[HyperParameter]] = {
    kind.__name__: kind for kind in (Int, Float, Choice, Boolean, Fixed)
}
"""The classes of hyperparameters by name, as configurations have it."""


def serialize(parameter: HyperParameter) -> Dict[str, Any]:
    """Return a hyperparameter as ``{"class_name": …, "config": …}``."""
    return {"class_name": type(parameter).__name__, "config": parameter.get_config()}


def deserialize(entry: Mapping[str, Any]) -> HyperParameter:
    """Return the hyperparameter that :func:`serialize` told. Raises :class:`ModelError`."""
    name = str(entry["class_name"])
    if name not in CLASSES:
        raise ModelError(f"there is no hyperparameter class '{name}'", did_you_mean(name, CLASSES))
    return CLASSES[name].from_config(entry["config"])


def are_numbers(values: Sequence[Value]) -> bool:
    """Return whether all values are numbers, so that their order means something."""
    return all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values)


def _distinct(name: str, values: Sequence[Value]) -> Tuple[Value, ...]:
    """Return each value once. Raises :class:`ModelError` for 1 beside 1.0 or true, which are one
    value to a study.
    """
    known: Dict[Value, Value] = {}
    for value in values:
        other = known.setdefault(value, value)
        if type(other) is not type(value):
            raise BadKind(
                f"hyperparameter '{name}' has the values {other!r} and {value!r}, which are equal",
                "Give values of one type.",
            )
    return tuple(known)


def _sampling(name: str, sampling: Any) -> str:
    """Return the name of a sampling as KerasTuner reads it: in any case, None is linear."""
    text = "linear" if sampling is None else str(sampling).lower()
    if text not in SAMPLINGS:
        raise BadHyperParameter(
            f"hyperparameter '{name}' has sampling={sampling!r}, but sampling must be one"
            f" of {', '.join(SAMPLINGS)}",
            did_you_mean(text, SAMPLINGS),
        )
    return text


def check_range(dimension: Dimension) -> None:
    """Check that a range has values, and its default is one of them.

    Raises:
        ModelError: it is not so; also a ValueError, as KerasTuner's users expect.
    """
    name, low, high, step = (getattr(dimension, key) for key in ("name", "low", "high", "step"))
    where = f"hyperparameter '{name}' has"
    if dimension.kind != "choice":
        if not low <= high:
            raise BadHyperParameter(f"{where} an empty range [{low:g}, {high:g}]", "Swap its ends.")
        if dimension.log and low <= 0:
            text = f"{where} a logarithmic range from {low:g}"
            raise BadHyperParameter(text, "Start it above 0.")
        if step is not None and (step <= 0 or (dimension.log and step <= 1 and low < high)):
            text = f"{where} a step of {step:g}"
            raise BadHyperParameter(text, "Give it a step above 0 (above 1 for log).")
        count = dimension.count()
        if count is not None and count > MOST_VALUES:
            text = f"{where} more than {MOST_VALUES:,} values from {low:g} to {high:g}"
            raise BadHyperParameter(text, 'Give it a larger step, or sampling="log".')
    if not dimension.contains(dimension.default):
        raise BadHyperParameter(
            f"the default {dimension.default!r} of hyperparameter '{name}' is not in its range",
            "Change the default.",
        )
