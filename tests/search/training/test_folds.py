import numpy as np
import pytest

from vaiopt.data import load_dataset, split_dataset
from vaiopt.errors import DataError
from vaiopt.search.training.folds import fold_splits, mean_curve, mean_metrics

SPLITS = split_dataset(load_dataset("digits", limit=400, seed=0), (7, 2, 1), seed=0)


@pytest.mark.parametrize("folds", [2, 3, 10])
def test_every_sample_is_validated_on_once_and_the_test_part_never_seen(folds):
    dealt = fold_splits(SPLITS, folds, seed=0)
    validated = np.concatenate([s.validation.indices for s in dealt])
    pool = np.concatenate([SPLITS.train.indices, SPLITS.validation.indices])
    assert sorted(validated) == sorted(pool)
    for splits in dealt:
        assert not set(splits.train.indices) & set(splits.validation.indices)
        assert len(splits.train) + len(splits.validation) == len(pool)
        assert not set(SPLITS.test.indices) & set(splits.train.indices)
        counts = np.bincount(splits.validation.y, minlength=10)
        assert counts.max() - counts.min() <= 2


def test_more_folds_than_samples_of_a_class_are_refused():
    with pytest.raises(DataError, match="fewer than train.folds = 100"):
        fold_splits(SPLITS, 100, seed=0)


def test_the_metric_is_the_mean_over_the_folds():
    curves = [
        [{"epoch": 1.0, "val_loss": 2.0, "seconds": 1.0}],
        [{"epoch": 1.0, "val_loss": 4.0, "seconds": 2.0}],
    ]
    assert mean_metrics([curve[-1] for curve in curves]) == {"val_loss": 3.0, "val_loss_std": 1.0}
    assert mean_curve(curves) == [{"epoch": 1.0, "val_loss": 3.0, "seconds": 3.0}]
