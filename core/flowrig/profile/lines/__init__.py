"""Reads `[lines]`: a path in which some components exist several times is written out."""

from flowrig.profile.lines.expand import once_each, with_lines

__all__ = ["once_each", "with_lines"]
