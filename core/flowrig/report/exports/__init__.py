"""A run in the formats of other programs; each module needs its own package, if any."""
