"""Switches that answer SCPI: the fibre or the signal of one line is led on."""
