"""What ``search.storage`` must be: a database that keeps the study."""

from pathlib import Path

import pytest

from vaiopt.errors import RunError, SettingsError
from vaiopt.runs.layout import Run
from vaiopt.settings import load_settings, save_run_settings
from vaiopt.study.database import check_database, check_still_there, settled_url, sqlite_file
from vaiopt.study.storage import open_study

IN_MEMORY = [
    "sqlite://",
    "sqlite:///",
    "sqlite:///:memory:",
    "sqlite+pysqlite://",
    "sqlite+pysqlite:///:memory:",
    "sqlite:///file::memory:?cache=shared&uri=true",
    "sqlite:///file:name?mode=memory&cache=shared&uri=true",
    "sqlite:///file:?uri=true",
    "sqlite:///file:/name?vfs=memdb&uri=true",
    "sqlite:///?mode=memory",
    "sqlite:///name.db?mode=memory",
    "sqlite:/// ",
]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("url", IN_MEMORY)
def test_a_database_in_memory_is_refused_in_every_spelling(url: str) -> None:
    with pytest.raises(RunError, match="in memory") as caught:
        check_database(url, "vaiopt")
    assert "sqlite:///study.db" in caught.value.hint
    assert sqlite_file(url) is None


@pytest.mark.parametrize(
    "url, message",
    [
        ("study.db", "no URL of a database"),
        (" sqlite:///a.db", "no URL of a database"),
        ("sqlite3:///a.db", "cannot be kept in 'sqlite3'"),
        ("redis://host", "cannot be kept in 'redis'"),
        ("SQLITE:///a.db", "cannot be kept in 'SQLITE'"),
        ("sqlite://a.db", "SQLite has no host"),
        ("sqlite:///none/a.db", "there is no folder"),
        ("sqlite:///folder", "is a folder"),
        ("sqlite:///thesis.txt", "is another kind of file"),
        ("sqlite:///file:a.db?mode=ro&uri=true", "can only be read"),
        ("sqlite:///file:a.db?immutable=1&uri=true", "can only be read"),
        ("sqlite:///file:a.db?mode=rw&uri=true", "there is no file"),
    ],
)
def test_what_cannot_keep_a_study_is_refused_and_nothing_is_made(url: str, message: str) -> None:
    Path("folder").mkdir()
    Path("thesis.txt").write_text("My thesis, which nobody may overwrite.")
    with pytest.raises(RunError, match="the storage '.*' cannot be used: ") as caught:
        check_database(url, "vaiopt")
    assert message in caught.value.message
    assert caught.value.hint
    assert {path.name for path in Path().iterdir()} == {"folder", "thesis.txt"}


def test_a_file_that_cannot_be_written_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(RunError, match="cannot be written"):
        check_database("sqlite:///a.db", "vaiopt")


def test_the_password_of_a_wrong_url_is_not_shown() -> None:
    with pytest.raises(RunError) as caught:
        check_database("oracle://me:secret@host/name", "vaiopt")
    assert "secret" not in caught.value.message + caught.value.hint


@pytest.mark.parametrize(
    "url",
    [
        "",
        "sqlite:///a.db",
        "sqlite:///file:a.db?uri=true",
        "sqlite+pysqlite:///a.db?timeout=20",
        "postgresql://me@host/name",
        "postgres://me@host/name",
        "postgresql:///name",
        "mysql+pymysql://me:secret@host/name",
    ],
)
def test_what_can_keep_a_study_is_taken_without_touching_it(url: str) -> None:
    check_database(url, "vaiopt")
    assert list(Path().iterdir()) == []


def test_too_long_a_name_of_a_study_is_refused() -> None:
    with pytest.raises(SettingsError, match="search.study has 600"):
        check_database("sqlite:///a.db", "a" * 600)


def test_a_file_means_the_same_from_every_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    settled = settled_url("sqlite:///a%20b.db?timeout=20")
    expected = sqlite_file("sqlite:///a%20b.db")
    Path("other").mkdir()
    monkeypatch.chdir("other")
    assert sqlite_file(settled) == expected
    assert settled_url(settled) == settled
    for other in ("", "postgresql://me@host/name", "sqlite://"):
        assert settled_url(other) == other


def test_a_lost_file_is_told_and_not_made_anew(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    run.folder.mkdir()
    save_run_settings(run, load_settings(None, ["search.storage=sqlite:///lost.db"]), {})
    with pytest.raises(RunError, match="lost.db' is missing"):
        open_study(run)
    assert not Path("lost.db").exists()
    check_still_there("postgresql://me@host/name")
