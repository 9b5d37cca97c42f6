"""Detectors of any vendor that answer a SCPI query with a list of numbers: one frame."""
