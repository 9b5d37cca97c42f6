"""Surrogate models: means, transfer, cross-validation, model files."""
