"""Benches on which a driver is checked: emulated and live instruments."""
