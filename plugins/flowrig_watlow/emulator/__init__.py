"""The emulated F4T: its state, its SCPI commands, its Modbus registers and both servers."""
