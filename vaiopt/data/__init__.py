"""Datasets, their splits, and the one preprocessing that all stages and the kit share."""

from vaiopt.data.dataset import Dataset, Request, make_dataset
from vaiopt.data.load import load_dataset
from vaiopt.data.preprocessing import Preprocessing
from vaiopt.data.recipe import data_spec, load_run_splits
from vaiopt.data.splits import Part, Splits, split_dataset
from vaiopt.data.stratify import calibration_indices

__all__ = [
    "Dataset",
    "Part",
    "Preprocessing",
    "Request",
    "Splits",
    "calibration_indices",
    "data_spec",
    "load_dataset",
    "load_run_splits",
    "make_dataset",
    "split_dataset",
]
