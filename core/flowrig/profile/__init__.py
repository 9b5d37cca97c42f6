"""Rig profiles: which instruments there are, and how the liquid runs through them."""
