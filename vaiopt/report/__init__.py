"""The report of a run: one HTML file with figures and tables, and every figure as an object of its
own.
"""

from vaiopt.present.figure import Figure
from vaiopt.report.data import ReportData, gather, gather_search
from vaiopt.report.write import ReportResult, build, figure, write_report

__all__ = [
    "Figure",
    "ReportData",
    "ReportResult",
    "build",
    "figure",
    "gather",
    "gather_search",
    "write_report",
]
