"""One trial, from its point to its record: what runs in a worker."""

from vaiopt.search.training.judges import JUDGES
from vaiopt.search.training.schedule import SCHEDULES

__all__ = ["JUDGES", "SCHEDULES"]
