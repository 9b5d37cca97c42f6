"""An emulated Fusion pump: its firmware, its motors, and the serial port it answers on."""
