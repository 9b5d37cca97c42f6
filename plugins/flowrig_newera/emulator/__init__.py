"""An emulated New Era pump: its motor, its firmware, and the chain that it is on."""
