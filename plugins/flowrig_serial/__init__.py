"""Serial ports for drivers: open ports, addresses, and lines that several devices share.

It is no plugin, and every driver may use it; it needs pyserial as soon as a port is opened.
"""
