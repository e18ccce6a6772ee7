"""``float/data.json``: where a run's data came from, and how to have the same parts again on
another machine.
"""

from __future__ import annotations

from typing import Any, Dict

from vaiopt.data.dataset import Dataset
from vaiopt.data.load import load_dataset
from vaiopt.data.preprocessing import Preprocessing
from vaiopt.data.splits import Splits, split_dataset
from vaiopt.errors import DataError, RunError
from vaiopt.files import read_json
from vaiopt.runs.layout import Run


def data_spec(dataset: Dataset, splits: Splits) -> Dict[str, Any]:
    """Return what goes into ``run.data_spec``: source, limit, split, seeds, classes, preprocessing,
    and hashes of data and parts.

    Raises:
        DataError: the dataset was made in memory, so that no other stage could load it again.
    """
    request = dataset.request
    if request is None:
        raise DataError(
            f"the dataset '{dataset.name}' was made in memory, so later stages cannot load it",
            "Save it with numpy.savez('data.npz', x=x, y=y) or name the function that makes it:"
            ' data.source = "module:function".',
        )
    return {
        "name": dataset.name,
        "source": request.source,
        "base": request.base,
        "limit": request.limit,
        "limit_seed": request.seed,
        "image_size": list(request.image_size),
        "grayscale": request.grayscale,
        "split": list(splits.ratios),
        "seed": splits.seed,
        "pool": splits.pool,
        "reserved": splits.reserved,
        "samples": splits.sizes(),
        "shape": list(dataset.sample_shape),
        "dtype": str(dataset.x.dtype),
        "classes": list(dataset.classes),
        "feature_names": list(dataset.feature_names),
        "sha256": dataset.sha256(),
        "split_sha256": splits.sha256(),
        "preprocessing": splits.preprocessing.to_json(),
    }


def load_run_splits(run: Run) -> Splits:
    """Load a run's data again and return its parts, with the preprocessing that the run was trained
    with.

    A relative source is looked for from the folder that the search took it from, then from the
    current folder and in ``VAIOPT_DATA``, so a run can be moved to a machine that has the data
    elsewhere.

    Raises:
        RunError: ``float/data.json`` is missing or damaged.
        DataError: the data is not there, or no longer the same.
    """
    command = f"vaiopt search SETTINGS.toml --run {run.folder}"
    spec = read_json(run.data_spec, command)
    try:
        return _load_again(spec, run, command)
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(
            f"'{run.data_spec}' is damaged ({type(error).__name__}: {error})",
            f"Make it again with: {command}",
        ) from error


def _load_again(spec: Dict[str, Any], run: Run, command: str) -> Splits:
    preprocessing = Preprocessing.from_json(spec["preprocessing"])
    dataset = load_dataset(
        spec["source"],
        limit=spec["limit"],
        seed=spec["limit_seed"],
        image_size=tuple(spec["image_size"]),
        grayscale=spec["grayscale"],
        base=spec["base"] or None,
    )
    if dataset.sha256() != spec["sha256"]:
        raise DataError(
            "the data of '{}' is not what the run '{}' was made from (SHA-256 {}…, was {}…)".format(
                spec["source"], run.folder, dataset.sha256()[:12], str(spec["sha256"])[:12]
            ),
            "Restore the data (a function must return the same each time), or search again with:"
            f" {command}",
        )
    splits = split_dataset(
        dataset,
        tuple(spec["split"]),
        seed=spec["seed"],
        pool=spec["pool"],
        reserved=spec["reserved"],
        preprocessing=preprocessing,
    )
    if (
        splits.sha256() != spec["split_sha256"]
        or preprocessing.shape != dataset.sample_shape
        or list(dataset.classes) != spec["classes"]
    ):
        raise RunError(
            f"'{run.data_spec}' does not fit its own data: split, shape or classes were changed",
            f"Make it again with: {command}",
        )
    return splits
