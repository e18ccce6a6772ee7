"""Where Optuna keeps the study: the run's journal, or a database."""

from __future__ import annotations

import functools
import re
import warnings
from typing import Any, Tuple

from vaiopt.errors import MissingToolError, RunError
from vaiopt.files import require
from vaiopt.runs.layout import Run
from vaiopt.settings import settings_from_run
from vaiopt.study.database import check_still_there, unusable
from vaiopt.study.journal import RESTORE, JournalLock, check_journal, corrupt
from vaiopt.text import warn, without_password

STUDY_NAME = "vaiopt"


CORRUPT = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NotImplementedError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What Optuna raises for a journal whose lines are JSON, but not what it wrote."""

CONNECT_SECONDS = 10
"""How long a database server may take to answer."""


@functools.lru_cache(maxsize=1)
def quiet_optuna() -> Any:
    """Import Optuna with its own log off (the search prints its own lines), and return it.

    Raises:
        MissingToolError: it is not installed.
    """
    try:
        with warnings.catch_warnings():
            # Its progress bar asks for widgets in every notebook; ours does not use it.
            warnings.filterwarnings("ignore", message="IProgress not found")
            import optuna
    except ImportError as error:
        raise MissingToolError(
            f"Optuna cannot be imported ({error})", "Install it with: pip install vaiopt"
        ) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def journal_storage(run: Run) -> Any:
    """Return Optuna's storage of the run: its journal file, or the database that its settings name.

    Raises:
        RunError: the journal is corrupt, or the database cannot be reached.
    """
    url = _database(run)[0]
    return database_storage(url) if url else _journal(run)


def _database(run: Run) -> Tuple[str, str]:
    """Return the URL of the run's database (empty for the journal) and the study's name."""
    if not run.settings.exists():
        return "", STUDY_NAME
    search = settings_from_run(run).search
    return (search.storage, search.study) if search.storage else ("", STUDY_NAME)


def _journal(run: Run) -> Any:
    optuna = quiet_optuna()
    from optuna.storages.journal import JournalFileBackend

    check_journal(run.journal, warn)
    lock: Any = JournalLock(run.journal)
    try:
        return optuna.storages.JournalStorage(JournalFileBackend(str(run.journal), lock_obj=lock))
    except CORRUPT as error:
        raise corrupt(run.journal, error) from error


def _corrupt(run: Run, url: str, error: BaseException) -> RunError:
    if not url:
        return corrupt(run.journal, error)
    said = f"{type(error).__name__}: {error}".splitlines()[0][:200]
    return RunError(f"'{without_password(url)}' is corrupt ({said})", RESTORE)


def database_storage(url: str) -> Any:
    """Return Optuna's storage at a URL.

    Raises:
        RunError: it cannot be reached, or the URL is not one.
        MissingToolError: its driver is not installed.
    """
    optuna = quiet_optuna()
    import sqlalchemy

    shown = without_password(url)
    # Which driver a plain URL means has changed in SQLAlchemy; the one that both know is the one
    # that the extra installs.
    url = re.sub("^postgres(ql)?://", "postgresql+psycopg2://", url)
    storages = optuna.storages
    try:
        if not url.startswith(("postgresql", "mysql")):
            return storages.get_storage(url)
        # A trial may take longer than a server or firewall keeps an idle connection.
        options = {"pool_pre_ping": True, "connect_args": {"connect_timeout": CONNECT_SECONDS}}
        return storages.get_storage(storages.RDBStorage(url, engine_kwargs=options))
    except ImportError as error:
        what = (
            "'vaiopt[postgres]'" if "psycopg2" in url else "the driver that SQLAlchemy names for it"
        )
        raise MissingToolError(
            f"the driver of '{shown}' is not installed", f"Install it with: pip install {what}"
        ) from error
    except (sqlalchemy.exc.SQLAlchemyError, ValueError, OSError) as error:
        said = str(error.__cause__ or error).replace(url, shown).splitlines()[0]
        raise unusable(shown, said) from error


def open_study(run: Run) -> Any:
    """Return the run's study for reading.

    Raises:
        RunError: the run has no study yet, its journal is corrupt, or its database cannot be
            reached.
    """
    url, name = _database(run)
    check_still_there(url)
    if not url:
        require(run.journal, f"vaiopt search SETTINGS.toml --run {run.folder}")
    optuna = quiet_optuna()
    import sqlalchemy

    damaged = (*CORRUPT, optuna.exceptions.OptunaError, sqlalchemy.exc.SQLAlchemyError)
    storage = journal_storage(run)
    try:
        study = optuna.load_study(study_name=name, storage=storage)
    except KeyError as error:
        raise RunError(
            f"'{without_password(url) or run.journal}' holds no study",
            "Search again into a new folder.",
        ) from error
    except damaged as error:
        raise _corrupt(run, url, error) from error
    try:
        study.get_trials(deepcopy=False)
    except damaged as error:
        raise _corrupt(run, url, error) from error
    return study


def last_cause(error: BaseException) -> str:
    """Return in one line the driver's own words at the bottom of an error of Optuna's."""
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error).strip().splitlines()[0]
