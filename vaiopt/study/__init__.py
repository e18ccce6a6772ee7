"""What a search is made of: its space, its trials, what they cost and how they compare."""

from vaiopt.study.record import TrialRecord
from vaiopt.study.trials import load_trials

__all__ = ["TrialRecord", "load_trials"]
