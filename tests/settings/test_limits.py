"""No setting takes a value that cannot work: numbers, texts, lists and tables of every setting."""

import typing
from typing import Any, Dict, Iterator, List, Tuple

import pytest

from vaiopt.data.images import LARGEST_SIDE
from vaiopt.errors import SettingsError
from vaiopt.settings import Settings, load_settings, section_classes
from vaiopt.settings.schema import Declaration, declarations, type_hints


def declared() -> Dict[str, Tuple[Declaration, Any]]:
    """Each setting with its declaration and its type."""
    found = {n: (d, type_hints(Settings)[n]) for n, d in declarations(Settings).items()}
    for section, cls in section_classes().items():
        hints = type_hints(cls)
        found.update({f"{section}.{n}": (d, hints[n]) for n, d in declarations(cls).items()})
    return found


DECLARED = declared()


def plain_type(row: Declaration, annotation: Any) -> Any:
    """The type of a setting, or of what a list or table of it holds."""
    if row.searchable is not None:
        return row.searchable
    arguments = getattr(annotation, "__args__", None) or ()
    origin = getattr(annotation, "__origin__", None)
    return arguments[0 if origin is typing.Union else -1] if arguments else annotation


def of_type(*kinds: Any) -> List[str]:
    return [key for key, (row, kind) in DECLARED.items() if plain_type(row, kind) in kinds]


def wrapped(key: str, value: Any) -> Any:
    """A number, text, in the form that a setting takes: in a list, or under a name."""
    row, annotation = DECLARED[key]
    if isinstance(row.default, list):
        return [value]
    if isinstance(row.default, dict):
        return {row.keys[0].name if row.keys else "name": value}
    return value


def refused(key: str, value: Any) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        load_settings(None, {key: value})
    assert key in caught.value.message
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("key", of_type(float))
def test_a_number_is_finite(key: str, value: float) -> None:
    refused(key, wrapped(key, value))


@pytest.mark.parametrize("key", of_type(float, int))
def test_a_number_has_limits_that_hold_in_ranges_too(key: str) -> None:
    row = DECLARED[key][0]
    assert row.low is not None or row.above is not None, "a setting without a lower limit"
    wrong = [] if row.low is None else [row.low - max(1, abs(row.low))]
    wrong += [] if row.above is None else [row.above, row.above - 1]
    wrong += [] if row.high is None else [row.high * 2]
    for value in wrong:
        whole = plain_type(*DECLARED[key]) is int
        number = int(value) if whole else float(value)
        refused(key, wrapped(key, number))
        if row.searchable is not None:
            refused(key, {"choice": [number, 1]})
            refused(key, {"int" if whole else "float": sorted([number, 1])})


@pytest.mark.parametrize("key", of_type(float, int))
def test_a_number_beyond_all_use_is_refused(key: str) -> None:
    refused(key, wrapped(key, 10**400))


@pytest.mark.parametrize("key", of_type(str))
def test_a_text_is_not_blank_and_in_one_line(key: str) -> None:
    row = DECLARED[key][0]
    refused(key, " ")
    refused(key, "a\nb")
    refused(key, "a\0b")
    if not row.may_be_empty:
        refused(key, "")


@pytest.mark.parametrize("key", [k for k, (row, _) in DECLARED.items() if row.searchable])
def test_a_range_gives_values_of_the_settings_own_type(key: str) -> None:
    wrong: Dict[Any, List[Any]] = {
        int: [{"float": [1.0, 2.0]}, {"choice": ["many", 2]}, {"choice": [1.5, 2]}],
        float: [{"choice": ["many", 2]}, {"choice": [True, 2]}],
        str: [{"int": [1, 2]}, {"float": [0.5, 1]}, {"choice": [1, 2]}],
        list: [{"float": [8.0, 9.0]}, {"choice": ["many", 8]}, {"choice": [8.5, 9]}],
    }
    kind = DECLARED[key][0].searchable
    for table in wrong[kind]:
        refused(key, table)
    refused(key, {"choice": ["auto", wrong[kind][0].get("choice", [1, 2])[1]]})


