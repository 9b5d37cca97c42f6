"""The instruments of a rig: opened, worked by one thread each, simulated, discovered."""
