"""A record reads what it wrote, and says of anything else which field is wrong."""

import contextlib
import dataclasses
from typing import Dict, List, Optional, Tuple, Union

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaiopt.errors import RunError
from vaiopt.record import Record, Unfit, part, read_optional, read_record, write_record


@dataclasses.dataclass(frozen=True)
class Inner(Record):
    name: str = part(key="class")
    share: float = part(low=0, high=1)


@dataclasses.dataclass(frozen=True)
class Outer(Record):
    count: int = part(low=0)
    kind: str = part(choices=("a", "b"))
    flag: bool = part(False)
    text: Optional[str] = part(None)
    value: Union[bool, int, float, str, None] = part(None)
    pair: Tuple[int, float] = part((1, 2.0))
    rows: Tuple[Inner, ...] = part(())
    table: Dict[str, List[float]] = part({})
    rest: Dict[str, object] = part(rest=True)


GOOD = Outer(
    3, "b", True, "t", 1.5, (4, 0.5), (Inner("x", 0.25),), {"y": [1.0, 2.0]}, {"more": [1]}
)


def test_a_record_reads_what_it_wrote():
    content = GOOD.to_json()
    assert content["rows"] == [{"class": "x", "share": 0.25}]
    assert content["more"] == [1]
    assert Outer.from_json(content) == GOOD


def test_the_exact_type_of_a_value_of_several_types_is_kept():
    for value in (True, 1, 1.0, "1", None):
        read = Outer.from_json({**GOOD.to_json(), "value": value}).value
        assert type(read) is type(value)
        assert read == value


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"count": -1}, "count is -1, not at least 0"),
        ({"count": 1.0}, "count is 1.0, not a whole number"),
        ({"count": True}, "count is True, not a whole number"),
        ({"kind": "c"}, "kind is 'c', not one of a, b"),
        ({"flag": 1}, "flag is 1, not true or false"),
        ({"pair": [1]}, "pair has 1 entries, not 2"),
        ({"pair": "ab"}, "pair is 'ab', not a list"),
        ({"rows": [{"class": "x"}]}, "rows[0].share is missing"),
        ({"rows": [{"class": "x", "share": 1.5}]}, "rows[0].share is 1.5, not at least 0 and at"),
        ({"rows": [[]]}, "rows[0] is [], not an object"),
        ({"rows": [{"class": "x", "share": float("nan")}]}, "not a finite number"),
        ({"table": {"y": [1, "2"]}}, "table.y[1] is '2', not a number"),
        ({"table": {"y": [10**400]}}, "table.y[0] is inf"),
        ({"text": "t" * 90, "kind": "t" * 90}, "…, not one of"),
    ],
)
def test_what_does_not_fit_is_named(change, message):
    with pytest.raises(Unfit) as caught:
        Outer.from_json({**GOOD.to_json(), **change})
    assert message in str(caught.value)


def test_a_missing_field_is_named_and_one_with_a_default_may_be_missing():
    content = GOOD.to_json()
    for name in ("count", "kind"):
        with pytest.raises(Unfit, match=f"{name} is missing"):
            Outer.from_json({key: value for key, value in content.items() if key != name})
    assert Outer.from_json({"count": 1, "kind": "a"}) == Outer(1, "a")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.sampled_from(sorted(GOOD.to_json())), JSON)
def test_any_value_in_any_field_is_read_or_refused(name, value):
    try:
        read = Outer.from_json({**GOOD.to_json(), name: value})
    except Unfit as error:
        assert error.where.startswith(name)
    else:
        assert Outer.from_json(read.to_json()) == read


@given(JSON)
def test_anything_at_all_is_read_or_refused(content):
    with contextlib.suppress(Unfit):
        Outer.from_json(content)


def test_the_error_of_a_file_names_file_field_and_command(tmp_path):
    path = tmp_path / "outer.json"
    assert read_optional(path, Outer, "vaiopt make") is None
    with pytest.raises(RunError, match="is missing"):
        read_record(path, Outer, "vaiopt make")
    write_record(path, GOOD)
    assert read_record(path, Outer, "vaiopt make") == GOOD
    path.write_text(path.read_text().replace('"count": 3', '"count": "3"'))
    with pytest.raises(RunError) as caught:
        read_record(path, Outer, "vaiopt make")
    assert caught.value.message == f"'{path}': count is '3', not a whole number"
    assert caught.value.hint == "Make it again with: vaiopt make"
