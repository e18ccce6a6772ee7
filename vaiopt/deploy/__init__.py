"""From the compiled model to a measurement: the bundle, its copy to a kit, and what the kit
reports.
"""

from vaiopt.deploy.bundle import BundleResult, bundle_candidate
from vaiopt.deploy.kit_files import board_files
from vaiopt.deploy.measure import MeasureResult, check_measure, measure_candidate, open_kit

__all__ = [
    "BundleResult",
    "MeasureResult",
    "board_files",
    "bundle_candidate",
    "check_measure",
    "measure_candidate",
    "open_kit",
]
