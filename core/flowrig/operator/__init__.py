"""Requests of the operator, gates, and holds in which a run waits for a person."""
