"""Modbus TCP: the connection, and the registers of one control loop."""
