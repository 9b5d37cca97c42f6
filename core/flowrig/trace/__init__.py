"""Trace files: recorded bytes and calls of instruments."""
