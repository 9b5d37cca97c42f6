"""Frames of Modbus TCP: their header, and the form of a reply for the comparison of traces.

Layout: Modbus Organization, "Modbus Messaging on TCP/IP Implementation Guide", V1.0b (2006).
"""

import struct
from typing import Final

__all__ = ["EXCEPTION", "HEADER", "reply_shape"]

HEADER: Final = struct.Struct(">HHHB")
"""Transaction, protocol (0), number of bytes from the unit identifier on, unit identifier."""
EXCEPTION: Final = 0x80
"""Bit of the function code that marks a reply as an exception."""


def reply_shape(reply: bytes, channel: str) -> str | None:
    """The lengths, function code and exception code of a Modbus reply.

    Args:
        reply: the bytes of one reply.
        channel: the channel on which it came.

    Returns:
        The form of the reply; None for a channel other than "modbus".
    """
    if channel != "modbus":
        return None
    if len(reply) < HEADER.size + 2:
        return f"{len(reply)} bytes, too few for a Modbus reply"
    function, first = reply[HEADER.size : HEADER.size + 2]
    shape = f"{len(reply)} bytes, length {HEADER.unpack_from(reply)[2]}, function {function}"
    return f"{shape}, exception {first}" if function & EXCEPTION else shape
