"""The hashes of a model function's files."""

import hashlib
from pathlib import Path
from typing import Any, Dict

import pytest

from vaiopt.models.code import code_hashes

CODE = '''"""A model."""
import helper


def build_model(hp):
    """Build it."""
    x = values[1:2, 3]
    from package import layers

    return helper.net(units=hp.Int("units", 4, 64), rate=1e-2, name=f"a{x!r}", other=...)
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in {
        "mine.py": CODE,
        "helper.py": "from package.deep import one\n\ndef net(**k):\n    return k\n",
        "package/__init__.py": "A = 1\n",
        "package/layers.py": "from . import near\nB = 1\n",
        "package/near.py": "C = 1\n",
        "package/deep.py": "one = 1\n",
        "stranger.py": "D = 1\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def hashes(folder: Path) -> Dict[str, str]:
    return code_hashes(f"{folder}/mine.py:build_model")


def test_the_file_and_all_that_it_imports_from_beside_it_count(folder: Path) -> None:
    inside = {f"package/{name}.py" for name in ("__init__", "layers", "near", "deep")}
    assert set(hashes(folder)) == {"mine.py", "helper.py", *inside}


def test_built_in_families_and_missing_files_have_no_code(tmp_path: Path) -> None:
    assert code_hashes("cnn") == {} and code_hashes(f"{tmp_path}/mine.py") == {}


@pytest.mark.parametrize(
    "before, after",
    [
        ("    x = values", "    # a comment\n\n    x  =  values"),
        ('"units", 4, 64', "'units',\n            4, 64,"),
        ('    """Build it."""\n', ""),
        ('"""A model."""', '"""Another text."""'),
        ("1e-2", "0.01"),
    ],
)
def test_how_code_is_written_does_not_count(folder: Path, before: str, after: str) -> None:
    first = hashes(folder)
    (folder / "mine.py").write_text(CODE.replace(before, after), encoding="utf-8")
    assert hashes(folder) == first


@pytest.mark.parametrize(
    "before, after",
    [
        ("64", "512"),
        ("1e-2", "hp.Float('rate', 1e-4, 1e-1)"),
        ("1:2, 3", "1:2, 4"),
        ("...", "None"),
    ],
)
def test_what_code_does_counts(folder: Path, before: str, after: str) -> None:
    first = hashes(folder)
    (folder / "mine.py").write_text(CODE.replace(before, after), encoding="utf-8")
    second = hashes(folder)
    assert [name for name in first if first[name] != second[name]] == ["mine.py"]


def test_a_file_beside_it_counts(folder: Path) -> None:
    first = hashes(folder)
    (folder / "package" / "near.py").write_text("C = 2\n", encoding="utf-8")
    assert [n for n, value in hashes(folder).items() if first[n] != value] == ["package/near.py"]


def test_the_hash_is_the_same_on_every_python(folder: Path) -> None:
    """Recorded on Python 3.11; 3.7 has other classes of syntax."""
    assert hashes(folder)["mine.py"][:16] == "1ae368e7d30c96fc"


@pytest.mark.parametrize("content", [b"def broken(:\n", b"\x00\xff", b"x = " + b"(" * 500])
def test_code_that_is_none_has_a_hash_all_the_same(tmp_path: Path, content: Any) -> None:
    (tmp_path / "mine.py").write_bytes(content)
    first = hashes(tmp_path)
    (tmp_path / "mine.py").write_bytes(content + b"\n")
    assert set(first) == {"mine.py"} and hashes(tmp_path) != first


@pytest.mark.parametrize("error", [MemoryError, RecursionError, TypeError])
def test_a_parser_that_fails_leaves_the_hash_of_the_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Any
) -> None:
    """On Python 3.7 its MemoryError, after one of NumPy's, is a TypeError."""

    def failing(content: bytes) -> None:
        raise error

    monkeypatch.setattr("vaiopt.models.code.ast.parse", failing)
    (tmp_path / "mine.py").write_bytes(b"x = 1\n")
    assert hashes(tmp_path) == {"mine.py": hashlib.sha256(b"x = 1\n").hexdigest()}


def test_files_that_import_each_other_end(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("import other\n", encoding="utf-8")
    (tmp_path / "other.py").write_text("import mine, os, numpy.linalg\n", encoding="utf-8")
    assert set(hashes(tmp_path)) == {"mine.py", "other.py"}
