"""The database that ``search.storage`` names: what its URL must be, and where an SQLite file is.

A URL that cannot keep a study is refused by what it says, before anything connects: SQLAlchemy and
SQLite take many that lose it, or that make a file where none was meant.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Optional
from urllib.parse import unquote, urlsplit

from vaiopt.errors import MissingToolError, RunError, SettingsError, did_you_mean
from vaiopt.text import without_password

DATABASES = ("postgresql", "mysql", "mariadb", "sqlite")
"""What Optuna keeps a study in, as URLs begin; ``postgres`` is an old name of the first."""

HINT = "For instance postgresql://USER:PASSWORD@HOST/NAME or sqlite:///FILE.db"

LONGEST_NAME = 512
"""Characters of a study's name, in Optuna's tables."""

_NO_FILE = "Give a file: sqlite:///study.db, or leave search.storage out: the run keeps them."


def parse_url(url: str) -> Any:
    """Return a database URL as SQLAlchemy reads it.

    Raises:
        RunError: it is none, or of a database that Optuna does not know.
        MissingToolError: SQLAlchemy is not installed.
    """
    try:
        import sqlalchemy
    except ImportError as error:
        raise MissingToolError(
            f"SQLAlchemy cannot be imported ({error})", "Install it with: pip install sqlalchemy"
        ) from error
    try:
        found = sqlalchemy.engine.make_url(url)
    except (sqlalchemy.exc.SQLAlchemyError, ValueError) as error:
        raise unusable(url, "it is no URL of a database") from error
    name = found.drivername.partition("+")[0]
    if name not in (*DATABASES, "postgres"):
        nearest = did_you_mean(name, DATABASES)
        raise unusable(url, f"a study cannot be kept in '{name}'", f"{nearest} {HINT}")
    return found


def unusable(url: str, why: str, hint: str = HINT) -> RunError:
    """Return the error of a URL that cannot keep a study; its password is not shown."""
    return RunError(f"the storage '{without_password(url)}' cannot be used: {why}", hint)


def check_database(url: str, study: str) -> None:
    """Check that a URL, if there is one, can keep a study. Nothing is connected to or written.

    Raises:
        RunError: it cannot: it is no URL, a database in memory, or a file that cannot be written.
        SettingsError: the study's name is too long.
        MissingToolError: SQLAlchemy is not installed.
    """
    if not url:
        return
    if len(study) > LONGEST_NAME:
        raise SettingsError(
            f"search.study has {len(study)} characters", f"Give at most {LONGEST_NAME}."
        )
    found = parse_url(url)
    if found.drivername.partition("+")[0] != "sqlite":
        return
    if found.host:
        hint = f"Write three slashes before the file: sqlite:///{found.database or found.host}"
        raise unusable(url, "SQLite has no host", hint)
    path = sqlite_file(url)
    if path is None:
        why = "it is a database in memory, and every trial would be lost with this process"
        raise unusable(url, why, _NO_FILE)
    _check_file(url, path, str(found.query.get("mode", "")), "immutable" in found.query)


def _check_file(url: str, path: Path, mode: str, immutable: bool) -> None:
    """Check that an SQLite file can be made or written to. Raises RunError."""
    if mode == "ro" or immutable:
        raise unusable(url, "it can only be read", _NO_FILE)
    wrong, hint = "", "Make it first, or give another place."
    if not path.parent.is_dir():
        wrong = f"there is no folder '{path.parent}'"
    elif path.is_dir():
        wrong = f"'{path}' is a folder"
    elif mode == "rw" and not path.exists():
        wrong = f"there is no file '{path}', and mode=rw makes none"
    elif not os.access(str(path if path.exists() else path.parent), os.W_OK):
        wrong, hint = f"'{path}' cannot be written", "Give a place that is yours to write."
    elif path.is_file() and not _is_database(path):
        wrong, hint = f"'{path}' is another kind of file", "Give another name."
    if wrong:
        raise unusable(url, wrong, hint)


def _is_database(path: Path) -> bool:
    """Return whether a file is empty, or begins as SQLite's do."""
    with open(str(path), "rb") as file:
        return file.read(15) in (b"", b"SQLite format 3")


def sqlite_file(url: str) -> Optional[Path]:
    """Return the file of an SQLite URL, absolute; None if it has none: a database in memory, or a
    temporary one, in whatever spelling.
    """
    found = parse_url(url)
    name, query = (found.database or "").strip(), found.query
    if name.startswith("file:"):
        # SQLite's own URI, with uri=true; without it, a file of this strange name, which nobody
        # means.
        parts = urlsplit(name)
        name = unquote(parts.path)
    if not name or name == ":memory:" or query.get("mode") == "memory" or "memdb" in str(query):
        return None
    return Path(name).resolve()


def settled_url(url: str) -> str:
    """Return a URL that means the same from every folder: the path of an SQLite file is absolute.

    Raises:
        RunError: it is no URL.
    """
    if not url or not url.lower().startswith("sqlite"):
        return url
    found, path = parse_url(url), sqlite_file(url)
    if path is None or found.database.startswith("file:"):
        return url
    settled = str(found.set(database=str(path)))
    return settled if sqlite_file(settled) == path else url


def check_still_there(url: str) -> None:
    """Check that the SQLite file of a URL, if it is of one, is there: SQLite would make an empty
    one in the place of a lost.

    Raises:
        RunError: it is missing.
    """
    if not url.lower().startswith("sqlite"):
        return
    path = sqlite_file(url)
    if path is not None and not path.is_file():
        raise RunError(
            f"'{path}' is missing, in which the trials of this run are kept (search.storage)",
            "Restore it, or search again into a new folder.",
        )
