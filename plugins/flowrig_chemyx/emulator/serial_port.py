"""The serial port of an emulated Fusion: line speed, and bytes that take their time."""

from collections.abc import Callable
from typing import Final

from attrs import frozen

from flowrig.clock import Clock
from flowrig.emulation import Front
from flowrig_chemyx.emulator.firmware import FusionFirmware

__all__ = ["SerialPort", "Uart"]

GARBLE: Final = 0x80

BITS_PER_BYTE: Final = 10
"""A start bit, eight data bits, a stop bit."""


@frozen(kw_only=True)
class Uart:
    """The serial port of an emulated pump.

    Attributes:
        baud: line speed in the pump's menu.
        paced: whether bytes take their time on the line; on the virtual clock they never do.
        strict: whether a client at another line speed sends and gets garbage, where the operating
            system tells its speed (pseudo-terminals do).
    """

    baud: int = 38400
    paced: bool = False
    strict: bool = False

    def duration_s(self, count: int) -> float:
        """The time [s] that so many bytes take on the line; 0 if they are not paced."""
        return count * BITS_PER_BYTE / self.baud if self.paced else 0.0

    def hears(self, front: Front) -> bool:
        """Whether the client on a front is understood."""
        return not self.strict or front.baud in (None, self.baud)


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
        self, firmware: FusionFirmware, uart: Uart, clock: Clock, front: Callable[[], Front]
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
