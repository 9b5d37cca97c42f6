"""What a profile says about a Fusion pump, and what the series can do at best."""

from typing import Final, Literal, get_args

from attrs import field, frozen, validators

from flowrig.interfaces import DeviceSettings

__all__ = [
    "BAUD_RATES",
    "INNER_DIAMETER_MAX_MM",
    "INNER_DIAMETER_MIN_MM",
    "RATE_MAX_UL_MIN",
    "RATE_MIN_UL_MIN",
    "Baud",
    "FusionSettings",
]

Baud = Literal[38400, 9600, 115200, 57600, 19200, 14400, "probe"]

BAUD_RATES: Final[tuple[int, ...]] = tuple(one for one in get_args(Baud) if one != "probe")
"""The choices in the pump's own menu, as offered by Chemyx's Python software
(github.com/cukelarter/Chemyx-Syringe-Pump), in the order in which they are tried: those that public
drivers use come first."""

INNER_DIAMETER_MIN_MM: Final = 0.103
INNER_DIAMETER_MAX_MM: Final = 40.0
"""Syringe inner diameters [mm] of the Fusion series (Chemyx knowledge base, "Serial (RS232)
Commands", `set diameter`)."""

RATE_MIN_UL_MIN: Final = 0.0001
"""The slowest flow rate [µL/min] that public Fusion drivers give (qudi, Fusion 4000-X module)."""

RATE_MAX_UL_MIN: Final = 225_000.0
"""An upper bound on any flow rate [µL/min]: a 40 mm bore at 178.2 mm/min, the top speed that
follows from a Fusion's reply to `read limit parameter`. The pump itself gives the true limit."""


@frozen(kw_only=True)
class FusionSettings(DeviceSettings):
    """Settings of one Fusion pump, or of one channel of a dual pump.

    Attributes:
        address: the serial port, "COM3" or "/dev/ttyUSB0"; "usb:SERIAL" for the port of the USB
            adapter with this serial number, wherever it is plugged in; or "socket://host:port" for
            a serial device server.
        baud: line speed, the one in the pump's own "System Settings" menu; "probe" tries one after
            the other whenever the port is opened.
        model: model name behind "Fusion", as a label: the protocol cannot be asked for it.
        channel: 1 or 2 on a dual pump, which takes two devices with one address; left out on a
            single pump.
        deadline_s: longest wait [s] for one answer.
    """

    baud: Baud = field(default=38400, validator=validators.in_(get_args(Baud)))
    model: str = "6000"
    channel: int | None = field(default=None, validator=validators.optional(validators.in_((1, 2))))
    deadline_s: float = field(default=1.0, validator=validators.gt(0))

    @property
    def bauds(self) -> tuple[int, ...]:
        """The line speeds to try."""
        return BAUD_RATES if self.baud == "probe" else (self.baud,)
