"""Changes of a file, drawn from a ``random.Random``: of its bytes, and of what it means.

Which numbers the generator gives is the engine's matter: a seed, hypothesis or atheris.
"""

from __future__ import annotations

import io
import json
import math
import random
import re
import zipfile
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Tuple

LARGEST = 100_000
"""Characters of JSON that are not made longer still."""

Place = Tuple[Any, ...]
"""Keys and indices from the root of a JSON value to a part of it."""

TEXTS: List[Any] = [
    *("", "x", " ", "\0", "a/b", "../x", "..", "x" * 5000, "\u00e9\U0001f600", "\ud800", "\n", ":"),
    *("1e999", "nan", "-1", "0x10", "null", "%s{}{0}", "\\", "C:\\x", "~", "$HOME", "*", "[1]"),
]
VALUES: List[Any] = [
    *("", "x", 0, -1, 1.5, 1e308, math.nan, math.inf, True, None, "1e999", 2**63, 10**400),
    *([], {}, [[]], [None], {"a": None}, [1, 2], [[1], [2, 3]], [{}], {"": [{}]}),
]
"""What stands in the place of a value."""


# ---------------------------------------------------------------- JSON values


def places(item: Any, path: Place = ()) -> List[Place]:
    """Every place in a JSON value that can be replaced; of a list, in its first four entries."""
    found = [path] if path else []
    keys = list(item) if isinstance(item, dict) else []
    for key in range(min(len(item), 4)) if isinstance(item, list) else keys:
        found += places(item[key], path + (key,))
    return found


def changed(content: Any, path: Place, value: Any) -> Any:
    """A copy of a JSON value with another value in a place; ``...`` removes it."""
    content = json.loads(json.dumps(content))
    inner = content
    for key in path[:-1]:
        inner = inner[key]
    if value is ...:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return content


