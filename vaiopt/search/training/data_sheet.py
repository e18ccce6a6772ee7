"""The data sheet of the data that settings name, before there is a run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from vaiopt.data import split_notes
from vaiopt.data.data_sheet import WHOLE, DataSheet, data_sheet, sheet_of_splits
from vaiopt.errors import DataError
from vaiopt.files import from_here
from vaiopt.search.training.options import parse_split
from vaiopt.search.training.shared import Shared
from vaiopt.settings import Settings
from vaiopt.settings.ranges import is_range, parse_range


def sheet_of_settings(settings: Settings) -> DataSheet:
    """Load the data of settings and return their sheet, by parts where they can be split as is
    asked for, else as one part, with a note of the reason.

    Raises:
        DataError: they cannot be loaded.
    """
    split = settings.data.split
    if is_range(split):
        found = parse_range("data.split", split)
        split = found.values[0] if found.default is None else found.default
    shared = Shared(settings)
    try:
        splits = shared.splits(parse_split(str(split)))
        return _told(sheet_of_splits(splits), *split_notes(splits))
    except DataError as error:
        dataset = shared.dataset
        made = data_sheet(dataset, {WHOLE: np.arange(len(dataset))})
        return _told(made, f"they cannot be split yet: {error.message}")


def _told(made: DataSheet, *notes: str) -> DataSheet:
    """Return a sheet with further notes, and its source as it is named from here: what stands
    beside a settings file has its whole path.
    """
    return replace(made, source=from_here(made.source), notes=(*made.notes, *notes))
