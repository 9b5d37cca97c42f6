"""Recorded traces played back to a driver."""