def mutations(content: Any, name: str, count: int = 40) -> Iterator[Any]:
    """Changes of a JSON value, always the same: first of its entries, then of any place."""
    chance, top = random.Random(name), list(content) if isinstance(content, dict) else []
    for turn in range(count):
        if turn < min(2 * len(top), count // 2):
            yield changed(content, (top[turn // 2],), ... if turn % 2 else "x")
            continue
        found = places(content)
        yield changed(content, some_place(found, chance), chance.choice([..., *VALUES * 3]))


def some_place(found: List[Place], chance: random.Random) -> Place:
    """One of the places; those near the root are not drowned in those deep inside."""
    depth = chance.choice([1, 2, 3, 9])
    return chance.choice([p for p in found if len(p) <= depth] or found)


def damaged_value(content: Any, chance: random.Random) -> Any:
    """A JSON value with one to four changes; what was changed may be changed again."""
    for turn in range(chance.choice([1, 1, 1, 2, 4])):
        found = places(content)
        if not found:
            return chance.choice(VALUES)
        if turn and len(json.dumps(content)) > LARGEST:
            break  # lists that grow fifty times, again and again
        path = some_place(found, chance)
        content = changed(content, path, _instead(_at(content, path), content, found, chance))
    return content


def _at(content: Any, path: Place) -> Any:
    for key in path:
        content = content[key]
    return content


def _instead(old: Any, content: Any, found: List[Place], chance: random.Random) -> Any:
    """What stands in the place of an old value: nothing, a foreign value, or one akin to it."""
    kind = chance.randrange(8)
    if kind == 0:
        return ...
    if kind < 4:
        return chance.choice(VALUES)
    if kind == 4:
        return chance.choice(TEXTS)
    if kind == 5:  # what stands elsewhere
        return _at(content, chance.choice(found))
    return _akin(old, chance)


def _akin(old: Any, chance: random.Random) -> Any:
    if isinstance(old, bool) or old is None:
        return not old
    if isinstance(old, (int, float)) and abs(old) < 1e300:
        near = [old + 1, old - 1, -old, old * 2, old / 2, old * 10.0**9, old * 1e-9, str(old)]
        return chance.choice([*near, float(old), 2**31, 2**31 - 1, 65536, 1e-320, 1e18])
    if isinstance(old, (int, float)):
        return 0
    if isinstance(old, str):
        return chance.choice([old + "x", old[:-1], old.upper(), old * 3, [old], old + "\0"])
    if isinstance(old, list):
        return chance.choice([old[:-1], old + old[:1], old[::-1], old * 50, [old], old[:1] * 2])
    return chance.choice([[old], {**old, "x": 1}, dict(list(old.items())[::-1]), list(old)])


# ---------------------------------------------------------------- bytes


def damaged_bytes(data: bytes, chance: random.Random) -> bytes:
    """Bytes that are cut off, changed in places, moved, doubled, or of something else."""
    kind = chance.randrange(10)
    start = chance.randrange(len(data) + 1)
    length = chance.choice([1, 2, 4, 8, 64, 1000])
    if kind == 0:
        return data[:start]
    if kind == 1:
        return data[:start] + data[start + length :]
    if kind == 2:
        return (
            data[:start] + data[start : start + length] * chance.choice([2, 3, 50]) + data[start:]
        )
    if kind == 3:
        return data[:start] + bytes(chance.getrandbits(8) for _ in range(min(length, 64)))
    if kind == 4:
        other = [b"", bytes(len(data)), data + data, b"<html>404</html>\n", data[::-1]]
        return chance.choice(other)
    out = bytearray(data)
    for _ in range(chance.choice([1, 1, 2, 4, 16]) if out else 0):
        # The heads of files say what the rest is.
        at = chance.randrange(min(len(out), chance.choice([16, 128, len(out), len(out)])))
        if kind < 7:
            out[at] ^= 1 << chance.randrange(8)
        else:
            word = chance.choice([b"\xff", b"\0", b"\x7f\xff\xff\xff", b"\xff" * 8, b"\0" * 8])
            out[at : at + len(word)] = word
    return bytes(out)


# ---------------------------------------------------------------- kinds of files


def damaged_json(data: bytes, chance: random.Random) -> bytes:
    """A JSON file: mostly of another meaning, now and then no JSON at all."""
    kind = chance.randrange(12)
    if kind == 0:
        return damaged_bytes(data, chance)
    if kind == 1:
        return _odd_json(data, chance)
    return json.dumps(damaged_value(json.loads(data.decode("utf-8")), chance)).encode("utf-8")


def _odd_json(data: bytes, chance: random.Random) -> bytes:
    """JSON with a value that no writer makes: too deep, too long a number, half a character."""
    deep = chance.choice([50, 150, 500, 900, 3000, 100000])
    odd = [
        *("[" * deep + "]" * deep, '{"a":' * deep + "1" + "}" * deep, "1" * 5000, "-" + "9" * 400),
        *('"\\ud800"', '"\\udfff\\u0000"', "1e400", "-Infinity", "NaN", "[" * deep, "0.1e-999"),
    ]
    content = json.loads(data.decode("utf-8"))
    found = places(content)
    if found:
        content = changed(content, some_place(found, chance), "HERE")
    return json.dumps(content).replace('"HERE"', chance.choice(odd), 1).encode("utf-8")


def damaged_lines(data: bytes, chance: random.Random) -> bytes:
    """Lines of JSON, such as a journal: one is changed, left out, doubled or moved."""
    lines = data.split(b"\n")[:-1]
    at = chance.randrange(len(lines))
    kind = chance.randrange(10)
    if kind == 0:
        return damaged_bytes(data, chance)
    if kind == 1:
        del lines[at]
    elif kind == 2:
        lines.insert(chance.randrange(len(lines) + 1), lines[at])
    elif kind == 3:
        lines.insert(chance.randrange(len(lines)), lines.pop(at))
    else:
        lines[at] = damaged_json(lines[at], chance)
    return b"".join(line + b"\n" for line in lines)


TOML_VALUES = (
    *("1979-05-27", "07:32:00", "1979-05-27T07:32:00Z", "inf", "nan", "-0.0", "1e999", "0x7f"),
    *("[]", "{}", "[[]]", "[1, 'a']", "{a = 1}", "''", '"\\u0000"', "'x'", "true", "-1", "0"),
    *("99999999999999999999", "{int = [1, 2]}", "{int = [5, 1]}", "{float = [nan, inf]}"),
    *("{choice = []}", "{choice = [{}]}", "{float = [0, 1], log = true}", "'a/../b'", "[nan]"),
    *("{int = [1, 9], step = 99999999999999999999999}", "{choice = [[1, 2], [1, 2]]}", "1e300"),
    *("{int = [0, 99999999999999999999999]}", "'\u00e9'", "'\\'", "[-1]", "['', '']", "1e-320"),
    *("[" * 3000, "[" * 200 + "]" * 200, "{a = " * 100 + "1" + "}" * 100, "1" * 5000, "'''"),
    "'" + "x" * 5000 + "'",
)


def damaged_toml(data: bytes, chance: random.Random) -> bytes:
    """A TOML file: a line has another value or key, is left out, doubled or moved."""
    kind = chance.randrange(8)
    if kind == 0:
        return damaged_bytes(data, chance)
    lines = data.decode("utf-8").split("\n")
    for _ in range(chance.choice([1, 1, 2, 3])):
        at = chance.randrange(len(lines))
        key, equals, value = lines[at].partition("=")
        if kind == 1:
            lines[at] = ""
        elif kind == 2:
            lines.insert(chance.randrange(len(lines) + 1), lines[at])
        elif kind == 3 and equals:
            word = chance.choice([" ", "'\\u0000'", "a.b", "__class__", "''", "x" * 300, "0"])
            lines[at] = f"{word} = {value}"
        elif equals:
            lines[at] = f"{key}= {chance.choice(TOML_VALUES)}"
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def damaged_set(data: bytes, chance: random.Random) -> bytes:
    """Lines ``section.key=value``."""
    line = chance.choice(data.decode("utf-8").splitlines())
    key, _, value = line.partition("=")
    kind = chance.randrange(5)
    if kind == 0:
        return damaged_bytes(line.encode("utf-8"), chance)
    if kind == 1:
        key = chance.choice(["", ".", "=", key + ".", "." + key, key + ".x", key.split(".")[0]])
    elif kind == 2:
        return f"{key}={chance.choice(TEXTS)}".encode("utf-8", "surrogatepass")
    elif kind == 3:
        other = chance.choice(data.decode("utf-8").splitlines()).partition("=")[2]
        return f"{key}={other}".encode()
    return f"{key}={chance.choice(TOML_VALUES)}".encode()


HEADS = (
    *(b"'shape': (1000000000000,)", b"'shape': (-1,)", b"'shape': (2, 0)", b"'shape': ()"),
    *(b"'shape': (1, 1, 1, 1, 1, 1, 1, 1, 1)", b"'shape': 3", b"'shape': (4294967296, 4294967296)"),
    *(b"'descr': '|O'", b"'descr': '<M8[ns]'", b"'descr': '|V8'", b"'descr': '<U4000000'"),
    *(b"'descr': [('a', '<i4')]", b"'descr': '<c16'", b"'descr': '|S0'", b"'descr': '>f2'"),
    *(b"'descr': ('<i4', (3,))", b"'descr': 'x'", b"'descr': None", b"'descr': '|b1'"),
    *(b"'fortran_order': True", b"'fortran_order': 7", b"'x': 1", b"'shape': (1L, 2L)"),
    *(b"(" * 300, b"-" * 50, b"{" * 99, b"'shape': (1000000, 1000)", b"'descr': '<f16'"),
)
"""What may stand in the head of an array in the place of its own."""


def damaged_npz(data: bytes, chance: random.Random) -> bytes:
    """Arrays: bytes of the file, or whole members that are changed and then packed again, so that
    check sums hold.
    """
    if chance.randrange(4) == 0:
        return damaged_bytes(data, chance)
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        members = {name: file.read(name) for name in file.namelist()}
    for _ in range(chance.choice([1, 1, 1, 2])):
        name = chance.choice(sorted(members))
        kind = chance.randrange(7)
        if kind == 0:
            del members[name]
        elif kind == 1:
            members[name] = members[chance.choice(sorted(members))]
        elif kind == 2:
            members[name] = damaged_bytes(members[name], chance)
        elif kind == 3:
            members[name] = _other_array(chance)
        else:
            members[name] = _other_head(members[name], chance)
        if not members:
            break
    return _packed(members, chance)


def _other_head(member: bytes, chance: random.Random) -> bytes:
    """An array whose head says something else of the same bytes; the length of the head holds."""
    found = list(re.finditer(rb"'(descr|shape|fortran_order)': (\([^)]*\)|'[^']*'|\w+)", member))
    if not found or b"\n" not in member:
        return damaged_bytes(member, chance)
    at, end = chance.choice(found), member.index(b"\n")
    head = member[10 : at.start()] + chance.choice(HEADS) + member[at.end() : end].rstrip()
    size = max(len(head) + 1, end - 9)
    length = size.to_bytes(2, "little") if size < 65536 else b"\xff\xff"
    return member[:8] + length + head.ljust(size - 1) + b"\n" + member[end + 1 :]


def _other_array(chance: random.Random) -> bytes:
    import numpy as np

    arrays: List[Any] = [
        *(np.zeros(()), np.zeros((0,)), np.zeros((0, 4)), np.full((3, 2), np.nan), np.int64(-9)),
        *(np.array(["x", "yy"]), np.array([b"\xff"]), np.array([True, False]), np.zeros(3, "c8")),
        *(np.array(["1970-01-01"], "M8[D]"), np.zeros(2, "i4,f4"), np.full(4, np.inf), np.eye(3)),
        *(np.array([2**63], np.uint64), np.full((2, 3, 2, 2), 1e300), np.zeros(5, "f2")),
        *(np.array(["\0"]), np.zeros((1, 1, 1, 1, 1)), np.array([-1, 7]), np.zeros(1, ">i2")),
    ]
    file = io.BytesIO()
    np.save(file, chance.choice(arrays))
    return file.getvalue()


def _packed(members: Dict[str, bytes], chance: random.Random) -> bytes:
    file = io.BytesIO()
    method = zipfile.ZIP_DEFLATED if chance.randrange(2) else zipfile.ZIP_STORED
    with zipfile.ZipFile(file, "w", method) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    whole = file.getvalue()
    return damaged_bytes(whole, chance) if chance.randrange(8) == 0 else whole


def damaged_gzip(data: bytes, chance: random.Random) -> bytes:
    """A gzipped file: its bytes, or those of its content."""
    import gzip

    if chance.randrange(3) == 0:
        return damaged_bytes(data, chance)
    return gzip.compress(damaged_bytes(gzip.decompress(data), chance), 1)


PYTHON = (
    *("\0", "(" * 300, "-" * 200 + "1", "# -*- coding: no-such -*-", "import no_such_module"),
    *("raise SystemExit", "raise SystemExit(3)", "raise MemoryError", "raise RecursionError"),
    *("class E(BaseException): pass\nraise E", "raise Exception('\\ud800')", "def data(: pass"),
    *("data = 3", "def data(): return data()", "def data(x): return x", "del data", "\t x"),
    *("def data(): return None", "def data(): return [1, 2], [3]", "def data(): return 'ab'"),
    *("def data(): return {}, {}", "def data(): yield 1", "async def data(): pass", "1 / 0"),
    *("def data(): return (([[1]], [0]), ([[1]], [0]))", "data = int", "import vaiopt.nothing"),
    *("class data:\n    def __len__(self): raise ValueError", "data = lambda: (object(), None)"),
    *("class E(Exception):\n    def __str__(self): raise KeyError\nraise E", "yield", "return"),
)


def damaged_python(data: bytes, chance: random.Random) -> bytes:
    """A Python file: its bytes, or other lines in it."""
    kind = chance.randrange(4)
    if kind == 0:
        return damaged_bytes(data, chance)
    if kind == 1:
        return chance.choice([b"\xff\xfe", b"\xef\xbb\xbf", b"\0"]) + data
    lines = data.decode("utf-8").split("\n")
    for _ in range(chance.choice([1, 2])):
        lines.insert(chance.randrange(len(lines) + 1), chance.choice(PYTHON))
    return "\n".join(lines).encode("utf-8")


def damaged_text(data: bytes, chance: random.Random) -> bytes:
    """Lines of text: one is replaced by an odd one, or bytes are damaged."""
    if chance.randrange(2):
        return damaged_bytes(data, chance)
    lines = data.decode("utf-8").split("\n")
    at = chance.randrange(len(lines))
    words = lines[at].split(" ")
    words[chance.randrange(len(words))] = chance.choice([*TEXTS, "9" * 5000, "-" * 99])
    lines[at] = " ".join(words)
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def damaged_h5(data: bytes, chance: random.Random) -> bytes:
    """A Keras ``.h5`` file: its bytes, or the architecture that stands in it."""
    import h5py
    import numpy as np

    kind = chance.randrange(4)
    if kind < 2:
        return damaged_bytes(data, chance)
    file = io.BytesIO(data)
    odd = [b"", "3.1", 7, [1.5], [b"a", b"b"], b"\xff\xfe", h5py.Empty(np.dtype("f4")), "\u00e9"]
    try:
        with h5py.File(file, "r+") as opened:
            name = chance.choice(sorted(opened.attrs)) if kind == 2 else "model_config"
            own, made = name == "model_config", opened.attrs[name]
            made = made.encode("utf-8") if isinstance(made, str) else bytes(made)
            value = damaged_json(made, chance) if own else chance.choice(odd)
            opened.attrs[name] = value
    except (
        OSError,
        RuntimeError,
        TypeError,
        ValueError,
    ):  # what HDF5 does not let into an attribute
        return damaged_bytes(data, chance)
    return file.getvalue()


Damage = Callable[[bytes, random.Random], bytes]

DAMAGE: Dict[str, Damage] = {
    ".json": damaged_json,
    ".journal": damaged_lines,
    ".toml": damaged_toml,
    ".set": damaged_set,
    ".npz": damaged_npz,
    ".gz": damaged_gzip,
    ".py": damaged_python,
    ".txt": damaged_text,
    ".h5": damaged_h5,
}
"""How a file is damaged, by its ending; any other by its bytes."""


def damage_of(path: Path) -> Damage:
    """How a file is damaged."""
    return DAMAGE.get(path.suffix, damaged_bytes)
