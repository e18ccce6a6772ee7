"""What the trials of one worker share: the data, its splits, the samples on the device."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Tuple

from vaiopt.data import (
    DataRecipe,
    Dataset,
    Request,
    Splits,
    data_recipe,
    load_requested,
    split_dataset,
)
from vaiopt.data.batches import DeviceData
from vaiopt.search.training.options import parse_split
from vaiopt.settings import DataSettings, Settings
from vaiopt.settings.ranges import is_range, parse_range
from vaiopt.study.hyperparameters import HyperParameters
from vaiopt.study.space import Value


def recipe_of(settings: Settings, values: Mapping[str, Value]) -> DataRecipe:
    """Return the recipe of the data of a trial's point."""
    dataset = load(settings.data, settings.seed)
    return data_recipe(dataset, _split(dataset, settings, parse_split(str(values["split"]))))


def _split(dataset: Dataset, settings: Settings, ratios: Tuple[float, float, float]) -> Splits:
    data = settings.data
    reserved = _reserved(data)
    return split_dataset(
        dataset,
        ratios,
        seed=settings.seed,
        pool=data.pool,
        reserved=reserved,
        offset=data.offset,
        scale=data.scale,
    )


def _reserved(data: DataSettings) -> Optional[float]:
    """Return where the test data start that no trial may see when several split ratios are
    searched, or None for one ratio.
    """
    if not is_range(data.split) or not data.pool:
        return None
    starts: List[float] = []
    for text in parse_range("data.split", data.split).values:
        train_share, validation, test = parse_split(str(text))
        starts.append((train_share + validation) / (train_share + validation + test))
    return max(starts)


def load(data: DataSettings, seed: int) -> Dataset:
    """Load the data that the settings name. Raises DataError."""
    return load_requested(
        Request(
            source=data.source.strip(),
            limit=data.limit,
            seed=seed,
            image_size=tuple(data.image_size),
            grayscale=data.grayscale,
            base=str(Path.cwd().resolve()),
        )
    )


class Shared:
    """What the trials of one worker share."""

    def __init__(self, settings: Settings, dataset: Optional[Dataset] = None) -> None:
        self._settings = settings
        self.dataset = dataset if dataset is not None else load(settings.data, settings.seed)
        self._splits: Dict[Tuple[float, float, float], Splits] = {}
        self._device: Optional[DeviceData] = None

    @property
    def device(self) -> DeviceData:
        """The data on the device, put there when a trial first trains."""
        if self._device is None:
            self._device = DeviceData(self.dataset)
        return self._device

    def splits(self, ratios: Tuple[float, float, float]) -> Splits:
        """The split by these ratios."""
        if ratios not in self._splits:
            self._splits[ratios] = _split(self.dataset, self._settings, ratios)
        return self._splits[ratios]


_KEPT: Dict[str, Shared] = {}


def shared_of(settings: Settings, dataset: Optional[Dataset] = None) -> Shared:
    """Return the shared things of a run; a worker that goes on to another run's trials forgets the
    first's.

    Args:
        settings: of the run.
        dataset: its data where they were sent; without it they are loaded here.
    """
    content = settings.to_dict()
    name = json.dumps({"seed": content["seed"], "data": content["data"]}, sort_keys=True)
    if name not in _KEPT:
        _KEPT.clear()
        _KEPT[name] = Shared(settings, dataset)
    return _KEPT[name]


def hyperparameters(
    values: Mapping[str, Value], overrides: Mapping[str, Any], shared: Shared
) -> HyperParameters:
    """Return the hyperparameters of a point, knowing the data."""
    dataset = shared.dataset
    return HyperParameters(
        values,
        overrides,
        input_shape=dataset.sample_shape,
        classes=len(dataset.classes),
        samples=len(dataset),
    )