def wrong_values() -> Iterator[Tuple[str, Any, str]]:
    yield "data.split", "7:2", "three positive numbers"
    yield "data.split", "7:2:nan", "three positive numbers"
    yield "data.split", "0:2:1", "three positive numbers"
    yield "data.split", "7:-2:1", "three positive numbers"
    yield "data.split", "auto", "three positive numbers"
    yield "data.split", {"choice": ["7:2:1", "many"]}, "three positive numbers"
    yield "data.image_size", [28], "[height, width]"
    yield "data.image_size", [28, 28, 3], "[height, width]"
    yield "data.image_size", [0, 28], "at least 1"
    yield "data.image_size", [28, LARGEST_SIDE + 1], "at most 8,192"
    yield "train.epochs", {"int": [1, 10**9], "log": True}, "at most 1,000,000"
    yield "train.learning_rate", {"float": [1e-4, float("inf")]}, "finite"
    yield "train.learning_rate", {"float": [float("nan"), 1.0]}, "finite"
    yield "train.batch_size", {"choice": [32, 64], "step": 8}, "Leave it out"
    yield "train.batch_size", {"choice": [32, 64], "log": True}, "Leave it out"
    yield "train.batch_size", {"int": [8, 64], "step": 100}, "smaller step"
    yield "train.batch_size", {"int": [1, 10**8]}, "wider step"
    yield "train.batch_size", {"int": [8, 64], "log": True, "step": 1}, "For instance"
    yield "model.hyperparameters", {"nodes": [1, 2]}, "search range"
    yield "model.hyperparameters", {"nodes": float("nan")}, "finite"
    yield "model.hyperparameters", {"nodes": {"int": [2, 1]}}, "smaller number first"
    yield "model.hyperparameters", {"": 1}, "Name it"
    yield "search.points", [{"nodes": [1]}], "one number"
    yield "search.points", [{"rate": float("inf")}], "finite"
    yield "search.points", [3], "a table"
    yield "objective.weights", {"params": -0.1}, "at least 0"
    yield "objective.weights", {"parms": 0.1}, "'params'"
    yield "objective.references", {"params": 0}, "above 0"
    yield "objective.references", {"latency": 1.0}, "'latency_ms'"
    yield "search.grid_fraction", 1.5, "at most 1"
    yield "deploy.host", "-oProxyCommand=x", "root@"
    yield "deploy.host", "root@", "root@"
    yield "track.to", ["mlfow"], "'mlflow'"
    yield "track.to", ["wandb", "wandb"], "once"
    yield "track.name", "a/b", "letters"
    yield "track.name", "x" * 129, "at most 128"
    yield "track.server", "localhost:5000", "http://HOST:PORT"
    yield "track.server", "http://host:many", "http://HOST:PORT"
    yield "track.server", "ftp://host", "http://HOST:PORT"
    yield "seed", 2**32, "at most 4,294,967,295"


@pytest.mark.parametrize("key, value, hint", list(wrong_values()))
def test_what_cannot_work_is_refused_with_its_cure(key: str, value: Any, hint: str) -> None:
    assert hint in refused(key, value).hint


def test_one_value_twice_is_refused_in_whatever_type() -> None:
    for values in ([1, 1.0], [0, False], ["a", "a"]):
        with pytest.raises(SettingsError, match="twice"):
            load_settings(None, {"model.hyperparameters": {"x": {"choice": values}}})


@pytest.mark.parametrize(
    "key, value",
    [
        ("data.split", "5:1:0"),
        ("data.split", {"choice": ["7:2:1", [6, 2, 2]]}),
        ("train.learning_rate", {"float": [1e-4, 1e-2], "log": True, "step": 10}),
        ("train.learning_rate", 1),
        ("train.batch_size", {"choice": [32, 64], "default": 64}),
        ("objective.weights", {"params": 0}),
        ("train.folds", 1),
        ("deploy.host", "root@[fe80::1%eth0]"),
        ("data.offset", -3),
        ("search.storage", ""),
    ],
)
def test_what_can_work_is_taken(key: str, value: Any) -> None:
    load_settings(None, {key: value})
