"""The serial port of an emulated Fusion: line speed, and bytes that take their time."""

from collections.abc import Callable
from typing import Final

from flowrig.clock import Clock
from flowrig.emulation import Front
from flowrig_chemyx.dialect import Uart
from flowrig_chemyx.firmware import FusionProtocol

__all__ = ["SerialPort"]

GARBLE: Final = 0x80


class SerialPort:
    """A pump's firmware behind its serial port; a protocol core.

    Args:
        firmware: the pump.
        uart: line speed and whether it matters.
        clock: what bytes take their time on.
        front: finds the front that carries the bytes.

    Attributes:
        firmware: the pump.
        is_misset: whether the line speed in the pump's menu is not the client's.
    """

    def __init__(
        self, firmware: FusionProtocol, uart: Uart, clock: Clock, front: Callable[[], Front]
    ) -> None:
        self.firmware = firmware
        self.is_misset = False
        self._uart = uart
        self._clock = clock
        self._front = front

    def feed(self, data: bytes) -> bytes:
        """Take bytes in pieces of any size; return the replies to the requests they complete."""
        if self.is_misset or not self._uart.hears(self._front()):
            return bytes(byte | GARBLE for byte in data)
        reply = self.firmware.feed(data)
        self._clock.emulate_delay(self._uart.duration_s(len(data) + len(reply)))
        return reply
