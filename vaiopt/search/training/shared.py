"""What the trials of one worker share: the data, its splits, the samples on the device."""

from __future__ import annotations

import os
from dataclasses import replace
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
from vaiopt.data.preprocessing import Scaling
from vaiopt.search.training.options import IMAGE_SIZE, parse_split
from vaiopt.settings import DataSettings, Settings, choices
from vaiopt.settings.ranges import is_range, parse_range
from vaiopt.study.hyperparameters import HyperParameters, Inputs
from vaiopt.study.space import Value
from vaiopt.tasks import task_of

Ratios = Tuple[float, float, float]


def recipe_of(
    settings: Settings, values: Mapping[str, Value], scaling: Optional[Scaling] = None
) -> DataRecipe:
    """Return the recipe of the data of a trial's point, with the scaling of its model."""
    shared = _KEPT[0] if _KEPT and _KEPT[0].is_of(settings) else Shared(settings)
    sized = shared.at(values)
    return data_recipe(sized.dataset, sized.splits(parse_split(str(values["split"])), scaling))


def _test_start(data: DataSettings, dataset: Dataset) -> Optional[float]:
    """Return where the test data start that no trial may see when several split ratios are
    searched, or None for one ratio.
    """
    if not is_range(data.split) or not data.pool:
        return None
    starts: List[float] = []
    validation_is_given = dataset.validation is not None and not data.pool_validation
    for text in parse_range("data.split", data.split).values:
        train_share, validation, test = parse_split(str(text))
        validation = 0.0 if validation_is_given else validation
        starts.append((train_share + validation) / (train_share + validation + test))
    return max(starts)


def load(settings: Settings) -> Dataset:
    """Load the data that the settings of a run name, as :func:`request_of` asks for them. Raises
    DataError.
    """
    return load_requested(request_of(settings))


def request_of(settings: Settings) -> Request:
    """Return what the settings of a run ask for; where several sizes of images are searched, in the
    first.
    """
    data = settings.data
    size = data.image_size
    if is_range(size):
        first = parse_range("data.image_size", size)
        side = first.default or (first.values[0] if first.values else int(first.low))
        size = [side, side]
    return Request(
        source=data.source.strip(),
        limit=data.limit,
        seed=settings.seed,
        image_size=tuple(size),
        grayscale=data.grayscale,
        target=data.target,
        task=settings.learned,
        unscored=tuple(data.unscored),
        features=tuple(sorted(data.features.items())),
        in_memory_mb=data.in_memory_mb,
        hashed=data.hash,
        resize=data.resize,
        skip_corrupt=data.skip_corrupt,
        kind=data.kind,
        cache=data.cache and os.path.abspath(os.path.expanduser(data.cache)),
        base=str(Path.cwd().resolve()),
    )


def _standardises(settings: Settings) -> bool:
    """Return whether models learn labels of the size that is learned best."""
    of_ours = settings.model.family in choices.names(choices.FAMILIES)
    return {"always": True, "never": False}.get(settings.data.standardise, of_ours)


class Sized:
    """The data in one size of images: its splits, and the samples on the device.

    Args:
        settings: of the run.
        dataset: the data in that size.
    """

    def __init__(self, settings: Settings, dataset: Dataset) -> None:
        self._data, self._seed = settings.data, settings.seed
        self._standardise = _standardises(settings)
        self.dataset = dataset
        self._splits: Dict[Tuple[Ratios, Optional[Scaling]], Splits] = {}
        self._device: Optional[DeviceData] = None

    @property
    def device(self) -> DeviceData:
        """The data on the device, put there when a trial first trains."""
        if self._device is None:
            self._device = DeviceData(self.dataset)
        return self._device

    def splits(self, ratios: Ratios, scaling: Optional[Scaling] = None) -> Splits:
        """The split by these ratios.

        Args:
            ratios: train : validation : test.
            scaling: that a model would do itself, after what the settings ask for.
        """
        key = (ratios, scaling)
        if key not in self._splits:
            offset: Any = self._data.offset
            scale: Any = self._data.scale
            if scaling is not None:
                offset, scale = scaling.after(offset, scale)
            self._splits[key] = split_dataset(
                self.dataset,
                ratios,
                seed=self._seed,
                pool=self._data.pool,
                pool_validation=self._data.pool_validation,
                reserved=_test_start(self._data, self.dataset),
                offset=offset,
                scale=scale,
                standardise=self._standardise,
            )
        return self._splits[key]


class Shared(Sized):
    """What the trials of one worker share: the data, in the first of the sizes that are searched,
    and in others as trials come to them.

    Args:
        settings: of the run.
        dataset: its data where they were sent; without it they are loaded here.
    """

    def __init__(self, settings: Settings, dataset: Optional[Dataset] = None) -> None:
        found = dataset if dataset is not None else load(settings)
        super().__init__(settings, found)
        self._settings = settings
        self._others: Dict[int, Sized] = {}

    def is_of(self, settings: Settings) -> bool:
        """Return whether these are the shared things of a run."""
        own = self._settings
        known = (own.data, own.seed, own.learned, own.model.family)
        return known == (settings.data, settings.seed, settings.learned, settings.model.family)

    def at(self, values: Mapping[str, Value]) -> Sized:
        """Return the data in the size of a point."""
        side = values.get(IMAGE_SIZE)
        if not is_range(self._data.image_size) or not isinstance(side, int):
            return self
        if self.dataset.sample_shape[:2] == (side, side):
            return self
        if side not in self._others:
            of_size = replace(self._data, image_size=[side, side])
            settings = replace(self._settings, data=of_size)
            self._others[side] = Sized(settings, load(settings))
        return self._others[side]

    def hyperparameters(
        self, values: Mapping[str, Value], overrides: Mapping[str, Any]
    ) -> HyperParameters:
        """Return the hyperparameters of a point, knowing the data."""
        data = self.dataset
        known = (data.sample_shape, len(data.classes), len(data), data.task)
        hp = HyperParameters(values, overrides, *known, tuple(data.y.shape[1:]))
        if data.inputs:
            hp.inputs = Inputs((one.name, one) for one in data.inputs)
            hp.input_shape, hp.smallest_shape = (), ()
        hp.outputs = task_of(data.task).forms(data.y, data.classes)
        if IMAGE_SIZE in overrides and data.is_image:
            side = int(hp.Fixed(IMAGE_SIZE, data.sample_shape[0]))
            found = parse_range("data.image_size", self._data.image_size)
            least = min(map(int, found.values)) if found.values else int(found.low)
            channels = data.sample_shape[2:]
            hp.input_shape, hp.smallest_shape = (side, side, *channels), (least, least, *channels)
            if hp.y_shape[:2] == data.sample_shape[:2]:  # masks lie over the samples
                hp.y_shape = (side, side, *hp.y_shape[2:])
        return hp


_KEPT: List[Shared] = []


def shared_of(settings: Settings, dataset: Optional[Dataset] = None) -> Shared:
    """Return the shared things of a run; a worker that goes on to another run's trials forgets the
    first's.

    Args:
        settings: of the run.
        dataset: see :class:`Shared`.
    """
    if not _KEPT or not _KEPT[0].is_of(settings):
        _KEPT[:] = [Shared(settings, dataset)]
    return _KEPT[0]


def forget_shared() -> None:
    """Let go of the shared things of this process: the next search reads the data anew."""
    _KEPT.clear()
