"""Where else results are kept: MLflow, files of Weights & Biases; a row of a table each."""

from vaiopt.track.checks import check_track, settled_track
from vaiopt.track.tracking import add_results, tracked

__all__ = ["add_results", "check_track", "settled_track", "tracked"]
