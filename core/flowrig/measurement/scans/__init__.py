"""Scans: samples by position, and series of features."""

from flowrig.measurement.scans.scanned import OF_SERIES, flags_of_scan, mean_of, parts_of_scan

__all__ = ["OF_SERIES", "flags_of_scan", "mean_of", "parts_of_scan"]
