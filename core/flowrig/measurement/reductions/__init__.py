"""Analyses of frames that are no spectra of light: decays of emission, and passing phases."""
