"""Datasets, their splits, and the one preprocessing that all stages and the kit share."""

from vaiopt.data.dataset import Dataset, Request, make_dataset
from vaiopt.data.load import check_source, load_dataset
from vaiopt.data.preprocessing import Preprocessing
from vaiopt.data.recipe import (
    DataRecipe,
    check_data,
    data_held,
    data_recipe,
    load_requested,
    load_splits,
    read_recipe,
)
from vaiopt.data.splits import Part, Splits, split_dataset, split_notes
from vaiopt.data.stratify import calibration_indices

__all__ = [
    "DataRecipe",
    "Dataset",
    "Part",
    "Preprocessing",
    "Request",
    "Splits",
    "calibration_indices",
    "check_data",
    "check_source",
    "data_held",
    "data_recipe",
    "load_dataset",
    "load_requested",
    "load_splits",
    "make_dataset",
    "read_recipe",
    "split_dataset",
    "split_notes",
]
