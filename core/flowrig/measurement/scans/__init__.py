"""Scans: samples by position, and series of features."""

from flowrig.measurement.scans.lines import flags_of_lines, unlike_line
from flowrig.measurement.scans.scanned import OF_SERIES, flags_of_scan, mean_of, parts_of_scan

__all__ = [
    "OF_SERIES",
    "flags_of_lines",
    "flags_of_scan",
    "mean_of",
    "parts_of_scan",
    "unlike_line",
]
