"""Settings of a Fusion pump in a profile, and the limits of the Fusion series."""

from typing import Final, Literal, get_args

from attrs import field, frozen, validators

from flowrig.interfaces import DeviceSettings
from flowrig_serial.ports import places

__all__ = [
    "BAUD_RATES",
    "INNER_DIAMETER_MAX_MM",
    "INNER_DIAMETER_MIN_MM",
    "PLUNGER_MAX_MM_MIN",
    "RATE_MAX_UL_MIN",
    "RATE_MIN_UL_MIN",
    "Baud",
    "FusionSettings",
]

Baud = Literal[38400, 9600, 115200, 57600, 19200, 14400, "probe"]

BAUD_RATES: Final[tuple[int, ...]] = tuple(one for one in get_args(Baud) if one != "probe")
"""Baud rates that Chemyx's Python software offers (github.com/cukelarter/Chemyx-Syringe-Pump), in
the order in which `baud = "probe"` tries them: those that public drivers use come first."""

INNER_DIAMETER_MIN_MM: Final = 0.103
INNER_DIAMETER_MAX_MM: Final = 60.0
"""Widest range of syringe inner diameters [mm] of any Fusion: 0.103 to 40 mm (Chemyx knowledge
base, "Serial (RS232) Commands", `set diameter`), up to 60 mm on a 4000-X (qudi, Fusion 4000-X
module). A pump keeps its old diameter if it does not take another; the driver then reports it."""

PLUNGER_MAX_MM_MIN: Final = 178.2
"""Top speed [mm/min] of the plunger, from a Fusion's reply to `read limit parameter`."""

RATE_MIN_UL_MIN: Final = 0.0001
"""Slowest flow rate [µL/min] in a public Fusion driver (qudi, Fusion 4000-X module)."""

RATE_MAX_UL_MIN: Final = 504_000.0
"""Upper bound of every flow rate [µL/min]: a 60 mm bore at 178.2 mm/min, the top speed that follows
from a Fusion's reply to `read limit parameter`. The pump reports the limit for its syringe."""


@frozen(kw_only=True)
class FusionSettings(DeviceSettings):
    """Settings of one Fusion pump, or of one channel of a dual pump.

    Attributes:
        address: the serial port, "COM3" or "/dev/ttyUSB0"; "usb:SERIAL" for the port of the USB
            adapter with this serial number, wherever it is plugged in; or "socket://host:port" for
            a serial device server.
        baud: baud rate, as in the pump's own "System Settings" menu; "probe" tries one after
            the other each time the port is opened.
        model: model name after "Fusion", a label only: the protocol has no request for the model.
        channel: 1 or 2 on a dual pump, which is two devices with the same address; left out on a
            single-channel pump.
        deadline_s: longest wait [s] for one reply.
        shows_sign: whether the pump shows a withdrawal as a negative volume. A pump that shows no
            sign cannot be told from one that only infuses, so without it the driver refuses to
            withdraw; set it to false after a look at the plunger.
    """

    baud: Baud = field(default=38400, validator=validators.in_(get_args(Baud)))
    model: str = "6000"
    channel: int | None = field(default=None, validator=validators.optional(validators.in_((1, 2))))
    deadline_s: float = field(default=1.0, validator=validators.gt(0))
    shows_sign: bool = True

    def connects_to(self, *, look: bool = False) -> tuple[str, ...]:
        """The port; with `look` also that of the USB adapter with a serial number."""
        return places(self.address, look=look)

    def uses_only(self) -> str:
        """The channel of a dual pump."""
        return f"channel {self.channel}" if self.channel else ""

    @property
    def bauds(self) -> tuple[int, ...]:
        """The baud rates to try."""
        return BAUD_RATES if self.baud == "probe" else (self.baud,)
