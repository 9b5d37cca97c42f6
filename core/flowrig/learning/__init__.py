"""Surrogate models: averages of several, transfer, cross-validation and model files."""
