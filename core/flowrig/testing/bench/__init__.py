"""Benches: a driver with an emulated or a real instrument, on which the checks run."""
