"""Checks of the conformance kit, a module for each interface."""
