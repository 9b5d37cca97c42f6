"""The instruments of a rig: opened, one thread each, simulated, found."""
