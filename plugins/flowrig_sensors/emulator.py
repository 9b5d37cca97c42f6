"""An emulated instrument that answers the SCPI queries of a profile."""

from collections.abc import Callable, Mapping
from typing import Final

from attrs import frozen

from flowrig.emulation import DeviceFault, Emulator, EmulatorContext, SocketFront, Variants
from flowrig_kinds.bodies import SensorBody
from flowrig_sensors.place import sensed
from flowrig_sensors.settings import ScpiSensorSettings

__all__ = ["DIALECTS", "Connection", "ScpiSensorEmulator", "Variant"]

OVERLOAD: Final = "+9.90000000E+37"


@frozen(kw_only=True)
class Variant:
    """The options in which one instrument differs from another.

    Attributes:
        identity: reply to `*IDN?`; `{serial}` stands for the serial number.
        line_end: end of replies.
        number_format: form of a number, as Python writes it.
    """

    identity: str = "ACME INSTRUMENTS,GAUGE 1,{serial},1.00"
    line_end: bytes = b"\n"
    number_format: str = "+.8E"


DIALECTS: Final[Mapping[str, Variant]] = {
    "plain": Variant(),
    "short": Variant(line_end=b"\r\n", number_format=".6f", identity="ACME,G2"),
}
"""Instruments by name."""


class Connection:
    """One connection to the instrument, as a protocol core.

    Args:
        answer: reply to a line of text; None for silence.
        line_end: end of replies.
    """

    def __init__(self, answer: Callable[[str], str | None], line_end: bytes) -> None:
        self._answer = answer
        self._line_end = line_end
        self._input = b""

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes, in pieces of any size; return replies to the completed queries."""
        *lines, self._input = (self._input + data).split(b"\n")
        replies = (self._answer(line.decode("latin-1").strip()) for line in lines)
        return b"".join(
            reply.encode("ascii") + self._line_end for reply in replies if reply is not None
        )


class ScpiSensorEmulator(Emulator):
    """An emulated instrument on a TCP port; it answers the queries of the settings.

    Quantities with the names pressure [bar], temperature [°C], flow [µL/min] and velocity [mm/s]
    are those of the place where the sensor sits; others are 1.

    Args:
        context: the device to emulate, its world and its clock.
        variant: the options of this instrument.
    """

    variants = Variants(Variant, named=DIALECTS)

    def __init__(self, context: EmulatorContext, variant: Variant | None = None) -> None:
        super().__init__(context)
        self._variant = variant or Variant()
        self._body: SensorBody = context.world.body(context.device)
        self._is_overloaded = False
        settings = context.settings
        channels = settings.channels if isinstance(settings, ScpiSensorSettings) else {}
        self._channels = {one.query: (name, one) for name, one in channels.items()}
        self._front = SocketFront(self._connection, context.port, direct=context.is_direct)

    def start(self) -> str:
        """Start to answer; returns "127.0.0.1:port"."""
        return self._front.start()

    def stop(self) -> None:
        """Stop to answer, and free the port."""
        self._front.stop()

    def fault_switches(self) -> Mapping[str, DeviceFault]:
        """The faults of every sensor, and an input beyond its range."""
        return {
            **super().fault_switches(),
            "overload": DeviceFault("every value is beyond the range: 9.9E37", self._overload),
        }

    def _overload(self, on: bool) -> None:
        self._is_overloaded = on

    def _connection(self) -> "Connection":
        core = Connection(self._answer, self._variant.line_end)
        return self.context.tap(core)  # type: ignore[return-value]

    def _answer(self, query: str) -> str | None:
        if query == "*IDN?":
            return self._variant.identity.format(serial=self.context.serial_number)
        if query not in self._channels:
            return None  # most instruments keep silent, and note an error
        if self._is_overloaded:
            return OVERLOAD
        name, channel = self._channels[query]
        return format(sensed(self._body, name, channel), self._variant.number_format)
