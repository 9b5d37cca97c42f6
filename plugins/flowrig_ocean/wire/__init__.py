"""Bytes on the wire: OBP frames, the checked protocols, and the Ethernet and USB transports."""
