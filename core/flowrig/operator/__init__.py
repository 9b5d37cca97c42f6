"""Requests of the operator, gates and holds."""
