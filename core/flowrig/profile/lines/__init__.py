"""Writes out what a profile says once of several: `[lines]` and ranges of positions."""

from flowrig.profile.lines.expand import once_each, with_lines
from flowrig.profile.lines.positions import with_positions

__all__ = ["once_each", "with_lines", "with_positions"]
