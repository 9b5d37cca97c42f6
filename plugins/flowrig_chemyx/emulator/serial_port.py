"""The serial port of an emulated Fusion: baud rate, and transmission time of the bytes."""

from collections.abc import Callable
from typing import Final

from attrs import frozen

from flowrig.clock import Clock
from flowrig.emulation import Front
from flowrig_chemyx.emulator.firmware import FusionFirmware

__all__ = ["SerialPort", "Uart"]

GARBLE: Final = 0x80
"""Bit that is set in every byte at a wrong baud rate, so that no byte is ASCII."""

BITS_PER_BYTE: Final = 10
"""A start bit, eight data bits, a stop bit."""


@frozen(kw_only=True)
class Uart:
    """Settings of the serial port of an emulated pump.

    Attributes:
        baud: baud rate in the pump's menu.
        paced: whether bytes take their transmission time; on the virtual clock they never do.
        strict: whether a client at another baud rate sends and receives garbage. Only
            pseudo-terminals report the client's baud rate.
    """

    baud: int = 38400
    paced: bool = False
    strict: bool = False

    def duration_s(self, count: int) -> float:
        """Transmission time [s] of a number of bytes; 0 if the port is not paced."""
        return count * BITS_PER_BYTE / self.baud if self.paced else 0.0

    def hears(self, front: Front) -> bool:
        """Whether the client on a front uses this baud rate, as far as it is known."""
        return not self.strict or front.baud in (None, self.baud)


class SerialPort:
    """The firmware of a pump behind its serial port; a protocol core.

    Args:
        firmware: the firmware of the pump.
        uart: settings of the serial port.
        clock: the clock on which the transmission time passes.
        front: returns the front that carries the bytes; the front is made after the core.

    Attributes:
        firmware: the firmware of the pump.
        is_misset: whether the pump's menu is set to another baud rate than the client's.
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
        """Take the next bytes, in pieces of any size; return replies to the completed requests."""
        if self.is_misset or not self._uart.hears(self._front()):
            return bytes(byte | GARBLE for byte in data)
        reply = self.firmware.feed(data)
        self._clock.emulate_delay(self._uart.duration_s(len(data) + len(reply)))
        return reply
