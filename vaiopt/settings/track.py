"""The settings of tracking: where else the results of a search are kept."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import Any, List
from urllib.parse import urlsplit

from vaiopt.errors import SettingsError, did_you_mean
from vaiopt.settings import choices
from vaiopt.settings.schema import setting
from vaiopt.text import without_password

NAME = re.compile(r"[\w][\w. -]{0,127}")
"""Of an experiment and a project: what MLflow and Weights & Biases both take."""

_changeable = partial(setting, may_change=True)


def check_trackers(key: str, value: Any) -> None:
    """Check the names of trackers. Raises SettingsError."""
    known = choices.names(choices.TRACKERS)
    for name in value:
        if name not in known:
            raise SettingsError(
                f"{key} names '{name}', which keeps no results", did_you_mean(name, known)
            )
    if len(set(value)) < len(value):
        raise SettingsError(f"{key} names one of them twice", "Name each once.")


def check_name(key: str, value: str) -> None:
    """Check the name of an experiment. Raises SettingsError."""
    if not NAME.fullmatch(value):
        raise SettingsError(
            f"{key} is '{value}', which is no name of an experiment",
            "Give letters, digits, '.', '-', '_' and blanks, at most 128, such as photos-2.",
        )


def check_server(key: str, value: str) -> None:
    """Check the address of a server. Raises SettingsError."""
    try:
        parts = urlsplit(value)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname)
        is_address = is_address and parts.port != 0
    except ValueError:  # what may be no port
        is_address = False
    if not is_address:
        raise SettingsError(
            f"{key} is '{without_password(value)}', which is no address of a server",
            "Give http://HOST:PORT, or leave it out: results are then kept in track.folder.",
        )


@dataclass(frozen=True)
class TrackSettings:
    """Where else the trials of a search and what came of them are kept."""

    to: List[str] = _changeable(
        [],
        'who keeps them, such as ["mlflow"] ([]: the run folder alone)',
        keys=choices.TRACKERS,
        check=check_trackers,
    )
    name: str = _changeable(
        "vaiopt", "the experiment of MLflow, the project of Weights & Biases", check=check_name
    )
    folder: str = _changeable(
        "",
        "the folder of mlflow.db, mlartifacts/ and wandb/ (empty: the one that the run folder is"
        " in)",
        may_be_empty=True,
    )
    server: str = _changeable(
        "",
        "of mlflow: the address of its server, http://HOST:PORT (empty: files in track.folder)",
        shown=without_password,
        may_be_empty=True,
        check=check_server,
    )
