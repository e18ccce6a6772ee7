"""The table of trackers."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Dict, List, Type

from vaiopt.runs.layout import Run
from vaiopt.settings.choices import row_of
from vaiopt.settings.track import TrackSettings
from vaiopt.text import without_password
from vaiopt.track.kept import Kept
from vaiopt.track.mlflow_store import MlflowTracker
from vaiopt.track.tracker import Place, Tracker
from vaiopt.track.wandb_files import WandbTracker

TRACKERS: Dict[str, Type[Tracker]] = {"mlflow": MlflowTracker, "wandb": WandbTracker}
"""What keeps results, by the names of :data:`vaiopt.settings.choices.TRACKERS`."""

HAS_SERVER: Dict[str, Callable[[TrackSettings], str]] = {"mlflow": lambda track: track.server}
"""The server of those that can have one."""


def names(track: TrackSettings) -> List[str]:
    """Return the names of the trackers that settings ask for. Raises SettingsError: one is none."""
    for name in track.to:
        row_of("track.to", name, TRACKERS)
    return list(track.to)


def place_of(name: str, track: TrackSettings, run: Run) -> Place:
    """Return where a tracker keeps the results of a run."""
    folder = Path(track.folder) if track.folder else run.folder.resolve().parent
    return Place(folder.resolve(), _server(name, track), track.name)


def kept_at(name: str, track: TrackSettings) -> Kept:
    """Return the place of a tracker as ``tracked.json`` names it, with nothing kept there."""
    return Kept(name, without_password(_server(name, track)) or track.folder, track.name)


def _server(name: str, track: TrackSettings) -> str:
    return HAS_SERVER.get(name, lambda track: "")(track)
