"""One trial, from its point to its record: what runs in a worker."""

from vaiopt.search.training.pruning import PRUNERS
from vaiopt.search.training.schedule import SCHEDULES

__all__ = ["PRUNERS", "SCHEDULES"]
