"""What is checked of trackers before a search begins."""

from __future__ import annotations

import os
import socket
import tempfile
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from vaiopt.errors import MissingToolError, SettingsError
from vaiopt.runs.layout import Run
from vaiopt.settings import Settings, choices
from vaiopt.settings.choices import row_of
from vaiopt.text import without_password
from vaiopt.track.trackers import TRACKERS, names, place_of

PATIENCE_SECONDS = 5.0
"""How long a server may take to answer at all."""


def check_track(settings: Settings, run: Run) -> None:
    """Check that results can be kept where the settings say; nothing is written.

    Raises:
        MissingToolError: what a tracker needs is not installed.
        SettingsError: its folder cannot be written, or its server does not answer.
    """
    rows = {row.name: row for row in choices.TRACKERS}
    for name in names(settings.track):
        row = row_of("track.to", name, rows)
        try:
            TRACKERS[name].load()
        except ImportError as error:
            raise MissingToolError(
                f"track.to names '{name}', and the package {row.package} is missing ({error})",
                f"Install it with: pip install {row.pip}, or leave '{name}' out of track.to.",
            ) from error
        place = place_of(name, settings.track, run)
        if place.server:
            _check_server(place.server)
        else:
            _check_folder(place.folder)


def settled_track(settings: Settings) -> Settings:
    """Return settings whose folder of results is the same from everywhere: absolute."""
    track = settings.track
    if not track.folder:
        return settings
    return replace(settings, track=replace(track, folder=os.path.abspath(track.folder)))


def _check_server(server: str) -> None:
    """Check that something listens there; what it is, is seen when it is asked."""
    parts = urlsplit(server)
    port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    try:
        socket.create_connection((str(parts.hostname), port), PATIENCE_SECONDS).close()
    except OSError as error:
        raise SettingsError(
            f"no server answers at track.server '{without_password(server)}' ({error})",
            "Start it with 'mlflow server', give its address, or leave it out: results are then"
            " kept in track.folder.",
        ) from error


def _check_folder(folder: Path) -> None:
    """Check that a folder can be made, and written to."""
    there = next(path for path in (folder, *folder.parents) if os.path.lexists(str(path)))
    problem = "its name has a '?'" if "?" in str(folder) else ""
    try:
        tempfile.TemporaryFile(dir=str(there)).close()
    except OSError as error:
        problem = f"{error.strerror or error}: '{there}'"
    if problem:
        raise SettingsError(
            f"no results can be kept in the folder '{folder}': {problem}",
            "Give another with --set track.folder=FOLDER, or leave track.to empty.",
        )
